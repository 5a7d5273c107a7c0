//! The cameras' threads, and how a new configuration reaches them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use proto::{CheckedItem, Lane, convert::CameraSetup, v1};
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::announced::Announced;

use crate::{
    capture::Clock,
    config::{Agent, Camera, Config},
    metrics::Metrics,
    outbox::Outbox,
    vision::{Model, ModelError},
    watch::{Command, Surroundings, watch},
};

/// Commands that may wait for one camera.
const COMMANDS_MAX: usize = 8;
const CRASHED: &str = "the watch over this camera crashed and is started again; see the log";
/// Between two starts of a camera whose thread crashes, and between two corrections of the clock.
const RESTART: Duration = Duration::from_secs(10);

/// What all cameras share.
pub(super) struct Shared {
    outbox: Outbox,
    metrics: Metrics,
    clock: Clock,
    uncertainty_ms: watch::Receiver<u32>,
    sessions: usize,
    threads: usize,
}

impl Shared {
    pub(super) fn new(
        agent: &Agent,
        outbox: Outbox,
        metrics: Metrics,
        uncertainty_ms: watch::Receiver<u32>,
    ) -> Self {
        Self {
            outbox,
            metrics,
            clock: Clock::start(),
            uncertainty_ms,
            sessions: agent.sessions,
            threads: agent.threads,
        }
    }
}

struct Running {
    camera: Camera,
    config_version: String,
    commands: SyncSender<Command>,
    status: watch::Receiver<v1::CameraStatus>,
    thread: JoinHandle<()>,
    since: Instant,
}

impl Running {
    fn status(&self) -> v1::CameraStatus {
        let said = self.status.borrow().clone();
        if !self.thread.is_finished() {
            return said;
        }
        // Its last words may have been that all is well.
        v1::CameraStatus {
            state: v1::CameraState::Lost.into(),
            problem: CRASHED.to_owned(),
            analysed_per_second: 0.0,
            ..said
        }
    }
}

pub(super) struct Cameras {
    shared: Shared,
    /// By the camera's id.
    running: BTreeMap<String, Running>,
    /// By the manifest's name; those in use.
    models: BTreeMap<String, Arc<Model>>,
    announced: Announced,
    /// When the clock was corrected last.
    corrected: Option<Instant>,
}

impl Cameras {
    pub(super) fn new(shared: Shared, announced: Announced) -> Self {
        Self {
            shared,
            announced,
            corrected: None,
            running: BTreeMap::new(),
            models: BTreeMap::new(),
        }
    }

    /// Brings `config` into force: starts, changes and stops only what differs. When a model cannot
    /// be loaded nothing is changed.
    pub(super) fn apply(&mut self, config: &Config) -> Result<(), ModelError> {
        self.models = self.load_models(config)?;
        self.announced
            .add(config.cameras.iter().map(|camera| camera.id.clone()));
        // Also those that went while the agent was down.
        let gone: Vec<_> = self
            .announced
            .ids()
            .iter()
            .filter(|id| config.cameras.iter().all(|camera| camera.id != **id))
            .cloned()
            .collect();
        for id in gone {
            self.stop(&id);
            self.tell_removed(&id, &config.version);
        }
        for camera in &config.cameras {
            let same_view = self
                .running
                .get(&camera.id)
                .map(|r| r.camera.is_same_view(camera));
            match same_view {
                Some(true) => self.change(camera, &config.version),
                Some(false) => {
                    self.stop(&camera.id);
                    self.start(camera.clone(), &config.version);
                }
                None => self.start(camera.clone(), &config.version),
            }
        }
        Ok(())
    }

    fn load_models(&self, config: &Config) -> Result<BTreeMap<String, Arc<Model>>, ModelError> {
        let mut models: BTreeMap<String, Arc<Model>> = BTreeMap::new();
        for camera in &config.cameras {
            let manifest = &camera.manifest;
            if models.contains_key(&manifest.name) {
                continue;
            }
            let loaded = self
                .models
                .get(&manifest.name)
                .filter(|m| m.manifest == *manifest);
            let model = match loaded {
                Some(model) => Arc::clone(model),
                None => {
                    let Shared {
                        sessions, threads, ..
                    } = &self.shared;
                    Model::load(manifest.clone(), &config.agent.places, *sessions, *threads)?
                }
            };
            models.insert(manifest.name.clone(), model);
        }
        Ok(models)
    }

