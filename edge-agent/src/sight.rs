//! What the live camera and the analysed file have in common: a frame in, tracks and events out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use scene::{Classes, Detection, Event, RuleSet, Scene, Score, track::Track, track::TrackState};

use crate::{
    capture::Frame,
    config::Camera,
    evidence,
    vision::{
        Decision, Detector, Gate, InferError, Model,
        gate::{self, LookReason},
    },
};

/// Detector and scene of one camera.
pub struct Sight {
    pub detector: Detector,
    pub scene: Scene,
    /// `None`: the detector looks at every frame.
    gate: Option<Gate>,
    /// Width and height of the last picture.
    size: Option<(usize, usize)>,
    /// Of the last frame.
    tracks: Vec<Track>,
    /// As they were at the last step of the scene.
    known: Vec<Track>,
    /// What a still picture shows again.
    held: Vec<Detection>,
    look_count: u64,
    decisions: [u64; Decision::ALL.len()],
    pub gate_spent: Duration,
    pub scene_spent: Duration,
}

/// Whether the detector saw a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Looked,
    /// It did not need to: nothing moved.
    Repeated,
    /// It did not need to yet.
    Waited,
}

impl Sight {
    pub fn new(model: Arc<Model>, camera: &Camera) -> Self {
        let classes = camera.classes();
        let masked: Vec<_> = evidence::MASKED_CLASSES
            .iter()
            .filter_map(|name| classes.find(name))
            .collect();
        let detector = Detector::new(model, &camera.wanted, &masked);
        Self::with(
            detector,
            camera.rules.clone(),
            classes,
            camera.motion.clone(),
        )
    }

    pub fn with(
        detector: Detector,
        rules: RuleSet,
        classes: Classes,
        motion: gate::Settings,
    ) -> Self {
        Self {
            detector,
            // The first picture tells the aspect.
            scene: Scene::new(rules, classes, 1.0),
            gate: motion.is_enabled.then(|| Gate::new(motion)),
            size: None,
            tracks: Vec::new(),
            known: Vec::new(),
            held: Vec::new(),
            look_count: 0,
            decisions: [0; Decision::ALL.len()],
            gate_spent: Duration::ZERO,
            scene_spent: Duration::ZERO,
        }
    }

    /// Other settings from the next frame on.
    pub fn set_motion(&mut self, motion: gate::Settings) {
        self.gate = motion.is_enabled.then(|| Gate::new(motion));
    }

    /// Width and height of the last picture.
    pub fn size(&self) -> Option<(usize, usize)> {
        self.size
    }

    /// Confirmed tracks of the last frame: as they were seen in it or, if nobody looked, where they
    /// should be.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Frames that the detector saw.
    pub fn looks(&self) -> u64 {
        self.look_count
    }

    /// How often each of [`Decision::ALL`] was taken.
    pub fn decisions(&self) -> &[u64; Decision::ALL.len()] {
        &self.decisions
    }

    /// Looks at `frame`, if it has to be looked at by what the gate says, or `must_look`. When the
    /// detector fails the scene is told nothing: a frame that was not seen is not an empty one.
    pub fn see(
        &mut self,
        frame: &Frame,
        must_look: bool,
        events: &mut Vec<Event>,
    ) -> Result<Seen, InferError> {
        let picture = frame.picture();
        let size = (picture.width(), picture.height());
        if self.size != Some(size) {
            self.size = Some(size);
            self.scene.set_aspect(picture.aspect());
        }
        let Some(gate) = &mut self.gate else {
            self.look(frame, events)?;
            return Ok(Seen::Looked);
        };
        let started = Instant::now();
        self.tracks.clear();
        self.scene.foresee(frame.at, &mut self.tracks);
        let mut decision = gate.decide(frame.at, &picture, &self.known, &self.tracks);
        if must_look && !matches!(decision, Decision::Look(_)) {
            decision = Decision::Look(LookReason::Check);
        }
        self.gate_spent += started.elapsed();
        let index = Decision::ALL.iter().position(|other| *other == decision);
        if let Some(count) = index.and_then(|index| self.decisions.get_mut(index)) {
            *count += 1;
        }
        match decision {
            Decision::Look(_) => {
                self.look(frame, events)?;
                Ok(Seen::Looked)
            }
            Decision::Repeat => {
                self.repeat(frame, events);
                Ok(Seen::Repeated)
            }
            Decision::Wait => Ok(Seen::Waited),
        }
    }

    fn look(&mut self, frame: &Frame, events: &mut Vec<Event>) -> Result<(), InferError> {
        let detections = self.detector.detect(&frame.picture())?;
        self.look_count += 1;
        let started = Instant::now();
        let tracks = self.scene.step(frame.at, detections, events);
        self.scene_spent += started.elapsed();
        keep(&mut self.tracks, tracks);
        let Some(gate) = &mut self.gate else {
            return Ok(());
        };
        keep(&mut self.known, tracks);
        let sure = self.detector.model().manifest.thresholds.sure;
        gate.looked(frame.at, tracks, self.detector.detections(), sure);
        self.held.clear();
        let seen = tracks
            .iter()
            .filter(|track| track.state == TrackState::Seen);
        self.held.extend(seen.filter_map(|track| {
            Some(Detection {
                class: track.class,
                score: Score::new(track.score)?,
                bbox: track.bbox,
            })
        }));
        Ok(())
    }

    /// Nothing moves: the scene sees again what it saw.
    fn repeat(&mut self, frame: &Frame, events: &mut Vec<Event>) {
        let started = Instant::now();
        let tracks = self.scene.step(frame.at, &self.held, events);
        self.scene_spent += started.elapsed();
        keep(&mut self.tracks, tracks);
        keep(&mut self.known, tracks);
    }
}

fn keep(kept: &mut Vec<Track>, tracks: &[Track]) {
    kept.clear();
    kept.extend_from_slice(tracks);
}
