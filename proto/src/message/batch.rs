use super::{seq, stream_id};
use crate::{
    chain::Chain,
    convert::{At, DecodeError, Fault, bytes, count, message, size, slug},
    lane::StreamId,
    limits::{BATCH_BYTES_MAX, ITEM_BYTES_MAX, ITEMS_PER_BATCH_MAX, LOST_PER_BATCH_MAX, SEQ_MAX},
    v1,
};

/// Items of one stream, in order, with the losses before them.
///
/// The items are still bytes: each is decoded for itself, so that one bad item is set aside and
/// does not stop the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedBatch {
    agent: String,
    stream: StreamId,
    first_seq: u64,
    items: Vec<Vec<u8>>,
    lost: Vec<Lost>,
    prev_chain: Option<Chain>,
}

impl CheckedBatch {
    /// Reads and validates the payload of an envelope.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        let wire: v1::Batch = message("batch", payload, BATCH_BYTES_MAX)?;
        let stream = stream_id(wire.epoch, wire.lane).at("batch.stream")?;
        count(wire.items.len(), ITEMS_PER_BATCH_MAX).at("batch.items")?;
        for (index, item) in wire.items.iter().enumerate() {
            size(item.len(), ITEM_BYTES_MAX).at_index("batch.items", index, "")?;
            if item.is_empty() {
                return Err(Fault::Missing).at_index("batch.items", index, "");
            }
        }
        let last_seq = u64::try_from(wire.items.len())
            .ok()
            .and_then(|count| wire.first_seq.checked_add(count)?.checked_sub(1));
        if wire.first_seq == 0 || last_seq.is_none_or(|last| SEQ_MAX < last) {
            return Err(Fault::OutOfRange.at("batch.first_seq"));
        }
        let lost = lost_before(wire.first_seq, wire.lost)?;
        let prev_chain = if wire.items.is_empty() {
            if lost.is_empty() {
                return Err(Fault::Missing.at("batch.items"));
            }
            if !wire.prev_chain.is_empty() {
                return Err(Fault::Unexpected.at("batch.prev_chain"));
            }
            None
        } else {
            Some(bytes(&wire.prev_chain).at("batch.prev_chain")?)
        };
        let agent = slug(wire.agent).at("batch.agent")?;
        Ok(Self {
            agent,
            stream,
            first_seq: wire.first_seq,
            items: wire.items,
            lost,
            prev_chain,
        })
    }

    /// Who made it, as it says; the envelope's key proves it.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// What its numbers count within.
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// The number of the first item: 1 or more.
    pub fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// The number of the last item, or of the last loss where there is no item.
    pub fn last_seq(&self) -> u64 {
        let count = u64::try_from(self.items.len()).unwrap_or(u64::MAX);
        self.first_seq.saturating_add(count).saturating_sub(1)
    }

    /// Encoded items, numbered from [`first_seq`](Self::first_seq).
    pub fn items(&self) -> &[Vec<u8>] {
        &self.items
    }

    /// The encoded items without a copy.
    pub fn into_items(self) -> Vec<Vec<u8>> {
        self.items
    }

    /// What will never be sent: adjoining ranges that end just before the first item.
    pub fn lost(&self) -> &[Lost] {
        &self.lost
    }

    /// The first number that this batch says anything about.
    pub fn covers_from(&self) -> u64 {
        self.lost.first().map_or(self.first_seq, |lost| lost.from)
    }

    /// The chain before the first item; there is one exactly if there is an item.
    pub fn prev_chain(&self) -> Option<&Chain> {
        self.prev_chain.as_ref()
    }
}

/// A range of numbers, both ends included, whose items will never be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lost {
    /// First number lost: 1 or more.
    pub from: u64,
    /// Last number lost: `from` or more.
    pub to: u64,
    /// Why.
    pub reason: LostReason,
}

/// Why items were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LostReason {
    /// Evicted, because the outbox was full.
    Full,
    /// The row no longer matched its checksum.
    Damaged,
    /// Announced before, absent now.
    Rollback,
    /// Acknowledged and deleted, then asked for again by a restored centre.
    Forgotten,
}

impl LostReason {
    /// For records and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Damaged => "damaged",
            Self::Rollback => "rollback",
            Self::Forgotten => "forgotten",
        }
    }
}

impl From<Lost> for v1::Lost {
    fn from(lost: Lost) -> Self {
        let reason = match lost.reason {
            LostReason::Full => v1::LostReason::Full,
            LostReason::Damaged => v1::LostReason::Damaged,
            LostReason::Rollback => v1::LostReason::Rollback,
            LostReason::Forgotten => v1::LostReason::Forgotten,
        };
        Self {
            from: lost.from,
            to: lost.to,
            reason: reason.into(),
        }
    }
}

fn lost_before(first_seq: u64, wire: Vec<v1::Lost>) -> Result<Vec<Lost>, DecodeError> {
    let list = "batch.lost";
    count(wire.len(), LOST_PER_BATCH_MAX).at(list)?;
    let mut ranges = Vec::<Lost>::with_capacity(wire.len());
    for (index, wire) in wire.into_iter().enumerate() {
        let reason = match v1::LostReason::try_from(wire.reason) {
            Ok(v1::LostReason::Full) => Ok(LostReason::Full),
            Ok(v1::LostReason::Damaged) => Ok(LostReason::Damaged),
            Ok(v1::LostReason::Rollback) => Ok(LostReason::Rollback),
            Ok(v1::LostReason::Forgotten) => Ok(LostReason::Forgotten),
            Ok(v1::LostReason::Unspecified) => Err(Fault::Missing),
            Err(prost::UnknownEnumValue(value)) => Err(Fault::UnknownValue(value)),
        };
        let reason = reason.at_index(list, index, ".reason")?;
        let from = seq(wire.from).at_index(list, index, ".from")?;
        let to = seq(wire.to).at_index(list, index, ".to")?;
        if from == 0 || to < from {
            return Err(Fault::OutOfRange).at_index(list, index, ".from");
        }
        if ranges
            .last()
            .is_some_and(|before| before.to.checked_add(1) != Some(from))
        {
            return Err(Fault::NotAdjoining).at_index(list, index, ".from");
        }
        ranges.push(Lost { from, to, reason });
    }
    if ranges
        .last()
        .is_some_and(|last| last.to.checked_add(1) != Some(first_seq))
    {
        return Err(Fault::NotAdjoining.at("batch.first_seq"));
    }
    Ok(ranges)
}
