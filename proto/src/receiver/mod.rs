//! The centre's half of delivery: what a batch does to the watermark of its stream.
//!
//! ```text
//! batch ─▶ judge(mark) ─▶ Accept     commit items, gaps and mark in ONE transaction, then ack
//!                         Duplicate  change nothing, ack the mark again
//!                         Ahead      change nothing, ack the mark again: the agent goes back
//!                         Fork       change nothing, raise an alarm: two histories under one key
//! ```
//!
//! [`judge`] is pure. The caller keeps one [`Mark`] for each `(agent, epoch, lane)`, in the same
//! store as the items and for as long: a forgotten mark would let an old batch in again.
//!
//! The rules that make it safe over any carrier:
//! - An ack is sent after the commit, never before, and a welcome after all earlier batches of that
//!   agent are committed or refused.
//! - An ack that answers batches names exactly their streams. A welcome names every stream of its
//!   Hello; the mark of one that is unknown here is 0.
//! - Every ack carries the centre's `term`, random and new at each start. Agents take no ack of
//!   another term than the one that welcomed them, so an ack that was sent before the store was
//!   restored from a backup, and arrives after, frees nothing.
//! - Nothing but a batch signed by the agent moves a mark over a gap.

use scene::FrameTime;

use crate::{
    chain::{self, Chain},
    lane::StreamId,
    message::{CheckedAck, CheckedBatch, CheckedHello, Lost, LostReason, StreamState, Watermark},
};

/// How far a stream is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Everything at or below is stored, or was declared lost.
    pub up_to: u64,
    /// The chain after item `up_to`; `None` when that one was declared lost and what it was is not
    /// known, until the next batch says.
    pub chain: Option<Chain>,
}

impl Mark {
    /// Of a stream that was never heard of.
    pub const START: Self = Self {
        up_to: 0,
        chain: Some(chain::START),
    };
}

/// What to do with a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Store it.
    Accept {
        /// Leading items that are stored already.
        skip: usize,
        /// What the mark becomes.
        mark: Mark,
        /// Numbers that the mark passes over without an item, for the record.
        gaps: Vec<Lost>,
    },
    /// It says nothing new.
    Duplicate,
    /// Something before it is missing; the ack of `up_to` makes the agent go back.
    Ahead {
        /// The mark, unchanged.
        up_to: u64,
    },
    /// It contradicts what is stored under the same numbers: a cloned or rolled-back box, or a
    /// stolen key.
    Fork,
}

/// Judges a batch against the mark of its stream, `None` when there is none yet.
pub fn judge(mark: Option<&Mark>, batch: &CheckedBatch) -> Verdict {
    let mark = mark.unwrap_or(&Mark::START);
    let up_to = mark.up_to;
    if up_to.saturating_add(1) < batch.covers_from() {
        return Verdict::Ahead { up_to };
    }
    let last_seq = batch.last_seq();
    if last_seq < up_to {
        return Verdict::Duplicate;
    }
    // Items from `first_seq` to `up_to`, both included: none if the mark is below the first.
    let overlap = up_to.saturating_add(1).saturating_sub(batch.first_seq());
    let (known, new) = batch.items().split_at(
        usize::try_from(overlap)
            .unwrap_or(usize::MAX)
            .min(batch.items().len()),
    );
    let chain_at_mark = batch.prev_chain().map(|prev| fold(*prev, known));
    // Where a loss separates the mark from the first item, the chain starts anew.
    let touches = batch.first_seq() <= up_to.saturating_add(1);
    if touches
        && let (Some(claimed), Some(stored)) = (chain_at_mark, mark.chain)
        && claimed != stored
    {
        return Verdict::Fork;
    }
    if last_seq == up_to {
        return Verdict::Duplicate;
    }
    Verdict::Accept {
        skip: known.len(),
        mark: Mark {
            up_to: last_seq,
            chain: chain_at_mark.map(|chain| fold(chain, new)),
        },
        gaps: gaps_above(up_to, batch.lost()),
    }
}

fn fold(chain: Chain, items: &[Vec<u8>]) -> Chain {
    chain::fold(chain, items.iter().map(Vec::as_slice))
}

fn gaps_above(up_to: u64, lost: &[Lost]) -> Vec<Lost> {
    let above = lost.iter().filter(|range| up_to < range.to);
    above
        .map(|range| Lost {
            from: range.from.max(up_to.saturating_add(1)),
            ..*range
        })
        .collect()
}

/// What an agent's new Hello lacks of what it had announced before: numbers up to
/// `announced_next - 1` were given out, the stream ends below, and they are not stored here.
///
/// For streams of *earlier* epochs only, and only for the first Hello of an epoch that was never
/// seen before: a delayed Hello is no rollback, and a stream still being written grows. The mark
/// stays: the gap is closed if the items come after all.
pub fn rollback(announced_next: u64, now: &StreamState, up_to: u64) -> Option<Lost> {
    let from = now.next.max(up_to.saturating_add(1));
    let to = announced_next.checked_sub(1)?;
    (from <= to).then_some(Lost {
        from,
        to,
        reason: LostReason::Rollback,
    })
}

/// Who acknowledges: the store and this run of the centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Centre {
    /// Of the store; new for every new one.
    pub store_id: [u8; 16],
    /// Random, never 0, new at every start of the centre's process.
    pub term: u64,
}

impl Centre {
    /// The answer to a Hello. `up_to` looks up the committed mark of a stream, 0 for none.
    pub fn welcome(
        self,
        hello: &CheckedHello,
        up_to: impl Fn(StreamId) -> u64,
        window_batches: u32,
        server: FrameTime,
    ) -> CheckedAck {
        let ids = hello.streams.iter().map(|stream| stream.id);
        let watermarks = ids
            .map(|id| Watermark {
                id,
                up_to: up_to(id),
            })
            .collect();
        CheckedAck {
            welcomes_mono_us: Some(hello.mono_us),
            ..self.ack(&hello.agent, watermarks, window_batches, server)
        }
    }

    /// The answer to batches, of whose streams `watermarks` are the committed marks.
    pub fn ack(
        self,
        agent: &str,
        watermarks: Vec<Watermark>,
        window_batches: u32,
        server: FrameTime,
    ) -> CheckedAck {
        CheckedAck {
            store_id: self.store_id,
            term: self.term,
            agent: agent.to_owned(),
            watermarks,
            window_batches,
            server,
            welcomes_mono_us: None,
        }
    }
}

#[cfg(test)]
mod tests;
