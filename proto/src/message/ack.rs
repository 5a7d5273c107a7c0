use std::collections::BTreeSet;

use scene::FrameTime;

use super::{seq, stream_id};
use crate::{
    convert::{At, DecodeError, Fault, bytes, count, message, slug, time},
    lane::StreamId,
    limits::{ACK_BYTES_MAX, STREAMS_MAX, WINDOW_BATCHES_MAX},
    v1,
};

/// What a centre has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedAck {
    /// Of the store; new for every new one.
    pub store_id: [u8; 16],
    /// Random, never 0, new at every start of the centre.
    pub term: u64,
    /// To whom.
    pub agent: String,
    /// No stream twice.
    pub watermarks: Vec<Watermark>,
    /// Batches that may be under way, at most
    /// [`WINDOW_BATCHES_MAX`](crate::limits::WINDOW_BATCHES_MAX); 0: wait.
    pub window_batches: u32,
    /// The centre's wall clock.
    pub server: FrameTime,
    /// The Hello that this welcomes, by its `mono_us`; `None` for an ack of batches.
    pub welcomes_mono_us: Option<i64>,
}

/// Everything of a stream at or below `up_to` is stored, or was declared lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    /// Which.
    pub id: StreamId,
    /// 0 when nothing is stored.
    pub up_to: u64,
}

impl CheckedAck {
    /// Reads and validates the payload of an envelope.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        let wire: v1::Ack = message("ack", payload, ACK_BYTES_MAX)?;
        let list = "ack.watermarks";
        count(wire.watermarks.len(), STREAMS_MAX).at(list)?;
        let mut seen = BTreeSet::new();
        let mut watermarks = Vec::with_capacity(wire.watermarks.len());
        for (index, wire) in wire.watermarks.into_iter().enumerate() {
            let id = stream_id(wire.epoch, wire.lane).at_index(list, index, ".stream")?;
            if !seen.insert(id) {
                return Err(Fault::Repeated).at_index(list, index, "");
            }
            let up_to = seq(wire.up_to).at_index(list, index, ".up_to")?;
            watermarks.push(Watermark { id, up_to });
        }
        if wire.term == 0 {
            return Err(Fault::Missing.at("ack.term"));
        }
        let welcomes_mono_us = match (wire.welcome, wire.echo_mono_us) {
            (true, 1..) => Some(wire.echo_mono_us),
            (false, 0) => None,
            (true, _) => return Err(Fault::Missing.at("ack.echo_mono_us")),
            (false, _) => return Err(Fault::Unexpected.at("ack.echo_mono_us")),
        };
        Ok(Self {
            store_id: bytes(&wire.store_id).at("ack.store_id")?,
            term: wire.term,
            agent: slug(wire.agent).at("ack.agent")?,
            watermarks,
            window_batches: wire.window_batches.min(WINDOW_BATCHES_MAX),
            server: time(wire.server_us).at("ack.server_us")?,
            welcomes_mono_us,
        })
    }
}

impl From<CheckedAck> for v1::Ack {
    fn from(ack: CheckedAck) -> Self {
        let watermark = |mark: Watermark| v1::Watermark {
            epoch: mark.id.epoch,
            lane: mark.id.lane.number().into(),
            up_to: mark.up_to,
        };
        Self {
            store_id: ack.store_id.to_vec(),
            agent: ack.agent,
            watermarks: ack.watermarks.into_iter().map(watermark).collect(),
            window_batches: ack.window_batches,
            server_us: ack.server.as_micros(),
            echo_mono_us: ack.welcomes_mono_us.unwrap_or(0),
            welcome: ack.welcomes_mono_us.is_some(),
            term: ack.term,
        }
    }
}
