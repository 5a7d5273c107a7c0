//! From a manifest to sessions that can run: the weights found, checked and loaded.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use ort::{session::Session, value::TensorRef};
use sha2::{Digest, Sha256};

use super::{
    centernet,
    decode::{ClassFilter, OutputError, Tensor},
    locate::Places,
    manifest::{Decoder, Manifest},
    nms::Candidate,
    onnx::{self, OnnxError},
    pool::Pool,
    runtime::{self, RuntimeError},
    tensor::Letterbox,
    yolox,
};
use crate::document::Fault;

const WEIGHTS_BYTES_MAX: u64 = 1 << 30;

#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("there is no model manifest `{name}.toml` in {}", list(searched))]
    NoManifest {
        name: String,
        searched: Vec<PathBuf>,
    },
    #[error("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Manifest { faults: Vec<Fault> },
    #[error(
        "model {name}: its weights `{file}` are not in {}; run `scripts/fetch-model {name}`",
        list(searched)
    )]
    NoWeights {
        name: String,
        file: String,
        searched: Vec<PathBuf>,
    },
    #[error("model {name}: {} cannot be read: {reason}", path.display())]
    Read {
        name: String,
        path: PathBuf,
        reason: String,
    },
    #[error(
        "model {name}: {} has the SHA-256 {found}, the manifest says {expected}; \
         fetch it again with `scripts/fetch-model {name}`",
        path.display()
    )]
    Hash {
        name: String,
        path: PathBuf,
        found: String,
        expected: String,
    },
    #[error("model {name}: {} {fault}", path.display())]
    Onnx {
        name: String,
        path: PathBuf,
        fault: OnnxError,
    },
    #[error("model {name}: {fault}")]
    Runtime { name: String, fault: RuntimeError },
    #[error("model {name}: {} does not fit its manifest: {fault}", path.display())]
    Output {
        name: String,
        path: PathBuf,
        fault: InferError,
    },
}

/// Why one inference gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InferError {
    #[error("inference failed: {0}")]
    Run(String),
    #[error("output `{0}` is missing")]
    Missing(String),
    #[error("output `{name}`: {fault}")]
    Output { name: String, fault: OutputError },
}

fn list(dirs: &[PathBuf]) -> String {
    if dirs.is_empty() {
        return "any folder (none of those searched exists)".to_owned();
    }
    dirs.iter()
        .map(|dir| dir.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Stands for the first of [`DEFAULT_MODELS`] whose weights are at hand.
pub const AUTO: &str = "auto";
/// In the order of `scripts/fetch-model --default`.
const DEFAULT_MODELS: [&str; 2] = ["yolox-nano", "centernet-mobilenetv3"];

/// Reads the manifest called `name`, or the file, if `name` ends in `.toml`, or for [`AUTO`] the
/// best one whose weights are here.
pub fn find_manifest(name: &str, places: &Places) -> Result<Manifest, ModelError> {
    if name == AUTO {
        let manifests = DEFAULT_MODELS.map(|name| find_manifest(name, places));
        let at_hand = manifests
            .into_iter()
            .flatten()
            .find(|m| find_weights(m, places).is_ok());
        return at_hand.map_or_else(|| find_manifest(DEFAULT_MODELS[0], places), Ok);
    }
    let is_file = Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "toml");
    let plain = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
    let path = if is_file {
        Some(PathBuf::from(name))
    } else if plain {
        let files = places
            .manifests
            .iter()
            .map(|dir| dir.join(format!("{name}.toml")));
        files.into_iter().find(|file| file.is_file())
    } else {
        None
    };
    let searched = || places.manifests.clone();
    let path = path.ok_or_else(|| ModelError::NoManifest {
        name: name.to_owned(),
        searched: searched(),
    })?;
    Manifest::read(&path).map_err(|faults| ModelError::Manifest { faults })
}

/// The weights' file: under the manifest's `file` name, or as `NAME.onnx` in a cache.
pub fn find_weights(manifest: &Manifest, places: &Places) -> Result<PathBuf, ModelError> {
    let cached = format!("{}.onnx", manifest.name);
    let candidates = places
        .weights
        .iter()
        .flat_map(|dir| [dir.join(&manifest.file), dir.join(&cached)]);
    candidates
        .into_iter()
        .find(|file| file.is_file())
        .ok_or_else(|| ModelError::NoWeights {
            name: manifest.name.clone(),
            file: manifest.file.clone(),
            searched: places.weights.clone(),
        })
}

/// What a decoder should report.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub(super) filter: &'a ClassFilter,
    pub(super) score_min: f32,
}

