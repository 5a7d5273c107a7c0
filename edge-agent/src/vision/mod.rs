//! Frames to detections.
//!
//! ```text
//! manifest ─▶ locate ─▶ onnx ─▶ runtime ─▶ model      once, at the start
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
mod detector;

pub use detector::{Detector, Spent};
pub use locate::Places;
pub use manifest::Manifest;
pub use model::{AUTO, InferError, Model, ModelError, find_manifest, find_weights};
