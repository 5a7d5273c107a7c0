//! JSON Schemas of the files, made from the same structs that read them.

use super::file::{AgentFile, CameraFile};

/// JSON Schema (draft 2020-12) of `agent.toml`.
pub fn agent_schema() -> serde_json::Value {
    schemars::schema_for!(AgentFile).to_value()
}

/// JSON Schema (draft 2020-12) of `cameras/*.toml`.
pub fn camera_schema() -> serde_json::Value {
    schemars::schema_for!(CameraFile).to_value()
}