/// A loaded model, shared by the cameras that use it.
pub struct Model {
    pub manifest: Manifest,
    sessions: Pool<Session>,
    input_name: String,
    output_names: Vec<String>,
}

impl Model {
    /// Loads `session_count` sessions with `threads` threads each, and tries the first shape.
    pub fn load(
        manifest: Manifest,
        places: &Places,
        session_count: usize,
        threads: usize,
    ) -> Result<Arc<Self>, ModelError> {
        let name = manifest.name.clone();
        let path = find_weights(&manifest, places)?;
        let bytes = read_weights(&manifest, &path)?;
        let input = &manifest.input;
        let prepared =
            onnx::prepare(&bytes, input.name.as_deref(), input.layout).map_err(|fault| {
                ModelError::Onnx {
                    name: name.clone(),
                    path: path.clone(),
                    fault,
                }
            })?;
        drop(bytes);
        let sessions: Vec<_> = (0..session_count.max(1))
            .map(|_| runtime::session(places, &prepared, threads))
            .collect::<Result<_, _>>()
            .map_err(|fault| ModelError::Runtime {
                name: name.clone(),
                fault,
            })?;
        let names = |wanted: &[String], own: Vec<String>| {
            if wanted.is_empty() {
                own
            } else {
                wanted.to_vec()
            }
        };
        let first = &sessions[0];
        let own_inputs = first.inputs().iter().map(|i| i.name().to_owned()).collect();
        let own_outputs = first
            .outputs()
            .iter()
            .map(|o| o.name().to_owned())
            .collect();
        let input_names = names(input.name.as_slice(), own_inputs);
        let output_names = names(&manifest.output.tensors, own_outputs);
        let input_name = input_names.into_iter().next().unwrap_or_default();
        let model = Self {
            sessions: Pool::new(sessions),
            input_name,
            output_names,
            manifest,
        };
        model
            .try_once()
            .map_err(|fault| ModelError::Output { name, path, fault })?;
        Ok(Arc::new(model))
    }

    fn try_once(&self) -> Result<(), InferError> {
        let [height, width] = self.manifest.input.shapes[0];
        let letterbox = Letterbox::new((width, height), &self.manifest.input);
        let filter = ClassFilter::all(self.manifest.classes.names.len());
        let wanted = Wanted {
            filter: &filter,
            score_min: self.manifest.thresholds.score,
        };
        self.propose(&letterbox, wanted, &mut Vec::new())
    }

    /// Runs the tensor in `letterbox` and appends what the decoder finds.
    pub fn propose(
        &self,
        letterbox: &Letterbox,
        wanted: Wanted<'_>,
        candidates: &mut Vec<Candidate>,
    ) -> Result<(), InferError> {
        let run = |session: &mut Session| self.run(session, letterbox, wanted, candidates);
        self.sessions.with(run)
    }

