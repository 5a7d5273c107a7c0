//! Is the camera live? Judged from when frames arrive.

#[cfg(test)]
mod tests;

use crate::{
    event::{Event, Kind, Phase, Severity},
    time::FrameTime,
};

/// A picture is back when frames have come for this long.
pub const RETURN_MICROS: i64 = 1_000_000;

/// The rule's name in events of the camera itself.
pub const CAMERA_RULE: &str = "camera";

/// Judges a camera live or lost, with hysteresis.
///
/// Lost: no frame for the stall time. Live again: frames for [`RETURN_MICROS`] without a pause of a
/// stall time. All times are on the same steady line.
#[derive(Clone, Debug)]
pub struct SignalWatch {
    stall_micros: i64,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Not asked yet.
    New,
    /// No judgement yet; waiting since `since`, frames since `frames`.
    Waiting {
        since: FrameTime,
        frames: Option<Run>,
    },
    Live {
        last: FrameTime,
    },
    Lost {
        since: FrameTime,
        frames: Option<Run>,
    },
}

/// Frames without a pause.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: FrameTime,
    last: FrameTime,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The picture stopped coming.
    Lost {
        /// The last frame, or when the watch began if there was none.
        since: FrameTime,
        /// When that was noticed.
        at: FrameTime,
    },
    /// The picture is coming.
    Live {
        /// The frame that settled it.
        at: FrameTime,
        /// What `since` said when it was lost; `None` if it never was.
        lost_since: Option<FrameTime>,
    },
}

impl SignalWatch {
    /// A watch that calls a camera lost after `stall_micros` without a frame.
    pub const fn new(stall_micros: i64) -> Self {
        Self {
            stall_micros,
            state: State::New,
        }
    }

    /// A frame arrived.
    pub fn frame(&mut self, at: FrameTime) -> Option<Change> {
        let (since, frames, lost_since) = match self.state {
            State::New => (at, None, None),
            State::Waiting { since, frames } => (since, frames, None),
            State::Lost { since, frames } => (since, frames, Some(since)),
            State::Live { last } => {
                self.state = State::Live { last: last.max(at) };
                return None;
            }
        };
        let run = match frames {
            Some(run) if at.micros_since(run.last) < self.stall_micros => Run {
                first: run.first,
                last: run.last.max(at),
            },
            _ => Run {
                first: at,
                last: at,
            },
        };
        if RETURN_MICROS <= run.last.micros_since(run.first) {
            self.state = State::Live { last: run.last };
            return Some(Change::Live { at, lost_since });
        }
        self.state = match lost_since {
            Some(_) => State::Lost {
                since,
                frames: Some(run),
            },
            None => State::Waiting {
                since,
                frames: Some(run),
            },
        };
        None
    }

    /// Time passes; to be called about once a second.
    pub fn tick(&mut self, now: FrameTime) -> Option<Change> {
        let quiet_since = match self.state {
            State::New => {
                self.state = State::Waiting {
                    since: now,
                    frames: None,
                };
                return None;
            }
            State::Waiting { since, frames } => frames.map_or(since, |run| run.last),
            State::Live { last } => last,
            State::Lost { .. } => return None,
        };
        if now.micros_since(quiet_since) < self.stall_micros {
            return None;
        }
        self.state = State::Lost {
            since: quiet_since,
            frames: None,
        };
        Some(Change::Lost {
            since: quiet_since,
            at: now,
        })
    }

    /// Whether the picture is coming, as far as is known.
    pub const fn is_live(&self) -> bool {
        matches!(self.state, State::Live { .. })
    }
}

impl Change {
    /// The change as an event of the camera: BEGIN when it is lost, END when it is live.
    ///
    /// The first [`Change::Live`] of a run gives an END without a BEGIN: it closes what an earlier
    /// run may have left open.
    pub fn event(self) -> Event {
        let (at, phase, episode_start) = match self {
            Self::Lost { since, at } => (at, Phase::Begin, since),
            Self::Live { at, lost_since } => (at, Phase::End, lost_since.unwrap_or(at)),
        };
        Event {
            at,
            rule: CAMERA_RULE.to_owned(),
            kind: Kind::CameraSignal,
            phase,
            severity: Severity::Minor,
            // The time of the loss: far above the scene's own small numbers.
            episode: episode_start.as_micros().unsigned_abs(),
            direction: None,
            objects: Vec::new(),
            measures: Vec::new(),
        }
    }
}
