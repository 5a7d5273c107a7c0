//! For those who watch the centre itself.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::problem::Problem;
use crate::api::ApiState;

/// The process is up.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "getHealth",
    tag = "probes",
    security(()),
    responses((status = 200, description = "up", body = String, content_type = "text/plain"))
)]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The store takes writes.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "getReadiness",
    tag = "probes",
    security(()),
    responses(
        (status = 200, description = "ready", body = String, content_type = "text/plain"),
        (status = 503, description = "not ready", body = super::problem::ProblemBody,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn readyz(State(state): State<ApiState>) -> Result<&'static str, Problem> {
    if let Err(error) = state.store.probe_writable().await {
        tracing::warn!(%error, "not ready, the store takes no writes");
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the store takes no writes",
        ));
    }
    Ok("ready\n")
}

/// What the centre counts, as OpenMetrics text; without sign-in only from the same machine.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    tag = "probes",
    responses((status = 200, description = "metrics", body = String,
        content_type = "application/openmetrics-text"))
)]
pub(super) async fn metrics(State(state): State<ApiState>) -> Result<Response, Problem> {
    let text = state
        .metrics
        .encode()
        .map_err(|error| Problem::internal(&error))?;
    let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, form)], text).into_response())
}