    fn run(
        &self,
        session: &mut Session,
        letterbox: &Letterbox,
        Wanted { filter, score_min }: Wanted<'_>,
        candidates: &mut Vec<Candidate>,
    ) -> Result<(), InferError> {
        let failed = |e: ort::Error| InferError::Run(e.to_string());
        let input =
            TensorRef::from_array_view((letterbox.dims(), letterbox.values())).map_err(failed)?;
        let outputs = session
            .run(ort::inputs![self.input_name.as_str() => input])
            .map_err(failed)?;
        let output = |index: usize| {
            let name = self.output_names.get(index).map_or("", String::as_str);
            let value = outputs
                .get(name)
                .ok_or_else(|| InferError::Missing(name.to_owned()))?;
            let (shape, data) = value.try_extract_tensor::<f32>().map_err(failed)?;
            Ok(Tensor { shape, data })
        };
        let shape = letterbox.shape();
        let decoded = match self.manifest.output.decoder {
            Decoder::Yolox => {
                let strides = &self.manifest.output.strides;
                yolox::decode(output(0)?, shape, strides, filter, score_min, candidates)
            }
            Decoder::Centernet => {
                let cell = self.manifest.output.cell;
                let maps = (output(0)?, output(1)?);
                centernet::decode(maps, shape, cell, filter, score_min, candidates)
            }
        };
        decoded.map_err(|fault| InferError::Output {
            name: self.output_names.join("`, `"),
            fault,
        })
    }
}

fn read_weights(manifest: &Manifest, path: &Path) -> Result<Vec<u8>, ModelError> {
    let failed = |reason: String| ModelError::Read {
        name: manifest.name.clone(),
        path: path.to_owned(),
        reason,
    };
    let size = std::fs::metadata(path)
        .map_err(|e| failed(e.to_string()))?
        .len();
    if size > WEIGHTS_BYTES_MAX {
        return Err(failed(format!(
            "it has {size} bytes, more than {WEIGHTS_BYTES_MAX}"
        )));
    }
    let bytes = std::fs::read(path).map_err(|e| failed(e.to_string()))?;
    let found = hex::encode(Sha256::digest(&bytes));
    if !found.eq_ignore_ascii_case(&manifest.sha256) {
        return Err(ModelError::Hash {
            name: manifest.name.clone(),
            path: path.to_owned(),
            found,
            expected: manifest.sha256.clone(),
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/yolox-nano.toml");
        Manifest::read(&path).unwrap()
    }

    fn fault(weights: Option<&str>) -> String {
        let dir = tempfile::tempdir().unwrap();
        if let Some(weights) = weights {
            std::fs::write(dir.path().join("yolox_nano.onnx"), weights).unwrap();
        }
        let places = Places {
            weights: vec![dir.path().to_owned()],
            ..Places::default()
        };
        let text = match Model::load(manifest(), &places, 1, 1) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        text.replace(&dir.path().display().to_string(), "DIR")
    }

    #[test]
    fn auto_is_the_first_model_whose_weights_are_here() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places {
            manifests: vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")],
            weights: vec![dir.path().to_owned()],
            ..Places::default()
        };
        let chosen = || find_manifest(AUTO, &places).unwrap().name;
        assert_eq!(
            chosen(),
            "yolox-nano",
            "with none here, the error will name the preferred"
        );
        std::fs::write(dir.path().join("centernet-mobilenetv3.onnx"), "weights").unwrap();
        assert_eq!(chosen(), "centernet-mobilenetv3");
        std::fs::write(dir.path().join("yolox-nano.onnx"), "weights").unwrap();
        assert_eq!(chosen(), "yolox-nano");
    }

    #[test]
    fn missing_weights_and_wrong_weights_name_the_file_and_the_remedy() {
        assert_eq!(
            fault(None),
            "model yolox-nano: its weights `yolox_nano.onnx` are not in DIR; \
             run `scripts/fetch-model yolox-nano`"
        );
        let expected = manifest().sha256;
        assert_eq!(
            fault(Some("other")),
            format!(
                "model yolox-nano: DIR/yolox_nano.onnx has the SHA-256 \
                 d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa, the manifest \
                 says {expected}; fetch it again with `scripts/fetch-model yolox-nano`"
            )
        );
    }

    #[test]
    fn a_name_is_not_a_path() {
        let places = Places {
            manifests: vec![PathBuf::from("/")],
            ..Places::default()
        };
        for name in ["", "../secret", ".hidden", "a/b"] {
            assert!(matches!(
                find_manifest(name, &places),
                Err(ModelError::NoManifest { .. })
            ));
        }
    }
}
