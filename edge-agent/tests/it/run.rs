//! `run` as a service manager sees it, with a video file as the camera.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, sync_channel},
    time::{Duration, Instant},
};

use edge_agent::outbox::{Limits, Outbox, SlabLimits};
use proto::CheckedItem;

use crate::analyze::{cache, data, root, video};

/// The program, and the lines of its log.
struct Agent {
    child: Child,
    log: Receiver<String>,
    seen: Vec<String>,
}

const PATIENCE: Duration = Duration::from_secs(30);

impl Agent {
    fn start(config: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_edge-agent"))
            .env("VONG_MODELS", root().join("models"))
            .env("VONG_MODEL_DIR", data().join("models"))
            .env("VONG_CACHE", cache())
            .args(["run", "--config"])
            .arg(config)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take().unwrap();
        let (lines, log) = sync_channel(1000);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            log,
            seen: Vec::new(),
        }
    }

    /// Waits for a line of the log that holds `text`; answers how long that took.
    fn wait_for(&mut self, text: &str) -> Duration {
        let started = Instant::now();
        while let Some(left) = PATIENCE.checked_sub(started.elapsed()) {
            let Ok(line) = self.log.recv_timeout(left) else {
                break;
            };
            self.seen.push(line);
            if self.seen.last().is_some_and(|line| line.contains(text)) {
                return started.elapsed();
            }
        }
        panic!("no `{text}` in the log:\n{}", self.seen.join("\n"));
    }

    fn terminate(&mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        let _ended = self.child.kill();
    }
}

#[test]
fn settings_change_without_a_new_stream_and_a_bad_one_changes_nothing() {
    let Some(video) = video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let camera_file = dir.path().join("cameras/vtest.toml");
    fs::create_dir(dir.path().join("cameras")).unwrap();
    fs::write(dir.path().join("agent.toml"), "uplink = 'none'\n").unwrap();
    let camera = include_str!("../../examples/vtest.toml").replace(
        "source = \"vtest.avi\"",
        &format!("source = '{}'", video.display()),
    );
    fs::write(&camera_file, &camera).unwrap();

    let mut agent = Agent::start(dir.path());
    agent.wait_for("picture is there");
    fs::write(&camera_file, camera.replace("seconds = 20", "seconds = 12")).unwrap();
    let changed = agent.wait_for("new settings in force");
    assert!(changed < Duration::from_millis(1500), "{changed:?}");
    fs::write(&camera_file, format!("{camera}\nspeed = 3\n")).unwrap();
    agent.wait_for("new configuration refused");
    fs::write(&camera_file, &camera).unwrap();
    agent.wait_for("new settings in force");
    // A folder that cannot be read for a moment is not a box without cameras.
    let (cameras, away) = (dir.path().join("cameras"), dir.path().join("away"));
    fs::rename(&cameras, &away).unwrap();
    agent.wait_for("new configuration refused");
    fs::rename(&away, &cameras).unwrap();
    agent.wait_for("configuration in force");
    // What needs a new start is said for as long as it is so.
    fs::write(
        dir.path().join("agent.toml"),
        "uplink = 'none'\n[outbox]\nbytes_max = 2000000\n",
    )
    .unwrap();
    agent.wait_for("take effect when the agent is started again");
    fs::write(&camera_file, camera.replace("seconds = 20", "seconds = 12")).unwrap();
    agent.wait_for("take effect when the agent is started again");

    assert_eq!(agent.terminate().code(), Some(0));
    agent.wait_for("stopped");
    let count = |text: &str| agent.seen.iter().filter(|line| line.contains(text)).count();
    assert_eq!(
        (
            count("camera started"),
            count("no picture"),
            count("camera removed")
        ),
        (1, 0, 0),
        "{:#?}",
        agent.seen
    );
}

/// The centre would list it for ever.
#[test]
fn a_camera_deleted_while_the_agent_was_down_is_announced_as_removed_once() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("cameras")).unwrap();
    fs::create_dir(dir.path().join("state")).unwrap();
    fs::write(dir.path().join("agent.toml"), "uplink = 'none'\n").unwrap();
    fs::write(dir.path().join("state/cameras.announced"), "gate\n").unwrap();
    for run in 0..2 {
        let mut agent = Agent::start(dir.path());
        agent.wait_for("watching");
        assert_eq!(agent.terminate().code(), Some(0));
        agent.wait_for("stopped");
        let removed = agent.seen.iter().filter(|l| l.contains("camera removed"));
        assert_eq!(removed.count(), usize::from(run == 0), "{:#?}", agent.seen);
    }
    assert_eq!(
        setups_told(&dir.path().join("state")),
        [("gate".to_owned(), true)]
    );
}

/// Cameras whose setup is in the outbox, and whether it is their removal.
fn setups_told(state: &Path) -> Vec<(String, bool)> {
    let outbox = Outbox::open(&state.join("outbox.sqlite"), Limits::default()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let limits = SlabLimits {
        items_max: 100,
        bytes_max: 100_000,
        lost_max: 1,
    };
    let streams = outbox.watch().borrow().streams.clone();
    let slabs = streams
        .iter()
        .map(|stream| runtime.block_on(outbox.read(stream.id, 1, limits)).unwrap());
    let items = slabs.flat_map(|slab| slab.items);
    items
        .filter_map(|item| match CheckedItem::decode(&item).unwrap() {
            CheckedItem::CameraSetup(setup) => Some((setup.camera, setup.removed)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_port_in_use_is_a_fault_of_the_configuration() {
    if video().is_none() {
        return;
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("cameras")).unwrap();
    let agent = format!("uplink = 'none'\nmetrics_listen = '{address}'\n");
    fs::write(dir.path().join("agent.toml"), agent).unwrap();
    let mut agent = Agent::start(dir.path());
    agent.wait_for(&format!("metrics_listen: {address} cannot be used: "));
    assert_eq!(agent.child.wait().unwrap().code(), Some(2));
}
