//! The box: cameras in, signed events out.
//!
//! ```text
//! camera ─▶ capture   RTSP | file → newest frame, with its capture time   (GStreamer)
//!           vision    frame → tensor → detections                         (ONNX Runtime)
//!           (scene)   detections → tracks → events                        pure, a crate of its own
//!           evidence  event + frame → masked snapshot
//!           outbox    items durable until the centre acknowledged them    (SQLite)
//!           uplink    outbox → MQTT | gRPC ─▶ aggregator
//!
//! sight     frame → tracks and events, for the two below
//! watch     one camera's loop: the only file where the stages meet
//! run       all cameras of a box, with signals, status and hot configuration
//! analyze   the same stages over one file, as fast as they go
//! ```
//!
//! Every camera has a thread of its own and shares with the others only the pool of inference
//! sessions and the outbox, so that one camera's fate is not another's.

pub mod capture;
mod document;
pub mod failure;
pub mod vision;
pub mod config;
pub mod evidence;
pub mod identity;
pub mod outbox;
pub mod uplink;
pub mod sight;
pub mod metrics;
pub mod watch;
pub mod analyze;
pub mod run;
pub mod cli;
