//! Numbers of one stream whose items will never be sent.

use std::collections::BTreeMap;

use crate::message::{Lost, LostReason};

/// Disjoint ranges; neighbours of the same reason are one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LostRanges {
    /// By the first number: the last one, and why.
    ranges: BTreeMap<u64, (u64, LostReason)>,
}

impl LostRanges {
    /// Declares the numbers of `lost` that are not declared yet; an earlier reason stands.
    pub(super) fn add(&mut self, lost: Lost) {
        let mut from = lost.from;
        while from <= lost.to {
            if let Some(known) = self.at(from) {
                from = known.to.saturating_add(1);
                continue;
            }
            let free_to = self
                .next_from(from)
                .map_or(u64::MAX, |next| next.saturating_sub(1));
            let to = lost.to.min(free_to);
            self.insert(Lost {
                from,
                to,
                reason: lost.reason,
            });
            from = to.saturating_add(1);
        }
    }

    fn insert(&mut self, lost: Lost) {
        let Lost {
            mut from,
            mut to,
            reason,
        } = lost;
        if let Some(before) = from.checked_sub(1).and_then(|before| self.at(before))
            && before.reason == reason
        {
            self.ranges.remove(&before.from);
            from = before.from;
        }
        if let Some(after) = to.checked_add(1).and_then(|after| self.at(after))
            && after.reason == reason
        {
            self.ranges.remove(&after.from);
            to = after.to;
        }
        self.ranges.insert(from, (to, reason));
    }

    /// The range that holds `seq`.
    pub(super) fn at(&self, seq: u64) -> Option<Lost> {
        let (&from, &(to, reason)) = self.ranges.range(..=seq).next_back()?;
        (seq <= to).then_some(Lost { from, to, reason })
    }

    /// Where the first range above `seq` begins.
    pub(super) fn next_from(&self, seq: u64) -> Option<u64> {
        self.ranges
            .range(seq.checked_add(1)?..)
            .next()
            .map(|(&from, _)| from)
    }

    /// Forgets what is acknowledged.
    pub(super) fn prune(&mut self, up_to: u64) {
        while let Some((&from, &(to, reason))) = self.ranges.first_key_value()
            && from <= up_to
        {
            self.ranges.remove(&from);
            if up_to < to {
                self.ranges.insert(up_to.saturating_add(1), (to, reason));
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reason() -> impl Strategy<Value = LostReason> {
        prop_oneof![Just(LostReason::Full), Just(LostReason::Damaged)]
    }

    proptest! {
        #[test]
        fn is_a_map_from_number_to_first_reason(
            adds in proptest::collection::vec((1..60_u64, 0..20_u64, reason()), 0..20),
            up_to in 0..80_u64,
        ) {
            let mut ranges = LostRanges::default();
            let mut model = BTreeMap::<u64, LostReason>::new();
            for (from, more, reason) in adds {
                ranges.add(Lost { from, to: from + more, reason });
                for seq in from..=from + more {
                    model.entry(seq).or_insert(reason);
                }
            }
            ranges.prune(up_to);
            model.retain(|seq, _| up_to < *seq);
            for seq in 0..90 {
                prop_assert_eq!(ranges.at(seq).map(|lost| lost.reason), model.get(&seq).copied());
            }
            let ends = ranges.ranges.iter().map(|(&from, &(to, reason))| (from, to, reason));
            let ends = ends.collect::<Vec<_>>();
            for pair in ends.windows(2) {
                let separate = pair[0].1 + 1 < pair[1].0 || pair[0].2 != pair[1].2;
                prop_assert!(separate, "neighbours of one reason are one: {:?}", ends);
            }
        }
    }
}
