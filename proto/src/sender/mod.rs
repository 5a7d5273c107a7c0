//! The box's half of delivery: what to send and when, as a state machine that is told things, time
//! included, and answers. The rows are in the driver's outbox, the connection is the driver's too.
//!
//! ```text
//! told                                      answers, by next(now)
//!   opened with what the outbox holds         Connect      open the connection
//!   connected, disconnected                   SendHello    what we hold; asks for the watermarks
//!   ack                                       SendBatch    read rows, sign, send, tell sent()
//!   stored, lost, evicted                     Free         rows up to here may be deleted
//!   sent                                      Wait         until then, or until something is told
//! ```
//!
//! A driver, the same for MQTT and for gRPC:
//!
//! ```no_run
//! # use proto::{CheckedAck, StreamId, sender::*, sign::{self, Domain, SigningKey}};
//! # use prost::Message as _;
//! # struct Row { seq: u64, prev_chain: [u8; 32], item: Vec<u8>, is_sound: bool }
//! # trait Outbox {
//! #     fn rows(&self, stream: StreamId, seqs: std::ops::Range<u64>) -> Vec<Row>;
//! #     fn acked(&mut self, stream: StreamId, up_to: u64);
//! #     fn record_lost(&mut self, stream: StreamId, lost: proto::Lost);
//! # }
//! # trait Link {
//! #     fn connect(&mut self); fn send(&mut self, domain: Domain, envelope: proto::v1::Envelope);
//! # }
//! # fn wall_us() -> i64 { 0 }
//! # fn drive(mut sender: Sender, outbox: &mut dyn Outbox, link: &mut dyn Link, key: &SigningKey, now: Mono) {
//! loop {
//!     match sender.next(now) {
//!         // Ends in `connected` (gRPC: stream open; MQTT: every CONNACK, once subscribed to
//!         // `ack`) or in `disconnected`, which sets when to try again.
//!         Action::Connect => link.connect(),
//!         Action::SendHello(hello) => {
//!             let hello = hello.message(wall_us()).encode_to_vec();
//!             link.send(Domain::Hello, sign::seal(Domain::Hello, hello, key));
//!         }
//!         Action::SendBatch(request) => {
//!             let (stream, seqs) = (request.stream, request.first_seq..request.end_seq);
//!             let mut draft = request.draft();
//!             for row in outbox.rows(stream, seqs) {
//!                 let goes_on = if row.is_sound {
//!                     draft.push(row.seq, &row.prev_chain, row.item)
//!                 } else {
//!                     draft.damaged(row.seq) // fails its checksum
//!                 };
//!                 if !goes_on { break }
//!             }
//!             match draft.finish(sender.agent()) {
//!                 Drafted::Batch(batch, receipt) => {
//!                     let envelope = sign::seal(Domain::Batch, batch.encode_to_vec(), key);
//!                     link.send(Domain::Batch, envelope);
//!                     sender.sent(receipt, now);
//!                 }
//!                 Drafted::Hole(stream, lost) => {
//!                     outbox.record_lost(stream, lost);
//!                     sender.lost(stream, lost);
//!                 }
//!             }
//!         }
//!         Action::Free { stream, up_to } => outbox.acked(stream, up_to),
//!         Action::Wait { until } => {
//!             // Select: an ack → `sender.ack(&CheckedAck::decode(sign::open(…)?)?, now)`, the
//!             // outbox grew → `stored`, it evicted → `evicted`, the link broke → `disconnected`,
//!             // or the time `until`. A full send queue is waited for here too, before `next`.
//! #           let _ = until; break;
//!         }
//!     }
//! }
//! # }
//! ```
//!
//! How it keeps the promise:
//! - A row is freed by an ack only, and only by one of the *term* of the centre that welcomed us.
//! - **In doubt, say Hello.** No ack in time, an ack that repeats itself, one of another term or
//!   store: each is answered with one small Hello, whose welcome tells the watermark of every
//!   stream; sending goes on from there. A resent batch of 256 KiB would choke the slow link that
//!   was late; a Hello waits behind it and learns that it arrived. Hellos are spaced and back off
//!   up to 60 s; one a minute is sent in peace too, and finds a restored centre.
//! - A welcome below what *its* Hello called acknowledged means that the centre lost data. The
//!   stream goes back as far as the outbox still has rows; the rest is declared `Forgotten`.
//! - Within a stream order is strict, older epochs of a lane go first, and at most
//!   `min(8, window)` batches are under way, of pictures one. Lanes share by 90:7:2:1:1. One batch
//!   of alarms may always be under way, even at window 0.

