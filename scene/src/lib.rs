//! What happened: detections in, tracks and events out.
//!
//! ```text
//! spec        rules as a person writes them ─▶ checked geometry
//! detection ─▶ track ─▶ rule ─▶ event          (scene.rs drives the three)
//!                               health         frame arrivals ─▶ is the camera live?
//! ```
//!
//! A [`Scene`] is a state machine that is told things, capture time included, and answers. It has
//! no clock, no I/O, no threads and no hash order: the same inputs give the same outputs, byte for
//! byte, on every machine, so a recorded track log replays exactly.

#![warn(missing_docs, clippy::indexing_slicing)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

// Blank lines keep the order of the flow.
pub mod time;

pub mod geometry;

pub mod detection;

pub mod track;

pub mod event;

pub mod spec;

pub mod rule;

pub mod health;

mod scene;

#[cfg(test)]
mod stage;

pub use detection::{Class, Classes, Detection, Score};
pub use event::{Direction, Event, Kind, Measure, MeasureName, Object, Phase, Severity};
pub use geometry::{BBox, Point, Polygon, Polyline};
pub use scene::Scene;
pub use spec::{RuleSet, SceneSpec};
pub use time::FrameTime;
