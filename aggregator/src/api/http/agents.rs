//! The boxes.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::{api::ApiState, store::Agent};

#[derive(Serialize, ToSchema)]
pub(super) struct AgentList {
    items: Vec<Agent>,
}

/// All agents, by id.
#[utoipa::path(
    get,
    path = "/api/v1/agents",
    operation_id = "listAgents",
    tag = "cameras",
    responses((status = 200, description = "agents", body = AgentList))
)]
pub(super) async fn list(State(state): State<ApiState>) -> Result<axum::Json<AgentList>, Problem> {
    let items = state.store.agents().await?;
    Ok(axum::Json(AgentList { items }))
}
