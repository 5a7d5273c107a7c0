//! Cameras and files to frames.
//!
//! ```text
//! source ─▶ pipeline (GStreamer) ─▶ frame ─▶ picture (planes)
//!           live        the newest frame, for ever; backoff, clock
//!           recording   every frame of a file, once; timeline
//! ```

pub mod source;
mod fault;
mod pipeline;
pub mod picture;
mod frame;
mod backoff;
mod clock;
mod live;
mod timeline;
mod recording;

pub use clock::Clock;
pub use fault::CaptureError;
pub use frame::Frame;
pub use live::{Live, Poll};
pub use recording::Recording;
pub use source::{Source, redact};
