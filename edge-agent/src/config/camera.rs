//! One camera: from its file to what the code uses.

use std::{path::Path, time::Duration};

use scene::{Class, Classes, Point, Polygon, RuleSet, SceneSpec, spec::TrackerSpec};

use super::{
    ConfigError,
    file::{CameraFile, MotionSpec},
};
use crate::{
    capture::Source,
    document::{Document, read_text},
    vision::{Manifest, Places, find_manifest, gate},
};

const SNAPSHOT_SECONDS_DEFAULT: f64 = 30.0;
const SNAPSHOT_SECONDS: std::ops::RangeInclusive<f64> = 1.0..=86_400.0;
const NAME_CHARS_MAX: usize = 200;
const MASKS_MAX: usize = 64;
const CORNERS_MAX: usize = 64;
const LOOKS_PER_SECOND: std::ops::RangeInclusive<f32> = 1.0..=60.0;

/// A camera that passed every check.
#[derive(Clone, Debug, PartialEq)]
pub struct Camera {
    pub id: String,
    pub name: String,
    pub source: Source,
    pub manifest: Manifest,
    /// Classes to follow; empty for all.
    pub wanted: Vec<Class>,
    pub snapshot_every: Option<Duration>,
    pub rules: RuleSet,
    pub motion: gate::Settings,
}

impl Camera {
    /// A camera file on its own, for `analyze`. `model` replaces what the file says.
    pub fn load(
        path: &Path,
        places: &Places,
        model_default: &str,
        model: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let text = read_text(path).map_err(|fault| ConfigError {
            faults: vec![fault],
        })?;
        let mut document = Document::parse(path, &text);
        let file = document.read::<CameraFile>();
        let camera = file.and_then(|mut file| {
            if let Some(model) = model {
                file.model = Some(model.to_owned());
            }
            Self::check(&file, &mut document, places, model_default)
        });
        camera
            .filter(|_| document.faults.is_empty())
            .ok_or_else(|| ConfigError {
                faults: document.take_faults(),
            })
    }

    /// What `document` says; faults are added to it. `None`: too much is wrong to go on with.
    pub(super) fn read(
        document: &mut Document<'_>,
        places: &Places,
        model_default: &str,
    ) -> Option<Self> {
        let file = document.read::<CameraFile>()?;
        Self::check(&file, document, places, model_default)
    }

    fn check(
        file: &CameraFile,
        document: &mut Document<'_>,
        places: &Places,
        model_default: &str,
    ) -> Option<Self> {
        let id = check_id(file, document);
        let name = file.name.clone().or_else(|| id.clone()).unwrap_or_default();
        check_name(file, document);
        let source = check_source(file, document);
        let snapshot_every = check_snapshot(file, document);
        let model = file.model.as_deref().unwrap_or(model_default);
        let manifest = match find_manifest(model, places) {
            Ok(manifest) => manifest,
            Err(error) => {
                fault_of_model(document, error);
                return None;
            }
        };
        let classes = Classes::new(manifest.classes.names.clone());
        let wanted = check_classes(file, &classes, &manifest, document);
        let mut spec = file.scene_spec();
        fit_tracker(&mut spec.tracker, &manifest, |key| {
            document.has(&format!("tracker.{key}"))
        });
        let rules = match RuleSet::check(&spec, &classes) {
            Ok(rules) => Some(rules),
            Err(errors) => {
                for error in errors {
                    document.fault(&error.path, &error.message);
                }
                None
            }
        };
        let motion = check_motion(&file.motion, document);
        let (id, source, rules) = (id?, source?, rules?);
        Some(Self {
            id,
            name,
            source,
            manifest,
            wanted,
            snapshot_every,
            rules,
            motion,
        })
    }

    pub fn classes(&self) -> Classes {
        Classes::new(self.manifest.classes.names.clone())
    }

    /// Whether `other` can follow without a new stream or a new detector.
    pub fn is_same_view(&self, other: &Self) -> bool {
        self.source == other.source
            && self.manifest == other.manifest
            && self.wanted == other.wanted
    }
}

/// A camera without rules: only tracks.
pub fn rules_of_none(manifest: &Manifest) -> RuleSet {
    let mut spec = SceneSpec::default();
    fit_tracker(&mut spec.tracker, manifest, |_| false);
    let classes = Classes::new(manifest.classes.names.clone());
    // A manifest's thresholds are within 0 and 1, which is all that could be wrong.
    RuleSet::check(&spec, &classes).unwrap_or_default()
}

/// The gate of a camera that says nothing about motion.
pub fn motion_default() -> gate::Settings {
    let MotionSpec {
        enabled,
        sensitivity,
        looks_per_second_max,
        ..
    } = MotionSpec::default();
    gate::Settings {
        is_enabled: enabled,
        sensitivity,
        masks: Vec::new(),
        looks_per_second_max,
    }
}

