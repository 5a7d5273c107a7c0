use proptest::prelude::*;

use super::{GATE, ROOF, YARD};
use crate::{
    Detection, Event, Kind, MeasureName, Phase,
    stage::{self, Dice, boxed, person},
};

/// A walker's way across the picture: from x to x at a speed in his own heights a second, with a
/// box that shakes by a share of its height.
struct Walker {
    from: f64,
    to: f64,
    y: f64,
    height: f64,
    speed: f64,
}

impl Walker {
    fn new(dice: &mut Dice) -> Self {
        let (left, right) = (dice.between(0.05, 0.2), dice.between(0.8, 0.95));
        let flip = dice.next().is_multiple_of(2);
        let (from, to) = if flip { (right, left) } else { (left, right) };
        let height = dice.between(0.1, 0.35);
        Self {
            from,
            to,
            y: dice.between(0.4, 0.8),
            height,
            speed: dice.between(0.3, 0.85),
        }
    }

    fn seconds(&self) -> f64 {
        (self.to - self.from).abs() * f64::from(stage::ASPECT) / (self.speed * self.height)
    }

    fn show(&self, time: f64, shake: f64, dice: &mut Dice) -> Vec<Detection> {
        let along = time / self.seconds();
        if !(0.0..=1.0).contains(&along) {
            return Vec::new();
        }
        let mut off = || self.height * dice.between(-shake, shake);
        let x = self.from + (self.to - self.from) * along + off() / f64::from(stage::ASPECT);
        vec![person(x, self.y + off(), self.height + off())]
    }
}

fn crossings(events: &[Event]) -> usize {
    events
        .iter()
        .filter(|event| event.kind == Kind::LineCrossed)
        .count()
}

#[test]
fn a_thousand_passages_count_a_thousand() {
    let mut dice = Dice(1);
    let mut scene = stage::scene(GATE);
    let mut events = Vec::new();
    let mut frame = 0_u32;
    for _ in 0..1000 {
        let walker = Walker::new(&mut dice);
        let begin = f64::from(frame) / 10.0;
        let mut time = 0.0;
        while time < walker.seconds() + 0.5 {
            time = f64::from(frame) / 10.0 - begin;
            let shown = walker.show(time, 0.03, &mut dice);
            scene.step(stage::at(begin + time), &shown, &mut events);
            frame += 1;
        }
    }
    // On to the end of the window.
    for _ in 0..=600 {
        scene.step(stage::at(f64::from(frame) / 10.0), &[], &mut events);
        frame += 1;
    }
    assert_eq!(crossings(&events), 1000);
    let counts: Vec<f64> = events
        .iter()
        .filter(|event| event.kind == Kind::LineCount)
        .map(|event| {
            event
                .measures
                .iter()
                .find(|m| m.name == MeasureName::Count)
                .unwrap()
        })
        .map(|count| count.value.unwrap())
        .collect();
    assert!((counts.iter().sum::<f64>() - 1000.0).abs() < 1e-9);
}

#[test]
fn ten_minutes_on_the_line_count_nothing() {
    for (seed, rate, shake) in [
        (1, 10, 0.03),
        (2, 25, 0.06),
        (3, 5, 0.06),
        (4, 10, 0.1),
        (5, 2, 0.1),
    ] {
        let mut dice = Dice(seed);
        let mut scene = stage::scene(GATE);
        let mut events = Vec::new();
        for frame in 0..600 * rate {
            let mut off = || 0.3 * dice.between(-shake, shake);
            // The box shakes in place and in size; sometimes it is not there at all.
            let x = 0.5 + off() / f64::from(stage::ASPECT);
            let shown = [person(x, 0.6 + off(), 0.3 + off())];
            let missed = dice.next().is_multiple_of(10);
            let shown = if missed { &[][..] } else { &shown[..] };
            scene.step(
                stage::at(f64::from(frame) / f64::from(rate)),
                shown,
                &mut events,
            );
        }
        assert_eq!(
            crossings(&events),
            0,
            "seed {seed}, {rate} frames a second, shake {shake}"
        );
    }
}

/// All kinds of rules in one picture.
fn everything() -> String {
    format!("{GATE}{YARD}{ROOF}after_seconds = 2\n")
}

fn play(times: &[f64], show: impl Fn(f64) -> Vec<Detection>) -> Vec<Event> {
    let mut scene = stage::scene(&everything());
    let mut events = Vec::new();
    for &time in times {
        scene.step(stage::at(time), &show(time), &mut events);
    }
    events
}

/// What happened and when, without what is bound to frames.
fn story(events: &[Event]) -> Vec<(String, f64)> {
    let mut story: Vec<_> = events
        .iter()
        .filter(|event| event.kind != Kind::LineCount)
        .map(|event| {
            let (kind, phase, direction) = (event.kind, event.phase, event.direction);
            let name = format!("{} {kind:?} {phase:?} {direction:?}", event.rule);
            (name, event.at.seconds_since(stage::at(0.0)))
        })
        .collect();
    story.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    story
}

/// How long the visitor stayed, if he did.
fn stay(events: &[Event]) -> Option<f64> {
    let left = events.iter().find(|event| event.kind == Kind::ZoneLeft)?;
    left.measures
        .iter()
        .find(|m| m.name == MeasureName::DwellSeconds)?
        .value
}

