use proptest::prelude::*;

use super::{assign::Assigner, *};
use crate::stage::{ASPECT, Dice, at, boxed, person};

fn tracker() -> Tracker {
    Tracker::new(&TrackerSpec::default(), ASPECT)
}

proptest! {
    /// Against every permutation of up to five.
    #[test]
    fn the_assignment_is_the_best_one(
        rows in 1_usize..6,
        columns in 1_usize..6,
        numbers in proptest::collection::vec(-300_i64..1000, 25),
    ) {
        let benefit = |r: usize, c: usize| numbers[r * 5 + c];
        let mut assigner = Assigner::default();
        let pairs = assigner.assign(rows, columns, benefit).to_vec();
        let total: i64 = pairs.iter().map(|&(r, c)| benefit(r, c)).sum();
        prop_assert_eq!(total, best(0, rows, columns, &mut Vec::new(), &benefit));
        prop_assert!(pairs.iter().all(|&(r, c)| r < rows && c < columns && 0 < benefit(r, c)));
        let mut taken: Vec<_> = pairs.iter().map(|pair| pair.1).collect();
        taken.sort_unstable();
        taken.dedup();
        prop_assert_eq!(taken.len(), pairs.len());
    }

    /// Whatever comes in: finite boxes, rising ids without repetition, the same answer twice, and
    /// the same a year later.
    #[test]
    fn any_detections_are_survived(seed in any::<u64>(), frames in 1_usize..40) {
        let run = |shift: f64| {
            let mut dice = Dice(seed);
            let (mut tracker, mut out, mut now) = (tracker(), Vec::new(), shift);
            for _ in 0..frames {
                now += [0.001, 0.04, 0.5, 3.0][usize::try_from(dice.next() % 4).unwrap()];
                let count = dice.next() % 12;
                let detections: Vec<_> = (0..count).map(|_| chaos(&mut dice)).collect();
                out.push(tracker.step(at(now), &detections).to_vec());
            }
            out
        };
        let tracks = run(0.0);
        prop_assert_eq!(&tracks, &run(0.0));
        let mut later = run(31_536_000.0);
        for track in later.iter_mut().flatten() {
            track.first_seen = track.first_seen.plus_micros(-31_536_000_000_000);
        }
        prop_assert_eq!(&tracks, &later);
        for frame in &tracks {
            prop_assert!(frame.is_sorted_by(|a, b| a.id < b.id));
        }
        prop_assert!(gone_ids_stay_gone(&tracks));
    }

    /// The mirrored picture gives the mirrored tracks. Boxes are on a grid, where mirroring is
    /// exact; the filter rounds, so the tracks agree but for that.
    #[test]
    fn a_mirror_changes_nothing_else(seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let (mut one, mut other) = (tracker(), tracker());
        let speeds: Vec<_> = (0..4).map(|_| dice.between(-0.1, 0.1)).collect();
        for frame in 0..40_u32 {
            let time = f64::from(frame) * 0.1;
            let row = |(i, v): (u32, &f64)| {
                let grid = |x: f64| (x * 1024.0).round() / 1024.0;
                [grid(0.5 + v * time), grid(0.1 + 0.2 * f64::from(i)), 0.0625, 0.1875]
            };
            let boxes: Vec<_> = (0_u32..).zip(&speeds).map(row).collect();
            let left: Vec<_> = boxes.iter().map(|b| boxed(*b)).collect();
            let right: Vec<_> =
                boxes.iter().map(|[l, t, w, h]| boxed([1.0 - l - w, *t, *w, *h])).collect();
            let a = one.step(at(time), &left).to_vec();
            let b = other.step(at(time), &right);
            prop_assert_eq!(a.len(), b.len());
            for (a, b) in a.iter().zip(b) {
                prop_assert_eq!((a.id, a.class, a.state), (b.id, b.class, b.state));
                prop_assert!((a.bbox.left() - (1.0 - b.bbox.right())).abs() < 1e-4);
                prop_assert!((a.bbox.top() - b.bbox.top()).abs() < 1e-4);
            }
        }
    }
}

