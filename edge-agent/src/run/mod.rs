//! All cameras of a box, until it is told to stop.
//!
//! ```text
//! main thread   configuration ─▶ cameras (a thread each) ─▶ status
//! runtime       signals, uplink, metrics
//! ```

mod announced;
mod cameras;
mod tasks;

use std::{
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    time::{Duration, Instant},
};

use proto::v1;
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::{
    config::{Agent, Config, Fingerprint},
    failure::Failure,
    identity::Identity,
    metrics::Metrics,
    outbox::{Limits, Outbox},
    uplink::{LinkState, Settings},
};
use announced::Announced;
use cameras::{Cameras, Shared};
use tasks::Tasks;

/// How often the configuration folder is looked at.
const POLL: Duration = Duration::from_millis(500);
/// How long the uplink may send what is left, once the cameras have stopped.
const DRAIN: Duration = Duration::from_secs(3);
/// The alarms' share of the outbox.
const ALARM_RESERVE_BYTES: u64 = 16 << 20;
/// Least uncertainty of a capture time: encoder and network of a camera, in milliseconds.
pub(crate) const UNCERTAINTY_MS_MIN: u32 = 250;
const WAKES_MAX: usize = 8;
const CONFIG_PROBLEM_CHARS_MAX: usize = 900;
const NEEDS_RESTART: &str =
    "agent.toml has changes that take effect when the agent is started again";

/// What the main thread is woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wake {
    /// SIGTERM or SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

/// Runs the box. Returns when a signal told it to stop and all is put away.
pub fn run(dir: &Path) -> Result<(), Failure> {
    // Taken first: what changes while it is read is read again.
    let fingerprint = Fingerprint::take(dir);
    let config = Config::load(dir).map_err(Failure::usage)?;
    let settings = tasks::uplink_settings(&config.agent);
    let identity = match &settings {
        Some(settings) => Some(identify(&config.agent, settings)?),
        None => None,
    };
    let agent = identity
        .as_ref()
        .map_or("none", |identity| identity.agent.as_str())
        .to_owned();
    let limits = Limits {
        bytes_max: config.agent.outbox_bytes_max,
        alarm_reserve_bytes: ALARM_RESERVE_BYTES.min(config.agent.outbox_bytes_max / 4),
        ..Limits::default()
    };
    std::fs::create_dir_all(&config.agent.state_dir)
        .map_err(|error| Failure::work(format!("{}: {error}", config.agent.state_dir.display())))?;
    let outbox = Outbox::open(&config.agent.state_dir.join("outbox.sqlite"), limits)
        .map_err(Failure::work)?;
    let metrics = Metrics::default();
    let (status, status_seen) = watch::channel(v1::Status::default());
    let (uncertainty, uncertainty_ms) = watch::channel(UNCERTAINTY_MS_MIN);
    let (wake, wakes) = sync_channel(WAKES_MAX);
    let shared = Shared::new(
        &config.agent,
        outbox.clone(),
        metrics.clone(),
        uncertainty_ms,
    );
    let announced = Announced::load(&config.agent.state_dir);
    let mut cameras = Cameras::new(shared, announced);
    cameras.apply(&config).map_err(Failure::usage)?;
    let link = watch::channel(LinkState::default());
    let uplink = settings
        .zip(identity)
        .map(|(settings, identity)| tasks::Uplink {
            settings,
            identity,
            status: status_seen,
        });
    let tasks = Tasks::start(
        &config.agent,
        &outbox,
        metrics.clone(),
        uplink,
        link,
        uncertainty,
        wake,
    )?;
    info!(%agent, cameras = config.cameras.len(), version = %config.version, "watching");
    metrics.config_good.set(1);
    let mut box_ = Main {
        dir,
        agent: config.agent.clone(),
        config,
        fingerprint,
        problem: String::new(),
        cameras,
        metrics,
        status,
    };
    box_.watch_folder(&wakes);
    info!("stopping");
    box_.cameras.stop_all();
    box_.tell_status();
    tasks.drain(&outbox, DRAIN);
    info!("stopped");
    Ok(())
}

/// What would keep the uplink from ever beginning is a fault now, not a box that stands there mute.
fn identify(agent: &Agent, settings: &Settings) -> Result<Identity, Failure> {
    let identity = Identity::load(&agent.state_dir).map_err(Failure::usage)?;
    settings.check(&identity).map_err(Failure::usage)?;
    Ok(identity)
}

/// The main thread's state.
struct Main<'a> {
    dir: &'a Path,
    /// Settings of the box that are in force, from the start to the end.
    agent: Agent,
    /// In force, but for settings of the box.
    config: Config,
    /// Of the configuration that was read last, good or bad.
    fingerprint: Fingerprint,
    /// Why the newest configuration is not in force.
    problem: String,
    cameras: Cameras,
    metrics: Metrics,
    status: watch::Sender<v1::Status>,
}

impl Main<'_> {
    fn watch_folder(&mut self, wakes: &Receiver<Wake>) {
        let mut told = Instant::now();
        self.tell_status();
        loop {
            let forced = match wakes.recv_timeout(POLL) {
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Wake::Reload) => true,
                Err(RecvTimeoutError::Timeout) => false,
            };
            let fingerprint = Fingerprint::take(self.dir);
            if forced || fingerprint != self.fingerprint {
                self.fingerprint = fingerprint;
                self.reload();
            }
            self.cameras.revive();
            self.cameras.follow_clock();
            if Duration::from_secs(1) <= told.elapsed() {
                told = Instant::now();
                self.tell_status();
            }
        }
    }

    /// A bad new configuration leaves the one in force alone, and is reported.
    fn reload(&mut self) {
        let applied = Config::load(self.dir)
            .map_err(|error| error.to_string())
            .and_then(|config| {
                self.cameras
                    .apply(&config)
                    .map_err(|error| error.to_string())?;
                Ok(config)
            });
        match applied {
            Ok(config) => {
                info!(version = %config.version, "configuration in force");
                self.problem.clear();
                if !config.agent.is_in_force_as(&self.agent) {
                    warn!("{NEEDS_RESTART}");
                    NEEDS_RESTART.clone_into(&mut self.problem);
                }
                self.config = config;
                self.metrics.config_good.set(1);
            }
            Err(problem) => {
                error!(%problem, "new configuration refused, the last good one goes on");
                self.problem = problem.chars().take(CONFIG_PROBLEM_CHARS_MAX).collect();
                self.metrics.config_good.set(0);
            }
        }
        self.tell_status();
    }

    fn tell_status(&self) {
        self.status.send_replace(v1::Status {
            cameras: self.cameras.statuses(),
            config_version: self.config.version.clone(),
            config_problem: self.problem.clone(),
            ..v1::Status::default()
        });
    }
}
