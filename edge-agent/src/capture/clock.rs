//! The process's only time line for frames.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use scene::FrameTime;

/// 2020-01-01T00:00:00Z. A box without a battery for its clock starts in 1970, and what is dated so
/// the centre would have to refuse.
const EARLIEST_MICROS: i64 = 1_577_836_800_000_000;

/// A system clock that differs by more was set, not steered.
const STEP_MICROS: u64 = 2_000_000;

/// Wall time at the start plus elapsed steady time: it never steps, so rules may subtract. Who finds
/// that the system's clock was set ([`Self::is_off`]) ends what lives on this one and starts anew.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    wall_micros: i64,
}

impl Clock {
    pub fn start() -> Self {
        Self::start_at(SystemTime::now())
    }

    fn start_at(wall: SystemTime) -> Self {
        let wall = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started: Instant::now(),
            wall_micros: micros(wall).max(EARLIEST_MICROS),
        }
    }

    /// Whether the system's clock was set since, to something that can be a date.
    pub fn is_off(&self) -> bool {
        self.is_off_from(SystemTime::now())
    }

    fn is_off_from(&self, wall: SystemTime) -> bool {
        let wall = micros(wall.duration_since(UNIX_EPOCH).unwrap_or_default());
        EARLIEST_MICROS <= wall && STEP_MICROS < wall.abs_diff(self.now().as_micros())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_that_wakes_in_1970_dates_frames_so_that_they_can_be_sent() {
        let clock = Clock::start_at(UNIX_EPOCH + Duration::from_secs(5));
        assert!(EARLIEST_MICROS <= clock.now().as_micros());
    }

    #[test]
    fn a_clock_that_was_set_is_noticed_and_one_that_is_nonsense_is_not_followed() {
        let wall = SystemTime::now();
        let clock = Clock::start_at(wall);
        assert!(!clock.is_off_from(wall + Duration::from_secs(1)));
        assert!(clock.is_off_from(wall + Duration::from_hours(7)));
        assert!(clock.is_off_from(wall - Duration::from_mins(1)));
        let early = Clock::start_at(UNIX_EPOCH);
        assert!(!early.is_off_from(UNIX_EPOCH + Duration::from_mins(1)));
        assert!(early.is_off_from(wall));
    }
}
