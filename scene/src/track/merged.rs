//! Two objects in one detection.
//!
//! Where one person passes another, the detector often sees a single box around both. Given to one
//! of them whole, it drags him to the middle and makes him as large as two, while the other is lost
//! or, when the boxes part, takes over his name. So a detection that fits the union of two targets
//! better than either of them is shared: each keeps his size and is pushed to his own edges of it.

use super::target::{Frame, Target};
use crate::time::FrameTime;

/// Share of a target's box that lies in a detection for it to be in there.
const INSIDE: f64 = 0.6;
/// Who was not detected by himself for longer is not looked for in the detections of others.
const ALONE_MICROS: i64 = 1_000_000;

/// The target without a detection of its own that shares the one of target `index`.
pub(super) fn partner(
    at: FrameTime,
    targets: &[Target],
    index: usize,
    detection: &Frame,
) -> Option<usize> {
    let owner = targets.get(index).filter(|target| target.is_confirmed())?;
    let own = owner.frame();
    let mut best = None;
    for (other, target) in targets.iter().enumerate() {
        let is_missing = target.is_confirmed()
            && target.last_seen < at
            && target.matched.is_none()
            && at.micros_since(target.last_alone) <= ALONE_MICROS;
        let frame = target.frame();
        if other == index || !is_missing || frame.share_in(detection) < INSIDE {
            continue;
        }
        let single = detection.iou(&own, 0.0).max(detection.iou(&frame, 0.0));
        let gain = detection.iou(&own.union(&frame), 0.0) - single;
        if best.map_or(0.0, |(_, gain)| gain) < gain {
            best = Some((other, gain));
        }
    }
    best.map(|(other, _)| other)
}

/// Where two are whose common box is `detection`: each at the edges that are nearer to him.
pub(super) fn share(detection: &Frame, one: &Frame, other: &Frame) -> (Frame, Frame) {
    let (x1, x2) = apart(
        (detection.x, detection.width),
        (one.x, one.width),
        (other.x, other.width),
    );
    let (y1, y2) = apart(
        (detection.y, detection.height),
        (one.y, one.height),
        (other.y, other.height),
    );
    (
        Frame {
            x: x1,
            y: y1,
            ..*one
        },
        Frame {
            x: x2,
            y: y2,
            ..*other
        },
    )
}

/// The same in one coordinate; all are (middle, length), the answers middles.
fn apart(all: (f64, f64), one: (f64, f64), other: (f64, f64)) -> (f64, f64) {
    let side = |length: f64| (all.1 - length) / 2.0;
    let (a, b) = (side(one.1), side(other.1));
    if one.0 <= other.0 {
        (all.0 - a, all.0 + b)
    } else {
        (all.0 + a, all.0 - b)
    }
}
