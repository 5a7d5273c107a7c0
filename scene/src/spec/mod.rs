//! Rules as a person writes them, and the check that makes them rules.

mod check;
mod nearest;
mod ruleset;
#[cfg(test)]
mod tests;
mod tracker;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{Direction, Severity};

pub use check::SpecError;
pub(crate) use check::micros;
pub(crate) use ruleset::{Definition, Labels, LineDefinition, Task, ZoneDefinition};
pub use ruleset::{RuleSet, Shape, ShapeKind};
pub use tracker::TrackerSpec;

/// Most rules of one camera, all kinds together.
pub const RULES_MAX: usize = 64;

/// What to watch for in front of one camera.
///
/// Points are `[x, y]`, fractions of the picture from 0 to 1, origin top left. What is judged of an
/// object is its foot point, the middle of the bottom edge of its box. Rule names are unique within
/// the camera: a lower-case letter or digit, then up to 62 of `a-z 0-9 _ -`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SceneSpec {
    /// Lines whose passages are reported and counted. Default: none.
    pub line: Vec<LineSpec>,
    /// Areas whose visitors are reported and counted. Default: none.
    pub zone: Vec<ZoneSpec>,
    /// Areas where nobody should be. Default: none.
    pub intrusion: Vec<IntrusionSpec>,
    /// Length of the windows in which passages are counted, 1 to 86400 s; windows start at
    /// multiples of it since 1970 UTC. Default: 60.
    pub count_window_seconds: u32,
    /// How detections become tracks. Rarely needs a change.
    pub tracker: TrackerSpec,
}

impl Default for SceneSpec {
    fn default() -> Self {
        Self {
            line: Vec::new(),
            zone: Vec::new(),
            intrusion: Vec::new(),
            count_window_seconds: 60,
            tracker: TrackerSpec::default(),
        }
    }
}

/// A line that reports who walks across it, once a passage and with the direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineSpec {
    /// The rule's name.
    pub name: String,
    /// What people call it. Default: the name.
    #[serde(default)]
    pub label: Option<String>,
    /// Two or more points. `to_left` and `to_right` are the sides of one who walks from the first
    /// to the last point.
    pub points: Vec<[f32; 2]>,
    /// Classes that count, by the model's names. Default: any.
    #[serde(default)]
    pub classes: Vec<String>,
    /// The only direction that is reported. Default: both.
    #[serde(default)]
    pub direction: Option<Direction>,
    /// Severity of a passage. Default: none, which raises no alarm.
    #[serde(default)]
    pub severity: Severity,
}

/// An area that reports who enters and leaves, how many are in it, and who stays too long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneSpec {
    /// The rule's name.
    pub name: String,
    /// What people call it. Default: the name.
    #[serde(default)]
    pub label: Option<String>,
    /// Three or more corners; the last is joined to the first.
    pub polygon: Vec<[f32; 2]>,
    /// Classes that count, by the model's names. Default: any.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Who stays this long, 0.1 to 86400 s, raises an alarm. Default: nobody does.
    #[serde(default)]
    pub dwell_limit_seconds: Option<f64>,
    /// How long somebody has to be in to be in, and out to be out, 0 to 60 s. Default: 0.5.
    #[serde(default = "ZoneSpec::settle_seconds_default")]
    pub settle_seconds: f64,
    /// Severity of a stay beyond the limit. Default: warning.
    #[serde(default = "ZoneSpec::severity_default")]
    pub severity: Severity,
}

impl ZoneSpec {
    const fn settle_seconds_default() -> f64 {
        0.5
    }

    const fn severity_default() -> Severity {
        Severity::Warning
    }
}

/// An area where nobody should be: an alarm from the first who stays until all have left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IntrusionSpec {
    /// The rule's name.
    pub name: String,
    /// What people call it. Default: the name.
    #[serde(default)]
    pub label: Option<String>,
    /// Three or more corners; the last is joined to the first.
    pub polygon: Vec<[f32; 2]>,
    /// Classes that count, by the model's names. Default: any.
    #[serde(default)]
    pub classes: Vec<String>,
    /// How long somebody has to be in, 0 to 3600 s. Default: 1.
    #[serde(default = "IntrusionSpec::after_seconds_default")]
    pub after_seconds: f64,
    /// Severity of the alarm. Default: major.
    #[serde(default = "IntrusionSpec::severity_default")]
    pub severity: Severity,
}

impl IntrusionSpec {
    const fn after_seconds_default() -> f64 {
        1.0
    }

    const fn severity_default() -> Severity {
        Severity::Major
    }
}
