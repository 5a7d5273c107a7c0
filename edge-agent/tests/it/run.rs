//! `run` as a service manager sees it, with a video file as the camera.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, sync_channel},
    time::{Duration, Instant},
};

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

    assert_eq!(agent.terminate().code(), Some(0));
    agent.wait_for("stopped");
    let count = |text: &str| agent.seen.iter().filter(|line| line.contains(text)).count();
    assert_eq!(
        (count("camera started"), count("no picture")),
        (1, 0),
        "{:#?}",
        agent.seen
    );
}

#[test]
fn a_port_in_use_is_a_fault_of_the_configuration() {
    if video().is_none() {
        return;
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let agent = format!("uplink = 'none'\nmetrics_listen = '{address}'\n");
    fs::write(dir.path().join("agent.toml"), agent).unwrap();
    let mut agent = Agent::start(dir.path());
    agent.wait_for(&format!("metrics_listen: {address} cannot be used: "));
    assert_eq!(agent.child.wait().unwrap().code(), Some(2));
}
