//! What the sender knows of one stream.

use std::collections::VecDeque;

use super::{draft::BatchRequest, lost::LostRanges, mono::Mono};
use crate::{
    lane::StreamId,
    limits::LOST_PER_BATCH_MAX,
    message::{Lost, LostReason, StreamState},
};

/// A stream as the outbox holds it when it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldStream {
    /// Which.
    pub id: StreamId,
    /// The oldest row still held, acknowledged or not; `next` when there is none.
    pub base: u64,
    /// The next number to be given out; 1 for a new stream.
    pub next: u64,
    /// Everything at or below was acknowledged.
    pub acked: u64,
    /// Losses above `acked` that the outbox recorded.
    pub lost: Vec<Lost>,
}

/// A stream whose batch the centre left unanswered this often, though it answered others, no
/// longer holds up the later streams of its lane.
const STALLS_MAX: u32 = 3;
/// Then it is tried again after this time.
const STALL_RETRY_US: i64 = 60_000_000;

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    base: u64,
    next: u64,
    acked: u64,
    /// The next number to send; goes back to `acked + 1` when a batch was lost.
    cursor: u64,
    /// Numbers below were sent at least once.
    sent_end: u64,
    lost: LostRanges,
    flights: VecDeque<Flight>,
    /// `acked` as the Hello under way says, `None` if it does not name this stream.
    greeted: Option<u64>,
    /// A batch seems lost: nothing is sent until a welcome says where to go on.
    doubted: bool,
    stalls: u32,
    retry_at: Option<Mono>,
}

/// A batch under way.
#[derive(Debug)]
struct Flight {
    last_seq: u64,
    sent_at: Mono,
    deadline: Mono,
    /// Sent for the first time, so that its ack measures the round trip (Karn and Partridge,
    /// "Improving Round-Trip Time Estimates", SIGCOMM 1987).
    fresh: bool,
}

impl Stream {
    pub(super) fn new(held: HeldStream) -> Self {
        let next = held.next.max(1);
        let acked = held.acked.min(next.saturating_sub(1));
        let mut lost = LostRanges::default();
        held.lost.into_iter().for_each(|range| lost.add(range));
        lost.prune(acked);
        Self {
            id: held.id,
            base: held.base.clamp(1, next),
            next,
            acked,
            cursor: acked.saturating_add(1),
            sent_end: 1,
            lost,
            flights: VecDeque::new(),
            greeted: None,
            doubted: false,
            stalls: 0,
            retry_at: None,
        }
    }

    pub(super) fn grow(&mut self, next: u64) {
        self.next = self.next.max(next);
    }

    /// Rows below `base` are gone; what was not acknowledged of them is lost.
    pub(super) fn evict(&mut self, base: u64) {
        let first_evicted = self.base;
        self.base = self.base.max(base.min(self.next));
        let from = first_evicted.max(self.acked.saturating_add(1));
        let to = self.base.saturating_sub(1);
        if from <= to {
            self.lost.add(Lost {
                from,
                to,
                reason: LostReason::Full,
            });
        }
    }

    pub(super) fn lose(&mut self, lost: Lost) {
        let from = lost.from.max(self.acked.saturating_add(1));
        let to = lost.to.min(self.next.saturating_sub(1));
        if from <= to {
            self.lost.add(Lost {
                from,
                to,
                reason: lost.reason,
            });
        }
    }

    pub(super) fn state(&self) -> StreamState {
        StreamState {
            id: self.id,
            base: self.base,
            next: self.next,
            last_acked: self.acked,
        }
    }

    pub(super) fn is_drained(&self) -> bool {
        self.next <= self.acked.saturating_add(1)
    }

    pub(super) fn is_ready(&self, now: Mono) -> bool {
        let may_try = self.stalls < STALLS_MAX
            || self.flights.is_empty() && self.retry_at.is_none_or(|at| at <= now);
        self.cursor < self.next && !self.doubted && may_try
    }

    pub(super) fn flight_count(&self) -> usize {
        self.flights.len()
    }

