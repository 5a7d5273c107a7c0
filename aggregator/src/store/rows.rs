//! What is kept, as it is read: these types are also the JSON of the REST API.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::time::Timestamp;
pub use crate::alerting::{Action, Condition};

/// Position in the order of commits. Every change of an event, alert, camera or agent has its own.
/// Opaque to others.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(transparent)]
pub struct Cursor(pub i64);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cursor {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Part of a list, with where the next part starts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Pass as `before` (or `after`) for what follows; `null` when there is no more.
    pub next: Option<Cursor>,
}

/// The kinds of event, with the numbers of the wire.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    LineCrossed,
    LineCount,
    ZoneEntered,
    ZoneLeft,
    ZoneOccupancy,
    DwellExceeded,
    Intrusion,
    CameraSignal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Instant,
    Begin,
    Change,
    End,
}

/// As in RFC 8632; `none` means that no alarm is meant.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    #[default]
    None,
    Warning,
    Minor,
    Major,
    Critical,
}

/// The side reached, for one who walks from the first to the last point of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    ToLeft,
    ToRight,
}

/// Something that happened in front of a camera. Immutable.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Event {
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
    pub cursor: Cursor,
    pub agent: String,
    pub camera: String,
    /// The rule's name; `camera` for `camera_signal`.
    pub rule: String,
    pub kind: EventKind,
    pub phase: Phase,
    pub severity: Severity,
    pub direction: Option<Direction>,
    /// Pairs begin, change and end within one run of the agent; 0 for instant.
    pub episode: u64,
    pub captured_at: Timestamp,
    pub uncertainty_ms: u32,
    pub stored_at: Timestamp,
    pub objects: Vec<SeenObject>,
    /// By name; `null` is unknown, which is not zero.
    pub measures: BTreeMap<String, Option<f64>>,
    pub evidence: Vec<EvidenceRef>,
    /// The encoded `vong.v1.Item` as the agent signed it.
    #[serde(skip)]
    #[schema(ignore)]
    pub item: Arc<[u8]>,
}

/// A track as it was when the event happened.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SeenObject {
    pub track: u64,
    pub class: String,
    /// 0 to 1.
    pub score: f32,
    /// Left, top, width, height, as fractions of the picture.
    #[serde(rename = "box")]
    pub bbox: [f32; 4],
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EvidenceRef {
    /// In hexadecimal; the picture's address under `/api/v1/evidence/`.
    pub sha256: String,
    pub media_type: String,
    pub masked: bool,
}

/// One thing that calls for a person, however often it happens.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Alert {
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
    pub cursor: Cursor,
    pub agent: String,
    /// Empty when the alert is about the agent itself.
    pub camera: String,
    pub rule: String,
    /// An event's kind, or `agent_silent`, `items_lost`, `item_refused` or `stream_fork`.
    pub kind: String,
    /// The highest of its occurrences.
    pub severity: Severity,
    pub condition: Condition,
    /// False: nothing will end it; acknowledging closes it.
    pub will_clear: bool,
    pub acknowledged: Option<Acknowledgement>,
    pub raised_at: Timestamp,
    pub changed_at: Timestamp,
    pub cleared_at: Option<Timestamp>,
    pub occurrences: u32,
    #[schema(value_type = Option<String>, format = "uuid")]
    pub last_event: Option<Uuid>,
    /// Pictures of its newest occurrences, newest first.
    pub evidence: Vec<String>,
    /// Oldest first; the newest 100.
    pub history: Vec<Transition>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Acknowledgement {
    pub by: String,
    pub at: Timestamp,
    pub note: String,
}

/// One step in the life of an alert.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Transition {
    pub at: Timestamp,
    /// A user's name, or `agent`, or `centre`.
    pub actor: String,
    pub action: Action,
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CameraState {
    Live,
    Connecting,
    Lost,
    /// Its agent is silent, or has not told.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Camera {
    pub agent: String,
    pub id: String,
    pub name: String,
    pub width: u32,
    pub height: u32,
    pub state: CameraState,
    /// Why it is not live.
    pub problem: Option<String>,
    pub rules: Vec<RuleShape>,
    pub snapshot: Option<Snapshot>,
    /// Since the agent's start, as the next two; `null`: not told.
    pub frames_decoded: Option<u64>,
    pub frames_analysed: Option<u64>,
    pub frames_dropped: Option<u64>,
    pub analysed_per_second: Option<f32>,
    pub occupancy: Vec<Occupancy>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShapeKind {
    Line,
    Zone,
    Intrusion,
}

/// A rule's geometry, for people to look at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RuleShape {
    pub rule: String,
    pub label: String,
    pub kind: ShapeKind,
    /// Fractions of the picture, origin at the top left.
    pub points: Vec<[f32; 2]>,
    pub dwell_limit_seconds: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Snapshot {
    pub sha256: String,
    pub captured_at: Timestamp,
    pub masked: bool,
}

/// How many are in a zone; `null` is unknown.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Occupancy {
    pub rule: String,
    pub value: Option<f64>,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    Online,
    Silent,
    Never,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Agent {
    pub id: String,
    pub state: AgentState,
    pub last_seen: Option<Timestamp>,
    pub software: String,
    pub backlog_items: Option<u64>,
    /// False: its outbox cannot write. `null`: not told since the centre started.
    pub durable: Option<bool>,
    pub config_version: Option<String>,
    /// Why its newest configuration was refused.
    pub config_problem: Option<String>,
    pub revoked: bool,
}

/// Passages of one line in one direction, summed over the windows asked for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Count {
    pub rule: String,
    pub direction: Direction,
    /// `null` when a part of the time was not observed.
    pub count: Option<u64>,
    pub count_at_least: u64,
    pub observed_seconds: f64,
    pub window_seconds: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Summary {
    pub cameras: u64,
    pub cameras_live: u64,
    pub alerts_open: u64,
    /// Stored since midnight in Vietnam (UTC+7).
    pub events_today: u64,
    pub agents: u64,
    pub agents_online: u64,
}

/// Items of an agent that will never come, and why.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Gap {
    pub agent: String,
    /// In hexadecimal.
    pub epoch: String,
    pub lane: u8,
    pub from_seq: u64,
    pub to_seq: u64,
    pub reason: String,
    pub declared_at: Timestamp,
}

/// Where a picture lies.
#[derive(Clone, Debug, PartialEq)]
pub struct EvidenceFile {
    pub path: std::path::PathBuf,
    pub media_type: String,
    pub size_bytes: u64,
    pub masked: bool,
    pub agent: String,
    pub camera: String,
    pub captured_at: Timestamp,
}
