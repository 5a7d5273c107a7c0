//! Lanes: the priorities by which an agent numbers its items.

use scene::{Event, Kind, Severity};

use crate::limits::LANES;

/// A priority. Order within a lane is strict; across lanes the lower number is sent first, and
/// evicted last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Lane {
    /// Events of severity warning and above, camera health and setup.
    Alarms = 0,
    /// Other events.
    Events = 1,
    /// Counts by window of time.
    Counts = 2,
    /// Tracks.
    Tracks = 3,
    /// Pictures.
    Evidence = 4,
}

impl Lane {
    /// All of them, most important first.
    pub const ALL: [Self; LANES] = [
        Self::Alarms,
        Self::Events,
        Self::Counts,
        Self::Tracks,
        Self::Evidence,
    ];

    /// As on the wire: 0 for alarms to 4 for evidence.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The position in [`Lane::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The lane of a number on the wire.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// The part of a busy link that this lane gets, relative to the others', so that the lower
    /// ones move too.
    pub const fn share(self) -> u64 {
        match self {
            Self::Alarms => 90,
            Self::Events => 7,
            Self::Counts => 2,
            Self::Tracks | Self::Evidence => 1,
        }
    }
}

/// The lane of an event.
pub fn lane_of(event: &Event) -> Lane {
    if event.severity >= Severity::Warning || event.kind == Kind::CameraSignal {
        Lane::Alarms
    } else if event.kind == Kind::LineCount {
        Lane::Counts
    } else {
        Lane::Events
    }
}

/// What sequence numbers count within: one lane of one run of an agent's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Random, never 0, new at *every* start of the agent's process, so that no number is ever
    /// given twice, even when a store lied about what it had written.
    pub epoch: u64,
    /// Its priority.
    pub lane: Lane,
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}/{}", self.epoch, self.lane.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_wire() {
        for (number, lane) in (0_u32..).zip(Lane::ALL) {
            assert_eq!(u32::from(lane.number()), number);
            assert_eq!(Lane::from_number(number), Some(lane));
        }
        assert_eq!(Lane::from_number(5), None);
        assert_eq!(Lane::from_number(u32::MAX), None);
    }
}
