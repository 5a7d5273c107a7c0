use proptest::{collection::vec, option, prelude::*};
use scene::{
    BBox, Direction, FrameTime, Kind, Measure, MeasureName, Object, Phase, Point, Severity,
    spec::ShapeKind,
};

use super::*;
use crate::limits::{MEASURE_VALUE_MAX, TIME_END_US, TIME_MIN_US};

const KINDS: [Kind; 8] = [
    Kind::LineCrossed,
    Kind::LineCount,
    Kind::ZoneEntered,
    Kind::ZoneLeft,
    Kind::ZoneOccupancy,
    Kind::DwellExceeded,
    Kind::Intrusion,
    Kind::CameraSignal,
];
const PHASES: [Phase; 4] = [Phase::Instant, Phase::Begin, Phase::Change, Phase::End];
const SEVERITIES: [Severity; 5] = [
    Severity::None,
    Severity::Warning,
    Severity::Minor,
    Severity::Major,
    Severity::Critical,
];
const MEASURES: [MeasureName; 6] = [
    MeasureName::Count,
    MeasureName::CountAtLeast,
    MeasureName::Occupancy,
    MeasureName::DwellSeconds,
    MeasureName::ObservedSeconds,
    MeasureName::WindowSeconds,
];
const CLASSIFICATIONS: [Classification; 4] = [
    Classification::Public,
    Classification::Internal,
    Classification::Confidential,
    Classification::Restricted,
];

fn any_slug() -> impl Strategy<Value = String> {
    "[a-z0-9][a-z0-9_-]{0,62}"
}

fn any_time() -> impl Strategy<Value = FrameTime> {
    (TIME_MIN_US..TIME_END_US).prop_map(FrameTime::from_micros)
}

fn any_object() -> impl Strategy<Value = Object> {
    let place = (
        -8.0..=8.0_f32,
        -8.0..=8.0_f32,
        1e-6..=8.0_f32,
        1e-6..=8.0_f32,
    );
    (any::<u64>(), "[^\\p{Cc}]{1,16}", 0.0..=1.0_f32, place).prop_map(
        |(track, class, score, (left, top, width, height))| {
            let bbox = BBox::new(left, top, width, height).unwrap();
            Object {
                track,
                class,
                score,
                bbox,
            }
        },
    )
}

fn any_measures() -> impl Strategy<Value = Vec<Measure>> {
    proptest::sample::subsequence(&MEASURES[..], 0..=MEASURES.len())
        .prop_flat_map(|names| {
            let count = names.len();
            (Just(names), vec(option::of(0.0..=MEASURE_VALUE_MAX), count))
        })
        .prop_map(|(names, values)| {
            let measures = names.into_iter().zip(values);
            measures
                .map(|(name, value)| Measure { name, value })
                .collect()
        })
}

fn any_reference() -> impl Strategy<Value = EvidenceRef> {
    let media_type = proptest::sample::select(&crate::limits::MEDIA_TYPES[..]);
    (any::<[u8; 32]>(), media_type, any::<u32>(), any::<bool>()).prop_map(
        |(sha256, media_type, size_bytes, masked)| EvidenceRef {
            sha256,
            media_type: media_type.to_owned(),
            size_bytes,
            masked,
        },
    )
}

fn any_event() -> impl Strategy<Value = WireEvent> {
    let told = (
        any_time(),
        any_slug(),
        vec(any_object(), 0..4),
        any_measures(),
    );
    let enums = (
        proptest::sample::select(&KINDS[..]),
        proptest::sample::select(&PHASES[..]),
        proptest::sample::select(&SEVERITIES[..]),
        proptest::sample::select(&CLASSIFICATIONS[..]),
        option::of(proptest::sample::select(
            &[Direction::ToLeft, Direction::ToRight][..],
        )),
    );
    let head = (
        any::<[u8; 16]>(),
        any_slug(),
        0..=86_400_000_u32,
        any::<u64>(),
    );
    (told, enums, head, vec(any_reference(), 0..3)).prop_map(
        |((at, rule, objects, measures), enums, (mut id, camera, uncertainty_ms, n), evidence)| {
            let (kind, phase, severity, classification, direction) = enums;
            id[6] = 0x70 | id[6] & 0x0f;
            id[8] = 0x80 | id[8] & 0x3f;
            let episode = if phase == Phase::Instant { 0 } else { n };
            let event = Event {
                at,
                rule,
                kind,
                phase,
                severity,
                episode,
                direction,
                objects,
                measures,
            };
            WireEvent {
                id,
                camera,
                uncertainty_ms,
                evidence,
                classification,
                event,
            }
        },
    )
}

