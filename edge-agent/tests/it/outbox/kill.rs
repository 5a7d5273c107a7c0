//! kill -9 of a process that puts: what it was told is committed is there.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use edge_agent::outbox::{Limits, OpenError, Outbox};
use proto::{Lane, StreamId};

use super::drain;

const ROUNDS: u64 = 12;
const PATH: &str = "VONG_TEST_OUTBOX";

#[tokio::test]
async fn what_was_committed_survives_kill_9() {
    if let Some(path) = env::var_os(PATH) {
        return put_until_killed(Path::new(&path)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox.sqlite");
    let mut committed = Vec::new();
    for round in 0..ROUNDS {
        let mut child = Killed(start(&path));
        let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
        let mut seen = 0;
        let mut kill_at = None;
        for line in lines {
            let line = line.unwrap();
            let Some(line) = line.strip_prefix("put ") else {
                continue;
            };
            committed.push(parse(line));
            seen += 1;
            if seen == 1 {
                let second = Outbox::open(&path, Limits::default());
                let pid = child.0.id().to_string();
                assert!(
                    matches!(&second, Err(OpenError::Locked { holder, .. }) if *holder == pid),
                    "{second:?}"
                );
                kill_at = Some(Instant::now() + Duration::from_millis(7 * (round + 1)));
            }
            if kill_at.is_some_and(|at| at <= Instant::now()) {
                child.0.kill().unwrap();
            }
        }
        assert!(seen > 0, "the child put something");
        child.0.wait().unwrap();
    }
    let outbox = Outbox::open(&path, Limits::default()).unwrap();
    let all = drain(&outbox).await;
    assert!(all.values().all(Option::is_some), "nothing was lost");
    for (id, seq, item) in &committed {
        assert_eq!(all[&(*id, *seq)].as_ref(), Some(item), "{id} {seq}");
    }
    let epochs: std::collections::BTreeSet<u64> = all.keys().map(|(id, _)| id.epoch).collect();
    assert_eq!(epochs.len() as u64, ROUNDS);
}

/// In the child: prints each item after its commit.
async fn put_until_killed(path: &Path) {
    let outbox = Outbox::open(path, Limits::default()).unwrap();
    for number in 0_u32.. {
        let lane = Lane::ALL[number as usize % 2];
        let item = vec![number.to_le_bytes()[0]; 1 + number as usize % 3_000];
        let placed = outbox.put_durable(lane, item.clone()).await.unwrap();
        let mut out = std::io::stdout();
        writeln!(
            out,
            "put {} {} {} {} {}",
            placed.id.epoch,
            lane.number(),
            placed.seq,
            item[0],
            item.len()
        )
        .unwrap();
        out.flush().unwrap();
    }
}

fn start(path: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "outbox::kill::what_was_committed_survives_kill_9",
            "--nocapture",
        ])
        .env(PATH, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

fn parse(line: &str) -> (StreamId, u64, Vec<u8>) {
    let numbers: Vec<u64> = line
        .split(' ')
        .map(|number| number.parse().unwrap())
        .collect();
    let [epoch, lane, seq, fill, len] = numbers[..] else {
        panic!("{line}")
    };
    let lane = Lane::from_number(u32::try_from(lane).unwrap()).unwrap();
    let item = vec![u8::try_from(fill).unwrap(); usize::try_from(len).unwrap()];
    (StreamId { epoch, lane }, seq, item)
}

/// Does not outlive a failed test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // Gone already when all went well.
        let _gone = self.0.kill().is_ok() && self.0.wait().is_ok();
    }
}
