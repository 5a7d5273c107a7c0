//! The centre at a glance.

use axum::extract::State;

use super::problem::Problem;
use crate::{
    api::ApiState,
    store::{Summary, Timestamp},
};

/// The centre at a glance.
#[utoipa::path(
    get,
    path = "/api/v1/summary",
    operation_id = "getSummary",
    tag = "about",
    responses((status = 200, description = "counts", body = Summary))
)]
pub(super) async fn summary(State(state): State<ApiState>) -> Result<axum::Json<Summary>, Problem> {
    Ok(axum::Json(state.store.summary(Timestamp::now()).await?))
}
