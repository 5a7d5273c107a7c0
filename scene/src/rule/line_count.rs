//! Passages of a line in windows of time.
//!
//! Windows start at multiples of their length since 1970 UTC. A window's count is said only if the
//! *whole* window was observed: no two successive frames in it, or across its ends, more than
//! [`GAP_MAX_MICROS`] apart, and no blindness. Otherwise the count is unknown, never zero; what was
//! counted is then a lower bound. There is no other tolerance: a window that ends between two
//! frames is closed by the second of them.

use super::{GAP_MAX_MICROS, Output, event, measure, seconds};
use crate::{
    event::{Direction, Kind, MeasureName, Phase},
    spec::{Definition, LineDefinition},
    time::FrameTime,
};

/// Most windows that one call closes, a day of minutes; older ones are left out.
const WINDOWS_PER_CALL_MAX: i64 = 1440;

#[derive(Clone, Debug)]
pub(super) struct LineCount {
    window_micros: i64,
    /// Start of the window at hand; `None` before anything is known.
    start: Option<i64>,
    observed_micros: i64,
    /// The last frame, unless the picture was lost since.
    last: Option<FrameTime>,
    to_left: u32,
    to_right: u32,
}

impl LineCount {
    pub(super) const fn new(window_micros: i64) -> Self {
        Self {
            window_micros,
            start: None,
            observed_micros: 0,
            last: None,
            to_left: 0,
            to_right: 0,
        }
    }

    /// A frame was seen; closes windows up to it.
    pub(super) fn observe(
        &mut self,
        at: FrameTime,
        rule: &Definition,
        line: &LineDefinition,
        out: &mut Output<'_>,
    ) {
        self.advance(at, rule, line, out);
        self.last = Some(at);
    }

    /// Takes a passage in at the time of the last frame.
    pub(super) fn add(&mut self, at: FrameTime, direction: Direction) {
        // A frame that comes too late for its window was not observed there either.
        if self.start.is_some_and(|start| start <= at.as_micros()) {
            let count = match direction {
                Direction::ToLeft => &mut self.to_left,
                Direction::ToRight => &mut self.to_right,
            };
            *count = count.saturating_add(1);
        }
    }

    pub(super) fn blind(
        &mut self,
        at: FrameTime,
        rule: &Definition,
        line: &LineDefinition,
        out: &mut Output<'_>,
    ) {
        self.advance(at, rule, line, out);
        self.last = None;
    }

    /// Closes windows that no frame can be part of any more.
    pub(super) fn tick(
        &mut self,
        at: FrameTime,
        rule: &Definition,
        line: &LineDefinition,
        out: &mut Output<'_>,
    ) {
        if self
            .last
            .is_none_or(|last| GAP_MAX_MICROS < at.micros_since(last))
        {
            self.last = None;
            self.start
                .get_or_insert_with(|| window_start(at, self.window_micros));
            // A frame may be under way for as long as a gap.
            self.advance(at.plus_micros(-GAP_MAX_MICROS), rule, line, out);
        }
    }

    pub(super) fn finish(
        &mut self,
        at: FrameTime,
        rule: &Definition,
        line: &LineDefinition,
        out: &mut Output<'_>,
    ) {
        self.advance(at, rule, line, out);
        if self.start.is_some_and(|start| start < at.as_micros()) {
            self.close(at, rule, line, out);
        }
        self.start = None;
        self.last = None;
    }

    /// Moves to `at`: the time since the last frame was observed unless it is a gap.
    fn advance(
        &mut self,
        at: FrameTime,
        rule: &Definition,
        line: &LineDefinition,
        out: &mut Output<'_>,
    ) {
        let now = at.as_micros();
        let window = self.window_micros.max(1);
        let first = window_start(at, window);
        let mut start = self.start.unwrap_or(first);
        let seen_from = match self.last {
            Some(last) if at.micros_since(last) <= GAP_MAX_MICROS => last.as_micros(),
            _ => now,
        };
        let oldest = first.saturating_sub(window.saturating_mul(WINDOWS_PER_CALL_MAX));
        while start < first {
            let end = start.saturating_add(window);
            if oldest <= start {
                self.observe_span(seen_from, now, start, end);
                self.close(FrameTime::from_micros(end), rule, line, out);
                start = end;
            } else {
                self.reset();
                start = oldest;
            }
        }
        self.observe_span(seen_from, now, start, start.saturating_add(window));
        self.start = Some(start);
    }

    /// Adds what of `from..to` lies in the window.
    fn observe_span(&mut self, from: i64, to: i64, start: i64, end: i64) {
        let span = to.min(end).saturating_sub(from.max(start)).max(0);
        self.observed_micros = self.observed_micros.saturating_add(span);
    }

    fn close(
        &mut self,
        at: FrameTime,
        rule: &Definition,
        line: &LineDefinition,
        out: &mut Output<'_>,
    ) {
        let whole = self.window_micros <= self.observed_micros;
        for (direction, count) in [
            (Direction::ToLeft, self.to_left),
            (Direction::ToRight, self.to_right),
        ] {
            if line.direction.is_some_and(|only| only != direction) {
                continue;
            }
            let mut event = event(rule, at, Kind::LineCount, Phase::Instant);
            event.direction = Some(direction);
            event.measures = vec![
                measure(MeasureName::Count, whole.then_some(f64::from(count))),
                measure(MeasureName::CountAtLeast, Some(f64::from(count))),
                measure(
                    MeasureName::ObservedSeconds,
                    Some(seconds(self.observed_micros)),
                ),
                measure(
                    MeasureName::WindowSeconds,
                    Some(seconds(self.window_micros)),
                ),
            ];
            out.events.push(event);
        }
        self.reset();
    }

    const fn reset(&mut self) {
        (self.observed_micros, self.to_left, self.to_right) = (0, 0, 0);
    }
}

/// Where the window that holds `at` starts.
fn window_start(at: FrameTime, window_micros: i64) -> i64 {
    let into = at.as_micros().rem_euclid(window_micros.max(1));
    at.as_micros().saturating_sub(into)
}
