//! Knows what was issued, stored and deleted, and what must never be.

use std::collections::{BTreeMap, BTreeSet};

use proto::{LostReason, StreamId};

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// The store holds what the box never put under this number.
    Forged(StreamId, u64),
    /// An item took effect twice.
    Doubled(StreamId, u64),
    /// An item took effect before an earlier one of its stream.
    Disordered(StreamId, u64),
    /// A row was freed though this term of the centre had not committed it.
    FreedUnstored(StreamId, u64),
    /// A number at or below the mark is neither stored nor recorded as lost, or is both.
    Unexplained(StreamId, u64),
    /// A row was declared lost that was there, or for a reason that is not true.
    FalseLoss(StreamId, u64, LostReason),
    /// The centre saw two histories though there is one.
    Fork(StreamId),
    /// Two histories are mixed in the store.
    Mixed(StreamId, u64),
    /// A committed row never reached the centre, nor was it declared lost.
    Missing(StreamId, u64),
    /// Everything was healed, and yet the stream did not drain.
    Stuck(StreamId),
    /// The sender answers without end.
    Spinning,
}

/// An item as the box wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Issue {
    /// Unique in the run.
    pub(crate) id: u64,
    /// The one before it in its stream, 0 for none.
    pub(crate) parent: u64,
}

#[derive(Default)]
pub(crate) struct Oracle {
    /// The items that were given a number; more than one only if the box is broken.
    pub(crate) issued: BTreeMap<(StreamId, u64), Vec<Issue>>,
    /// Rows that were committed: they have to arrive or be declared.
    pub(crate) committed: BTreeSet<(StreamId, u64)>,
    /// Rows that are gone, with every reason that applies.
    pub(crate) gone: BTreeMap<(StreamId, u64), BTreeSet<LostReason>>,
    /// Rows that a lying disk lost: nobody may know of them.
    pub(crate) rolled_back: BTreeSet<(StreamId, u64)>,
    /// The highest number that was ever acknowledged to the box.
    acked: BTreeMap<StreamId, u64>,
    /// The highest mark committed in each term.
    pub(crate) durable: BTreeMap<(u64, StreamId), u64>,
    pub(crate) violations: Vec<Violation>,
}

impl Oracle {
    pub(crate) fn gone(&mut self, stream: StreamId, seq: u64, reason: LostReason) {
        self.gone.entry((stream, seq)).or_default().insert(reason);
    }

    pub(crate) fn freed(&mut self, term: Option<u64>, stream: StreamId, up_to: u64) {
        let acked = self.acked.entry(stream).or_default();
        *acked = up_to.max(*acked);
        let durable = term
            .and_then(|term| self.durable.get(&(term, stream)))
            .copied();
        if durable.unwrap_or(0) < up_to {
            self.violations
                .push(Violation::FreedUnstored(stream, up_to));
        }
    }

    pub(crate) fn committed_mark(&mut self, term: u64, stream: StreamId, up_to: u64) {
        let durable = self.durable.entry((term, stream)).or_default();
        *durable = up_to.max(*durable);
    }

    /// The centre starts, maybe from a backup; what it had committed before is not in its store.
    pub(crate) fn term_begins(&mut self, term: u64) {
        self.durable.retain(|(known, _), _| *known != term);
    }

    pub(crate) fn declared(&mut self, stream: StreamId, seq: u64, reason: LostReason) {
        let reasons = self.gone.get(&(stream, seq));
        let is_true = match reason {
            // Whatever it went by, it had been acknowledged before.
            LostReason::Forgotten => {
                reasons.is_some() && seq <= self.acked.get(&stream).copied().unwrap_or(0)
            }
            _ => reasons.is_some_and(|reasons| reasons.contains(&reason)),
        };
        if !is_true {
            self.violations
                .push(Violation::FalseLoss(stream, seq, reason));
        }
    }

    pub(crate) fn violate(&mut self, violation: Violation) {
        self.violations.push(violation);
    }
}
