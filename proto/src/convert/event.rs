use scene::{BBox, Direction, Event, Kind, Measure, MeasureName, Object, Phase, Severity};

use super::{
    At, DecodeError, EvidenceRef, Fault, bytes, count, name, number, slug, time, uncertainty,
};
use crate::{
    limits::{CLASS_BYTES_MAX, EVIDENCE_REFS_MAX, MEASURE_VALUE_MAX, MEASURES_MAX, OBJECTS_MAX},
    v1,
};

/// A UUID of version 7 (RFC 9562): made once on the box, unique for ever.
pub type EventId = [u8; 16];

/// An event with what the rules do not know of it.
#[derive(Clone, Debug, PartialEq)]
pub struct WireEvent {
    /// Given by the box when the event was put into its outbox.
    pub id: EventId,
    /// The camera's name, unique within the agent.
    pub camera: String,
    /// The capture time is right within this, in milliseconds.
    pub uncertainty_ms: u32,
    /// Pictures, which follow in a later item.
    pub evidence: Vec<EvidenceRef>,
    /// Who may see it.
    pub classification: Classification,
    /// What happened.
    pub event: Event,
}

/// Who may see something, by the usual four levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Classification {
    /// Anybody.
    Public,
    /// The organisation.
    #[default]
    Internal,
    /// Those who need it for their work.
    Confidential,
    /// Named people.
    Restricted,
}

/// An event as it travels. It is classified as internal, or as confidential where a picture shows
/// people unmasked.
pub fn event(
    camera: &str,
    id: EventId,
    uncertainty_ms: u32,
    evidence: Vec<EvidenceRef>,
    event: &Event,
) -> v1::Event {
    let classification = if evidence.iter().all(|picture| picture.masked) {
        Classification::Internal
    } else {
        Classification::Confidential
    };
    let event = event.clone();
    WireEvent {
        id,
        camera: camera.to_owned(),
        uncertainty_ms,
        evidence,
        classification,
        event,
    }
    .into()
}

impl From<WireEvent> for v1::Event {
    fn from(wire: WireEvent) -> Self {
        let event = wire.event;
        Self {
            id: wire.id.to_vec(),
            camera: wire.camera,
            rule: event.rule,
            kind: kind_to_wire(event.kind).into(),
            phase: phase_to_wire(event.phase).into(),
            captured_us: event.at.as_micros(),
            uncertainty_ms: wire.uncertainty_ms,
            episode: event.episode,
            severity: severity_to_wire(event.severity).into(),
            direction: direction_to_wire(event.direction).into(),
            objects: event.objects.into_iter().map(object_to_wire).collect(),
            measures: event.measures.into_iter().map(measure_to_wire).collect(),
            evidence: wire.evidence.into_iter().map(Into::into).collect(),
            classification: classification_to_wire(wire.classification).into(),
        }
    }
}

impl TryFrom<v1::Event> for WireEvent {
    type Error = DecodeError;

    fn try_from(wire: v1::Event) -> Result<Self, DecodeError> {
        let id = bytes::<16>(&wire.id).and_then(version_7).at("event.id")?;
        let at = time(wire.captured_us).at("event.captured_us")?;
        let kind = kind_from_wire(wire.kind).at("event.kind")?;
        let phase = phase_from_wire(wire.phase).at("event.phase")?;
        if phase == Phase::Instant && wire.episode != 0 {
            return Err(Fault::Unexpected.at("event.episode"));
        }
        count(wire.evidence.len(), EVIDENCE_REFS_MAX).at("event.evidence")?;
        let evidence = wire
            .evidence
            .into_iter()
            .enumerate()
            .map(|(index, picture)| {
                EvidenceRef::try_from(picture).at_index("event.evidence", index, "")
            });
        let event = Event {
            at,
            rule: slug(wire.rule).at("event.rule")?,
            kind,
            phase,
            severity: severity_from_wire(wire.severity).at("event.severity")?,
            episode: wire.episode,
            direction: direction_from_wire(wire.direction).at("event.direction")?,
            objects: objects(wire.objects)?,
            measures: measures(wire.measures)?,
        };
        Ok(Self {
            id,
            camera: slug(wire.camera).at("event.camera")?,
            uncertainty_ms: uncertainty(wire.uncertainty_ms).at("event.uncertainty_ms")?,
            evidence: evidence.collect::<Result<_, _>>()?,
            classification: classification_from_wire(wire.classification)
                .at("event.classification")?,
            event,
        })
    }
}

/// Checks the two fixed fields of a UUIDv7: the version, and the variant of RFC 9562.
fn version_7(id: EventId) -> Result<EventId, Fault> {
    let [_, _, _, _, _, _, version, _, variant, ..] = id;
    if version >> 4 == 7 && variant >> 6 == 0b10 {
        Ok(id)
    } else {
        Err(Fault::OutOfRange)
    }
}

