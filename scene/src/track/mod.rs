//! Detections become tracks.
//!
//! A tracker of the ByteTrack family (Zhang et al., *ByteTrack: Multi-Object Tracking by
//! Associating Every Detection Box*, ECCV 2022): confident detections are matched first, then the
//! weak ones with what is left, so that somebody half hidden is followed and nothing weak starts a
//! track. What differs: an exact assignment in whole numbers; every age is a time, so that the frame
//! rate does not matter; a detection may show two (`merged`); a track begins with the weak detections
//! that led to it (`trace`).

mod assign;
mod kalman;
mod likeness;
mod merged;
mod settings;
mod target;
#[cfg(test)]
mod tests;
mod trace;

use self::{
    assign::Assigner,
    likeness::{Round, Seen, benefit},
    settings::Settings,
    target::{Frame, Target},
    trace::{Sight, Traces},
};
use crate::{
    detection::{Class, Detection},
    geometry::BBox,
    spec::TrackerSpec,
    time::FrameTime,
};

/// Most detections of a frame that are looked at; the best scores win.
pub const DETECTIONS_MAX: usize = 300;
/// Most objects followed at a time, seen or not.
pub const TARGETS_MAX: usize = 600;

/// Overlap at which two boxes are the same object.
const DUPLICATE_IOU: f64 = 0.85;
/// A weak detection continues what was seen at most this long ago.
const WEAK_MICROS: i64 = 500_000;

/// An object that is followed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Track {
    /// Never used again in this process.
    pub id: u64,
    /// The class that most of its detections had.
    pub class: Class,
    /// The last detection's.
    pub score: f32,
    /// Its first detection, which may be a weak one up to a second before the first sure one.
    pub first_seen: FrameTime,
    /// Where that was. The way from there to here rests on detections, not on predictions.
    pub first_bbox: BBox,
    /// Smoothed, or predicted.
    pub bbox: BBox,
    /// Whether this frame shows it.
    pub state: TrackState,
}

/// Whether a frame shows a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackState {
    /// A detection of this frame belongs to it.
    Seen,
    /// None does; where it should be.
    Predicted,
}

/// Follows objects from frame to frame.
#[derive(Clone, Debug)]
pub struct Tracker {
    settings: Settings,
    aspect: f32,
    last: Option<FrameTime>,
    next_id: u64,
    /// In the order of birth.
    targets: Vec<Target>,
    /// What may become targets.
    traces: Traces,
    /// What `step` answers, by id.
    tracks: Vec<Track>,
    assigner: Assigner,
    /// Detections of this frame with their frames; taken ones are removed.
    confident: Vec<Seen>,
    weak: Vec<Seen>,
    /// Indices of the targets that take part in a round.
    candidates: Vec<usize>,
    pairs: Vec<(usize, usize)>,
}

impl Tracker {
    /// A tracker for a picture of this width / height.
    pub fn new(spec: &TrackerSpec, aspect: f32) -> Self {
        Self {
            settings: Settings::new(spec),
            aspect: sane_aspect(aspect),
            last: None,
            next_id: 1,
            targets: Vec::new(),
            traces: Traces::default(),
            tracks: Vec::new(),
            assigner: Assigner::default(),
            confident: Vec::new(),
            weak: Vec::new(),
            candidates: Vec::new(),
            pairs: Vec::new(),
        }
    }

    /// Takes in a frame's detections and answers with the confirmed tracks, by id. A time not later
    /// than the last changes nothing.
    pub fn step(&mut self, at: FrameTime, detections: &[Detection]) -> &[Track] {
        if self.last.is_some_and(|last| at <= last) {
            return &self.tracks;
        }
        self.predict(at);
        self.sort_in(detections);
        self.round(at, Round::First);
        self.round(at, Round::Second);
        self.round(at, Round::Tentative);
        self.settle(at);
        self.begin(at);
        self.confirm(at);
        self.give_up(at);
        self.drop_duplicates();
        self.last = Some(at);
        self.list(at)
    }

    /// Forgets all targets; ids go on.
    pub fn clear(&mut self) {
        self.targets.clear();
        self.traces.clear();
        self.tracks.clear();
    }

