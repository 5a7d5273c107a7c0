//! Whether the detector has to look at a frame.
//!
//! ```text
//! luma plane ─▶ small grid ─▶ background ─▶ moving? changed? ─┐
//! tracks, where they should be now ───────────────────────────┴▶ look | repeat | wait
//! ```
//!
//! *Look*: the detector runs. *Repeat*: nothing moves, so it would say what it said last time. *Wait*:
//! something moves, but by so little since the last look that the tracker's prediction will do.
//! Times are capture times, so that a file gives the same decisions on every run.

mod background;
mod luma;
#[cfg(test)]
mod tests;

use scene::{BBox, Detection, FrameTime, Point, Polygon, track::Track};

use self::{
    background::{Background, CHANGED, FIRM_MOVING, MOVING, STRONG_MOVING},
    luma::Luma,
};
use crate::capture::picture::Picture;

/// A camera's `[motion]`, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub is_enabled: bool,
    /// 0 to 1.
    pub sensitivity: f32,
    /// Motion in these areas is not looked at.
    pub masks: Vec<Polygon>,
    pub looks_per_second_max: f32,
}

/// What to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Look(LookReason),
    /// Nothing moves: the last look still holds.
    Repeat,
    /// Something moves, and the next look is not due yet.
    Wait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookReason {
    /// The background is not known yet, after the start or in another picture.
    Learning,
    /// The last look found something that is not yet followed.
    New,
    /// Something moves where nothing is followed.
    Motion,
    /// What is followed has moved on.
    Follow,
    /// Something stands where there was nothing.
    Changed,
    /// It is time, whatever the picture shows.
    Check,
}

impl Decision {
    /// All of them, in the order of their counters.
    pub const ALL: [Self; 8] = [
        Self::Look(LookReason::Learning),
        Self::Look(LookReason::New),
        Self::Look(LookReason::Motion),
        Self::Look(LookReason::Follow),
        Self::Look(LookReason::Changed),
        Self::Look(LookReason::Check),
        Self::Repeat,
        Self::Wait,
    ];

    /// Decision and reason, as metrics name them.
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Look(LookReason::Learning) => ("look", "learning"),
            Self::Look(LookReason::New) => ("look", "new"),
            Self::Look(LookReason::Motion) => ("look", "motion"),
            Self::Look(LookReason::Follow) => ("look", "follow"),
            Self::Look(LookReason::Changed) => ("look", "changed"),
            Self::Look(LookReason::Check) => ("look", "check"),
            Self::Repeat => ("repeat", "still"),
            Self::Wait => ("wait", "slow"),
        }
    }
}

/// How long the background is learned, and the detector looks whatever moves.
const LEARN_MICROS: i64 = 1_000_000;
/// Without a frame for so long the background may be anything.
const FORGET_MICROS: i64 = 2_000_000;
/// A share of its size that an object may move between two looks.
const STRIDE: f32 = 0.18;
/// Where so little is followed, half of that: there is time to look, and a look that fails to find the
/// object is a larger part of what is known of it.
const FEW: usize = 2;
/// Longest time between two looks at what moves: a turn or a stop is seen within this.
const FOLLOW_MICROS: i64 = 500_000;
/// Between two looks at motion that earlier looks did not explain.
const MOTION_MICROS: i64 = 400_000;
/// For so long after it began, motion is looked at as often as is allowed.
const FRESH_MICROS: i64 = 1_000_000;
/// For so long a change has to stand.
const SETTLED_MICROS: i64 = 300_000;
/// Between two looks at what changed and stands.
const CHANGED_MICROS: i64 = 1_000_000;
/// Between two looks while something is followed: less than what the rules take for blindness.
const CHECK_MICROS: i64 = 1_900_000;
/// Between two looks at nothing.
const EMPTY_MICROS: i64 = 10_000_000;
/// Looks in a row at something new that does not become a track.
const NEW_LOOKS_MAX: u32 = 3;
/// Overlap at which a detection belongs to a track.
const SAME_IOU: f32 = 0.3;
/// Firm moving cells that are motion.
const CELLS_MIN: usize = 3;
/// Changed cells that are a change.
const CHANGED_MIN: usize = 6;

/// Decides for one camera.
pub struct Gate {
    settings: Settings,
    look_micros: i64,
    luma: Luma,
    background: Background,
    size: (usize, usize),
    last: Option<FrameTime>,
    looked: Option<FrameTime>,
    learning_until: FrameTime,
    /// Since when there is motion that nothing explains.
    motion_since: Option<FrameTime>,
    /// When such motion was last seen.
    motion_last: Option<FrameTime>,
    /// Since when something stands where there was nothing.
    changed_since: Option<FrameTime>,
    /// Whether the last frame showed motion.
    was_moving: bool,
    /// Consecutive looks that found something new, or none.
    new_looks: u32,
    covered: Vec<bool>,
    ignored: Vec<bool>,
}

