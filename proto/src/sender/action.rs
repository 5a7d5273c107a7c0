//! What the sender answers.

use std::ops::RangeInclusive;

use super::{draft::BatchRequest, greeting::HelloDraft, mono::Mono};
use crate::lane::StreamId;

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a connection, then tell [`connected`](super::Sender::connected) or [`disconnected`](super::Sender::disconnected).
    Connect,
    /// Sign and send a Hello.
    SendHello(HelloDraft),
    /// Read rows, sign and send a batch, then tell [`sent`](super::Sender::sent); or [`lost`](super::Sender::lost) if there
    /// is no sound row. Until told, `next` answers the same again.
    SendBatch(BatchRequest),
    /// Rows of `stream` at or below `up_to` are acknowledged and may be deleted when space is
    /// needed; rows above may not. `up_to` goes *back* when the centre was restored.
    Free {
        /// Which.
        stream: StreamId,
        /// The last acknowledged number.
        up_to: u64,
    },
    /// Nothing to do until then, or until something is told.
    Wait {
        /// `None`: until something is told.
        until: Option<Mono>,
    },
}

/// What an ack did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AckOutcome {
    /// It was taken.
    Taken(Taken),
    /// It was not; nothing was freed.
    Ignored(Ignored),
}

/// For logs, metrics and the clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// It answers our last Hello, which went out this many microseconds ago: the centre's clock
    /// showed [`server`](crate::CheckedAck::server) at some moment in between.
    pub welcome_round_trip_us: Option<i64>,
    /// The store is another than before.
    pub store_changed: bool,
    /// Streams of which the centre lost data, with the range that it had stored.
    pub rewound: Vec<(StreamId, RangeInclusive<u64>)>,
    /// Streams of which the centre has more than our outbox: it lost committed rows.
    pub ahead_of_outbox: Vec<StreamId>,
}

/// Why an ack was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It is for another agent.
    OtherAgent,
    /// There is no connection that it could have come from.
    NotConnected,
    /// It is from a centre that has not welcomed us yet; a Hello goes out.
    OtherTerm,
}
