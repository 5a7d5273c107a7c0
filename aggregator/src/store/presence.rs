//! What agents report of themselves. Not stored: after a start nothing is known until they tell.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use super::{rows::CameraState, time::Timestamp};

/// What an agent last told of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentReport {
    pub backlog_items: u64,
    pub backlog_bytes: u64,
    /// False: its outbox cannot write.
    pub durable: bool,
    pub config_version: String,
    /// Why its newest configuration was refused; empty: it was not.
    pub config_problem: String,
    pub cameras: BTreeMap<String, CameraReport>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CameraReport {
    pub state: CameraState,
    pub problem: Option<String>,
    /// Since the agent's start, as the next two.
    pub frames_decoded: u64,
    pub frames_analysed: u64,
    pub frames_dropped: u64,
    pub analysed_per_second: f32,
}

/// One agent, as heard since the start.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    pub(super) online: bool,
    pub(super) seen_at: Option<Timestamp>,
    pub(super) report: Option<AgentReport>,
}

impl Heard {
    /// Nothing is known of its cameras until it tells again.
    pub(super) fn forget_cameras(&mut self) {
        if let Some(report) = &mut self.report {
            report.cameras.clear();
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Presence(RwLock<BTreeMap<String, Heard>>);

impl Presence {
    pub(super) fn of(&self, agent: &str) -> Heard {
        let heard = self.0.read().unwrap_or_else(PoisonError::into_inner);
        heard.get(agent).cloned().unwrap_or_default()
    }

    pub(super) fn change(&self, agent: &str, change: impl FnOnce(&mut Heard)) {
        let mut heard = self.0.write().unwrap_or_else(PoisonError::into_inner);
        change(heard.entry(agent.to_owned()).or_default());
    }

    pub(super) fn online_count(&self) -> u64 {
        let heard = self.0.read().unwrap_or_else(PoisonError::into_inner);
        heard.values().filter(|agent| agent.online).count() as u64
    }
}
