//! What rules say. Immutable facts; `proto` gives them an id and carries them.

use serde::Serialize;

use crate::{geometry::BBox, time::FrameTime};

/// Something that happened in front of one camera.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// Capture time of the frame that settled it; of a window, its end.
    #[serde(rename = "captured_us")]
    pub at: FrameTime,
    /// The rule's name; `"camera"` for [`Kind::CameraSignal`].
    pub rule: String,
    /// What happened.
    pub kind: Kind,
    /// Moment, or beginning, change or end of an episode.
    pub phase: Phase,
    /// As the rule sets it.
    pub severity: Severity,
    /// Pairs BEGIN, CHANGE and END within one run of one camera; 0 for INSTANT.
    pub episode: u64,
    /// Of lines only.
    pub direction: Option<Direction>,
    /// Who did it, as far as is known.
    pub objects: Vec<Object>,
    /// At most one of each name.
    pub measures: Vec<Measure>,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody walked across a line.
    LineCrossed,
    /// Passages of a line in a window of time, by direction; the windows tile the day.
    LineCount,
    /// Somebody settled in a zone.
    ZoneEntered,
    /// Somebody who had settled in a zone is out of it, or out of sight for good.
    ZoneLeft,
    /// How many are in a zone, on every change, and *unknown* while the camera is blind.
    ZoneOccupancy,
    /// Somebody stays in a zone beyond its limit.
    DwellExceeded,
    /// Somebody is where nobody should be.
    Intrusion,
    /// The camera's picture stopped coming (BEGIN) and came back (END).
    CameraSignal,
}

/// Where an event stands in its episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// No episode: it happened and was over.
    Instant,
    /// An episode begins.
    Begin,
    /// An open episode changes.
    Change,
    /// An episode ends; without a BEGIN it closes what an earlier run may have left open.
    End,
}

/// As in RFC 8632; `None` means that no alarm is meant.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// No alarm.
    #[default]
    None,
    /// May become a fault.
    Warning,
    /// To be put right.
    Minor,
    /// To be put right soon.
    Major,
    /// To be put right at once.
    Critical,
}

/// The side a track ended on, for one who walks from the first to the last point of the line,
/// with the picture's y axis pointing down.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the left hand.
    ToLeft,
    /// To the right hand.
    ToRight,
}

/// A track as it was when the event happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Object {
    /// The track's id.
    pub track: u64,
    /// The class's name.
    pub class: String,
    /// 0 to 1.
    pub score: f32,
    /// In fractions of the picture.
    #[serde(rename = "box")]
    pub bbox: BBox,
}

/// A number with a name. `None` is *unknown*: the camera did not see. It is never zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measure {
    /// Which number.
    pub name: MeasureName,
    /// In the unit of its name.
    pub value: Option<f64>,
}

/// Which number a [`Measure`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureName {
    /// Passages in a window that was wholly seen.
    Count,
    /// A lower bound of a count whose window was not wholly seen.
    CountAtLeast,
    /// How many are in.
    Occupancy,
    /// From the way in to the last sight within.
    DwellSeconds,
    /// How much of a window was seen.
    ObservedSeconds,
    /// A window's length.
    WindowSeconds,
}
