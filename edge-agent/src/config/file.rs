//! Settings as a person writes them. Doc comments here are the reference and the JSON Schema.

use std::path::PathBuf;

use scene::{
    SceneSpec,
    spec::{IntrusionSpec, LineSpec, TrackerSpec, ZoneSpec},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// `agent.toml`: the box.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentFile {
    /// Where identity and outbox are kept, relative to this file. Default: `state`.
    pub state_dir: PathBuf,
    /// How events travel to the centre. Default: `mqtt`.
    pub uplink: UplinkKind,
    /// The way that is taken while `uplink` does not get through. Default: none.
    pub fallback: Option<UplinkKind>,
    pub mqtt: MqttSpec,
    /// Address and port of the Prometheus metrics, for example `127.0.0.1:9464`. Default: off.
    pub metrics_listen: Option<String>,
    pub inference: InferenceSpec,
    pub outbox: OutboxSpec,
}

impl Default for AgentFile {
    fn default() -> Self {
        Self {
            state_dir: PathBuf::from("state"),
            uplink: UplinkKind::default(),
            fallback: None,
            mqtt: MqttSpec::default(),
            metrics_listen: None,
            inference: InferenceSpec::default(),
            outbox: OutboxSpec::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UplinkKind {
    #[default]
    Mqtt,
    Grpc,
    /// Events stay in the outbox.
    None,
}

/// `[mqtt]`: a broker other than the centre's own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MqttSpec {
    /// `host:port`. Default: what the centre said at enrolment.
    pub address: Option<String>,
    /// Without TLS only a broker on this machine is accepted. Default: true.
    pub tls: bool,
}

impl Default for MqttSpec {
    fn default() -> Self {
        Self {
            address: None,
            tls: true,
        }
    }
}

/// `[inference]`: the detector.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InferenceSpec {
    /// Threads of one inference, 1 to 64. Default: 1.
    pub threads: usize,
    /// Inferences at the same time, 1 to 64. Default: 1.
    pub sessions: usize,
    /// Model of the cameras that name none. Default: `auto`, the first of `yolox-nano` and
    /// `centernet-mobilenetv3` whose weights are here.
    pub model: String,
    /// Folders with model manifests and weights, relative to this file, searched before the
    /// usual ones (`$VONG_MODELS`, `models`, `$VONG_CACHE/models`, `$VONG_MODEL_DIR`).
    /// Default: none.
    pub model_dirs: Vec<PathBuf>,
    /// The ONNX Runtime library, relative to this file. Default: `$ORT_DYLIB_PATH`, else the one
    /// that `$VONG_CACHE/env` names, else the system's.
    pub runtime: Option<PathBuf>,
}

impl Default for InferenceSpec {
    fn default() -> Self {
        Self {
            threads: 1,
            sessions: 1,
            model: "auto".to_owned(),
            model_dirs: Vec::new(),
            runtime: None,
        }
    }
}

/// `[outbox]`: events waiting for the centre.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OutboxSpec {
    /// Bytes that may wait; beyond them the least important are evicted, and a gap is reported.
    /// At least 1048576. Default: 268435456.
    pub bytes_max: u64,
}

impl Default for OutboxSpec {
    fn default() -> Self {
        Self {
            bytes_max: 268_435_456,
        }
    }
}

/// `cameras/*.toml`: one camera and its rules.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CameraFile {
    /// Short name, unique in the box: small letters, digits, `-` and `_`. Required.
    #[schemars(required)]
    pub id: Option<String>,
    /// Name for people. Default: the id.
    pub name: Option<String>,
    /// `rtsp://user:password@host:554/path`, `rtsps://…`, or the path of a video file, relative to
    /// this file. Credentials never leave the box and are never logged. Required.
    #[schemars(required)]
    pub source: Option<String>,
    /// Detector. Default: that of `agent.toml`.
    pub model: Option<String>,
    /// Only objects of these classes are followed. Default: all classes of the model.
    pub classes: Vec<String>,
    /// Seconds between two regular masked pictures of the camera; 0 for none. Default: 30.
    pub snapshot_seconds: Option<f64>,
    /// Length of the windows in which passages are counted, 1 to 86400 s. Default: 60.
    pub count_window_seconds: Option<u32>,
    /// Lines whose passages are counted, by direction.
    pub line: Vec<LineSpec>,
    /// Zones with entries, exits, occupancy and a limit on the stay.
    pub zone: Vec<ZoneSpec>,
    /// Zones in which nobody should be.
    pub intrusion: Vec<IntrusionSpec>,
    pub tracker: TrackerSpec,
    pub motion: MotionSpec,
}

/// `[motion]`: the detector looks only when something moves, and as often as that needs.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MotionSpec {
    /// Otherwise the detector looks at every frame. Default: false.
    pub enabled: bool,
    /// 0 to 1; at 1 the least change of brightness is motion. Default: 0.5.
    pub sensitivity: f32,
    /// Areas, as lists of corners in fractions of the picture, in which motion is not looked at: a
    /// flag, a road beyond the fence. Objects in them are still detected when something else
    /// moves, and in the regular checks. Default: none.
    pub mask: Vec<Vec<[f32; 2]>>,
    /// The detector looks at most so often, 1 to 60. Default: 5.
    pub looks_per_second_max: f32,
}

impl Default for MotionSpec {
    fn default() -> Self {
        Self {
            enabled: false,
            sensitivity: 0.5,
            mask: Vec::new(),
            looks_per_second_max: 5.0,
        }
    }
}

impl CameraFile {
    pub fn scene_spec(&self) -> SceneSpec {
        SceneSpec {
            line: self.line.clone(),
            zone: self.zone.clone(),
            intrusion: self.intrusion.clone(),
            count_window_seconds: self
                .count_window_seconds
                .unwrap_or(SceneSpec::default().count_window_seconds),
            tracker: self.tracker.clone(),
        }
    }
}