    /// The confirmed tracks of the last step.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Appends the confirmed tracks where they should be at `at`, by id; the tracker itself does not
    /// move on. Their state is that of the last step.
    pub fn foresee(&self, at: FrameTime, tracks: &mut Vec<Track>) {
        let dt = self
            .last
            .map_or(0.0, |last| at.seconds_since(last).max(0.0));
        for track in &self.tracks {
            let target = self.targets.iter().find(|target| target.id == track.id);
            let bbox = target.and_then(|target| {
                let mut target = target.clone();
                target.predict(dt, track.state == TrackState::Predicted);
                target.frame().bbox(self.aspect)
            });
            tracks.push(Track {
                bbox: bbox.unwrap_or(track.bbox),
                ..*track
            });
        }
    }

    /// The picture's width / height; 1 where the one given made no sense.
    pub const fn aspect(&self) -> f32 {
        self.aspect
    }

    /// The picture's width / height changed; targets are forgotten.
    pub fn set_aspect(&mut self, aspect: f32) {
        let aspect = sane_aspect(aspect);
        if aspect.to_bits() != self.aspect.to_bits() {
            self.aspect = aspect;
            self.clear();
        }
    }

    /// New settings from the next step on.
    pub fn set_spec(&mut self, spec: &TrackerSpec) {
        self.settings = Settings::new(spec);
    }

    fn predict(&mut self, at: FrameTime) {
        let Some(last) = self.last else { return };
        let dt = at.seconds_since(last);
        for target in &mut self.targets {
            let coasting = target.last_seen < last;
            target.predict(dt, coasting);
        }
    }

    /// Keeps the best detections, without duplicates, in the order of their scores.
    fn sort_in(&mut self, detections: &[Detection]) {
        self.confident.clear();
        self.weak.clear();
        let usable = detections
            .iter()
            .filter(|d| self.settings.score_low <= d.score.get());
        self.confident
            .extend(usable.enumerate().map(|(order, d)| Seen {
                order,
                detection: *d,
                frame: Frame::new(&d.bbox, self.aspect),
                taken: false,
            }));
        // By order among equals; a stable sort would allocate.
        self.confident.sort_unstable_by(|a, b| {
            let scores = b.detection.score.get().total_cmp(&a.detection.score.get());
            scores.then(a.order.cmp(&b.order))
        });
        self.confident.truncate(DETECTIONS_MAX);
        for index in 0..self.confident.len() {
            let (better, rest) = self.confident.split_at_mut(index);
            if let Some(seen) = rest.first_mut() {
                seen.taken = better
                    .iter()
                    .any(|b| !b.taken && DUPLICATE_IOU < b.frame.iou(&seen.frame, 0.0));
            }
        }
        self.confident.retain(|seen| !seen.taken);
        let high = self.settings.score_high;
        let split = self
            .confident
            .partition_point(|seen| high <= seen.detection.score.get());
        self.weak.extend(self.confident.drain(split..));
    }

    /// Matches some targets with some detections.
    fn round(&mut self, at: FrameTime, round: Round) {
        let last = self.last;
        let pause = last.map_or(0.0, |last| at.seconds_since(last));
        self.candidates.clear();
        self.candidates
            .extend(self.targets.iter().enumerate().filter_map(|(i, target)| {
                let waiting = target.last_seen < at && target.matched.is_none();
                let right = match round {
                    Round::First => target.is_confirmed(),
                    Round::Second => {
                        target.is_confirmed()
                            && (last == Some(target.last_seen)
                                || at.micros_since(target.last_seen) <= WEAK_MICROS)
                    }
                    Round::Tentative => !target.is_confirmed(),
                };
                (waiting && right).then_some(i)
            }));
        let pool = if round == Round::Second {
            &mut self.weak
        } else {
            &mut self.confident
        };
        pool.retain(|seen| !seen.taken);
        let (targets, candidates, seen) = (&self.targets, &self.candidates, &*pool);
        let pairs = self
            .assigner
            .assign(candidates.len(), seen.len(), |row, column| {
                let target = candidates.get(row).and_then(|i| targets.get(*i));
                let (Some(target), Some(seen)) = (target, seen.get(column)) else {
                    return 0;
                };
                benefit(at, pause, target, seen, round)
            });
        self.pairs.clear();
        self.pairs.extend_from_slice(pairs);
        for &(row, column) in &self.pairs {
            let target = self
                .candidates
                .get(row)
                .and_then(|i| self.targets.get_mut(*i));
            if let (Some(target), Some(seen)) = (target, pool.get_mut(column)) {
                target.matched = Some(*seen);
                seen.taken = true;
                if round == Round::Tentative {
                    // The target may be given up before it is confirmed.
                    let frame = seen.frame;
                    self.traces.extend(Sight { at, frame });
                }
            }
        }
    }

