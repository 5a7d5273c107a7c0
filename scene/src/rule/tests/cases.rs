#![expect(
    clippy::needless_raw_string_hashes,
    reason = "expect-test writes them when it updates"
)]

use expect_test::{Expect, expect};

use super::{GATE, ROOF, YARD, run, walk};
use crate::stage::{self, person, text};

fn check(toml: &str, seconds: u32, way: &[(f64, f64)], expect: Expect) {
    expect.assert_eq(&text(&run(toml, seconds, |time| Some(walk(time, way)))));
}

#[test]
fn a_line_is_passed_once_in_each_direction() {
    let way = [(1.0, 0.7), (4.0, 0.3), (6.0, 0.3), (9.0, 0.7)];
    check(
        GATE,
        10,
        &way,
        expect![[r#"
        2.70    gate LineCrossed ToRight person1
        7.70    gate LineCrossed ToLeft person1
    "#]],
    );
}

#[test]
fn who_turns_back_on_the_line_has_not_passed_it() {
    // The feet get 0.005 of the width beyond the line: not clear of it.
    check(
        GATE,
        10,
        &[(1.0, 0.7), (4.0, 0.495), (7.0, 0.7)],
        expect![[""]],
    );
}

#[test]
fn who_is_first_seen_on_the_line_has_not_passed_it() {
    check(
        GATE,
        10,
        &[(1.0, 0.495), (4.0, 0.495), (7.0, 0.7)],
        expect![[""]],
    );
}

#[test]
fn a_line_ends_where_it_ends() {
    let short = GATE.replace("0.9]", "0.55]");
    check(&short, 10, &[(1.0, 0.7), (4.0, 0.3)], expect![[""]]);
}

#[test]
fn who_is_lost_before_the_line_and_found_behind_it_has_passed_it() {
    let way = [(1.0, 0.7), (4.0, 0.3)];
    let events = run(GATE, 10, |time| {
        let is_hidden = (2.2..3.2).contains(&time);
        Some(if is_hidden {
            Vec::new()
        } else {
            walk(time, &way)
        })
    });
    expect![[r#"
        3.20    gate LineCrossed ToRight person1
    "#]]
    .assert_eq(&text(&events));
}

/// Fast, and first seen a moment before the line: the track is confirmed behind it. Its first
/// detections, weak ones, were clear of the line on the side that it came from.
#[test]
fn who_is_known_only_behind_the_line_comes_from_where_he_was_first_detected() {
    let dash = |first_weak: f64| {
        run(GATE, 4, |time| {
            let mut one = person(0.5 + (1.32 - time) * 0.25, 0.6, 0.25);
            if time < 1.3 {
                one.score = crate::Score::new(0.2).unwrap();
            }
            Some(if (first_weak..2.0).contains(&time) {
                vec![one]
            } else {
                Vec::new()
            })
        })
    };
    expect![[r#"
        1.50    gate LineCrossed ToRight person1
    "#]]
    .assert_eq(&text(&dash(1.1)));
    // Without them nobody knows.
    expect![""].assert_eq(&text(&dash(1.3)));
}

#[test]
fn only_the_direction_and_the_classes_asked_for() {
    let way = [(1.0, 0.7), (4.0, 0.3), (6.0, 0.3), (9.0, 0.7)];
    let left = format!("{GATE}direction = \"to_left\"\nseverity = \"minor\"\n");
    check(
        &left,
        10,
        &way,
        expect![[r#"
        7.70    gate LineCrossed ToLeft person1
    "#]],
    );
    check(
        &format!("{GATE}classes = [\"car\"]\n"),
        10,
        &way,
        expect![[""]],
    );
}

#[test]
fn a_zone_tells_who_comes_and_goes_and_who_stays_too_long() {
    let way = [(1.0, 0.7), (4.0, 0.3), (12.0, 0.3), (15.0, 0.7)];
    check(
        YARD,
        16,
        &way,
        expect![[r#"
        0.50    yard ZoneOccupancy End #1 Occupancy=0.00
        3.00    yard ZoneEntered person1
        3.00    yard ZoneOccupancy Begin #2 Occupancy=1.00
        7.50    yard DwellExceeded Begin #3 person1 DwellSeconds=5.00
        14.10   yard ZoneLeft person1 DwellSeconds=11.00
        14.10   yard DwellExceeded End #3 person1 DwellSeconds=11.00
        14.10   yard ZoneOccupancy End #2 Occupancy=0.00
    "#]],
    );
}

#[test]
fn visits_of_one_zone_do_not_add_up() {
    let way = [
        (0.0, 0.3),
        (3.0, 0.3),
        (5.0, 0.7),
        (6.0, 0.7),
        (8.0, 0.3),
        (11.0, 0.3),
    ];
    let events = run(YARD, 12, |time| Some(walk(time, &way)));
    assert!(
        !text(&events).contains("DwellExceeded"),
        "{}",
        text(&events)
    );
}

#[test]
fn a_zone_counts_everyone() {
    let events = run(YARD, 8, |time| {
        let ways: [&[(f64, f64)]; 2] = [&[(1.0, 0.1), (6.0, 0.2)], &[(2.0, 0.3), (4.0, 0.4)]];
        Some(ways.iter().flat_map(|way| walk(time, way)).collect())
    });
    let occupancy: Vec<_> = events
        .into_iter()
        .filter(|e| e.kind == crate::Kind::ZoneOccupancy)
        .collect();
    expect![[r#"
        0.50    yard ZoneOccupancy End #1 Occupancy=0.00
        1.50    yard ZoneOccupancy Begin #2 Occupancy=1.00
        2.50    yard ZoneOccupancy Change #2 Occupancy=2.00
        6.10    yard ZoneOccupancy Change #2 Occupancy=1.00
    "#]]
    .assert_eq(&text(&occupancy));
}

#[test]
fn an_intrusion_lasts_from_the_first_to_the_last() {
    let events = run(ROOF, 14, |time| {
        let ways: [&[(f64, f64)]; 2] = [
            &[(1.0, 0.7), (4.0, 0.3), (7.0, 0.3), (10.0, 0.7)],
            &[(2.0, 0.1), (6.0, 0.1), (6.1, 0.9)],
        ];
        Some(ways.iter().flat_map(|way| walk(time, way)).collect())
    });
    expect![[r#"
        1.00    roof Intrusion End #1 Occupancy=0.00
        3.00    roof Intrusion Begin #2 person2 Occupancy=1.00
        3.50    roof Intrusion Change #2 person1 Occupancy=2.00
        9.60    roof Intrusion End #2 Occupancy=0.00
    "#]]
    .assert_eq(&text(&events));
}

#[test]
fn passing_by_is_no_intrusion() {
    check(
        ROOF,
        6,
        &[(1.0, 0.7), (2.0, 0.45), (2.5, 0.45), (3.5, 0.7)],
        expect![[r#"
        1.00    roof Intrusion End #1 Occupancy=0.00
    "#]],
    );
}

#[test]
fn windows_are_those_of_the_clock() {
    let toml = format!("count_window_seconds = 10\n{GATE}");
    // The scene begins 3 s into a window and ends 2 s into another.
    let mut scene = stage::scene(&toml);
    let mut events = Vec::new();
    let way = [
        (5.0, 0.7),
        (8.0, 0.3),
        (11.0, 0.3),
        (14.0, 0.7),
        (17.0, 0.3),
    ];
    for frame in 30..=320_u32 {
        let time = f64::from(frame) / 10.0;
        scene.step(stage::at(time), &walk(time, &way), &mut events);
    }
    scene.finish(stage::at(32.0), &mut events);
    expect![[r#"
        6.70    gate LineCrossed ToRight person1
        10.00   gate LineCount ToLeft Count=unknown CountAtLeast=0.00 ObservedSeconds=7.00 WindowSeconds=10.00
        10.00   gate LineCount ToRight Count=unknown CountAtLeast=1.00 ObservedSeconds=7.00 WindowSeconds=10.00
        12.70   gate LineCrossed ToLeft person1
        15.70   gate LineCrossed ToRight person1
        20.00   gate LineCount ToLeft Count=1.00 CountAtLeast=1.00 ObservedSeconds=10.00 WindowSeconds=10.00
        20.00   gate LineCount ToRight Count=1.00 CountAtLeast=1.00 ObservedSeconds=10.00 WindowSeconds=10.00
        30.00   gate LineCount ToLeft Count=0.00 CountAtLeast=0.00 ObservedSeconds=10.00 WindowSeconds=10.00
        30.00   gate LineCount ToRight Count=0.00 CountAtLeast=0.00 ObservedSeconds=10.00 WindowSeconds=10.00
        32.00   gate LineCount ToLeft Count=unknown CountAtLeast=0.00 ObservedSeconds=2.00 WindowSeconds=10.00
        32.00   gate LineCount ToRight Count=unknown CountAtLeast=0.00 ObservedSeconds=2.00 WindowSeconds=10.00
    "#]].assert_eq(&text(&events));
}

#[test]
fn new_rules_keep_what_has_not_changed() {
    let both = format!("{GATE}{YARD}");
    let mut scene = stage::scene(&both);
    let mut events = Vec::new();
    for frame in 0..=100_u32 {
        let time = f64::from(frame) / 10.0;
        if frame == 40 {
            let rules = stage::rules(&format!("{YARD}{ROOF}"));
            scene.replace_rules(stage::at(time), rules, &mut events);
        }
        scene.step(stage::at(time), &[person(0.2, 0.6, 0.3)], &mut events);
    }
    scene.replace_rules(stage::at(10.0), stage::rules(GATE), &mut events);
    expect![[r#"
        0.50    yard ZoneEntered person1
        0.50    yard ZoneOccupancy Begin #1 Occupancy=1.00
        4.00    gate LineCount ToLeft Count=unknown CountAtLeast=0.00 ObservedSeconds=4.00 WindowSeconds=60.00
        4.00    gate LineCount ToRight Count=unknown CountAtLeast=0.00 ObservedSeconds=4.00 WindowSeconds=60.00
        5.00    yard DwellExceeded Begin #2 person1 DwellSeconds=5.00
        5.00    roof Intrusion Begin #3 person1 Occupancy=1.00
        10.00   yard DwellExceeded End #2 DwellSeconds=10.00
        10.00   yard ZoneOccupancy End #1 Occupancy=unknown
        10.00   roof Intrusion End #3 Occupancy=unknown
    "#]].assert_eq(&text(&events));
}

#[test]
fn a_frame_from_the_past_is_ignored() {
    let mut scene = stage::scene(YARD);
    let mut events = Vec::new();
    for frame in 0..20_u32 {
        scene.step(
            stage::at(f64::from(frame) / 10.0),
            &[person(0.2, 0.6, 0.3)],
            &mut events,
        );
    }
    let before = events.clone();
    let tracks = scene.step(stage::at(1.0), &[], &mut events).to_vec();
    assert_eq!(
        (tracks.len(), tracks[0].state),
        (1, crate::track::TrackState::Seen)
    );
    assert_eq!(events, before);
}