fn objects(wire: Vec<v1::Object>) -> Result<Vec<Object>, DecodeError> {
    count(wire.len(), OBJECTS_MAX).at("event.objects")?;
    let object = |(index, wire): (usize, v1::Object)| {
        let list = "event.objects";
        let frame = wire
            .r#box
            .ok_or(Fault::Missing)
            .at_index(list, index, ".box")?;
        Ok(Object {
            track: wire.track,
            class: name(wire.class, CLASS_BYTES_MAX).at_index(list, index, ".class")?,
            score: score(wire.score).at_index(list, index, ".score")?,
            bbox: BBox::new(frame.left, frame.top, frame.width, frame.height)
                .ok_or(Fault::OutOfRange)
                .at_index(list, index, ".box")?,
        })
    };
    wire.into_iter().enumerate().map(object).collect()
}

fn score(score: f32) -> Result<f32, Fault> {
    if (0.0..=1.0).contains(&score) {
        Ok(score)
    } else {
        Err(Fault::OutOfRange)
    }
}

fn measures(wire: Vec<v1::Measure>) -> Result<Vec<Measure>, DecodeError> {
    let list = "event.measures";
    count(wire.len(), MEASURES_MAX).at(list)?;
    let mut measures = Vec::<Measure>::with_capacity(wire.len());
    for (index, wire) in wire.into_iter().enumerate() {
        let name = measure_name_from_wire(wire.name).at_index(list, index, ".name")?;
        if measures.iter().any(|earlier| earlier.name == name) {
            return Err(Fault::Repeated).at_index(list, index, ".name");
        }
        let value = wire
            .value
            .map(|value| number(value, MEASURE_VALUE_MAX))
            .transpose();
        measures.push(Measure {
            name,
            value: value.at_index(list, index, ".value")?,
        });
    }
    Ok(measures)
}

fn object_to_wire(object: Object) -> v1::Object {
    let [left, top, width, height] = object.bbox.into();
    v1::Object {
        track: object.track,
        class: object.class,
        score: object.score,
        r#box: Some(v1::Box {
            left,
            top,
            width,
            height,
        }),
    }
}

fn measure_to_wire(measure: Measure) -> v1::Measure {
    v1::Measure {
        name: measure_name_to_wire(measure.name).into(),
        value: measure.value,
    }
}

/// The two directions of one enumeration from one table, so that they cannot disagree.
macro_rules! enumeration {
    ($to:ident, $from:ident, $name:ident { $($variant:ident),* } $(missing: $missing:ident)?) => {
        fn $to(value: $name) -> v1::$name {
            match value { $($name::$variant => v1::$name::$variant,)* }
        }

        fn $from(value: i32) -> Result<$name, Fault> {
            match v1::$name::try_from(value) {
                $(Ok(v1::$name::$variant) => Ok($name::$variant),)*
                $(Ok(v1::$name::$missing) => Err(Fault::Missing),)?
                Err(prost::UnknownEnumValue(value)) => Err(Fault::UnknownValue(value)),
            }
        }
    };
}

enumeration!(kind_to_wire, kind_from_wire, Kind {
    LineCrossed, LineCount, ZoneEntered, ZoneLeft, ZoneOccupancy, DwellExceeded, Intrusion,
    CameraSignal
} missing: Unspecified);

enumeration!(phase_to_wire, phase_from_wire, Phase {
    Instant, Begin, Change, End
} missing: Unspecified);

enumeration!(
    severity_to_wire,
    severity_from_wire,
    Severity {
        None,
        Warning,
        Minor,
        Major,
        Critical
    }
);

enumeration!(measure_name_to_wire, measure_name_from_wire, MeasureName {
    Count, CountAtLeast, Occupancy, DwellSeconds, ObservedSeconds, WindowSeconds
} missing: Unspecified);

enumeration!(classification_to_wire, classification_from_wire, Classification {
    Public, Internal, Confidential, Restricted
} missing: Unspecified);

fn direction_to_wire(direction: Option<Direction>) -> v1::Direction {
    match direction {
        None => v1::Direction::Unspecified,
        Some(Direction::ToLeft) => v1::Direction::ToLeft,
        Some(Direction::ToRight) => v1::Direction::ToRight,
    }
}

fn direction_from_wire(value: i32) -> Result<Option<Direction>, Fault> {
    match v1::Direction::try_from(value) {
        Ok(v1::Direction::Unspecified) => Ok(None),
        Ok(v1::Direction::ToLeft) => Ok(Some(Direction::ToLeft)),
        Ok(v1::Direction::ToRight) => Ok(Some(Direction::ToRight)),
        Err(prost::UnknownEnumValue(value)) => Err(Fault::UnknownValue(value)),
    }
}