    /// Targets take in the detections that they were matched with.
    fn settle(&mut self, at: FrameTime) {
        for index in 0..self.targets.len() {
            let Some(target) = self.targets.get_mut(index) else {
                continue;
            };
            let Some(seen) = target.matched.take() else {
                continue;
            };
            let own = target.frame();
            let partner = merged::partner(at, &self.targets, index, &seen.frame)
                .and_then(|other| self.targets.get_mut(other));
            let Some(partner) = partner else {
                if let Some(target) = self.targets.get_mut(index) {
                    target.see(at, &seen);
                }
                continue;
            };
            let (mine, theirs) = merged::share(&seen.frame, &own, &partner.frame());
            partner.see_merged(at, theirs);
            if let Some(target) = self.targets.get_mut(index) {
                target.see_merged(at, mine);
            }
        }
    }

    fn begin(&mut self, at: FrameTime) {
        for seen in self.confident.iter().filter(|seen| !seen.taken) {
            let sight = Sight {
                at,
                frame: seen.frame,
            };
            let origin = self.traces.extend(sight);
            let sure = self.settings.score_new <= seen.detection.score.get();
            if sure && self.targets.len() < TARGETS_MAX {
                self.targets
                    .push(Target::new(sight, &seen.detection, origin));
            }
        }
        for seen in self.weak.iter().filter(|seen| !seen.taken) {
            self.traces.extend(Sight {
                at,
                frame: seen.frame,
            });
        }
    }

    fn confirm(&mut self, at: FrameTime) {
        for target in &mut self.targets {
            let age = target.last_seen.micros_since(target.first_seen);
            if !target.is_confirmed()
                && target.last_seen == at
                && self.settings.confirm_hits <= target.hits
                && self.settings.confirm_micros <= age
            {
                target.id = self.next_id;
                self.next_id = self.next_id.saturating_add(1);
            }
        }
    }

    fn give_up(&mut self, at: FrameTime) {
        let settings = self.settings;
        self.targets.retain(|target| {
            let limit = if target.is_confirmed() {
                settings.lost_micros
            } else {
                settings.tentative_micros
            };
            let unseen = at.micros_since(target.last_seen);
            // What the very last frame showed gets one more, however slow the frames come.
            unseen == 0 || unseen <= limit
        });
        self.traces.give_up(at, settings.tentative_micros);
    }

    /// Of two targets in one place the one goes that was seen less recently, or less often.
    fn drop_duplicates(&mut self) {
        for index in 0..self.targets.len() {
            let Some(target) = self.targets.get(index) else {
                continue;
            };
            let rank = |t: &Target| (t.is_confirmed(), t.last_seen, t.hits);
            let doubled = self.targets.iter().enumerate().any(|(i, other)| {
                i != index
                    && (rank(target), i) < (rank(other), index)
                    && DUPLICATE_IOU < target.frame().iou(&other.frame(), 0.0)
            });
            if doubled && let Some(target) = self.targets.get_mut(index) {
                target.hits = 0;
            }
        }
        self.targets.retain(|target| 0 < target.hits);
    }

    fn list(&mut self, at: FrameTime) -> &[Track] {
        let aspect = self.aspect;
        self.tracks.clear();
        self.tracks.extend(
            self.targets
                .iter()
                .filter(|t| t.is_confirmed())
                .filter_map(|target| {
                    let state = if target.last_seen == at {
                        TrackState::Seen
                    } else {
                        TrackState::Predicted
                    };
                    let bbox = target.frame().bbox(aspect)?;
                    Some(Track {
                        id: target.id,
                        class: target.class(),
                        score: target.score,
                        first_seen: target.origin.at,
                        first_bbox: target.origin.frame.bbox(aspect).unwrap_or(bbox),
                        bbox,
                        state,
                    })
                }),
        );
        self.tracks.sort_unstable_by_key(|track| track.id);
        &self.tracks
    }
}

/// Pictures from 1:16 to 16:1; anything else would be a fault of the caller and is taken as 1:1.
fn sane_aspect(aspect: f32) -> f32 {
    if (0.0625..=16.0).contains(&aspect) {
        aspect
    } else {
        1.0
    }
}