impl Gate {
    pub fn new(settings: Settings) -> Self {
        // 12 luma steps for the dullest, 2 for the keenest.
        let threshold = (12.0 * (1.0 - settings.sensitivity)).max(2.0);
        #[expect(clippy::cast_possible_truncation, reason = "at most 10^8 microseconds")]
        let look_micros = (1e6 / settings.looks_per_second_max.max(0.01)) as i64;
        Self {
            look_micros,
            settings,
            luma: Luma::empty(),
            background: Background::new(threshold),
            size: (0, 0),
            last: None,
            looked: None,
            learning_until: FrameTime::from_micros(i64::MIN),
            motion_since: None,
            motion_last: None,
            changed_since: None,
            was_moving: false,
            new_looks: 0,
            covered: Vec::new(),
            ignored: Vec::new(),
        }
    }

    /// What to do with `picture`, of time `at`; `tracks` are the confirmed ones as they were at the
    /// last look, and `predicted` the same where they should be now.
    pub fn decide(
        &mut self,
        at: FrameTime,
        picture: &Picture<'_>,
        tracks: &[Track],
        predicted: &[Track],
    ) -> Decision {
        let pause = self.last.map(|last| at.micros_since(last));
        if pause.is_some_and(|pause| pause <= 0) {
            return Decision::Wait;
        }
        self.last = Some(at);
        self.luma.read(picture);
        let size = (picture.width(), picture.height());
        let is_known = self.size == size && self.background.fits(&self.luma);
        let (Some(pause), true) = (pause.filter(|pause| *pause <= FORGET_MICROS), is_known) else {
            self.learn(at, size);
            return Decision::Look(LookReason::Learning);
        };
        self.cover(tracks, predicted);
        let is_learning = at < self.learning_until;
        #[expect(clippy::cast_precision_loss, reason = "at most 2 million")]
        let dt = pause as f32 / 1e6;
        let same =
            self.background
                .compare(&self.luma, &self.covered, &self.ignored, dt, is_learning);
        if !same {
            self.learn(at, size);
        }
        let since = self
            .looked
            .map_or(i64::MAX, |looked| at.micros_since(looked))
            // Looks come with frames: the nearest one is taken.
            .saturating_add(pause / 2);
        match self.due(at, since, tracks, predicted) {
            Some((reason, wait)) if wait <= since => Decision::Look(reason),
            Some((reason, _)) if reason != LookReason::Check && reason != LookReason::Changed => {
                Decision::Wait
            }
            _ => Decision::Repeat,
        }
    }

    /// What the look at `at` found. `tracks` are those after it; a detection of the score `sure` may
    /// start another.
    pub fn looked(&mut self, at: FrameTime, tracks: &[Track], found: &[Detection], sure: f32) {
        self.looked = Some(at);
        let is_followed = |detection: &Detection| {
            let mut tracks = tracks.iter();
            tracks.any(|track| SAME_IOU <= track.bbox.iou(&detection.bbox))
        };
        let is_new =
            |detection: &&Detection| sure <= detection.score.get() && !is_followed(detection);
        self.new_looks = if found.iter().any(|detection| is_new(&detection)) {
            self.new_looks.saturating_add(1)
        } else {
            0
        };
        self.covered.fill(false);
        let found = found.iter().map(|detection| &detection.bbox);
        for bbox in tracks.iter().map(|track| &track.bbox).chain(found) {
            mark(&mut self.covered, &self.luma, bbox);
        }
        self.background.looked(&self.luma, &self.covered);
    }

    /// The most urgent reason to look, and how long after the last look.
    fn due(
        &mut self,
        at: FrameTime,
        since: i64,
        tracks: &[Track],
        predicted: &[Track],
    ) -> Option<(LookReason, i64)> {
        if at < self.learning_until {
            return Some((LookReason::Learning, self.look_micros));
        }
        if (1..=NEW_LOOKS_MAX).contains(&self.new_looks) {
            return Some((LookReason::New, self.look_micros));
        }
        let least = self.look_micros;
        let (moving, mut stray, changed) = self.count();
        // The pulse of a key frame is weak and over with the next frame.
        let is_believed = CELLS_MIN <= self.strong_count() || self.was_moving;
        self.was_moving = CELLS_MIN <= moving;
        if !is_believed {
            stray = 0;
        }
        if CELLS_MIN <= stray {
            let fresh = self
                .motion_last
                .is_none_or(|last| FRESH_MICROS < at.micros_since(last));
            if fresh {
                self.motion_since = Some(at);
            }
            self.motion_last = Some(at);
        }
        let is_fresh = self
            .motion_since
            .is_some_and(|begun| at.micros_since(begun) <= FRESH_MICROS);
        let mut due = None;
        let mut add = |reason, wait: i64| {
            if due.is_none_or(|(_, least)| wait < least) {
                due = Some((reason, wait));
            }
        };
        if CELLS_MIN <= stray {
            let wait = if is_fresh { 0 } else { MOTION_MICROS };
            add(LookReason::Motion, wait.max(least));
        }
        if CELLS_MIN <= moving && !tracks.is_empty() {
            let is_due = stride_max(tracks) <= stride(tracks, predicted);
            let wait = if is_due { 0 } else { FOLLOW_MICROS };
            add(LookReason::Follow, wait.max(least));
        }
        if changed < CHANGED_MIN {
            self.changed_since = None;
        }
        let begun = (CHANGED_MIN <= changed).then(|| *self.changed_since.get_or_insert(at));
        if begun.is_some_and(|begun| SETTLED_MICROS <= at.micros_since(begun)) {
            add(LookReason::Changed, CHANGED_MICROS.max(least));
        }
        let check = if tracks.is_empty() {
            EMPTY_MICROS
        } else {
            CHECK_MICROS
        };
        if check <= since {
            add(LookReason::Check, check);
        }
        due
    }

