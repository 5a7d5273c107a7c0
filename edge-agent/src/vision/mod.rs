//! Frames to detections.
//!
//! ```text
//! manifest ─▶ locate ─▶ onnx ─▶ runtime ─▶ model      once, at the start
//! picture ─▶ gate                                      whether to look at all
//! picture ─▶ tensor ─▶ model ─▶ yolox | centernet ─▶ nms ─▶ detections      (detector.rs)
//! ```

pub mod manifest;
pub mod locate;
mod onnx;
mod runtime;
pub mod model;
mod pool;
mod tensor;
mod decode;
mod yolox;
mod centernet;
mod nms;
pub mod gate;
mod detector;

pub use detector::{Detector, Spent};
pub use gate::{Decision, Gate};
pub use locate::Places;
pub use manifest::Manifest;
pub use model::{AUTO, InferError, Model, ModelError, find_manifest, find_weights};