fn any_setup() -> impl Strategy<Value = CameraSetup> {
    let point = (0.0..=1.0_f32, 0.0..=1.0_f32).prop_map(|(x, y)| Point::new(x, y));
    let kind =
        proptest::sample::select(&[ShapeKind::Line, ShapeKind::Zone, ShapeKind::Intrusion][..]);
    let shape = (
        "[^\\p{Cc}]{1,40}",
        kind,
        vec(point, 0..8),
        option::of(0.0..=604_800.0_f64),
    );
    let text = ("[^\\p{Cc}]{1,40}", "[0-9a-f]{0,64}");
    (
        any_slug(),
        text,
        0..=32_768_u32,
        0..=32_768_u32,
        vec(shape, 0..5),
        any::<bool>(),
    )
        .prop_map(
            |(camera, (name, config_version), width, height, shapes, removed)| {
                let shapes = shapes.into_iter().enumerate();
                let rules =
                    shapes.map(
                        |(n, (label, kind, points, dwell_limit_seconds))| RuleShape {
                            rule: format!("rule-{n}"),
                            label,
                            kind,
                            points,
                            dwell_limit_seconds,
                        },
                    );
                let rules = rules.collect();
                CameraSetup {
                    camera,
                    name,
                    width,
                    height,
                    rules,
                    config_version,
                    removed,
                }
            },
        )
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    (
        any_slug(),
        any_time(),
        vec(any::<u8>(), 1..300),
        any::<bool>(),
    )
        .prop_map(|(camera, captured, data, masked)| {
            Evidence::new(camera, captured, "image/jpeg".to_owned(), data, masked)
        })
}

fn any_item() -> impl Strategy<Value = CheckedItem> {
    prop_oneof![
        any_event().prop_map(CheckedItem::Event),
        any_setup().prop_map(CheckedItem::CameraSetup),
        any_evidence().prop_map(CheckedItem::Evidence),
    ]
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(item in any_item()) {
        let decoded = CheckedItem::decode(&item.clone().encode());
        prop_assert_eq!(decoded, Ok(item));
    }

    #[test]
    fn the_shortcut_for_rules_encodes_the_same(wire in any_event()) {
        let WireEvent { id, camera, uncertainty_ms, evidence, event: source, .. } = wire;
        let (lane, bytes) =
            event_item(event(&camera, id, uncertainty_ms, evidence, &source), &source);
        let decoded = CheckedItem::decode(&bytes).unwrap();
        prop_assert_eq!(decoded.lane(), lane);
        let CheckedItem::Event(decoded) = decoded else { panic!("an event stays one") };
        prop_assert_eq!(decoded.event, source);
    }
}

/// An event as a busy crossing gives hundreds of in an hour.
fn passage() -> WireEvent {
    let bbox = BBox::new(0.412_5, 0.337_1, 0.061_2, 0.204_9).unwrap();
    let object = Object {
        track: 48_211,
        class: "motorcycle".to_owned(),
        score: 0.87,
        bbox,
    };
    let mut id = [0x5a; 16];
    id[6] = 0x75;
    id[8] = 0x9a;
    WireEvent {
        id,
        camera: "cong-chinh".to_owned(),
        uncertainty_ms: 150,
        evidence: Vec::new(),
        classification: Classification::Internal,
        event: Event {
            at: FrameTime::from_micros(1_780_000_000_123_456),
            rule: "vach-dung-phia-bac".to_owned(),
            kind: Kind::LineCrossed,
            phase: Phase::Instant,
            severity: Severity::None,
            episode: 0,
            direction: Some(Direction::ToLeft),
            objects: vec![object],
            measures: vec![
                Measure {
                    name: MeasureName::Occupancy,
                    value: Some(3.0),
                },
                Measure {
                    name: MeasureName::DwellSeconds,
                    value: Some(12.25),
                },
            ],
        },
    }
}

#[test]
fn an_event_without_evidence_is_under_200_bytes() {
    let bytes = CheckedItem::Event(passage()).encode().len();
    assert!(bytes < 200, "{bytes} bytes");
}

/// A valid event, changed by `change`; the fault that decoding names.
fn fault_of(change: impl FnOnce(&mut v1::Event)) -> String {
    let mut event = v1::Event::from(passage());
    change(&mut event);
    let item = v1::Item {
        body: Some(v1::item::Body::Event(event)),
    };
    CheckedItem::decode(&item.encode_to_vec())
        .expect_err("a fault was put in")
        .to_string()
}

