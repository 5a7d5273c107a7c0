//! One object that is followed, from the first detection to the last.

use super::{
    kalman::{Axis, Noise},
    likeness::Seen,
    trace::Sight,
};
use crate::{
    detection::{Class, Detection},
    geometry::BBox,
    time::FrameTime,
};

/// Noises are shares of the object's size: a far person shakes by fewer pixels than a near one.
const PLACE: Noise = Noise {
    measurement: 0.10,
    walk: 0.05,
    acceleration: 0.5,
    velocity: 1.0,
};
/// The same for a share of a detection of two.
const MERGED: Noise = Noise {
    measurement: 0.20,
    ..PLACE
};
const SHAPE: Noise = Noise {
    measurement: 0.20,
    walk: 0.10,
    acceleration: 0.03,
    velocity: 0.2,
};
/// Time in which what is not seen loses half of its velocity.
const COAST_SECONDS: f64 = 5.0;
/// Classes that may be voted for at a time.
const BALLOTS: usize = 4;

/// A box in the square metric: lengths in picture heights, in double precision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Frame {
    pub(super) fn new(bbox: &BBox, aspect: f32) -> Self {
        let (center, aspect) = (bbox.center(), f64::from(aspect));
        Self {
            x: f64::from(center.x) * aspect,
            y: f64::from(center.y),
            width: f64::from(bbox.width()) * aspect,
            height: f64::from(bbox.height()),
        }
    }

    /// `None` far out of the picture.
    pub(super) fn bbox(&self, aspect: f32) -> Option<BBox> {
        let aspect = f64::from(aspect);
        let (width, height) = (self.width / aspect, self.height);
        #[expect(clippy::cast_possible_truncation, reason = "single precision is meant")]
        BBox::new(
            (self.x / aspect - width / 2.0) as f32,
            (self.y - height / 2.0) as f32,
            width as f32,
            height as f32,
        )
    }

    /// Intersection over union of two boxes, each grown on every side by a share of its own size
    /// (Yang et al., *Hard to Track Objects with Irregular Motions and Similar Appearances? Make It
    /// Easier by Buffering the Matching Space*, WACV 2023).
    pub(super) fn iou(&self, other: &Self, grow: f64) -> f64 {
        let factor = 1.0 + 2.0 * grow;
        let grown = |frame: &Self| Self {
            width: frame.width * factor,
            height: frame.height * factor,
            ..*frame
        };
        let (a, b) = (grown(self), grown(other));
        let shared = a.shared(&b);
        if shared <= 0.0 {
            return 0.0;
        }
        shared / (a.area() + b.area() - shared).max(shared)
    }

    /// The share of this box that lies in another one.
    pub(super) fn share_in(&self, other: &Self) -> f64 {
        self.shared(other) / self.area()
    }

    /// The distance of the middles of the lower edges, in sizes of this box.
    pub(super) fn feet_apart(&self, other: &Self) -> f64 {
        let x = self.x - other.x;
        let y = (self.y + self.height / 2.0) - (other.y + other.height / 2.0);
        (x * x + y * y).sqrt() / size(self.width, self.height)
    }

    /// The box around both.
    pub(super) fn union(&self, other: &Self) -> Self {
        let around = |a: f64, a_side: f64, b: f64, b_side: f64| {
            let low = (a - a_side / 2.0).min(b - b_side / 2.0);
            let high = (a + a_side / 2.0).max(b + b_side / 2.0);
            (low.midpoint(high), high - low)
        };
        let (x, width) = around(self.x, self.width, other.x, other.width);
        let (y, height) = around(self.y, self.height, other.y, other.height);
        Self {
            x,
            y,
            width,
            height,
        }
    }

    fn area(&self) -> f64 {
        self.width * self.height
    }

    /// Area of the intersection.
    fn shared(&self, other: &Self) -> f64 {
        let overlap = |a: f64, a_side: f64, b: f64, b_side: f64| {
            (a + a_side / 2.0).min(b + b_side / 2.0) - (a - a_side / 2.0).max(b - b_side / 2.0)
        };
        let width = overlap(self.x, self.width, other.x, other.width);
        let height = overlap(self.y, self.height, other.y, other.height);
        width.max(0.0) * height.max(0.0)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Target {
    /// 0 until confirmed.
    pub(super) id: u64,
    pub(super) origin: Sight,
    /// For sure.
    pub(super) first_seen: FrameTime,
    pub(super) last_seen: FrameTime,
    /// Last seen in a detection that showed nothing else.
    pub(super) last_alone: FrameTime,
    /// The detection of this frame, until it is taken in.
    pub(super) matched: Option<Seen>,
    pub(super) hits: u32,
    pub(super) score: f32,
    x: Axis,
    y: Axis,
    width: Axis,
    height: Axis,
    votes: [(Class, f32); BALLOTS],
}

impl Target {
    /// What is seen for sure for the first time, and the first sight of it.
    pub(super) fn new(sight: Sight, detection: &Detection, origin: Sight) -> Self {
        let Sight { at, frame } = sight;
        let size = size(frame.width, frame.height);
        let mut votes = [(detection.class, 0.0); BALLOTS];
        if let Some(first) = votes.first_mut() {
            first.1 = detection.score.get();
        }
        Self {
            id: 0,
            origin,
            first_seen: at,
            last_seen: at,
            last_alone: at,
            matched: None,
            hits: 1,
            score: detection.score.get(),
            x: Axis::new(frame.x, scaled(PLACE, size)),
            y: Axis::new(frame.y, scaled(PLACE, size)),
            width: Axis::new(frame.width, scaled(SHAPE, size)),
            height: Axis::new(frame.height, scaled(SHAPE, size)),
            votes,
        }
    }

    pub(super) const fn is_confirmed(&self) -> bool {
        self.id != 0
    }

    /// Moves on by `dt` seconds; `coasting` when the last frame did not show the target.
    pub(super) fn predict(&mut self, dt: f64, coasting: bool) {
        if coasting {
            let keep = COAST_SECONDS / (COAST_SECONDS + dt);
            self.x.slow(keep);
            self.y.slow(keep);
            self.width.slow(0.0);
            self.height.slow(0.0);
        }
        let size = self.size();
        self.x.predict(dt, scaled(PLACE, size));
        self.y.predict(dt, scaled(PLACE, size));
        self.width.predict(dt, scaled(SHAPE, size));
        self.height.predict(dt, scaled(SHAPE, size));
    }

    pub(super) fn see(&mut self, at: FrameTime, seen: &Seen) {
        let size = self.size();
        self.move_to(&seen.frame, scaled(PLACE, size));
        self.width.update(seen.frame.width, scaled(SHAPE, size));
        self.height.update(seen.frame.height, scaled(SHAPE, size));
        (self.last_seen, self.last_alone) = (at, at);
        self.hits = self.hits.saturating_add(1);
        self.score = seen.detection.score.get();
        self.vote(seen.detection.class, self.score);
    }

    /// A detection shows it together with another one; `frame` is its share.
    pub(super) fn see_merged(&mut self, at: FrameTime, frame: Frame) {
        self.move_to(&frame, scaled(MERGED, self.size()));
        self.last_seen = at;
    }

    fn move_to(&mut self, frame: &Frame, noise: Noise) {
        self.x.update(frame.x, noise);
        self.y.update(frame.y, noise);
    }

    pub(super) fn frame(&self) -> Frame {
        Frame {
            x: self.x.position(),
            y: self.y.position(),
            width: self.width.position().max(f64::from(BBox::SIDE_MIN)),
            height: self.height.position().max(f64::from(BBox::SIDE_MIN)),
        }
    }

    /// The class with the most votes; the earlier among equals.
    pub(super) fn class(&self) -> Class {
        let [first, rest @ ..] = &self.votes;
        rest.iter()
            .fold(
                *first,
                |best, vote| if best.1 < vote.1 { *vote } else { best },
            )
            .0
    }

    fn size(&self) -> f64 {
        let frame = self.frame();
        size(frame.width, frame.height)
    }

    fn vote(&mut self, class: Class, weight: f32) {
        if let Some(vote) = self.votes.iter_mut().find(|(c, w)| *c == class && 0.0 < *w) {
            vote.1 += weight;
        } else if let Some(least) = self.votes.iter_mut().min_by(|a, b| a.1.total_cmp(&b.1)) {
            // Space-saving (Metwally et al., ICDT 2005): the newcomer takes over the least count.
            *least = (class, least.1 + weight);
        }
    }
}

fn size(width: f64, height: f64) -> f64 {
    (width * height).sqrt()
}

fn scaled(noise: Noise, size: f64) -> Noise {
    Noise {
        measurement: noise.measurement * size,
        walk: noise.walk * size,
        acceleration: noise.acceleration * size,
        velocity: noise.velocity * size,
    }
}
