use crate::spec::{TrackerSpec, micros};

/// [`TrackerSpec`] with times in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) score_new: f32,
    pub(super) score_high: f32,
    pub(super) score_low: f32,
    pub(super) confirm_hits: u32,
    pub(super) confirm_micros: i64,
    pub(super) tentative_micros: i64,
    pub(super) lost_micros: i64,
}

impl Settings {
    pub(super) fn new(spec: &TrackerSpec) -> Self {
        Self {
            score_new: spec.score_new,
            score_high: spec.score_high,
            score_low: spec.score_low,
            confirm_hits: spec.confirm_hits,
            confirm_micros: micros(spec.confirm_seconds),
            tentative_micros: micros(spec.tentative_seconds),
            lost_micros: micros(spec.lost_seconds),
        }
    }
}
