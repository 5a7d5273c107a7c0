//! Bit rot: what comes out is what was put, or it is declared lost; the box goes on by itself.

use std::{collections::BTreeMap, fs, path::Path};

use edge_agent::outbox::{Limits, Outbox};
use proto::{Lane, StreamId};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::drain;

const FLIPS: u64 = 150;

type Items = BTreeMap<(StreamId, u64), Vec<u8>>;

async fn fill(path: &Path) -> Items {
    let outbox = Outbox::open(path, Limits::default()).unwrap();
    let mut items = Items::new();
    for number in 0..120_u32 {
        let lane = Lane::ALL[number as usize % 3];
        let item = vec![number.to_le_bytes()[0]; 50 + (number as usize * 37) % 3_000];
        outbox.put(lane, item.clone()).await.unwrap();
        let epoch = outbox.watch().borrow().epoch;
        items.insert((StreamId { epoch, lane }, u64::from(number / 3) + 1), item);
    }
    outbox.close().await;
    items
}

#[tokio::test]
async fn a_flipped_bit_never_passes_for_an_item() {
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("original.sqlite");
    let items = fill(&original).await;
    let bytes = fs::read(&original).unwrap();
    let (mut harmless, mut declared, mut unknown) = (0, 0, 0);
    for seed in 0..FLIPS {
        let mut random = StdRng::seed_from_u64(seed);
        let path = folder.path().join(format!("{seed}.sqlite"));
        let mut flipped = bytes.clone();
        let at = random.random_range(0..flipped.len());
        flipped[at] ^= 1 << random.random_range(0..8);
        fs::write(&path, flipped).unwrap();

        let outbox = Outbox::open(&path, Limits::default()).unwrap();
        let all = drain(&outbox).await;
        let mut lost = 0;
        for (place, found) in &all {
            match found {
                Some(found) => assert_eq!(Some(found), items.get(place), "seed {seed}, byte {at}"),
                None => lost += 1,
            }
        }
        match (lost, items.len() - all.len()) {
            (0, 0) => harmless += 1,
            (_, 0) => declared += 1,
            // The rows that say what there was are gone; the outbox said so as an error.
            _ => unknown += 1,
        }
        let next = outbox
            .put_durable(Lane::Alarms, b"next".to_vec())
            .await
            .unwrap();
        assert_eq!(
            drain(&outbox).await[&(next.id, next.seq)].as_deref(),
            Some(&b"next"[..])
        );
        drop(outbox);
        fs::remove_file(&path).unwrap();
    }
    assert!(
        declared > FLIPS / 4,
        "{harmless} harmless, {declared} declared, {unknown} unknown"
    );
    assert!(
        unknown < FLIPS / 20,
        "{harmless} harmless, {declared} declared, {unknown} unknown"
    );
}

#[tokio::test]
async fn an_unreadable_file_is_set_aside_and_a_new_one_begun() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox.sqlite");
    fill(&path).await;
    let mut bytes = fs::read(&path).unwrap();
    bytes[..4_096].fill(0);
    fs::write(&path, &bytes).unwrap();
    let outbox = Outbox::open(&path, Limits::default()).unwrap();
    assert!(outbox.stats().durable);
    outbox
        .put_durable(Lane::Alarms, b"on".to_vec())
        .await
        .unwrap();
    let names = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let aside = names
        .filter(|name| name.to_string_lossy().contains("damaged-"))
        .count();
    assert!(aside >= 1, "the damaged file is kept");
}

#[tokio::test]
async fn damage_while_running_is_declared_from_what_the_process_knows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox.sqlite");
    let items = fill(&path).await;
    let outbox = Outbox::open(&path, Limits::default()).unwrap();
    // All but the first page, under a running process that has not read it yet.
    let mut bytes = fs::read(&path).unwrap();
    for at in (4_096..bytes.len()).step_by(512) {
        bytes[at] ^= 0xff;
    }
    fs::write(&path, &bytes).unwrap();
    let all = drain(&outbox).await;
    assert_eq!(
        all.len(),
        items.len(),
        "every number is an item or is declared"
    );
    for (place, found) in &all {
        assert!(
            found
                .as_ref()
                .is_none_or(|found| Some(found) == items.get(place))
        );
    }
    outbox
        .put_durable(Lane::Alarms, b"on".to_vec())
        .await
        .unwrap();
    assert!(outbox.stats().durable);
}