/// Models differ in how they score; the manifest says what is sure, unless a person did.
fn fit_tracker(spec: &mut TrackerSpec, manifest: &Manifest, is_written: impl Fn(&str) -> bool) {
    let usual = TrackerSpec::default();
    let sure = manifest.thresholds.sure;
    if !is_written("score_high") {
        spec.score_high = sure;
    }
    if !is_written("score_new") {
        let above = (sure + usual.score_new - usual.score_high).min(1.0);
        spec.score_new = above.max(spec.score_high);
    }
    if !is_written("score_low") {
        spec.score_low = usual.score_low.min(spec.score_high);
    }
}

/// At the line of `model`, or said to be that of agent.toml where the camera names none.
pub(super) fn fault_of_model(document: &mut Document<'_>, error: impl std::fmt::Display) {
    if document.has("model") {
        document.fault("model", error);
    } else {
        document.fault("", format!("`inference.model` of agent.toml: {error}"));
    }
}

fn check_name(file: &CameraFile, document: &mut Document<'_>) {
    let Some(name) = &file.name else { return };
    if name.trim().is_empty() || NAME_CHARS_MAX < name.chars().count() {
        document.fault(
            "name",
            format!("must have 1 to {NAME_CHARS_MAX} characters"),
        );
    } else if name.chars().any(char::is_control) {
        document.fault("name", "must not contain control characters");
    }
}

fn check_id(file: &CameraFile, document: &mut Document<'_>) -> Option<String> {
    let Some(id) = &file.id else {
        document.fault("", "`id` is missing");
        return None;
    };
    if !is_slug(id) {
        let message = format!(
            "`{id}` must have 1 to 63 small letters, digits, `-` or `_`, and begin with a letter or digit"
        );
        document.fault("id", message);
        return None;
    }
    Some(id.clone())
}

pub(crate) fn is_slug(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 63
        && text.bytes().next().is_some_and(plain)
        && text
            .bytes()
            .all(|byte| plain(byte) || byte == b'-' || byte == b'_')
}

fn check_source(file: &CameraFile, document: &mut Document<'_>) -> Option<Source> {
    let Some(text) = &file.source else {
        document.fault("", "`source` is missing");
        return None;
    };
    let base = document
        .file()
        .parent()
        .unwrap_or(Path::new("."))
        .to_owned();
    match Source::parse(text, &base) {
        Ok(source) => Some(source),
        Err(error) => {
            document.fault("source", error);
            None
        }
    }
}

fn check_snapshot(file: &CameraFile, document: &mut Document<'_>) -> Option<Duration> {
    let seconds = file.snapshot_seconds.unwrap_or(SNAPSHOT_SECONDS_DEFAULT);
    if seconds == 0.0 {
        return None;
    }
    if !SNAPSHOT_SECONDS.contains(&seconds) {
        document.fault(
            "snapshot_seconds",
            format!("is {seconds}, must be 0 or 1 to 86400"),
        );
        return None;
    }
    Some(Duration::from_secs_f64(seconds))
}

fn check_motion(spec: &MotionSpec, document: &mut Document<'_>) -> gate::Settings {
    let MotionSpec {
        enabled,
        sensitivity,
        looks_per_second_max,
        ..
    } = *spec;
    if !(0.0..=1.0).contains(&sensitivity) {
        let message = format!("is {sensitivity}, must be 0 to 1");
        document.fault("motion.sensitivity", message);
    }
    if !LOOKS_PER_SECOND.contains(&looks_per_second_max) {
        let message = format!("is {looks_per_second_max}, must be 1 to 60");
        document.fault("motion.looks_per_second_max", message);
    }
    if MASKS_MAX < spec.mask.len() {
        let message = format!("has {} areas, at most {MASKS_MAX}", spec.mask.len());
        document.fault("motion.mask", message);
    }
    let mut masks = Vec::new();
    for (i, corners) in spec.mask.iter().enumerate().take(MASKS_MAX) {
        let path = format!("motion.mask[{i}]");
        if CORNERS_MAX < corners.len() {
            let message = format!("has {} corners, at most {CORNERS_MAX}", corners.len());
            document.fault(&path, message);
            continue;
        }
        let points = corners.iter().map(|&[x, y]| Point::new(x, y)).collect();
        match Polygon::new(points) {
            Ok(mask) => masks.push(mask),
            Err(error) => document.fault(&path, error),
        }
    }
    gate::Settings {
        is_enabled: enabled,
        sensitivity,
        masks,
        looks_per_second_max,
    }
}

fn check_classes(
    file: &CameraFile,
    classes: &Classes,
    manifest: &Manifest,
    document: &mut Document<'_>,
) -> Vec<Class> {
    let mut wanted = Vec::new();
    for (i, name) in file.classes.iter().enumerate() {
        match classes.find(name) {
            Some(class) => wanted.push(class),
            None => document.fault(
                &format!("classes[{i}]"),
                format!("`{name}` is not a class of the model {}", manifest.name),
            ),
        }
    }
    wanted
}