mod acks;
mod action;
mod choice;
mod draft;
mod fair;
mod greeting;
mod lost;
mod mono;
mod round_trip;
mod stream;

use std::collections::BTreeMap;

pub use self::{
    action::{AckOutcome, Action, Ignored, Taken},
    draft::{BatchDraft, BatchRequest, Drafted, Receipt},
    greeting::HelloDraft,
    mono::Mono,
    stream::HeldStream,
};
use self::{fair::Fair, greeting::Session, round_trip::RoundTrip, stream::Stream};
use crate::{
    backoff::Backoff,
    lane::{Lane, StreamId},
    limits::{LANES, STREAMS_MAX},
    message::{CheckedAck, Lost},
    receiver::Centre,
};

/// Reconnecting: the first delay is at most this, later ones at most a minute.
const RECONNECT_FIRST_US: i64 = 1_000_000;
const RECONNECT_LONGEST_US: i64 = 60_000_000;

/// Who sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// The agent's name.
    pub agent: String,
    /// Of this run of the process: random, not 0, never used before.
    pub epoch: u64,
    /// Name and version of the software.
    pub software: String,
    /// Any random number: the jitter follows from it.
    pub seed: u64,
}

#[derive(Debug)]
enum Link {
    Down { connect_at: Mono },
    Connecting,
    Up(Session),
}

/// See the [module](self).
#[derive(Debug)]
pub struct Sender {
    sending: Sending,
    link: Link,
    /// By lane; the oldest epoch first.
    lanes: [Vec<Stream>; LANES],
    centre: Option<Centre>,
    window_batches: u32,
    fair: Fair,
    round_trip: RoundTrip,
    reconnect: Backoff,
    random_state: u64,
    hello_last_us: i64,
    free: BTreeMap<StreamId, u64>,
}

impl Sender {
    /// Starts disconnected, with the streams that the outbox holds, the oldest epoch first.
    pub fn new(sending: Sending, held: impl IntoIterator<Item = HeldStream>, now: Mono) -> Self {
        let mut sender = Self {
            random_state: sending.seed,
            sending,
            link: Link::Down { connect_at: now },
            lanes: Default::default(),
            centre: None,
            window_batches: 0,
            fair: Fair::default(),
            round_trip: RoundTrip::default(),
            reconnect: Backoff::new(RECONNECT_FIRST_US, RECONNECT_LONGEST_US),
            hello_last_us: 0,
            free: BTreeMap::new(),
        };
        for held in held {
            sender.lane_mut(held.id.lane).push(Stream::new(held));
        }
        sender
    }

    /// The agent's name.
    pub fn agent(&self) -> &str {
        &self.sending.agent
    }

    /// The store and term of the centre that welcomed us last.
    pub fn centre(&self) -> Option<Centre> {
        self.centre
    }

    /// Whether the centre has answered on this connection, and nothing is in doubt.
    pub fn is_welcomed(&self) -> bool {
        matches!(&self.link, Link::Up(session) if session.welcomed)
    }

    /// The outbox committed rows of `stream` below `next`. A stream not seen before begins at 1.
    pub fn stored(&mut self, stream: StreamId, next: u64) {
        match self.stream_mut(stream) {
            Some(known) => known.grow(next),
            None => {
                let held = HeldStream {
                    id: stream,
                    base: 1,
                    next,
                    acked: 0,
                    lost: Vec::new(),
                };
                self.lane_mut(stream.lane).push(Stream::new(held));
            }
        }
    }

    /// Rows of `stream` will never be sent: damaged, or gone.
    pub fn lost(&mut self, stream: StreamId, lost: Lost) {
        if let Some(stream) = self.stream_mut(stream) {
            stream.lose(lost);
        }
    }