fn best(
    row: usize,
    rows: usize,
    columns: usize,
    taken: &mut Vec<usize>,
    benefit: &impl Fn(usize, usize) -> i64,
) -> i64 {
    if row == rows {
        return 0;
    }
    let mut most = best(row + 1, rows, columns, taken, benefit);
    for column in (0..columns)
        .filter(|c| !taken.contains(c))
        .collect::<Vec<_>>()
    {
        taken.push(column);
        let rest = best(row + 1, rows, columns, taken, benefit);
        most = most.max(benefit(row, column).max(0) + rest);
        taken.pop();
    }
    most
}

fn chaos(dice: &mut Dice) -> Detection {
    let mut detection = boxed([
        dice.between(-0.2, 1.1),
        dice.between(-0.2, 1.1),
        dice.between(0.001, 0.5),
        dice.between(0.001, 0.5),
    ]);
    #[expect(clippy::cast_possible_truncation, reason = "single precision is meant")]
    let score = dice.between(0.0, 1.0) as f32;
    detection.score = crate::Score::new(score).unwrap();
    detection.class = Class(u16::try_from(dice.next() % 3).unwrap());
    detection
}

fn gone_ids_stay_gone(frames: &[Vec<Track>]) -> bool {
    let mut greatest = 0;
    let mut before: Vec<u64> = Vec::new();
    frames.iter().all(|frame| {
        let ids: Vec<_> = frame.iter().map(|track| track.id).collect();
        let fine = ids.iter().all(|id| before.contains(id) || greatest < *id);
        greatest = ids.iter().copied().max().unwrap_or(0).max(greatest);
        before = ids;
        fine
    })
}

#[test]
fn a_walker_is_followed_through_an_occlusion() {
    let mut tracker = tracker();
    let mut states = Vec::new();
    for frame in 0..60_u32 {
        let time = f64::from(frame) * 0.1;
        let hidden = (30..40).contains(&frame);
        let seen = [person(0.2 + 0.05 * time, 0.6, 0.25)];
        let tracks = tracker.step(at(time), if hidden { &[] } else { &seen });
        states.extend(tracks.iter().map(|track| (track.id, track.state)));
        if let [track] = tracks {
            let off = track.bbox.foot().x - seen[0].bbox.foot().x;
            assert!(off.abs() < 0.02, "frame {frame} off by {off}");
        }
    }
    assert!(states.iter().all(|(id, _)| *id == 1));
    assert_eq!(
        states
            .iter()
            .filter(|(_, state)| *state == TrackState::Predicted)
            .count(),
        10
    );
    assert!(
        57 < states.len(),
        "confirmed within 0.3 s: {}",
        states.len()
    );
}

#[test]
fn who_is_lost_for_longer_than_the_limit_is_somebody_else() {
    let mut tracker = tracker();
    for frame in 0..10_u32 {
        tracker.step(at(f64::from(frame) * 0.1), &[person(0.5, 0.6, 0.25)]);
    }
    assert_eq!(tracker.step(at(2.8), &[])[0].state, TrackState::Predicted);
    assert_eq!(tracker.step(at(2.95), &[]), []);
    tracker.step(at(3.0), &[person(0.5, 0.6, 0.25)]);
    assert_eq!(tracker.step(at(3.3), &[person(0.5, 0.6, 0.25)])[0].id, 2);
}

#[test]
fn two_who_pass_each_other_keep_their_names() {
    let mut tracker = tracker();
    for frame in 0..60_u32 {
        let time = f64::from(frame) * 0.1;
        let (a, b) = (0.2 + 0.1 * time, 0.8 - 0.1 * time);
        // The nearer one hides the farther one while they overlap.
        let near = person(a, 0.62, 0.27);
        let far = person(b, 0.58, 0.24);
        let both = near.bbox.iou(&far.bbox) < 0.3;
        let detections = [near, far];
        tracker.step(at(time), if both { &detections } else { &detections[..1] });
    }
    let [a, b] = tracker.tracks() else {
        panic!("{:?}", tracker.tracks())
    };
    assert_eq!((a.id, b.id), (1, 2));
    assert!(b.bbox.center().x < a.bbox.center().x);
}

