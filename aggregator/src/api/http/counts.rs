//! How many passed a camera's lines.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    cameras,
    extract::{Path, QueryString},
    problem::{Problem, ProblemBody},
};
use crate::{
    api::ApiState,
    store::{Count, CountQuery, Timestamp},
};

const SINCE_SECONDS_DEFAULT: i64 = 24 * 3600;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Windows that begin here or later are summed; a day ago if it is not given.
    since: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct CountList {
    items: Vec<Count>,
}

/// Passages of a camera's lines, by line and direction.
#[utoipa::path(
    get,
    path = "/api/v1/agents/{agent}/cameras/{camera}/counts",
    operation_id = "listCounts",
    tag = "cameras",
    params(("agent" = String, Path), ("camera" = String, Path), Asked),
    responses(
        (status = 200, description = "counts", body = CountList),
        (status = 404, description = "there is no such camera", body = ProblemBody,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    Path((agent, camera)): Path<(String, String)>,
    QueryString(asked): QueryString<Asked>,
) -> Result<axum::Json<CountList>, Problem> {
    cameras::find(&state, &agent, &camera).await?;
    let now = Timestamp::now();
    let day_ago = || now.plus_seconds(-SINCE_SECONDS_DEFAULT);
    let query = CountQuery {
        agent,
        camera,
        since: asked.since.unwrap_or_else(day_ago),
        now,
    };
    let items = state.store.counts(query).await?;
    Ok(axum::Json(CountList { items }))
}
