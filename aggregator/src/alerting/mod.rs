//! Events to alerts. Pure: the state of an alert and what happened in, the new state out.
//!
//! An alert stands for one thing that calls for a person: one (agent, camera, rule, kind), however
//! often it happens. Two facts about it are independent: its *condition*, which the camera decides,
//! and whether a person has *acknowledged* it. It is open until it is both over and acknowledged.
//!
//! ```text
//!             begin                 end of all episodes
//!    (none) ────────▶ active ─────────────────────────▶ cleared
//!                     │   ▲ begin, seen again      ▲      │ begin: active again
//!        agent begins │   │                        │
//!        a new run    ▼   │      end, zone empty   │
//!                    unknown ──────────────────────┘
//! ```

mod state;

#[cfg(test)]
mod tests;

pub use state::{
    Action, AlreadyAcknowledged, Applied, Condition, EPISODES_MAX, Episode, Input, State,
    acknowledge, apply,
};

use scene::{Event, Kind, MeasureName, Phase, Severity};

/// Kind of the alert that an agent is no longer heard; its rule is [`AGENT_RULE`].
pub const AGENT_SILENT: &str = "agent_silent";
/// Rule of the alerts that are about the agent itself; their camera is empty.
pub const AGENT_RULE: &str = "agent";
/// An event of at least this severity calls for a person.
pub const SEVERITY_MIN: Severity = Severity::Warning;

/// What an event of the agent's run `epoch` means to the alert of its own rule and kind; `watched`
/// when that run still goes on.
pub fn input(epoch: u64, watched: bool, event: &Event) -> Option<Input> {
    let episode = Episode {
        epoch,
        number: event.episode,
    };
    match event.phase {
        Phase::Instant => (SEVERITY_MIN <= event.severity).then_some(Input::Instant {
            severity: event.severity,
        }),
        Phase::Begin => (SEVERITY_MIN <= event.severity).then_some(Input::Begin {
            episode,
            severity: event.severity,
            watched,
        }),
        Phase::Change if event.kind == Kind::ZoneOccupancy => None,
        Phase::Change => {
            let seen = event.measures.iter().all(|measure| measure.value.is_some());
            Some(if seen {
                Input::Seen { episode }
            } else {
                Input::Unseen { episode }
            })
        }
        Phase::End => Some(Input::End { episode }),
    }
}

/// Whether the event shows that nobody is in its zone, which ends what an earlier run left open.
pub fn shows_empty_zone(event: &Event) -> bool {
    event.kind == Kind::ZoneOccupancy
        && event
            .measures
            .iter()
            .any(|measure| measure.name == MeasureName::Occupancy && measure.value == Some(0.0))
}