#[test]
fn the_class_is_voted_for() {
    let mut tracker = tracker();
    for frame in 0..30_u32 {
        let mut car = boxed([0.3, 0.3, 0.2, 0.2]);
        car.class = Class(if frame % 3 == 0 { 1 } else { 2 });
        tracker.step(at(f64::from(frame) * 0.1), &[car]);
    }
    assert_eq!(tracker.tracks().len(), 1);
    assert_eq!(tracker.tracks()[0].class, Class(2));
}

#[test]
fn a_doubled_box_is_one_object() {
    let mut tracker = tracker();
    for frame in 0..10_u32 {
        let mut double = boxed([0.301, 0.301, 0.2, 0.2]);
        double.class = Class(2);
        tracker.step(
            at(f64::from(frame) * 0.1),
            &[boxed([0.3, 0.3, 0.2, 0.2]), double],
        );
    }
    assert_eq!(tracker.tracks().len(), 1);
}

#[test]
fn of_too_many_objects_the_best_are_followed() {
    let crowd = |count: u16| -> Vec<Detection> {
        (0..count)
            .map(|i| {
                let (row, column) = (f64::from(i / 25), f64::from(i % 25));
                let mut one = boxed([column / 25.0, row / 20.0, 0.02, 0.03]);
                one.score = crate::Score::new(1.0 - f32::from(i) / 1000.0).unwrap();
                one
            })
            .collect()
    };
    let mut tracker = tracker();
    for frame in 0..10_u32 {
        tracker.step(at(f64::from(frame) * 0.1), &crowd(400));
    }
    assert_eq!(tracker.tracks().len(), DETECTIONS_MAX);
    assert_eq!(
        tracker
            .tracks()
            .iter()
            .filter(|t| t.state == TrackState::Seen)
            .count(),
        300
    );
    assert!(tracker.tracks().iter().all(|track| 0.69 < track.score));
}

#[test]
fn weak_detections_continue_a_track_but_start_none() {
    let mut tracker = tracker();
    let weak = |x: f64| {
        let mut weak = person(x, 0.6, 0.25);
        weak.score = crate::Score::new(0.2).unwrap();
        weak
    };
    for frame in 0..50_u32 {
        let strong = person(0.3, 0.6, 0.25);
        let first = if frame < 10 { strong } else { weak(0.3) };
        tracker.step(at(f64::from(frame) * 0.1), &[first, weak(0.7)]);
    }
    let [track] = tracker.tracks() else {
        panic!("{:?}", tracker.tracks())
    };
    assert_eq!((track.id, track.state), (1, TrackState::Seen));
}

#[test]
fn two_tracks_in_one_place_become_one() {
    let mut tracker = tracker();
    let mut counts = Vec::new();
    for frame in 0..30_u32 {
        // The boxes of one object come together within a second.
        let apart = (0.06 - 0.006 * f64::from(frame)).max(0.0);
        let boxes = [
            boxed([0.3, 0.3, 0.2, 0.2]),
            boxed([0.3 + apart, 0.3, 0.2, 0.2]),
        ];
        counts.push(tracker.step(at(f64::from(frame) * 0.1), &boxes).len());
    }
    assert_eq!((counts[5], counts[15]), (2, 1), "{counts:?}");
    assert_eq!(tracker.tracks()[0].id, 1);
}

