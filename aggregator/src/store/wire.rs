//! Between the wire's items, the columns, and the rows as they are shown.

use std::{collections::BTreeMap, sync::Arc};

use proto::{CheckedItem, WireEvent};
use uuid::Uuid;

use super::{
    StoreError,
    rows::{Cursor, Direction, Event, EventKind, EvidenceRef, Phase, SeenObject, Severity},
    time::Timestamp,
};

/// Where and when an event was stored.
pub(super) struct Place<'a> {
    pub(super) cursor: Cursor,
    pub(super) agent: &'a str,
    pub(super) stored_at: Timestamp,
}

/// The event in an item that was checked before it was stored.
pub(super) fn event_of(place: &Place<'_>, item: Arc<[u8]>) -> Result<Event, StoreError> {
    match CheckedItem::decode(&item) {
        Ok(CheckedItem::Event(event)) => Ok(row(place, &event, item)),
        Ok(_) | Err(_) => Err(StoreError::Corrupt {
            reason: format!("event {} does not decode", place.cursor),
        }),
    }
}

pub(super) fn row(place: &Place<'_>, wire: &WireEvent, item: Arc<[u8]>) -> Event {
    let event = &wire.event;
    let objects = event.objects.iter().map(|object| SeenObject {
        track: object.track,
        class: object.class.clone(),
        score: object.score,
        bbox: {
            let bbox = &object.bbox;
            [bbox.left(), bbox.top(), bbox.width(), bbox.height()]
        },
    });
    let evidence = wire.evidence.iter().map(|picture| EvidenceRef {
        sha256: hex::encode(picture.sha256),
        media_type: picture.media_type.clone(),
        masked: picture.masked,
    });
    let measures: BTreeMap<_, _> = event
        .measures
        .iter()
        .map(|measure| (measure_name(measure.name).to_owned(), measure.value))
        .collect();
    Event {
        id: Uuid::from_bytes(wire.id),
        cursor: place.cursor,
        agent: place.agent.to_owned(),
        camera: wire.camera.clone(),
        rule: event.rule.clone(),
        kind: event.kind.into(),
        phase: event.phase.into(),
        severity: event.severity.into(),
        direction: event.direction.map(Direction::from),
        episode: event.episode,
        captured_at: Timestamp::from_micros(event.at.as_micros()),
        uncertainty_ms: wire.uncertainty_ms,
        stored_at: place.stored_at,
        objects: objects.collect(),
        measures,
        evidence: evidence.collect(),
        item,
    }
}

fn measure_name(name: scene::MeasureName) -> &'static str {
    match name {
        scene::MeasureName::Count => "count",
        scene::MeasureName::CountAtLeast => "count_at_least",
        scene::MeasureName::Occupancy => "occupancy",
        scene::MeasureName::DwellSeconds => "dwell_seconds",
        scene::MeasureName::ObservedSeconds => "observed_seconds",
        scene::MeasureName::WindowSeconds => "window_seconds",
    }
}

impl EventKind {
    pub const ALL: [Self; 8] = [
        Self::LineCrossed,
        Self::LineCount,
        Self::ZoneEntered,
        Self::ZoneLeft,
        Self::ZoneOccupancy,
        Self::DwellExceeded,
        Self::Intrusion,
        Self::CameraSignal,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LineCrossed => "line_crossed",
            Self::LineCount => "line_count",
            Self::ZoneEntered => "zone_entered",
            Self::ZoneLeft => "zone_left",
            Self::ZoneOccupancy => "zone_occupancy",
            Self::DwellExceeded => "dwell_exceeded",
            Self::Intrusion => "intrusion",
            Self::CameraSignal => "camera_signal",
        }
    }

    /// The number on the wire and in the store.
    pub const fn number(self) -> i32 {
        match self {
            Self::LineCrossed => 1,
            Self::LineCount => 2,
            Self::ZoneEntered => 3,
            Self::ZoneLeft => 4,
            Self::ZoneOccupancy => 5,
            Self::DwellExceeded => 6,
            Self::Intrusion => 7,
            Self::CameraSignal => 8,
        }
    }
}

impl Phase {
    pub(super) const fn number(self) -> i32 {
        match self {
            Self::Instant => 1,
            Self::Begin => 2,
            Self::Change => 3,
            Self::End => 4,
        }
    }
}

impl Severity {
    /// The number on the wire and in the store, as in RFC 8632.
    pub const fn number(self) -> i32 {
        match self {
            Self::None => 0,
            Self::Warning => 3,
            Self::Minor => 4,
            Self::Major => 5,
            Self::Critical => 6,
        }
    }

    /// The severity of a stored number; one below is rounded up, as nothing else is stored.
    pub(super) const fn from_number(number: i32) -> Self {
        match number {
            ..=0 => Self::None,
            1..=3 => Self::Warning,
            4 => Self::Minor,
            5 => Self::Major,
            6.. => Self::Critical,
        }
    }
}

impl From<scene::Kind> for EventKind {
    fn from(kind: scene::Kind) -> Self {
        match kind {
            scene::Kind::LineCrossed => Self::LineCrossed,
            scene::Kind::LineCount => Self::LineCount,
            scene::Kind::ZoneEntered => Self::ZoneEntered,
            scene::Kind::ZoneLeft => Self::ZoneLeft,
            scene::Kind::ZoneOccupancy => Self::ZoneOccupancy,
            scene::Kind::DwellExceeded => Self::DwellExceeded,
            scene::Kind::Intrusion => Self::Intrusion,
            scene::Kind::CameraSignal => Self::CameraSignal,
        }
    }
}

impl From<scene::Phase> for Phase {
    fn from(phase: scene::Phase) -> Self {
        match phase {
            scene::Phase::Instant => Self::Instant,
            scene::Phase::Begin => Self::Begin,
            scene::Phase::Change => Self::Change,
            scene::Phase::End => Self::End,
        }
    }
}

impl From<scene::Severity> for Severity {
    fn from(severity: scene::Severity) -> Self {
        match severity {
            scene::Severity::None => Self::None,
            scene::Severity::Warning => Self::Warning,
            scene::Severity::Minor => Self::Minor,
            scene::Severity::Major => Self::Major,
            scene::Severity::Critical => Self::Critical,
        }
    }
}

impl From<Severity> for scene::Severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::None => Self::None,
            Severity::Warning => Self::Warning,
            Severity::Minor => Self::Minor,
            Severity::Major => Self::Major,
            Severity::Critical => Self::Critical,
        }
    }
}

impl From<scene::Direction> for Direction {
    fn from(direction: scene::Direction) -> Self {
        match direction {
            scene::Direction::ToLeft => Self::ToLeft,
            scene::Direction::ToRight => Self::ToRight,
        }
    }
}
