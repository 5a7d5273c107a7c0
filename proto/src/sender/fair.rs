//! Which lane sends next: start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996), which
//! shares the link as deficit round robin does but needs no size before the rows are read.

use crate::{lane::Lane, limits::LANES};

/// A multiple of every share, so that costs are whole.
const COST_SCALE: u64 = 630;

/// Virtual times: a lane that was idle starts at the present one and saves nothing up.
#[derive(Debug, Default)]
pub(super) struct Fair {
    now: u64,
    finish: [u64; LANES],
}

impl Fair {
    /// Smaller goes first.
    pub(super) fn start(&self, lane: Lane) -> u64 {
        self.finish
            .get(lane.index())
            .map_or(self.now, |finish| self.now.max(*finish))
    }

    pub(super) fn charge(&mut self, lane: Lane, bytes: usize) {
        let start = self.start(lane);
        let cost = u64::try_from(bytes)
            .unwrap_or(u64::MAX)
            .saturating_mul(COST_SCALE);
        self.now = start;
        if let Some(finish) = self.finish.get_mut(lane.index()) {
            *finish = start.saturating_add(cost.checked_div(lane.share()).unwrap_or(cost));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `count` batches of 1000 bytes from always busy `lanes`; how many each got.
    fn share_out(lanes: &[Lane], count: usize) -> Vec<usize> {
        let mut fair = Fair::default();
        let mut got = vec![0; lanes.len()];
        for _ in 0..count {
            let (index, lane) = lanes
                .iter()
                .enumerate()
                .min_by_key(|(_, lane)| fair.start(**lane))
                .unwrap();
            fair.charge(*lane, 1000);
            got[index] += 1;
        }
        got
    }

    #[test]
    fn busy_lanes_share_by_90_7_2_1_1() {
        let got = share_out(&Lane::ALL, 1010);
        for (got, lane) in got.into_iter().zip(Lane::ALL) {
            let due = 10 * usize::try_from(lane.share()).unwrap();
            assert!(got.abs_diff(due) <= 2, "{lane:?} got {got} of {due}");
        }
    }

    #[test]
    fn a_lane_alone_gets_everything_and_pays_nothing_back() {
        let mut fair = Fair::default();
        for _ in 0..1000 {
            fair.charge(Lane::Evidence, 200_000);
        }
        // An alarm now goes before all of them, and so does the next.
        for _ in 0..5 {
            assert!(fair.start(Lane::Alarms) < fair.start(Lane::Evidence));
            fair.charge(Lane::Alarms, 1000);
        }
    }
}
