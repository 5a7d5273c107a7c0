//! One camera's way from a picture to detections.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use scene::{BBox, Class, Detection, Score};

use super::{
    decode::ClassFilter,
    model::{InferError, Model, Wanted},
    nms::{self, Candidate},
    tensor::Letterbox,
};
use crate::capture::picture::Picture;

/// Keeps tables and buffers from frame to frame.
pub struct Detector {
    model: Arc<Model>,
    /// What the decoder reports: what is followed, and what only has to be masked.
    seen: ClassFilter,
    followed: ClassFilter,
    score_min: f32,
    letterbox: Option<Letterbox>,
    candidates: Vec<Candidate>,
    detections: Vec<Detection>,
    others: Vec<Detection>,
    /// Time spent since the start.
    pub spent: Spent,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Picture to tensor.
    pub tensor: Duration,
    /// Inference with the decoding of its output, waiting for a session included.
    pub infer: Duration,
    /// Suppression of doubles and conversion to fractions of the picture.
    pub select: Duration,
}

impl Detector {
    /// Looks for `wanted` classes only; for all when it is empty. Of `masked` classes it tells in
    /// [`Self::others`], if they are not wanted.
    pub fn new(model: Arc<Model>, wanted: &[Class], masked: &[Class]) -> Self {
        let class_count = model.manifest.classes.names.len();
        let numbers = |classes: &[Class]| classes.iter().map(|c| c.0).collect::<Vec<_>>();
        let (seen, followed) = if wanted.is_empty() {
            (ClassFilter::all(class_count), ClassFilter::all(class_count))
        } else {
            let both = [numbers(wanted), numbers(masked)].concat();
            let followed = ClassFilter::only(class_count, &numbers(wanted));
            (ClassFilter::only(class_count, &both), followed)
        };
        Self {
            score_min: model.manifest.thresholds.score,
            model,
            seen,
            followed,
            letterbox: None,
            candidates: Vec::new(),
            detections: Vec::new(),
            others: Vec::new(),
            spent: Spent::default(),
        }
    }

    /// Reports detections from `score_min` on, if that is less than the manifest says. What the
    /// tracker makes of them does not change: it has its own least score.
    pub fn report_from(&mut self, score_min: f32) {
        self.score_min = self.score_min.min(score_min);
    }

    /// What the last picture showed, best score first.
    pub fn detections(&self) -> &[Detection] {
        &self.detections
    }

    /// What else the last picture showed that has to be masked.
    pub fn others(&self) -> &[Detection] {
        &self.others
    }

    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Height and width of the tensor in use, once there was a picture.
    pub fn input_shape(&self) -> Option<(usize, usize)> {
        self.letterbox.as_ref().map(Letterbox::shape)
    }

    /// The objects in `picture`, best score first.
    pub fn detect(&mut self, picture: &Picture<'_>) -> Result<&[Detection], InferError> {
        let manifest = &self.model.manifest;
        let size = (picture.width(), picture.height());
        let started = Instant::now();
        let letterbox = match self.letterbox.take().filter(|l| l.source() == size) {
            Some(letterbox) => self.letterbox.insert(letterbox),
            None => self.letterbox.insert(Letterbox::new(size, &manifest.input)),
        };
        letterbox.fill(picture);
        let filled = Instant::now();
        self.candidates.clear();
        let wanted = Wanted {
            filter: &self.seen,
            score_min: self.score_min,
        };
        self.model
            .propose(letterbox, wanted, &mut self.candidates)?;
        let inferred = Instant::now();
        nms::suppress(&mut self.candidates, manifest.thresholds.nms_iou);
        let placed = letterbox.placed();
        self.detections.clear();
        self.others.clear();
        for detection in self
            .candidates
            .iter()
            .filter_map(|c| to_fractions(c, placed))
        {
            let is_followed = self.followed.wants(usize::from(detection.class.0));
            let list = if is_followed {
                &mut self.detections
            } else {
                &mut self.others
            };
            list.push(detection);
        }
        self.spent.tensor += filled - started;
        self.spent.infer += inferred - filled;
        self.spent.select += inferred.elapsed();
        Ok(&self.detections)
    }
}

#[expect(clippy::cast_precision_loss, reason = "input sides are at most 4096")]
fn to_fractions(candidate: &Candidate, (rows, columns): (usize, usize)) -> Option<Detection> {
    let (height, width) = (rows as f32, columns as f32);
    let bbox = BBox::from_corners(
        candidate.left / width,
        candidate.top / height,
        candidate.right / width,
        candidate.bottom / height,
    )?;
    let score = Score::new(candidate.score)?;
    Some(Detection {
        class: Class(candidate.class),
        score,
        bbox,
    })
}