fn frames(rate: f64, seconds: f64, mut keep: impl FnMut() -> bool) -> Vec<f64> {
    std::iter::successors(Some(0_u32), |n| n.checked_add(1))
        .map(|n| f64::from(n) / rate)
        .take_while(|t| *t < seconds)
        .filter(|t| *t == 0.0 || keep())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The same walk at 2, 5, 10 and 25 frames a second gives the same events within one sampling
    /// interval; with a fifth of the frames dropped (never three in a row), within two of the
    /// longest, as both the coming and the settling may fall into one. (At 2 frames a second with
    /// frames dropped, who runs is somebody else after each step.)
    #[test]
    fn the_frame_rate_does_not_matter(seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let walker = Walker::new(&mut dice);
        let pause = dice.between(0.0, 6.0);
        let half = walker.seconds() * if walker.to < walker.from { 0.75 } else { 0.25 };
        // He walks, comes to rest in the yard within a second, and walks on.
        let show = |time: f64| {
            let slowing = (time - 3.0 - half).clamp(0.0, 1.0);
            let starting = (time - 4.0 - half - pause).max(0.0);
            let walked = (time - 3.0).min(half) + slowing * (1.0 - slowing / 2.0)
                + if starting < 1.0 { starting * starting / 2.0 } else { starting - 0.5 };
            walker.show(walked, 0.0, &mut Dice(0))
        };
        let seconds = walker.seconds() + pause + 10.0;
        let reference = play(&frames(25.0, seconds, || true), show);
        // Whether a stay that is about as long as a limit exceeds it, the samples may decide.
        let stay = stay(&reference);
        prop_assume!(stay.is_some_and(|s| [0.5, 2.0, 5.0].iter().all(|t| 1.2 < (s - t).abs())));
        let reference = story(&reference);
        for rate in [2.0, 5.0, 10.0, 25.0] {
            for drop in [false, true].into_iter().filter(|drop| !drop || 5.0 <= rate) {
                let mut in_a_row = 0;
                let times = frames(rate, seconds, || {
                    let dropped = drop && in_a_row < 2 && dice.next().is_multiple_of(5);
                    in_a_row = if dropped { in_a_row + 1 } else { 0 };
                    !dropped
                });
                let interval = times.windows(2).map(|t| t[1] - t[0]).fold(1.0 / rate, f64::max);
                let other = story(&play(&times, show));
                let same_names = reference.iter().map(|e| &e.0).eq(other.iter().map(|e| &e.0));
                prop_assert!(same_names, "{rate} {drop}: {reference:#?} {other:#?}");
                for (a, b) in reference.iter().zip(&other) {
                    let off = (a.1 - b.1).abs();
                    let most = if drop { 2.0 * interval } else { interval } + 0.04;
                    prop_assert!(off <= most, "{rate} {drop} {a:?} {b:?} {interval}");
                }
            }
        }
    }

    /// Later by a whole number of windows: the same events, later by that.
    #[test]
    fn time_of_day_does_not_matter(seed in any::<u64>(), minutes in 0_u32..100_000) {
        let shift = f64::from(minutes) * 60.0;
        let run = |shift: f64| {
            let mut dice = Dice(seed);
            let mut scene = stage::scene(&everything());
            let mut events = Vec::new();
            for frame in 0..800_u32 {
                let detections = crowd(&mut dice);
                scene.step(stage::at(shift + f64::from(frame) / 10.0), &detections, &mut events);
            }
            events
        };
        let mut moved = run(shift);
        for event in &mut moved {
            event.at = event.at.plus_micros(-crate::spec::micros(shift));
        }
        prop_assert_eq!(run(0.0), moved);
    }

    /// Whatever happens in whatever order: every episode begins (or is a bare END) before it
    /// changes, ends at most once, and after the finish none is open.
    #[test]
    fn episodes_are_well_formed(seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let mut scene = stage::scene(&everything());
        let mut events = Vec::new();
        let mut now = 0.0;
        for _ in 0..300 {
            now += dice.between(0.05, 0.4);
            match dice.next() % 60 {
                0 => scene.blind(stage::at(now), &mut events),
                1 => now += 3.0,
                2 => scene.tick(stage::at(now), &mut events),
                3 => {
                    let toml = if dice.next().is_multiple_of(2) { everything() } else { YARD.to_owned() };
                    scene.replace_rules(stage::at(now), stage::rules(&toml), &mut events);
                }
                _ => drop(scene.step(stage::at(now), &crowd(&mut dice), &mut events).len()),
            }
        }
        scene.finish(stage::at(now), &mut events);
        let mut open = std::collections::BTreeMap::new();
        for event in &events {
            let what = (event.rule.clone(), event.kind);
            match event.phase {
                Phase::Instant => prop_assert_eq!(event.episode, 0),
                Phase::Begin => prop_assert_eq!(open.insert(event.episode, what), None),
                // A zone that becomes unknown opens an episode by that.
                Phase::Change => prop_assert_eq!(open.entry(event.episode).or_insert_with(|| what.clone()), &what),
                Phase::End => prop_assert!(open.remove(&event.episode).is_none_or(|w| w == what)),
            }
        }
        prop_assert!(open.is_empty(), "{open:?}");
    }
}

/// A few boxes that jump about: every rule is busy.
fn crowd(dice: &mut Dice) -> Vec<Detection> {
    let slow = dice.next() % 3;
    (0..slow)
        .map(|_| boxed([dice.between(0.35, 0.5), dice.between(0.3, 0.35), 0.1, 0.3]))
        .collect()
}