    /// The next batch: first the losses at the cursor, then rows up to the next loss.
    pub(super) fn request(&self) -> BatchRequest {
        let mut lost = Vec::new();
        let mut seq = self.cursor;
        while lost.len() < LOST_PER_BATCH_MAX
            && let Some(range) = self.lost_at(seq)
        {
            seq = range.to.saturating_add(1);
            lost.push(range);
        }
        let end_seq = if self.lost_at(seq).is_some() {
            seq
        } else {
            self.lost
                .next_from(seq)
                .map_or(self.next, |from| from.min(self.next))
        };
        BatchRequest {
            stream: self.id,
            lost,
            first_seq: seq,
            end_seq,
        }
    }

    /// The loss that begins at `seq`. What lies below the oldest row without a recorded loss was
    /// acknowledged once, and deleted.
    fn lost_at(&self, seq: u64) -> Option<Lost> {
        if self.next <= seq {
            return None;
        }
        if let Some(range) = self.lost.at(seq) {
            return Some(Lost { from: seq, ..range });
        }
        let forgotten_to = self.base.checked_sub(1).filter(|to| seq <= *to)?;
        let known_from = self
            .lost
            .next_from(seq)
            .map_or(u64::MAX, |from| from.saturating_sub(1));
        let to = forgotten_to.min(known_from);
        Some(Lost {
            from: seq,
            to,
            reason: LostReason::Forgotten,
        })
    }

    pub(super) fn sent(&mut self, covers_from: u64, last_seq: u64, now: Mono, deadline: Mono) {
        let fresh = self.sent_end <= covers_from;
        self.cursor = self.cursor.max(last_seq.saturating_add(1)).min(self.next);
        self.sent_end = self.sent_end.max(self.cursor);
        self.flights.push_back(Flight {
            last_seq,
            sent_at: now,
            deadline,
            fresh,
        });
    }

    /// The centre has everything up to `up_to`. The round trip that this measures, in microseconds.
    pub(super) fn progress(&mut self, up_to: u64, now: Mono) -> Option<i64> {
        self.acked = up_to.min(self.next.saturating_sub(1)).max(self.acked);
        self.cursor = self.cursor.max(self.acked.saturating_add(1));
        self.lost.prune(self.acked);
        self.stalls = 0;
        self.retry_at = None;
        let mut round_trip = None;
        while self
            .flights
            .front()
            .is_some_and(|flight| flight.last_seq <= self.acked)
        {
            let flight = self.flights.pop_front().filter(|flight| flight.fresh);
            round_trip = flight
                .map(|flight| now.micros_since(flight.sent_at))
                .or(round_trip);
        }
        round_trip
    }

    /// The centre has less than it had: it was restored from a backup, or is a new one.
    pub(super) fn rewind(&mut self, up_to: u64) {
        self.acked = up_to;
        self.go_back();
    }

    /// Everything above the last ack is sent again.
    pub(super) fn go_back(&mut self) {
        self.cursor = self.acked.saturating_add(1);
        self.flights.clear();
        self.doubted = false;
    }

    /// A new connection: nothing is under way on it.
    pub(super) fn reconnect(&mut self) {
        self.go_back();
        self.greeted = None;
        self.stalls = 0;
        self.retry_at = None;
    }

    /// The centre answers, and yet this stream's batch was not stored.
    pub(super) fn stall(&mut self, now: Mono) {
        self.stalls = self.stalls.saturating_add(1);
        if STALLS_MAX <= self.stalls {
            self.retry_at = Some(now.plus_micros(STALL_RETRY_US));
        }
    }

    /// Whether the ack of `up_to` says that a batch is missing: it repeats the last one though a
    /// batch has been under way for longer than a round trip.
    pub(super) fn is_refused(&self, up_to: u64, now: Mono, round_trip_us: i64) -> bool {
        up_to == self.acked
            && self
                .flights
                .front()
                .is_some_and(|f| round_trip_us <= now.micros_since(f.sent_at))
    }

    pub(super) fn doubt(&mut self) {
        self.doubted = true;
    }

    pub(super) fn is_doubted(&self) -> bool {
        self.doubted
    }

    pub(super) fn greet(&mut self, named: bool) {
        self.greeted = named.then_some(self.acked);
    }

    pub(super) fn greeted(&self) -> Option<u64> {
        self.greeted
    }

    pub(super) fn acked(&self) -> u64 {
        self.acked
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// When the oldest batch under way is overdue.
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.flights.iter().map(|flight| flight.deadline).min()
    }

    pub(super) fn retry_at(&self) -> Option<Mono> {
        self.retry_at
            .filter(|_| self.cursor < self.next && self.flights.is_empty())
    }
}
