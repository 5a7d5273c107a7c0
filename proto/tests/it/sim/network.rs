//! The way between box and centre.

use super::{plan::Plan, random::Random};

/// Decides what becomes of messages; the world delivers them.
pub(crate) struct Network {
    pub(crate) up: bool,
    pub(crate) healed: bool,
    /// The present connection; those below it are closed.
    pub(crate) connection: u64,
    /// Nothing on an ordered way arrives before this.
    last_arrival: [i64; 2],
}

#[derive(Clone, Copy)]
pub(crate) enum Way {
    ToCentre = 0,
    ToBox = 1,
}

impl Network {
    pub(crate) fn new() -> Self {
        Self {
            up: true,
            healed: false,
            connection: 0,
            last_arrival: [0; 2],
        }
    }

    /// When the copies of a message arrive: none, one, or two times.
    pub(crate) fn arrivals(
        &mut self,
        way: Way,
        now: i64,
        plan: &Plan,
        random: &mut Random,
    ) -> Vec<i64> {
        if !self.up && !plan.kept || !self.healed && random.percent(plan.loss_percent) {
            return Vec::new();
        }
        let copies = 1 + usize::from(!self.healed && random.percent(plan.duplicate_percent));
        (0..copies)
            .map(|_| {
                let mut at = now + random.within(plan.delay_min_us, plan.delay_max_us);
                // A broker may sit on a message for long.
                if plan.kept && !self.healed && random.percent(plan.held_up_percent) {
                    at += random.within(0, 90_000_000);
                }
                if plan.ordered {
                    at = at.max(self.last_arrival[way as usize] + 1);
                    self.last_arrival[way as usize] = at;
                }
                at
            })
            .collect()
    }

    pub(crate) fn is_open(&self, connection: u64, plan: &Plan) -> bool {
        plan.kept || connection == self.connection && self.up
    }
}
