use std::collections::BTreeSet;

use scene::FrameTime;

use super::{seq, stream_id};
use crate::{
    convert::{At, DecodeError, Fault, count, message, slug, text, time},
    lane::StreamId,
    limits::{HELLO_BYTES_MAX, SEQ_MAX, SOFTWARE_BYTES_MAX, STREAMS_MAX},
    v1,
};

/// What an agent holds; asks for an ack of each stream named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedHello {
    /// Who it is, as it says; the envelope's key proves it.
    pub agent: String,
    /// Of this run of its process.
    pub epoch: u64,
    /// No stream twice.
    pub streams: Vec<StreamState>,
    /// The agent's steady clock in microseconds, to be echoed by the welcome. It grows with every
    /// Hello of an epoch.
    pub mono_us: i64,
    /// The agent's wall clock; `None` when it is out of any sensible range, as after a boot
    /// without a battery. Not a reason to refuse: the welcome brings the time.
    pub wall: Option<FrameTime>,
    /// Name and version.
    pub software: String,
}

/// What an agent holds of one stream: `1 <= base <= next`, `last_acked < next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamState {
    /// Which.
    pub id: StreamId,
    /// Oldest number still held; `next` when none is.
    pub base: u64,
    /// The next number to be given out.
    pub next: u64,
    /// Everything at or below was acknowledged.
    pub last_acked: u64,
}

impl CheckedHello {
    /// Reads and validates the payload of an envelope.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        let wire: v1::Hello = message("hello", payload, HELLO_BYTES_MAX)?;
        let list = "hello.streams";
        count(wire.streams.len(), STREAMS_MAX).at(list)?;
        let mut seen = BTreeSet::new();
        let mut streams = Vec::with_capacity(wire.streams.len());
        for (index, wire) in wire.streams.into_iter().enumerate() {
            let state = stream_state(wire).at_index(list, index, "")?;
            if !seen.insert(state.id) {
                return Err(Fault::Repeated).at_index(list, index, "");
            }
            streams.push(state);
        }
        if wire.epoch == 0 {
            return Err(Fault::Missing.at("hello.epoch"));
        }
        if wire.mono_us <= 0 {
            return Err(Fault::OutOfRange.at("hello.mono_us"));
        }
        Ok(Self {
            agent: slug(wire.agent).at("hello.agent")?,
            epoch: wire.epoch,
            streams,
            mono_us: wire.mono_us,
            wall: time(wire.wall_us).ok(),
            software: text(wire.software, SOFTWARE_BYTES_MAX).at("hello.software")?,
        })
    }
}

impl From<StreamState> for v1::StreamState {
    fn from(state: StreamState) -> Self {
        Self {
            epoch: state.id.epoch,
            lane: state.id.lane.number().into(),
            base: state.base,
            next: state.next,
            last_acked: state.last_acked,
        }
    }
}

fn stream_state(wire: v1::StreamState) -> Result<StreamState, Fault> {
    let id = stream_id(wire.epoch, wire.lane)?;
    let base = seq(wire.base)?;
    let last_acked = seq(wire.last_acked)?;
    let next = wire.next;
    // The largest `next` follows the largest number.
    let next_fits = next.checked_sub(1).is_some_and(|last| last <= SEQ_MAX);
    if next_fits && 1 <= base && base <= next && last_acked < next {
        Ok(StreamState {
            id,
            base,
            next,
            last_acked,
        })
    } else {
        Err(Fault::OutOfRange)
    }
}
