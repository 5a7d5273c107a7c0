//! A stage for tests: cameras, walkers with a shaking box, and events as lines of text.

use std::fmt::Write as _;

use crate::{
    BBox, Class, Classes, Detection, Event, FrameTime, Phase, RuleSet, Scene, SceneSpec, Score,
};

/// 2026-01-01 00:00:00 UTC, a multiple of every window in these tests.
pub(crate) const START_MICROS: i64 = 1_767_225_600_000_000;
pub(crate) const ASPECT: f32 = 16.0 / 9.0;

pub(crate) fn at(seconds: f64) -> FrameTime {
    FrameTime::from_micros(START_MICROS).plus_micros(crate::spec::micros(seconds))
}

pub(crate) fn classes() -> Classes {
    Classes::new(["person", "bicycle", "car"].map(String::from).to_vec())
}

pub(crate) fn rules(toml: &str) -> RuleSet {
    let spec: SceneSpec = toml::from_str(toml).unwrap();
    RuleSet::check(&spec, &classes()).unwrap()
}

pub(crate) fn scene(toml: &str) -> Scene {
    Scene::new(rules(toml), classes(), ASPECT)
}

/// A person of height `h` (and a third as wide) whose feet are at (x, y).
pub(crate) fn person(x: f64, y: f64, h: f64) -> Detection {
    let width = h / 3.0 / f64::from(ASPECT);
    boxed([x - width / 2.0, y - h, width, h])
}

pub(crate) fn boxed(ltwh: [f64; 4]) -> Detection {
    #[expect(clippy::cast_possible_truncation, reason = "single precision is meant")]
    let [l, t, w, h] = ltwh.map(|v| v as f32);
    let bbox = BBox::new(l, t, w, h).unwrap();
    Detection {
        class: Class(0),
        score: Score::new(0.8).unwrap(),
        bbox,
    }
}

/// Pseudo-random numbers (Steele, Lea, Flood, *Fast Splittable Pseudorandom Number Generators*,
/// OOPSLA 2014).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * ((self.next() >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// One line an event: seconds, rule, kind, phase, episode, direction, objects, measures.
pub(crate) fn text(events: &[Event]) -> String {
    let mut out = String::new();
    for event in events {
        let seconds = event.at.seconds_since(at(0.0));
        write!(out, "{seconds:<8.2}{} {:?}", event.rule, event.kind).unwrap();
        if event.phase != Phase::Instant {
            write!(out, " {:?} #{}", event.phase, event.episode).unwrap();
        }
        if let Some(direction) = event.direction {
            write!(out, " {direction:?}").unwrap();
        }
        for object in &event.objects {
            write!(out, " {}{}", object.class, object.track).unwrap();
        }
        for measure in &event.measures {
            match measure.value {
                Some(value) => write!(out, " {:?}={value:.2}", measure.name).unwrap(),
                None => write!(out, " {:?}=unknown", measure.name).unwrap(),
            }
        }
        out.push('\n');
    }
    out
}