    fn start(&mut self, camera: Camera, config_version: &str) {
        let Some(model) = self.models.get(&camera.manifest.name) else {
            return;
        };
        let (commands, commands_seen) = sync_channel(COMMANDS_MAX);
        let unknown = v1::CameraStatus {
            camera: camera.id.clone(),
            state: v1::CameraState::Connecting.into(),
            ..v1::CameraStatus::default()
        };
        let (status, status_seen) = watch::channel(unknown);
        let around = Surroundings {
            model: Arc::clone(model),
            outbox: self.shared.outbox.clone(),
            clock: self.shared.clock,
            decoder_threads: 1,
            config_version: config_version.to_owned(),
            commands: commands_seen,
            status,
            uncertainty_ms: self.shared.uncertainty_ms.clone(),
            metrics: self.shared.metrics.camera(&camera.id),
        };
        let started = thread::Builder::new().name(camera.id.clone()).spawn({
            let camera = camera.clone();
            move || watch(camera, around)
        });
        match started {
            Ok(thread) => {
                info!(camera = %camera.id, source = %camera.source, "camera started");
                let config_version = config_version.to_owned();
                let running = Running {
                    config_version,
                    commands,
                    status: status_seen,
                    thread,
                    camera,
                    since: Instant::now(),
                };
                self.running.insert(running.camera.id.clone(), running);
            }
            Err(error) => error!(camera = %camera.id, %error, "no thread for the camera"),
        }
    }

    fn change(&mut self, camera: &Camera, config_version: &str) {
        let Some(running) = self.running.get_mut(&camera.id) else {
            return;
        };
        if running.camera == *camera {
            return;
        }
        let (boxed, version) = (Box::new(camera.clone()), config_version.to_owned());
        let command = Command::Change {
            camera: boxed,
            config_version: version,
        };
        // Blocks only while eight earlier changes wait; an ended camera is revived with the new.
        let _revived_if_ended = running.commands.send(command);
        running.camera = camera.clone();
        config_version.clone_into(&mut running.config_version);
    }

    fn stop(&mut self, id: &str) {
        let Some(running) = self.running.remove(id) else {
            return;
        };
        let _already_ended = running.commands.send(Command::Stop);
        if running.thread.join().is_err() {
            error!(camera = %id, "camera's thread had crashed");
        }
    }

    /// Once it is committed nobody need remember the camera.
    fn tell_removed(&mut self, id: &str, config_version: &str) {
        let setup = CameraSetup {
            camera: id.to_owned(),
            name: id.to_owned(),
            width: 0,
            height: 0,
            rules: Vec::new(),
            config_version: config_version.to_owned(),
            removed: true,
        };
        let item = CheckedItem::CameraSetup(setup).encode();
        match self.shared.outbox.put_durable_blocking(Lane::Alarms, item) {
            Ok(_placed) => {
                self.announced.remove(id);
                info!(camera = %id, "camera removed");
            }
            Err(error) => warn!(camera = %id, %error, "removal not kept, it is told again"),
        }
    }

    /// Starts again what crashed: one camera's bug is not the others' end, nor the log's.
    pub(super) fn revive(&mut self) {
        let crashed: Vec<_> = self
            .running
            .iter()
            .filter(|(_, running)| {
                running.thread.is_finished() && RESTART <= running.since.elapsed()
            })
            .map(|(id, running)| {
                (
                    id.clone(),
                    running.camera.clone(),
                    running.config_version.clone(),
                )
            })
            .collect();
        for (id, camera, version) in crashed {
            error!(camera = %id, "camera's thread crashed, starting it again");
            self.stop(&id);
            self.start(camera, &version);
        }
    }

    /// When the system's clock was set, everything that lives on the old one ends, and starts again
    /// with the right time.
    pub(super) fn follow_clock(&mut self) {
        let is_recent = self.corrected.is_some_and(|at| at.elapsed() < RESTART);
        if is_recent || !self.shared.clock.is_off() {
            return;
        }
        warn!("the system's clock was set, starting the cameras again");
        let cameras: Vec<_> = self
            .running
            .values()
            .map(|running| (running.camera.clone(), running.config_version.clone()))
            .collect();
        self.stop_all();
        self.shared.clock = Clock::start();
        self.corrected = Some(Instant::now());
        for (camera, version) in cameras {
            self.start(camera, &version);
        }
    }

    /// All at once, then waits for each.
    pub(super) fn stop_all(&mut self) {
        for running in self.running.values() {
            let _full_or_ended = running.commands.try_send(Command::Stop);
        }
        for id in self.running.keys().cloned().collect::<Vec<_>>() {
            self.stop(&id);
        }
    }

    pub(super) fn statuses(&self) -> Vec<v1::CameraStatus> {
        self.running.values().map(Running::status).collect()
    }
}
