//! Who was heard when. What stops being heard is itself an alert.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use proto::limits::CAMERAS_MAX;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Intake;
use crate::store::{Store, StoreError, Timestamp};

/// Status comes every 10 s: two may get lost.
const SILENT_AFTER: Duration = Duration::from_secs(25);
const TICK: Duration = Duration::from_secs(1);

/// Times are of the steady clock: a step of the wall clock makes nobody silent.
pub(super) struct Liveness {
    store: Store,
    started: Instant,
    heard: Mutex<BTreeMap<String, Heard>>,
}

struct Heard {
    at: Instant,
    silent: bool,
    /// Cameras seen live in the run `epoch`.
    epoch: u64,
    live: BTreeSet<String>,
}

impl Liveness {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            started: Instant::now(),
            heard: Mutex::default(),
        }
    }

    pub(super) async fn heard(&self, agent: &str, now: Timestamp) -> Result<(), StoreError> {
        self.change(agent, |heard| {
            heard.at = Instant::now();
            heard.silent = false;
        });
        self.store.agent_heard(agent, now).await
    }

    /// Tells the store once for each camera and run of its agent.
    pub(super) async fn camera_live(
        &self,
        agent: &str,
        camera: &str,
        epoch: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let first = self.change(agent, |heard| {
            if heard.epoch != epoch {
                heard.epoch = epoch;
                heard.live.clear();
            }
            if CAMERAS_MAX <= heard.live.len() {
                // Telling the store once more does no harm.
                heard.live.clear();
            }
            heard.live.insert(camera.to_owned())
        });
        if !first {
            return Ok(());
        }
        let told = self.store.camera_seen(agent, camera, epoch, now).await;
        if told.is_err() {
            self.change(agent, |heard| heard.live.remove(camera));
        }
        told
    }

    fn change<T>(&self, agent: &str, change: impl FnOnce(&mut Heard) -> T) -> T {
        let mut all = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = all.entry(agent.to_owned()).or_insert_with(|| Heard {
            at: self.started,
            silent: false,
            epoch: 0,
            live: BTreeSet::new(),
        });
        change(heard)
    }

    /// Those that have just become silent. Who was never heard since the start counts from there.
    fn newly_silent(&self, watched: &[String], now: Instant) -> Vec<String> {
        let mut silent = Vec::new();
        for agent in watched {
            let became_silent = self.change(agent, |heard| {
                let silent = SILENT_AFTER < now.duration_since(heard.at);
                let became = silent && !heard.silent;
                heard.silent = silent;
                became
            });
            if became_silent {
                silent.push(agent.clone());
            }
        }
        silent
    }

    /// It could not be stored: say so again at the next tick.
    fn not_told(&self, agent: &str) {
        self.change(agent, |heard| heard.silent = false);
    }
}

impl Intake {
    /// Watches for silence until `shutdown`.
    pub async fn watch(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.tick().await {
                tracing::error!(%error, "silent agents cannot be watched for");
            }
        }
    }

    async fn tick(&self) -> Result<(), StoreError> {
        let watched = self.store().agents_to_watch().await?;
        for agent in self.liveness().newly_silent(&watched, Instant::now()) {
            tracing::warn!(%agent, "agent is silent");
            if let Err(error) = self.store().agent_silent(&agent, Timestamp::now()).await {
                self.liveness().not_told(&agent);
                return Err(error);
            }
        }
        let summary = self.store().summary(Timestamp::now()).await?;
        self.metrics().set_alerts_open(summary.alerts_open);
        self.metrics().set_agents_online(summary.agents_online);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Access;

    #[test]
    fn silence_is_told_once_and_again_after_a_sign_of_life() {
        let folder = tempfile::tempdir().unwrap();
        let liveness = Liveness::new(Store::open(folder.path(), Access::Serve).unwrap());
        let watched = ["box".to_owned()];
        let start = liveness.started;
        assert!(
            liveness
                .newly_silent(&watched, start + SILENT_AFTER)
                .is_empty()
        );
        let later = start + SILENT_AFTER + TICK;
        assert_eq!(liveness.newly_silent(&watched, later), watched);
        assert!(liveness.newly_silent(&watched, later + TICK).is_empty());
        liveness.change("box", |heard| heard.at = later);
        assert!(
            liveness
                .newly_silent(&watched, later + SILENT_AFTER)
                .is_empty()
        );
        assert_eq!(
            liveness.newly_silent(&watched, later + SILENT_AFTER + TICK),
            watched
        );
    }
}
