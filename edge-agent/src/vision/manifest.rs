//! What a model is, where it comes from, how to feed it and how to read it: `models/*.toml`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::document::{Document, Fault, read_text};

/// A checked manifest.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub name: String,
    pub title: String,
    /// SPDX expression of the weights.
    pub licence: String,
    /// Where the weights come from, for people.
    pub source: String,
    /// File name of the weights.
    pub file: String,
    /// SHA-256 of the weights, 64 hex digits.
    pub sha256: String,
    #[serde(default)]
    pub urls: Vec<String>,
    pub input: InputSpec,
    pub output: OutputSpec,
    pub thresholds: Thresholds,
    pub classes: ClassSpec,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Name of the input tensor; default: the model's only one.
    pub name: Option<String>,
    pub layout: Layout,
    pub colour: ColourOrder,
    /// A value is `(pixel * scale - mean) / std`, pixels being 0 to 255.
    #[serde(default = "one")]
    pub scale: f32,
    #[serde(default)]
    pub mean: [f32; 3],
    #[serde(default = "ones")]
    pub std: [f32; 3],
    pub resize: Resize,
    /// Pixel value of the part that the picture does not cover.
    #[serde(default)]
    pub pad: f32,
    /// Allowed input sizes, `[height, width]`, the preferred first.
    pub shapes: Vec<[usize; 2]>,
    /// Sides must be multiples of it.
    #[serde(default = "default_stride")]
    pub stride: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    Nchw,
    Nhwc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColourOrder {
    Rgb,
    Bgr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// The picture keeps its aspect ratio and lies at the top left.
    Letterbox,
    Stretch,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    pub decoder: Decoder,
    /// Names of the output tensors in the decoder's order; default: the model's own order.
    #[serde(default)]
    pub tensors: Vec<String>,
    /// YOLOX: pixels a grid cell, of each grid in the output's order.
    #[serde(default)]
    pub strides: Vec<usize>,
    /// CenterNet: pixels a cell.
    #[serde(default)]
    pub cell: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decoder {
    Yolox,
    Centernet,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Detections below are not passed on to the tracker.
    pub score: f32,
    pub nms_iou: f32,
    /// A detection from here on is sure enough to be followed without a history. Default: 0.4.
    #[serde(default = "default_sure")]
    pub sure: f32,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassSpec {
    pub names: Vec<String>,
}

fn one() -> f32 {
    1.0
}

fn ones() -> [f32; 3] {
    [1.0; 3]
}

fn default_sure() -> f32 {
    0.4
}

fn default_stride() -> usize {
    32
}

const SIDE_MAX: usize = 4096;
const CLASSES_MAX: usize = 10_000;
const SHAPES_MAX: usize = 32;

impl Manifest {
    /// Reads and checks `path`; all faults at once.
    pub fn read(path: &Path) -> Result<Self, Vec<Fault>> {
        let text = read_text(path).map_err(|fault| vec![fault])?;
        let mut document = Document::parse(path, &text);
        let manifest = document.read::<Self>();
        if let Some(manifest) = &manifest {
            manifest.check(&mut document);
        }
        match manifest {
            Some(manifest) if document.faults.is_empty() => Ok(manifest),
            _ => Err(document.take_faults()),
        }
    }

    fn check(&self, document: &mut Document<'_>) {
        let hex = self.sha256.len() == 64 && self.sha256.bytes().all(|b| b.is_ascii_hexdigit());
        if !hex {
            document.fault("sha256", "must be 64 hex digits");
        }
        let plain = PathBuf::from(&self.file)
            .file_name()
            .is_some_and(|name| *name == *self.file);
        if !plain {
            document.fault("file", "must be a file name without a folder");
        }
        self.check_input(document);
        let class_count = self.classes.names.len();
        if class_count == 0 || class_count > CLASSES_MAX {
            document.fault(
                "classes.names",
                format!("must name 1 to {CLASSES_MAX} classes"),
            );
        }
        for (path, value) in [
            ("thresholds.score", self.thresholds.score),
            ("thresholds.nms_iou", self.thresholds.nms_iou),
            ("thresholds.sure", self.thresholds.sure),
        ] {
            if !(0.0..=1.0).contains(&value) {
                document.fault(path, format!("is {value}, must be within 0 and 1"));
            }
        }
        match self.output.decoder {
            Decoder::Yolox
                if self.output.strides.is_empty() || self.output.strides.contains(&0) =>
            {
                document.fault("output.strides", "the decoder yolox needs strides above 0");
            }
            Decoder::Centernet if self.output.cell == 0 => {
                document.fault(
                    "output.cell",
                    "the decoder centernet needs a cell size above 0",
                );
            }
            _ => {}
        }
    }

    fn check_input(&self, document: &mut Document<'_>) {
        let input = &self.input;
        if input.shapes.is_empty() || input.shapes.len() > SHAPES_MAX {
            document.fault(
                "input.shapes",
                format!("must list 1 to {SHAPES_MAX} shapes"),
            );
        }
        let stride = input.stride.max(1);
        for (i, shape) in input.shapes.iter().enumerate() {
            let fits = |&side: &usize| side != 0 && side <= SIDE_MAX && side % stride == 0;
            if !shape.iter().all(fits) {
                let [height, width] = shape;
                document.fault(
                    &format!("input.shapes[{i}]"),
                    format!(
                        "is {height}×{width}; sides must be multiples of {stride} \
                         up to {SIDE_MAX}"
                    ),
                );
            }
        }
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        if !finite(&[input.scale, input.pad]) || !finite(&input.mean) {
            document.fault("input", "scale, mean and pad must be finite");
        }
        if !input
            .std
            .iter()
            .all(|value| value.is_finite() && *value != 0.0)
        {
            document.fault("input.std", "must be finite and not zero");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn faults(change: &[(&str, &str)]) -> String {
        let mut text = include_str!("../../../models/yolox-nano.toml").to_owned();
        for (from, to) in change {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.toml");
        std::fs::write(&path, text).unwrap();
        let faults = Manifest::read(&path).unwrap_err();
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        lines
            .join("\n")
            .replace(&dir.path().display().to_string(), "DIR")
    }

    #[test]
    fn the_repositorys_manifests_are_good() {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        let mut count = 0;
        for entry in std::fs::read_dir(models).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                let manifest = Manifest::read(&path).unwrap();
                assert_eq!(
                    path.file_stem().unwrap().to_str(),
                    Some(manifest.name.as_str())
                );
                count += 1;
            }
        }
        assert!(2 <= count);
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let text = faults(&[
            ("sha256 = \"", "sha256 = \"xyz"),
            ("file = \"", "file = \"../"),
            ("[256, 320]", "[250, 320]"),
            ("strides = [8, 16, 32]", "strides = []"),
            ("nms_iou = 0.5", "nms_iou = 1.5"),
            ("[classes]", "[classes]\nlanguage = \"vi\""),
        ]);
        expect![[r"
            DIR/m.toml:5: file: must be a file name without a folder
            DIR/m.toml:6: sha256: must be 64 hex digits
            DIR/m.toml:21: input.shapes[0]: is 250×320; sides must be multiples of 32 up to 4096
            DIR/m.toml:30: output.strides: the decoder yolox needs strides above 0
            DIR/m.toml:35: thresholds.nms_iou: is 1.5, must be within 0 and 1
            DIR/m.toml:40: unknown field `language`, expected `names`"]]
        .assert_eq(&text);
    }
}
