//! Capture time.

use serde::{Deserialize, Serialize};

/// When a frame was captured: microseconds since the Unix epoch, on a steady time line.
///
/// Within one process the line never steps: the agent takes the wall clock once at its start and
/// adds elapsed monotonic time. Rules may therefore subtract two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FrameTime(i64);

impl FrameTime {
    /// Microseconds since 1970 UTC.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970 UTC.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Microseconds from `earlier` to `self`; negative if `earlier` is later.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Seconds from `earlier` to `self`; negative if `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 285 years")]
        let micros = self.micros_since(earlier) as f64;
        micros / 1e6
    }

    /// Later by so many microseconds, or earlier if negative.
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}