    /// The outbox deleted rows of `stream` below `base` for space; those that were not acknowledged
    /// are declared lost with the reason `Full`.
    pub fn evicted(&mut self, stream: StreamId, base: u64) {
        if let Some(stream) = self.stream_mut(stream) {
            stream.evict(base);
        }
    }

    /// The outbox no longer knows `stream`, whose rows are all acknowledged and deleted.
    pub fn forget(&mut self, stream: StreamId) {
        self.lane_mut(stream.lane)
            .retain(|known| known.id != stream);
        self.free.remove(&stream);
    }

    /// There is a new connection, on which nothing is under way.
    pub fn connected(&mut self, now: Mono) {
        self.link = Link::Up(Session::new(now));
        self.streams_mut().for_each(Stream::reconnect);
    }

    /// The connection broke, or could not be had.
    pub fn disconnected(&mut self, now: Mono) {
        let random = self.random();
        let delay_us = self.reconnect.delay_us(random);
        self.link = Link::Down {
            connect_at: now.plus_micros(delay_us),
        };
        self.streams_mut().for_each(Stream::reconnect);
    }

    /// The batch of a draft was handed to the connection.
    pub fn sent(&mut self, receipt: Receipt, now: Mono) {
        let Receipt {
            stream,
            covers_from,
            last_seq,
            bytes,
        } = receipt;
        let deadline = now.plus_micros(self.round_trip.timeout_us(0));
        if matches!(self.link, Link::Up(_))
            && let Some(stream) = self.stream_mut(stream)
        {
            stream.sent(covers_from, last_seq, now, deadline);
            self.fair.charge(receipt.stream.lane, bytes);
        }
    }

    /// A proved and decoded ack came.
    pub fn ack(&mut self, ack: &CheckedAck, now: Mono) -> AckOutcome {
        if ack.agent != self.sending.agent {
            return AckOutcome::Ignored(Ignored::OtherAgent);
        }
        let from = Centre {
            store_id: ack.store_id,
            term: ack.term,
        };
        let Link::Up(session) = &mut self.link else {
            return AckOutcome::Ignored(Ignored::NotConnected);
        };
        if ack
            .welcomes_mono_us
            .is_some_and(|echo| session.is_awaiting(echo))
        {
            return AckOutcome::Taken(self.welcomed(ack, from, now));
        }
        if self.centre != Some(from) {
            session.greet_soon(now);
            return AckOutcome::Ignored(Ignored::OtherTerm);
        }
        // The welcome of an earlier Hello is no longer the whole truth, but an ack all the same.
        AckOutcome::Taken(self.progressed(ack, now))
    }

    /// What to do now. Ask again after each answer, until it is [`Action::Wait`].
    pub fn next(&mut self, now: Mono) -> Action {
        if let Some((stream, up_to)) = self.free.pop_first() {
            return Action::Free { stream, up_to };
        }
        let overdue = self.streams().filter_map(Stream::deadline).min();
        let request = self.request(now);
        let retry_at = self.streams().filter_map(Stream::retry_at).min();
        let session = match &mut self.link {
            Link::Down { connect_at } if now < *connect_at => {
                return Action::Wait {
                    until: Some(*connect_at),
                };
            }
            Link::Down { .. } => {
                self.link = Link::Connecting;
                return Action::Connect;
            }
            Link::Connecting => return Action::Wait { until: None },
            Link::Up(session) => session,
        };
        if session.welcomed && overdue.is_some_and(|overdue| overdue <= now) {
            session.welcomed = false;
            session.greet_soon(now);
        }
        if session.is_hello_due(now) {
            return self.hello(now);
        }
        let hello_at = session.hello_at();
        if !session.welcomed {
            return Action::Wait {
                until: Some(hello_at),
            };
        }
        match request {
            Some(request) => Action::SendBatch(request),
            None => {
                let times = [Some(hello_at), overdue, retry_at.filter(|at| now < *at)];
                Action::Wait {
                    until: times.into_iter().flatten().min(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