#[test]
fn a_track_begins_with_the_weak_detections_that_led_to_it() {
    let mut tracker = tracker();
    for frame in 0..20_u32 {
        let time = f64::from(frame) * 0.1;
        let mut one = person(0.2 + 0.1 * time, 0.6, 0.25);
        // Weak for 1.2 s: longer than a trace reaches back.
        if frame < 12 {
            one.score = crate::Score::new(0.2).unwrap();
        }
        tracker.step(at(time), &[one]);
    }
    let [track] = tracker.tracks() else {
        panic!("{:?}", tracker.tracks())
    };
    let before = at(1.2).seconds_since(track.first_seen);
    assert!((0.5..=1.1).contains(&before), "{before}");
    let x = 0.2 + 0.1 * track.first_seen.seconds_since(at(0.0));
    assert!((f64::from(track.first_bbox.foot().x) - x).abs() < 1e-4);
}

#[test]
fn two_who_pass_each_other_in_one_box_keep_their_names_sizes_and_places() {
    let mut tracker = tracker();
    let mut worst = 0.0_f32;
    for frame in 0..60_u32 {
        let time = f64::from(frame) * 0.1;
        let near = person(0.35 + 0.05 * time, 0.66, 0.27);
        let far = person(0.65 - 0.05 * time, 0.58, 0.24);
        let merged = 0.15 < near.bbox.iou(&far.bbox);
        let both = BBox::from_corners(
            near.bbox.left().min(far.bbox.left()),
            near.bbox.top().min(far.bbox.top()),
            near.bbox.right().max(far.bbox.right()),
            near.bbox.bottom().max(far.bbox.bottom()),
        );
        let one = [Detection {
            bbox: both.unwrap(),
            ..near
        }];
        let detections = [near, far];
        let tracks = tracker.step(at(time), if merged { &one } else { &detections });
        for (track, truth) in tracks.iter().zip(&detections) {
            worst = worst.max((track.bbox.height() - truth.bbox.height()).abs());
            worst = worst.max((track.bbox.foot().x - truth.bbox.foot().x).abs());
        }
        assert!(!merged || tracks.iter().all(|t| t.state == TrackState::Seen));
    }
    let [a, b] = tracker.tracks() else {
        panic!("{:?}", tracker.tracks())
    };
    assert_eq!((a.id, b.id), (1, 2));
    assert!(
        b.bbox.center().x < a.bbox.center().x && worst < 0.02,
        "{worst}"
    );
}

/// Nobody stays in another one's box for good.
#[test]
fn who_does_not_come_out_of_a_common_box_is_lost() {
    let mut tracker = tracker();
    for frame in 0..60_u32 {
        let boxes = [boxed([0.3, 0.3, 0.1, 0.3]), boxed([0.36, 0.33, 0.1, 0.3])];
        let one = [boxed([0.3, 0.3, 0.16, 0.33])];
        let tracks = tracker.step(
            at(f64::from(frame) * 0.1),
            if frame < 20 { &boxes } else { &one },
        );
        match frame {
            20..29 => assert!(tracks.iter().all(|t| t.state == TrackState::Seen)),
            52.. => assert_eq!(tracks.len(), 1),
            _ => {}
        }
    }
}

#[test]
fn what_is_foreseen_is_where_the_walk_leads_and_changes_nothing() {
    let mut tracker = Tracker::new(&TrackerSpec::default(), ASPECT);
    for i in 0..20 {
        let t = f64::from(i) * 0.1;
        tracker.step(at(t), &[person(0.2 + 0.1 * t, 0.6, 0.3)]);
    }
    let before = tracker.tracks().to_vec();
    let mut foreseen = Vec::new();
    tracker.foresee(at(2.2), &mut foreseen);
    let [one] = &foreseen[..] else {
        panic!("{foreseen:?}")
    };
    assert!((one.bbox.foot().x - 0.42).abs() < 0.01, "{one:?}");
    assert_eq!((one.id, one.state), (before[0].id, before[0].state));
    assert_eq!(tracker.tracks(), before);
    foreseen.clear();
    tracker.foresee(at(1.9), &mut foreseen);
    assert!((foreseen[0].bbox.foot().x - before[0].bbox.foot().x).abs() < 1e-4);
}
