//! What the live camera and the analysed file have in common: a frame in, tracks and events out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use scene::{Classes, Event, RuleSet, Scene, track::Track};

use crate::{
    capture::Frame,
    config::Camera,
    evidence,
    vision::{Detector, InferError, Model},
};

/// Detector and scene of one camera.
pub struct Sight {
    pub detector: Detector,
    pub scene: Scene,
    /// Width and height of the last picture.
    size: Option<(usize, usize)>,
    /// Of the last frame that was seen.
    tracks: Vec<Track>,
    pub scene_spent: Duration,
}

impl Sight {
    pub fn new(model: Arc<Model>, camera: &Camera) -> Self {
        let classes = camera.classes();
        let masked: Vec<_> = evidence::MASKED_CLASSES
            .iter()
            .filter_map(|name| classes.find(name))
            .collect();
        let detector = Detector::new(model, &camera.wanted, &masked);
        Self::with(detector, camera.rules.clone(), classes)
    }

    pub fn with(detector: Detector, rules: RuleSet, classes: Classes) -> Self {
        Self {
            detector,
            // The first picture tells the aspect.
            scene: Scene::new(rules, classes, 1.0),
            size: None,
            tracks: Vec::new(),
            scene_spent: Duration::ZERO,
        }
    }

    /// Width and height of the last picture.
    pub fn size(&self) -> Option<(usize, usize)> {
        self.size
    }

    /// Confirmed tracks of the last frame that was seen.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Looks at `frame`. When the detector fails the scene is told nothing: a frame that was not
    /// seen is not an empty one.
    pub fn look(&mut self, frame: &Frame, events: &mut Vec<Event>) -> Result<&[Track], InferError> {
        let picture = frame.picture();
        let size = (picture.width(), picture.height());
        if self.size != Some(size) {
            self.size = Some(size);
            self.scene.set_aspect(picture.aspect());
        }
        let detections = self.detector.detect(&picture)?;
        let started = Instant::now();
        let tracks = self.scene.step(frame.at, detections, events);
        self.scene_spent += started.elapsed();
        self.tracks.clear();
        self.tracks.extend_from_slice(tracks);
        Ok(&self.tracks)
    }
}
