//! Items: what is said, as bytes and as checked values.
//!
//! [`CheckedItem::decode`] is the only way in from outside, and it validates: sizes and counts
//! within [`limits`](crate::limits), numbers finite and in range, names well formed, enumerations
//! known, times between 2000 and 2100, pictures matching their digest. Whatever has the checked
//! types is fit to be stored and shown. `decode(encode(item)) == item` for every valid item.

mod check;
mod event;
mod evidence;
mod fault;
mod setup;

use prost::Message;
use scene::Event;

pub(crate) use self::{check::*, fault::At};
pub use self::{
    event::{Classification, EventId, WireEvent, event},
    evidence::{Evidence, EvidenceRef},
    fault::{DecodeError, Fault},
    setup::{CameraSetup, RuleShape},
};
use crate::{
    lane::{Lane, lane_of},
    limits::{CAMERA_SETUP_BYTES_MAX, EVENT_BYTES_MAX, ITEM_BYTES_MAX},
    v1,
};

/// An item that passed every check.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckedItem {
    /// Something happened.
    Event(WireEvent),
    /// A camera is there, has changed, or is gone.
    CameraSetup(CameraSetup),
    /// A picture.
    Evidence(Evidence),
}

impl CheckedItem {
    /// Reads and validates an item of a batch.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        use v1::item::Body;

        size(bytes.len(), ITEM_BYTES_MAX).at("item")?;
        if !may_hold_evidence(bytes) {
            size(bytes.len(), CAMERA_SETUP_BYTES_MAX).at("item")?;
        }
        let item: v1::Item = message("item", bytes, ITEM_BYTES_MAX)?;
        match item.body.ok_or(Fault::Missing).at("item.body")? {
            Body::Event(event) => {
                size(bytes.len(), EVENT_BYTES_MAX).at("event")?;
                event.try_into().map(Self::Event)
            }
            Body::Camera(setup) => setup.try_into().map(Self::CameraSetup),
            Body::Evidence(evidence) => evidence.try_into().map(Self::Evidence),
        }
    }

    /// The bytes that the outbox keeps and a batch carries.
    pub fn encode(self) -> Vec<u8> {
        use v1::item::Body;

        let body = match self {
            Self::Event(event) => Body::Event(event.into()),
            Self::CameraSetup(setup) => Body::Camera(setup.into()),
            Self::Evidence(evidence) => Body::Evidence(evidence.into()),
        };
        v1::Item { body: Some(body) }.encode_to_vec()
    }

    /// The lane that it belongs in.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Event(WireEvent { event, .. }) => lane_of(event),
            Self::CameraSetup(_) => Lane::Alarms,
            Self::Evidence(_) => Lane::Evidence,
        }
    }
}

/// The item bytes and the lane of what a rule said: what goes into the outbox.
pub fn event_item(event: v1::Event, source: &Event) -> (Lane, Vec<u8>) {
    let item = v1::Item {
        body: Some(v1::item::Body::Event(event)),
    };
    (lane_of(source), item.encode_to_vec())
}

/// Whether the first field is the one of evidence, the only item whose large part is one string of
/// bytes and not thousands of small messages, each of which costs memory to decode.
fn may_hold_evidence(bytes: &[u8]) -> bool {
    const EVIDENCE_TAG: u8 = 3 << 3 | 2;
    bytes.first() == Some(&EVIDENCE_TAG)
}

#[cfg(test)]
mod tests;
