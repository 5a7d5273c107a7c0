//! The outside world, for tests and for the demo. Never shipped.
//!
//! ```text
//! camera   a video file ─▶ a real RTSP camera with faults on command
//! process  programs under test, started and surely stopped
//! centre   an aggregator of its own folder and ports, and a person signed in to it
//! roadside a box: its settings, its enrolment, its program
//! demo     the main job end to end, watched and summed up
//! ```

pub mod camera;
pub mod centre;
pub mod demo;
pub mod process;
pub mod roadside;
