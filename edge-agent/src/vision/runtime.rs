//! The ONNX Runtime library, loaded once per process.

use std::{path::PathBuf, sync::OnceLock};

use ort::{
    environment::Environment,
    session::{
        Session,
        builder::{GraphOptimizationLevel, SessionBuilder},
    },
};

use super::locate::Places;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    #[error(
        "the ONNX Runtime library was not found; run scripts/setup, or let ORT_DYLIB_PATH or \
         inference.runtime name libonnxruntime.so"
    )]
    Missing,
    #[error("the ONNX Runtime library {path} cannot be used: {reason}")]
    Load { path: PathBuf, reason: String },
    #[error("ONNX Runtime refuses the model: {0}")]
    Session(String),
}

/// The runtime allows one environment a process, and unloads the library with the last user of it.
static ENVIRONMENT: OnceLock<Result<Environment, RuntimeError>> = OnceLock::new();

fn environment(places: &Places) -> Result<&'static Environment, RuntimeError> {
    let environment = ENVIRONMENT.get_or_init(|| {
        let Some(path) = places.runtimes.first() else {
            return Err(RuntimeError::Missing);
        };
        let failed = |reason: String| RuntimeError::Load {
            path: path.clone(),
            reason,
        };
        // Checked here, because the loader's own message does not name the file.
        if !path.is_file() {
            return Err(failed("there is no such file".to_owned()));
        }
        let builder = ort::init_from(path).map_err(|e| failed(e.to_string()))?;
        builder
            .with_name("vong")
            .with_telemetry(false)
            .build()
            .map_err(|e| failed(e.to_string()))
    });
    environment.as_ref().map_err(Clone::clone)
}

/// A session over `model`, an ONNX file in memory, with `threads` threads an inference.
pub(super) fn session(
    places: &Places,
    model: &[u8],
    threads: usize,
) -> Result<Session, RuntimeError> {
    let failed = |e: &dyn std::fmt::Display| RuntimeError::Session(e.to_string());
    // Spinning would burn the cores that decoding needs.
    SessionBuilder::new(environment(places)?)
        .map_err(|e| failed(&e))?
        .with_optimization_level(GraphOptimizationLevel::All)
        .map_err(|e| failed(&e))?
        .with_intra_threads(threads)
        .map_err(|e| failed(&e))?
        .with_inter_threads(1)
        .map_err(|e| failed(&e))?
        .with_intra_op_spinning(false)
        .map_err(|e| failed(&e))?
        .with_inter_op_spinning(false)
        .map_err(|e| failed(&e))?
        .commit_from_memory(model)
        .map_err(|e| failed(&e))
}
