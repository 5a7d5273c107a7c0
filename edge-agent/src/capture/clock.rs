//! The process's only time line for frames.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use scene::FrameTime;

/// Wall time at the start plus elapsed steady time: it never steps, so rules may subtract. When the
/// system's clock is corrected later, frames keep the old offset until the process starts again;
/// the centre sees the difference in every `Hello`.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    wall_micros: i64,
}

impl Clock {
    pub fn start() -> Self {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started: Instant::now(),
            wall_micros: micros(wall),
        }
    }

    pub fn at(&self, when: Instant) -> FrameTime {
        let elapsed = match when.checked_duration_since(self.started) {
            Some(after) => micros(after),
            None => -micros(self.started.saturating_duration_since(when)),
        };
        FrameTime::from_micros(self.wall_micros.saturating_add(elapsed))
    }

    pub fn now(&self) -> FrameTime {
        self.at(Instant::now())
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
