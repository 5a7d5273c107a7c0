//! The life of one alert.

use std::collections::BTreeSet;

use scene::Severity;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An alert keeps at most this many open episodes; beyond, the oldest is forgotten.
pub const EPISODES_MAX: usize = 64;

/// Whether what the alert tells of is so now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Active,
    Cleared,
    /// Its source is not observed.
    Unknown,
}

/// One step in the life of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Raise,
    /// It began once more.
    Bump,
    /// Observed again, and still so.
    Resume,
    Clear,
    Acknowledge,
    Unknown,
}

impl Action {
    pub const ALL: [Self; 6] = [
        Self::Raise,
        Self::Bump,
        Self::Resume,
        Self::Clear,
        Self::Acknowledge,
        Self::Unknown,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raise => "raise",
            Self::Bump => "bump",
            Self::Resume => "resume",
            Self::Clear => "clear",
            Self::Acknowledge => "acknowledge",
            Self::Unknown => "unknown",
        }
    }
}

/// A stretch between BEGIN and END, in one run of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Episode {
    pub epoch: u64,
    pub number: u64,
}

/// What happened, as far as one alert is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    Instant {
        severity: Severity,
    },
    /// `watched`: the run that began it still goes on, so its end will be seen.
    Begin {
        episode: Episode,
        severity: Severity,
        watched: bool,
    },
    /// An episode goes on, and the camera does not see it.
    Unseen {
        episode: Episode,
    },
    /// An episode goes on, and the camera sees it.
    Seen {
        episode: Episode,
    },
    End {
        episode: Episode,
    },
    /// The agent began another run: what earlier runs left open is no longer watched by them.
    Run {
        epoch: u64,
    },
    /// The run `epoch` sees that it is not so now, whatever earlier runs left open.
    Absent {
        epoch: u64,
    },
}

/// Where an alert is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The highest of its occurrences.
    pub severity: Severity,
    pub condition: Condition,
    /// False: nothing will end it; acknowledging closes it.
    pub will_clear: bool,
    pub episodes: BTreeSet<Episode>,
    pub acknowledged: bool,
    pub occurrences: u32,
}

impl State {
    pub fn is_open(&self) -> bool {
        !(self.condition == Condition::Cleared && self.acknowledged)
    }
}

/// An alert after something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    pub state: State,
    /// What a person is told; `None`: only the open episodes changed.
    pub action: Option<Action>,
}

/// The alert after `input`; `None`: it changes nothing.
///
/// `state` is the open alert, if there is one.
pub fn apply(state: Option<&State>, input: Input) -> Option<Applied> {
    let Some(state) = state else {
        return raise(input);
    };
    let mut new = state.clone();
    let action = match input {
        Input::Instant { severity } => {
            new.occurrences = new.occurrences.saturating_add(1);
            new.severity = new.severity.max(severity);
            Some(Action::Bump)
        }
        Input::Begin {
            episode,
            severity,
            watched,
        } => begin(&mut new, episode, severity, watched),
        Input::Unseen { episode } => {
            let lost = state.condition == Condition::Active && state.episodes.contains(&episode);
            new.condition = if lost {
                Condition::Unknown
            } else {
                state.condition
            };
            lost.then_some(Action::Unknown)
        }
        Input::Seen { episode } => {
            let found = state.condition == Condition::Unknown && state.episodes.contains(&episode);
            new.condition = if found {
                Condition::Active
            } else {
                state.condition
            };
            found.then_some(Action::Resume)
        }
        Input::End { episode } => {
            let known = new.episodes.remove(&episode);
            if !known && state.condition == Condition::Unknown {
                new.episodes.retain(|open| open.epoch == episode.epoch);
            }
            clear_if_over(state, &mut new)
        }
        Input::Run { epoch } => {
            let left = state.condition == Condition::Active
                && state.will_clear
                && state.episodes.iter().all(|open| open.epoch != epoch);
            new.condition = if left {
                Condition::Unknown
            } else {
                state.condition
            };
            left.then_some(Action::Unknown)
        }
        Input::Absent { epoch } => {
            new.episodes.retain(|open| open.epoch == epoch);
            clear_if_over(state, &mut new)
        }
    };
    (new != *state).then_some(Applied { state: new, action })
}

/// The alert cannot be acknowledged again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("already acknowledged")]
pub struct AlreadyAcknowledged;

/// The state after a person took note. What nothing else would end, ends by that.
pub fn acknowledge(state: &State) -> Result<State, AlreadyAcknowledged> {
    if state.acknowledged {
        return Err(AlreadyAcknowledged);
    }
    let mut new = state.clone();
    new.acknowledged = true;
    if !new.will_clear {
        new.condition = Condition::Cleared;
    }
    Ok(new)
}

fn begin(new: &mut State, episode: Episode, severity: Severity, watched: bool) -> Option<Action> {
    let known = new.episodes.contains(&episode);
    // A later run watches the same place: what earlier ones left open is part of it or over.
    new.episodes.retain(|open| open.epoch == episode.epoch);
    if known {
        return None;
    }
    new.episodes.insert(episode);
    if EPISODES_MAX < new.episodes.len() {
        new.episodes.pop_first();
    }
    new.occurrences = new.occurrences.saturating_add(1);
    new.severity = new.severity.max(severity);
    new.condition = if watched {
        Condition::Active
    } else {
        Condition::Unknown
    };
    new.will_clear = true;
    Some(Action::Bump)
}

fn raise(input: Input) -> Option<Applied> {
    let (severity, episode, watched) = match input {
        Input::Instant { severity } => (severity, None, true),
        Input::Begin {
            episode,
            severity,
            watched,
        } => (severity, Some(episode), watched),
        Input::Unseen { .. }
        | Input::Seen { .. }
        | Input::End { .. }
        | Input::Run { .. }
        | Input::Absent { .. } => return None,
    };
    let state = State {
        severity,
        condition: if watched {
            Condition::Active
        } else {
            Condition::Unknown
        },
        will_clear: episode.is_some(),
        episodes: episode.into_iter().collect(),
        acknowledged: false,
        occurrences: 1,
    };
    Some(Applied {
        state,
        action: Some(Action::Raise),
    })
}

/// Clears an alert whose last open episode is gone.
fn clear_if_over(old: &State, new: &mut State) -> Option<Action> {
    let over = new.episodes.is_empty() && old.will_clear && old.condition != Condition::Cleared;
    if over {
        new.condition = Condition::Cleared;
    }
    over.then_some(Action::Clear)
}
