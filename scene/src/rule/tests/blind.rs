//! "Not observed" is a value.
#![expect(
    clippy::needless_raw_string_hashes,
    reason = "expect-test writes them when it updates"
)]

use expect_test::expect;

use super::{GATE, ROOF, YARD, run, walk};
use crate::{
    Event, Kind, MeasureName,
    stage::{self, person, text},
};

const HOUR: u32 = 1800;

/// Ten minutes without a frame, from 10 to 20 minutes; people walk to and fro all the time.
fn ten_blind_minutes(toml: &str) -> Vec<Event> {
    run(toml, HOUR, |time| {
        let in_turn = time % 20.0;
        let way = [(0.0, 0.7), (5.0, 0.3), (10.0, 0.3), (15.0, 0.7)];
        (!(600.0..1200.0).contains(&time)).then(|| walk(in_turn, &way))
    })
}

fn value(event: &Event, name: MeasureName) -> Option<f64> {
    event
        .measures
        .iter()
        .find(|m| m.name == name)
        .unwrap()
        .value
}

#[test]
fn blind_windows_are_unknown_and_never_zero() {
    let events = ten_blind_minutes(GATE);
    let counts: Vec<_> = events
        .iter()
        .filter(|e| e.kind == Kind::LineCount)
        .collect();
    assert_eq!(counts.len(), 2 * 30);
    for event in counts {
        let minute = event.at.micros_since(stage::at(0.0)) / 60_000_000;
        let (count, observed) = (
            value(event, MeasureName::Count),
            value(event, MeasureName::ObservedSeconds),
        );
        if 10 < minute && minute <= 20 {
            assert_eq!((count, observed), (None, Some(0.0)), "minute {minute}");
        } else if minute == 10 {
            // From the last frame to the end of the window nothing was seen.
            assert_eq!((count, observed), (None, Some(59.9)));
        } else {
            assert_eq!(count, Some(3.0), "minute {minute}");
            assert_eq!(observed, Some(60.0));
        }
    }
}

#[test]
fn a_zone_is_unknown_from_the_gap_on_until_it_was_seen() {
    let events = ten_blind_minutes(YARD);
    let around: Vec<_> = events
        .into_iter()
        .filter(|e| (585.0..1215.0).contains(&e.at.seconds_since(stage::at(0.0))))
        .collect();
    expect![[r#"
        587.60  yard DwellExceeded Begin #61 person30 DwellSeconds=5.10
        593.20  yard ZoneLeft person30 DwellSeconds=10.10
        593.20  yard DwellExceeded End #61 person30 DwellSeconds=10.10
        593.20  yard ZoneOccupancy End #60 Occupancy=0.00
        601.90  yard ZoneOccupancy Change #62 Occupancy=unknown
        1200.50 yard ZoneOccupancy End #62 Occupancy=0.00
        1203.10 yard ZoneEntered person31
        1203.10 yard ZoneOccupancy Begin #63 Occupancy=1.00
        1207.60 yard DwellExceeded Begin #64 person31 DwellSeconds=5.10
        1213.20 yard ZoneLeft person31 DwellSeconds=10.10
        1213.20 yard DwellExceeded End #64 person31 DwellSeconds=10.10
        1213.20 yard ZoneOccupancy End #63 Occupancy=0.00
    "#]]
    .assert_eq(&text(&around));
}

#[test]
fn open_episodes_outlast_the_blindness_and_end_when_nobody_is_there() {
    let toml = format!("{YARD}{ROOF}");
    let mut scene = stage::scene(&toml);
    let mut events = Vec::new();
    let inside = [person(0.2, 0.6, 0.3)];
    let mut show =
        |from: u32, to: u32, detections: &[crate::Detection], events: &mut Vec<Event>| {
            for frame in from..to {
                scene.step(stage::at(f64::from(frame) / 10.0), detections, events);
            }
            scene.blind(stage::at(f64::from(to) / 10.0), events);
            scene.blind(stage::at(f64::from(to) / 10.0), events);
        };
    show(0, 80, &inside, &mut events);
    // Somebody is there: it may be the same.
    show(200, 220, &inside, &mut events);
    show(300, 320, &[], &mut events);
    expect![[r#"
        0.50    yard ZoneEntered person1
        0.50    yard ZoneOccupancy Begin #1 Occupancy=1.00
        1.00    roof Intrusion Begin #2 person1 Occupancy=1.00
        5.00    yard DwellExceeded Begin #3 person1 DwellSeconds=5.00
        8.00    yard DwellExceeded Change #3 DwellSeconds=unknown
        8.00    yard ZoneOccupancy Change #1 Occupancy=unknown
        8.00    roof Intrusion Change #2 Occupancy=unknown
        20.50   yard ZoneEntered person2
        20.50   yard ZoneOccupancy Change #1 Occupancy=1.00
        21.00   roof Intrusion Change #2 person2 Occupancy=1.00
        22.00   yard ZoneOccupancy Change #1 Occupancy=unknown
        22.00   roof Intrusion Change #2 Occupancy=unknown
        30.50   yard DwellExceeded End #3 DwellSeconds=unknown
        30.50   yard ZoneOccupancy End #1 Occupancy=0.00
        31.00   roof Intrusion End #2 Occupancy=0.00
        32.00   yard ZoneOccupancy Change #4 Occupancy=unknown
    "#]]
    .assert_eq(&text(&events));
}

#[test]
fn nothing_is_joined_across_a_blindness() {
    let way = [(1.0, 0.7), (4.0, 0.3)];
    let mut scene = stage::scene(GATE);
    let mut events = Vec::new();
    for frame in 0..100_u32 {
        let time = f64::from(frame) / 10.0;
        if frame == 24 {
            scene.blind(stage::at(time), &mut events);
        }
        if !(24..28).contains(&frame) {
            scene.step(stage::at(time), &walk(time, &way), &mut events);
        }
    }
    assert_eq!(events, []);
}

#[test]
fn a_camera_that_never_came_counts_nothing() {
    let mut scene = stage::scene(GATE);
    let mut events = Vec::new();
    for second in 0..200_u32 {
        scene.tick(stage::at(f64::from(second)), &mut events);
    }
    assert_eq!(events.len(), 6);
    assert!(
        events
            .iter()
            .all(|event| value(event, MeasureName::Count).is_none())
    );
}

#[test]
fn a_year_without_a_word_gives_a_bounded_answer() {
    let mut scene = stage::scene(GATE);
    let mut events = Vec::new();
    scene.step(stage::at(0.0), &[], &mut events);
    scene.step(stage::at(31_536_000.0), &[], &mut events);
    assert!(events.len() <= 2 * 1441, "{}", events.len());
    assert!(
        events
            .iter()
            .all(|event| value(event, MeasureName::Count).is_none())
    );
}

#[test]
fn what_was_not_seen_before_a_late_word_is_not_observed() {
    let mut scene = stage::scene(GATE);
    let mut events = Vec::new();
    for frame in 0..=100_u32 {
        scene.step(stage::at(f64::from(frame) / 10.0), &[], &mut events);
    }
    scene.blind(stage::at(30.0), &mut events);
    scene.tick(stage::at(63.0), &mut events);
    assert_eq!(events.len(), 2);
    for event in &events {
        assert_eq!(value(event, MeasureName::Count), None);
        assert_eq!(value(event, MeasureName::ObservedSeconds), Some(10.0));
    }
}
