use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How detections become tracks. All times are seconds of capture time, whatever the frame rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrackerSpec {
    /// Detections from this score on may start tracks. Default: 0.5.
    pub score_new: f32,
    /// Detections from this score on may continue any track. Default: 0.4.
    pub score_high: f32,
    /// Detections from this score on may continue tracks that were just seen; what scores less is
    /// ignored. Default: 0.1.
    pub score_low: f32,
    /// A track is reported once it was seen this often, 1 to 100. Default: 2.
    pub confirm_hits: u32,
    /// … and for at least this long, 0 to 10 s. Default: 0.2.
    pub confirm_seconds: f64,
    /// An unconfirmed track is given up when it was not seen for this long, 0 to 10 s.
    /// Default: 0.3.
    pub tentative_seconds: f64,
    /// A confirmed track is given up when it was not seen for this long, 0 to 60 s. Default: 2.
    pub lost_seconds: f64,
}

impl Default for TrackerSpec {
    fn default() -> Self {
        Self {
            score_new: 0.5,
            score_high: 0.4,
            score_low: 0.1,
            confirm_hits: 2,
            confirm_seconds: 0.2,
            tentative_seconds: 0.3,
            lost_seconds: 2.0,
        }
    }
}
