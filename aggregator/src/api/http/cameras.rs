//! The cameras, as their agents last told.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    extract::Path,
    problem::{Problem, ProblemBody},
};
use crate::{api::ApiState, store::Camera};

#[derive(Serialize, ToSchema)]
pub(super) struct CameraList {
    items: Vec<Camera>,
}

/// All cameras, by agent and id.
#[utoipa::path(
    get,
    path = "/api/v1/cameras",
    operation_id = "listCameras",
    tag = "cameras",
    responses((status = 200, description = "cameras", body = CameraList))
)]
pub(super) async fn list(State(state): State<ApiState>) -> Result<axum::Json<CameraList>, Problem> {
    let items = state.store.cameras().await?;
    Ok(axum::Json(CameraList { items }))
}

/// One camera.
#[utoipa::path(
    get,
    path = "/api/v1/agents/{agent}/cameras/{camera}",
    operation_id = "getCamera",
    tag = "cameras",
    params(("agent" = String, Path), ("camera" = String, Path)),
    responses(
        (status = 200, description = "the camera", body = Camera),
        (status = 404, description = "there is no such camera", body = ProblemBody,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn one(
    State(state): State<ApiState>,
    Path((agent, camera)): Path<(String, String)>,
) -> Result<axum::Json<Camera>, Problem> {
    find(&state, &agent, &camera).await.map(axum::Json)
}

pub(super) async fn find(state: &ApiState, agent: &str, camera: &str) -> Result<Camera, Problem> {
    let found = state.store.camera(agent, camera).await?;
    found.ok_or_else(|| Problem::not_found("there is no such camera"))
}
