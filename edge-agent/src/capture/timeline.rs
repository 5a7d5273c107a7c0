//! Times of a file's frames, from time stamps that may be missing, repeated or out of order.

use scene::FrameTime;

/// Frame times from 0; each is later than the one before.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    first_pts: Option<i64>,
    last: Option<i64>,
}

/// Distance of frames when nothing tells it.
const USUAL_MICROS: i64 = 40_000;

impl Timeline {
    /// `pts` and `duration` in microseconds, as the container says them.
    pub(super) fn place(&mut self, pts: Option<i64>, duration: Option<i64>) -> FrameTime {
        let step = duration.filter(|&d| 0 < d).unwrap_or(USUAL_MICROS);
        let follow = self.last.map_or(0, |last| last.saturating_add(step));
        let at = match pts {
            Some(pts) => {
                let first = *self.first_pts.get_or_insert(pts.saturating_sub(follow));
                let at = pts.saturating_sub(first);
                // A frame that is not later than the last one still follows it.
                if self.last.is_some_and(|last| at <= last) {
                    self.last.unwrap_or(0).saturating_add(1)
                } else {
                    at
                }
            }
            None => follow,
        };
        let at = at.max(0);
        self.last = Some(at);
        FrameTime::from_micros(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stamps: &[(Option<i64>, Option<i64>)]) -> Vec<i64> {
        let mut timeline = Timeline::default();
        stamps
            .iter()
            .map(|&(pts, duration)| timeline.place(pts, duration).as_micros())
            .collect()
    }

    #[test]
    fn it_starts_at_zero_wherever_the_file_starts() {
        let stamps = [
            (Some(5_000), None),
            (Some(105_000), None),
            (Some(205_000), None),
        ];
        assert_eq!(run(&stamps), [0, 100_000, 200_000]);
    }

    #[test]
    fn gaps_stay_and_missing_stamps_are_filled_in() {
        let stamps = [
            (None, Some(100)),
            (None, Some(100)),
            (None, None),
            (Some(900), None),
            (Some(3_000_900), None),
        ];
        assert_eq!(run(&stamps), [0, 100, 40_100, 80_100, 3_080_100]);
    }

    #[test]
    fn a_stamp_that_goes_back_still_follows() {
        let stamps = [
            (Some(0), None),
            (Some(100), None),
            (Some(50), None),
            (Some(200), None),
        ];
        assert_eq!(run(&stamps), [0, 100, 101, 200]);
    }
}