    /// Firm moving cells, those of them that no track explains, and cells that changed where no
    /// track is.
    fn count(&self) -> (usize, usize, usize) {
        let (mut moving, mut stray, mut changed) = (0, 0, 0);
        for (&flags, &covered) in self.background.flags.iter().zip(&self.covered) {
            let is_firm = flags & FIRM_MOVING != 0;
            moving += usize::from(is_firm);
            stray += usize::from(is_firm && !covered);
            let is_still = flags & (CHANGED | MOVING) == CHANGED;
            changed += usize::from(is_still && !covered);
        }
        (moving, stray, changed)
    }

    fn strong_count(&self) -> usize {
        let flags = self.background.flags.iter();
        flags.filter(|&&f| f & STRONG_MOVING != 0).count()
    }

    fn learn(&mut self, at: FrameTime, size: (usize, usize)) {
        if self.size != size {
            self.size = size;
            self.ignored = ignored(&self.luma, &self.settings.masks);
        }
        self.covered.clear();
        self.covered.resize(self.luma.cells.len(), false);
        self.background.restart(&self.luma);
        self.learning_until = at.plus_micros(LEARN_MICROS);
        self.motion_since = None;
        self.changed_since = None;
    }

    fn cover(&mut self, tracks: &[Track], predicted: &[Track]) {
        self.covered.fill(false);
        for track in tracks.iter().chain(predicted) {
            mark(&mut self.covered, &self.luma, &track.bbox);
        }
    }
}

/// How far what is followed may go until the next look.
fn stride_max(tracks: &[Track]) -> f32 {
    if tracks.len() <= FEW {
        STRIDE / 2.0
    } else {
        STRIDE
    }
}

/// The longest way that a track has gone since the last look, as a share of its size.
fn stride(tracks: &[Track], predicted: &[Track]) -> f32 {
    let way = |now: &Track| {
        let before = tracks.iter().find(|track| track.id == now.id)?;
        let (a, b) = (before.bbox, now.bbox);
        let (x, y) = (a.center().x - b.center().x, a.center().y - b.center().y);
        // Each direction by the side along it: a picture's aspect does not matter then. An upright
        // person's stride is less than the width, so the longer side is taken for both.
        let size = b.height().max(b.width());
        Some((x * x + y * y).sqrt() / size)
    };
    predicted.iter().filter_map(way).fold(0.0, f32::max)
}

/// Marks the cells that `bbox` touches, and those beside it: shadows and what the box leaves out.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the grid, which has at most 128 cells a side"
)]
fn mark(cells: &mut [bool], luma: &Luma, bbox: &BBox) {
    let range = |low: f32, high: f32, count: usize| {
        let (count_f, margin) = (count as f32, 1.0);
        let low = (low * count_f - margin).clamp(0.0, count_f) as usize;
        let high = (high * count_f + margin).ceil().clamp(0.0, count_f) as usize;
        low..high
    };
    let columns = range(bbox.left(), bbox.right(), luma.columns);
    for y in range(bbox.top(), bbox.bottom(), luma.rows) {
        let start = y * luma.columns;
        if let Some(row) = cells.get_mut(start + columns.start..start + columns.end) {
            row.fill(true);
        }
    }
}

/// The cells whose centre is within a mask.
#[expect(clippy::cast_precision_loss, reason = "at most 128 cells a side")]
fn ignored(luma: &Luma, masks: &[Polygon]) -> Vec<bool> {
    let center = |n: usize, count: usize| (n as f32 + 0.5) / count as f32;
    (0..luma.rows * luma.columns)
        .map(|i| {
            let (x, y) = (i % luma.columns, i / luma.columns);
            let point = Point::new(center(x, luma.columns), center(y, luma.rows));
            masks.iter().any(|mask| mask.contains(point))
        })
        .collect()
}
