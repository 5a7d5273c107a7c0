use std::collections::BTreeSet;

use scene::FrameTime;

use crate::{
    convert::{At, DecodeError, Fault, count, message, slug, text, time},
    limits::{
        ANALYSED_PER_SECOND_MAX, CAMERA_PROBLEM_BYTES_MAX, CAMERAS_MAX, CONFIG_PROBLEM_BYTES_MAX,
        CONFIG_VERSION_BYTES_MAX, STATUS_BYTES_MAX,
    },
    v1,
};

/// How an agent is. Neither stored nor acknowledged.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedStatus {
    /// Who it is, as it says; the envelope's key proves it.
    pub agent: String,
    /// Of this run of its process.
    pub epoch: u64,
    /// False in the will, which the broker sends when the agent is gone.
    pub online: bool,
    /// The agent's wall clock; `None` when it is out of any sensible range.
    pub wall: Option<FrameTime>,
    /// No camera twice.
    pub cameras: Vec<CameraStatus>,
    /// Items not yet acknowledged.
    pub backlog_items: u64,
    /// Their size.
    pub backlog_bytes: u64,
    /// Whether the outbox can write.
    pub durable: bool,
    /// Of the configuration in force.
    pub config_version: String,
    /// Why the newest configuration was refused; empty when it was not.
    pub config_problem: String,
}

/// How a camera is.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraStatus {
    /// The camera's name, unique within the agent.
    pub camera: String,
    /// Whether it delivers.
    pub state: CameraState,
    /// Why it does not; empty when it does.
    pub problem: String,
    /// Since the agent's start.
    pub frames_decoded: u64,
    /// Since the agent's start.
    pub frames_analysed: u64,
    /// Shed under load, since the agent's start.
    pub frames_dropped: u64,
    /// Lately.
    pub analysed_per_second: f32,
}

/// Whether a camera delivers pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameraState {
    /// Not said.
    Unknown,
    /// Being opened.
    Connecting,
    /// Pictures are coming.
    Live,
    /// They stopped.
    Lost,
}

impl CheckedStatus {
    /// Reads and validates the payload of an envelope.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        let wire: v1::Status = message("status", payload, STATUS_BYTES_MAX)?;
        let list = "status.cameras";
        count(wire.cameras.len(), CAMERAS_MAX).at(list)?;
        let mut seen = BTreeSet::new();
        let mut cameras = Vec::with_capacity(wire.cameras.len());
        for (index, wire) in wire.cameras.into_iter().enumerate() {
            let camera = camera_status(wire).at_index(list, index, "")?;
            if !seen.insert(camera.camera.clone()) {
                return Err(Fault::Repeated).at_index(list, index, ".camera");
            }
            cameras.push(camera);
        }
        if wire.epoch == 0 {
            return Err(Fault::Missing.at("status.epoch"));
        }
        Ok(Self {
            agent: slug(wire.agent).at("status.agent")?,
            epoch: wire.epoch,
            online: wire.online,
            wall: time(wire.wall_us).ok(),
            cameras,
            backlog_items: wire.backlog_items,
            backlog_bytes: wire.backlog_bytes,
            durable: wire.durable,
            config_version: text(wire.config_version, CONFIG_VERSION_BYTES_MAX)
                .at("status.config_version")?,
            config_problem: text(wire.config_problem, CONFIG_PROBLEM_BYTES_MAX)
                .at("status.config_problem")?,
        })
    }
}

fn camera_status(wire: v1::CameraStatus) -> Result<CameraStatus, Fault> {
    let state = match v1::CameraState::try_from(wire.state) {
        Ok(v1::CameraState::Unknown) => CameraState::Unknown,
        Ok(v1::CameraState::Connecting) => CameraState::Connecting,
        Ok(v1::CameraState::Live) => CameraState::Live,
        Ok(v1::CameraState::Lost) => CameraState::Lost,
        Err(prost::UnknownEnumValue(value)) => return Err(Fault::UnknownValue(value)),
    };
    let rate = wire.analysed_per_second;
    if !(0.0..=ANALYSED_PER_SECOND_MAX).contains(&rate) {
        return Err(Fault::OutOfRange);
    }
    Ok(CameraStatus {
        camera: slug(wire.camera)?,
        state,
        problem: text(wire.problem, CAMERA_PROBLEM_BYTES_MAX)?,
        frames_decoded: wire.frames_decoded,
        frames_analysed: wire.frames_analysed,
        frames_dropped: wire.frames_dropped,
        analysed_per_second: rate,
    })
}