/// What is put in, and how the fault is named.
type Case = (fn(&mut v1::Event), &'static str);

#[test]
fn the_fault_is_named_with_its_place() {
    let cases: [Case; 12] = [
        (|e| e.id[6] = 0x45, "event.id: out of range"),
        (|e| e.id.truncate(3), "event.id: 3 bytes, expected 16"),
        (|e| e.camera = "../etc".into(), "event.camera: not a name"),
        (|e| e.rule = String::new(), "event.rule: not a name"),
        (|e| e.rule = "a".repeat(64), "event.rule: not a name"),
        (|e| e.kind = 0, "event.kind: missing"),
        (|e| e.kind = 99, "event.kind: value 99 is not known"),
        (|e| e.severity = 2, "event.severity: value 2 is not known"),
        (|e| e.episode = 7, "event.episode: not allowed here"),
        (
            |e| e.captured_us = TIME_END_US,
            "event.captured_us: out of range",
        ),
        (
            |e| e.captured_us = i64::MIN,
            "event.captured_us: out of range",
        ),
        (
            |e| e.uncertainty_ms = u32::MAX,
            "event.uncertainty_ms: out of range",
        ),
    ];
    for (change, expected) in cases {
        assert_fault(change, expected);
    }
}

#[test]
fn the_fault_is_named_with_its_place_in_a_list() {
    let cases: [Case; 12] = [
        (
            |e| e.objects[0].score = f32::NAN,
            "event.objects[0].score: out of range",
        ),
        (
            |e| e.objects[0].score = 1.01,
            "event.objects[0].score: out of range",
        ),
        (
            |e| e.objects[0].class = "a\u{1b}[2J".into(),
            "event.objects[0].class: holds a control",
        ),
        (
            |e| e.objects[0].r#box = None,
            "event.objects[0].box: missing",
        ),
        (
            |e| e.objects[0].r#box.as_mut().unwrap().width = f32::INFINITY,
            "event.objects[0].box: out of range",
        ),
        (
            |e| e.objects = vec![v1::Object::default(); 301],
            "event.objects: 301 elements",
        ),
        (
            |e| e.measures[1].value = Some(f64::NAN),
            "event.measures[1].value: out of range",
        ),
        (
            |e| e.measures[1].value = Some(-1.0),
            "event.measures[1].value: out of range",
        ),
        (
            |e| e.measures[1].name = e.measures[0].name,
            "event.measures[1].name: named twice",
        ),
        (
            |e| e.evidence = vec![v1::EvidenceRef::default(); 9],
            "event.evidence: 9 elements",
        ),
        (
            |e| {
                e.evidence = vec![v1::EvidenceRef {
                    sha256: vec![0; 32],
                    ..Default::default()
                }];
            },
            "event.evidence[0]: media type not accepted",
        ),
        (|e| e.classification = 0, "event.classification: missing"),
    ];
    for (change, expected) in cases {
        assert_fault(change, expected);
    }
}

fn assert_fault(change: fn(&mut v1::Event), expected: &str) {
    let fault = fault_of(change);
    assert!(
        fault.starts_with(expected),
        "expected {expected:?}, got {fault:?}"
    );
}

#[test]
fn a_picture_has_to_be_the_one_it_says() {
    let captured = FrameTime::from_micros(TIME_MIN_US);
    let good = Evidence::new(
        "c".into(),
        captured,
        "image/png".into(),
        vec![1, 2, 3],
        true,
    );
    let fault = |evidence: Evidence| {
        CheckedItem::decode(&CheckedItem::Evidence(evidence).encode())
            .unwrap_err()
            .to_string()
    };
    let swapped = Evidence {
        data: vec![3, 2, 1],
        ..good.clone()
    };
    assert_eq!(
        fault(swapped),
        "evidence.sha256: does not match the content"
    );
    let page = Evidence {
        media_type: "text/html".into(),
        ..good.clone()
    };
    assert!(fault(page).starts_with("evidence.media_type: media type not accepted"));
    let empty = Evidence {
        data: Vec::new(),
        ..good
    };
    assert_eq!(fault(empty), "evidence.data: missing");
}

#[test]
fn an_unmasked_picture_makes_the_event_confidential() {
    let wire = passage();
    let picture = |masked| EvidenceRef {
        sha256: [1; 32],
        media_type: "image/jpeg".into(),
        size_bytes: 1,
        masked,
    };
    let classified = |pictures| event("c", wire.id, 0, pictures, &wire.event).classification();
    assert_eq!(classified(vec![]), v1::Classification::Internal);
    assert_eq!(
        classified(vec![picture(true)]),
        v1::Classification::Internal
    );
    assert_eq!(
        classified(vec![picture(true), picture(false)]),
        v1::Classification::Confidential
    );
}

#[test]
fn items_over_their_bound_are_refused_unread() {
    let large = vec![0x0a; EVENT_BYTES_MAX + 1];
    assert!(matches!(
        CheckedItem::decode(&large),
        Err(DecodeError { .. })
    ));
    let larger = vec![0x0a; CAMERA_SETUP_BYTES_MAX + 1];
    let error = CheckedItem::decode(&larger).unwrap_err();
    assert_eq!(
        error.to_string(),
        "item: 131073 bytes, at most 131072 are allowed"
    );
}
