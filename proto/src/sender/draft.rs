//! From the sender's request, through the outbox's rows, to a batch.

use crate::{
    chain::Chain,
    lane::StreamId,
    limits::{
        BATCH_BYTES_MAX, BATCH_HEAD_BYTES_MAX, ITEM_BYTES_MAX, ITEM_FRAME_BYTES,
        ITEMS_PER_BATCH_MAX,
    },
    message::{Lost, LostReason},
    v1,
};

/// Asks for a batch of rows `first_seq..end_seq` of a stream, as many as fit.
///
/// There may be none to read (`first_seq == end_seq`): then the batch only declares losses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRequest {
    /// Where the rows are.
    pub stream: StreamId,
    /// Declared by this batch; they end just before `first_seq`.
    pub lost: Vec<Lost>,
    /// The first row to read.
    pub first_seq: u64,
    /// The first row *not* to read.
    pub end_seq: u64,
}

impl BatchRequest {
    /// Begins the batch.
    pub fn draft(self) -> BatchDraft {
        BatchDraft {
            request: self,
            prev_chain: None,
            items: Vec::new(),
            bytes: 0,
            hole_end: None,
        }
    }
}

/// A batch that is being filled.
#[derive(Clone, Debug)]
pub struct BatchDraft {
    request: BatchRequest,
    prev_chain: Option<Chain>,
    items: Vec<Vec<u8>>,
    bytes: usize,
    hole_end: Option<u64>,
}

/// What became of a [`BatchDraft`].
#[derive(Clone, Debug, PartialEq)]
pub enum Drafted {
    /// Sign and send the batch, then give the receipt to [`Sender::sent`](super::Sender::sent).
    Batch(v1::Batch, Receipt),
    /// The outbox has no sound row where one was asked for: give this to
    /// [`Sender::lost`](super::Sender::lost), which will ask again.
    Hole(StreamId, Lost),
}

/// Proof of what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub(super) stream: StreamId,
    pub(super) covers_from: u64,
    pub(super) last_seq: u64,
    pub(super) bytes: usize,
}

impl BatchDraft {
    /// Adds the next row: its number, the chain before it, and its item. Rows before the next are
    /// passed over. False when no more can be taken.
    pub fn push(&mut self, seq: u64, prev_chain: &Chain, item: Vec<u8>) -> bool {
        let expected = self.next_seq();
        if self.hole_end.is_some() {
            return false;
        }
        if seq < expected {
            return true;
        }
        if expected < seq || self.request.end_seq <= seq {
            self.hole_end = Some(seq.min(self.request.end_seq));
            return false;
        }
        if ITEM_BYTES_MAX < item.len() || item.is_empty() {
            return self.damaged(seq);
        }
        let bytes = self
            .bytes
            .saturating_add(item.len())
            .saturating_add(ITEM_FRAME_BYTES);
        if BATCH_BYTES_MAX.saturating_sub(BATCH_HEAD_BYTES_MAX) < bytes
            || ITEMS_PER_BATCH_MAX <= self.items.len()
        {
            return false;
        }
        self.bytes = bytes;
        self.prev_chain.get_or_insert(*prev_chain);
        self.items.push(item);
        true
    }

    /// Tells of a row that fails its checksum. False when no more can be taken.
    pub fn damaged(&mut self, seq: u64) -> bool {
        let hole_so_far = self.hole_end.unwrap_or(self.request.first_seq);
        if !self.items.is_empty() || seq != hole_so_far {
            return false;
        }
        self.hole_end = Some(seq.saturating_add(1));
        true
    }

    /// Closes the batch of `agent`.
    pub fn finish(self, agent: &str) -> Drafted {
        let next_seq = self.next_seq();
        let BatchRequest {
            stream,
            lost,
            first_seq,
            ..
        } = self.request;
        if self.items.is_empty() && lost.is_empty() {
            // No more is given up than what is known to be gone.
            let to = self
                .hole_end
                .map_or(first_seq, |end| end.saturating_sub(1))
                .max(first_seq);
            return Drafted::Hole(
                stream,
                Lost {
                    from: first_seq,
                    to,
                    reason: LostReason::Damaged,
                },
            );
        }
        let receipt = Receipt {
            stream,
            covers_from: lost.first().map_or(first_seq, |lost| lost.from),
            last_seq: next_seq.saturating_sub(1),
            bytes: self.bytes.saturating_add(BATCH_HEAD_BYTES_MAX / 16),
        };
        let batch = v1::Batch {
            agent: agent.to_owned(),
            epoch: stream.epoch,
            lane: stream.lane.number().into(),
            first_seq,
            items: self.items,
            lost: lost.into_iter().map(Into::into).collect(),
            prev_chain: self
                .prev_chain
                .map_or_else(Vec::new, |chain| chain.to_vec()),
        };
        Drafted::Batch(batch, receipt)
    }

    /// The number that [`push`](Self::push) takes next.
    pub fn next_seq(&self) -> u64 {
        let count = u64::try_from(self.items.len()).unwrap_or(u64::MAX);
        self.request.first_seq.saturating_add(count)
    }
}
