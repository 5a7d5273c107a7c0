//! How well a detection fits a target.
//!
//! The numbers were chosen on PETS09-S2L1 with detections at three input sizes and two frame rates;
//! none of them is sharp.

use super::{
    assign::BENEFIT_MAX,
    target::{Frame, Target},
};
use crate::{detection::Detection, time::FrameTime};

/// Least likeness of a confident detection and a confirmed target.
const MATCH_FIRST: f64 = 0.15;
/// Least likeness of a weak detection and a confirmed target that was just seen.
const MATCH_SECOND: f64 = 0.5;
/// Least likeness of a confident detection and an unconfirmed target.
const MATCH_TENTATIVE: f64 = 0.2;
/// What is left of the likeness when the classes differ.
const OTHER_CLASS: f64 = 0.8;
/// How much less alike two are for each size of the box that lies between their feet. Of two who
/// overlap, the feet tell who is nearer, and the nearer one's are seen.
const FEET_APART: f64 = 0.3;
/// How far a box is grown before boxes are compared, in its own sizes per second since the target
/// was seen …
const GROW_PER_SECOND: f64 = 1.0;
/// … and at most, unless the time between two frames alone asks for more.
const GROW_MAX: f64 = 0.5;
/// The same for an unconfirmed target, whose velocity is not known.
const GROW_PER_SECOND_TENTATIVE: f64 = 2.0;
/// No box is grown by more.
const GROW_LIMIT: f64 = 1.0;

/// A detection of the frame at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// In the frame.
    pub(super) order: usize,
    pub(super) detection: Detection,
    pub(super) frame: Frame,
    pub(super) taken: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// Confident detections, confirmed targets.
    First,
    /// Weak detections, confirmed targets that were just seen.
    Second,
    /// Confident detections that are left, unconfirmed targets.
    Tentative,
}

/// How much is won by matching; `pause` is the time since the last frame, in seconds.
pub(super) fn benefit(
    at: FrameTime,
    pause: f64,
    target: &Target,
    seen: &Seen,
    round: Round,
) -> i64 {
    let (least, per_second) = match round {
        Round::First => (MATCH_FIRST, GROW_PER_SECOND),
        Round::Second => (MATCH_SECOND, GROW_PER_SECOND),
        Round::Tentative => (MATCH_TENTATIVE, GROW_PER_SECOND_TENTATIVE),
    };
    let most = GROW_MAX.max(per_second * pause).min(GROW_LIMIT);
    let grow = (per_second * at.seconds_since(target.last_seen)).clamp(0.0, most);
    let frame = target.frame();
    let mut likeness = frame.iou(&seen.frame, grow);
    // Whose velocity is not known may be far from where he was.
    if round != Round::Tentative {
        likeness /= 1.0 + FEET_APART * frame.feet_apart(&seen.frame);
    }
    if target.class() != seen.detection.class {
        likeness *= OTHER_CLASS;
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "0 to 10⁶"
    )]
    let benefit = ((likeness - least) * BENEFIT_MAX as f64).floor() as i64;
    benefit
}
