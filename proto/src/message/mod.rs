//! Messages of the delivery protocol, decoded and checked.
//!
//! Each `decode` takes the payload of an envelope that [`sign::open`](crate::sign::open) has proved,
//! looks at its size before anything else, and returns a value that keeps the rules of the protocol.

mod ack;
mod batch;
mod hello;
mod status;

pub use self::{
    ack::{CheckedAck, Watermark},
    batch::{CheckedBatch, Lost, LostReason},
    hello::{CheckedHello, StreamState},
    status::{CameraState, CameraStatus, CheckedStatus},
};
use crate::{
    convert::Fault,
    lane::{Lane, StreamId},
    limits::SEQ_MAX,
};

fn stream_id(epoch: u64, lane: u32) -> Result<StreamId, Fault> {
    let lane = Lane::from_number(lane).ok_or(Fault::OutOfRange)?;
    if epoch == 0 {
        Err(Fault::Missing)
    } else {
        Ok(StreamId { epoch, lane })
    }
}

fn seq(number: u64) -> Result<u64, Fault> {
    if number <= SEQ_MAX {
        Ok(number)
    } else {
        Err(Fault::OutOfRange)
    }
}

#[cfg(test)]
mod tests;
