//! Where somebody was before a detection was sure enough to start a track.
//!
//! A detector is often unsure for a few frames while an object comes into view. Such weak detections
//! start no track, but a track that starts where they lead was there: so a rule learns from which
//! side it came.

use super::target::Frame;
use crate::time::FrameTime;

/// Most traces at a time.
const TRACES_MAX: usize = 300;
/// Least likeness of a detection and the last one of a trace.
const MATCH: f64 = 0.4;
/// How far boxes are grown before they are compared, in their own sizes per second …
const GROW_PER_SECOND: f64 = 2.0;
/// … and at most.
const GROW_MAX: f64 = 0.5;
/// A trace reaches back by one to two of these: what a weak detection says is soon stale.
const REACH_MICROS: i64 = 500_000;

/// A place at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    pub(super) at: FrameTime,
    pub(super) frame: Frame,
}

#[derive(Clone, Copy, Debug)]
struct Trace {
    origin: Sight,
    /// The next origin.
    middle: Sight,
    last: Sight,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Traces(Vec<Trace>);

impl Traces {
    /// Takes in a detection that belongs to no confirmed target and answers where it came from. It
    /// goes on with a trace, or starts one.
    pub(super) fn extend(&mut self, sight: Sight) -> Sight {
        if let Some(trace) = self.find(sight).and_then(|i| self.0.get_mut(i)) {
            trace.extend(sight);
            return trace.origin;
        }
        if self.0.len() < TRACES_MAX && !self.is_doubled(sight) {
            self.0.push(Trace {
                origin: sight,
                middle: sight,
                last: sight,
            });
        }
        sight
    }

    /// Forgets what was not continued for `limit` microseconds, or in the last frame.
    pub(super) fn give_up(&mut self, at: FrameTime, limit: i64) {
        self.0.retain(|trace| {
            let unseen = at.micros_since(trace.last.at);
            unseen == 0 || unseen <= limit
        });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The likest trace that this frame has not continued yet; the first among equals.
    fn find(&self, sight: Sight) -> Option<usize> {
        let mut best = (MATCH, None);
        for (index, trace) in self.0.iter().enumerate() {
            let pause = sight.at.seconds_since(trace.last.at);
            if pause <= 0.0 {
                continue;
            }
            let grow = (GROW_PER_SECOND * pause).min(GROW_MAX);
            let likeness = trace.last.frame.iou(&sight.frame, grow);
            if best.0 < likeness {
                best = (likeness, Some(index));
            }
        }
        best.1
    }

    /// Another detection of this frame was in the same place; often of another class.
    fn is_doubled(&self, sight: Sight) -> bool {
        self.0
            .iter()
            .any(|t| t.last.at == sight.at && MATCH < t.last.frame.iou(&sight.frame, 0.0))
    }
}

impl Trace {
    fn extend(&mut self, sight: Sight) {
        if REACH_MICROS < sight.at.micros_since(self.middle.at) {
            (self.origin, self.middle) = (self.middle, sight);
        }
        self.last = sight;
    }
}
