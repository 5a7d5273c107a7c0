//! What the outbox holds, seen from outside.

use std::time::Duration;

use proto::{Chain, Lost, StreamId};

/// What one stream holds. Sequence numbers start at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    pub id: StreamId,
    /// The oldest number that may still be held.
    pub base: u64,
    /// The next number to be given out.
    pub next: u64,
    /// The centre has this number and all before it.
    pub acked: u64,
}

/// Where an item was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    pub id: StreamId,
    pub seq: u64,
}

/// A run of numbers of one stream, ready to be a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Slab {
    /// The number of the first item; of the next one to come when there are no items.
    pub first_seq: u64,
    pub items: Vec<Vec<u8>>,
    /// Adjoining ranges that end at `first_seq - 1`; empty when nothing was lost just before.
    pub lost: Vec<Lost>,
    /// Chain value before the first item.
    pub prev_chain: Chain,
}

impl Slab {
    /// The number after the last one that this slab accounts for.
    pub fn end(&self) -> u64 {
        self.first_seq + self.items.len() as u64
    }
}

/// How much one [`Slab`] may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlabLimits {
    pub items_max: usize,
    pub bytes_max: usize,
    pub lost_max: usize,
}

/// What the outbox held after its last commit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The epoch of new items.
    pub epoch: u64,
    /// Oldest epoch first. Streams that never held anything are left out.
    pub streams: Vec<Stream>,
    pub stats: Stats,
}

/// Figures for status and metrics. Arrays are by lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// False: the disk cannot be written, and items are kept in memory, bounded, until it can.
    pub durable: bool,
    /// Numbers given out and not yet acknowledged, those declared lost included.
    pub backlog_items: [u64; 5],
    pub backlog_bytes: [u64; 5],
    /// Evicted, damaged or dropped before they were acknowledged, since the process started.
    pub lost_items: [u64; 5],
    /// How long the last commit took, syncing included.
    pub commit: Duration,
}
