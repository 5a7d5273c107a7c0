//! What calls for a person.

use axum::{Extension, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    events,
    extract::{Json, Path, QueryString},
    problem::{Problem, ProblemBody},
};
use crate::{
    api::{ApiState, NOTE_CHARS_MAX, auth::Principal},
    store::{Alert, AlertQuery, Cursor, Timestamp},
};

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wanted {
    /// Not both cleared and acknowledged.
    #[default]
    Open,
    All,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// `open` if it is not given.
    #[param(inline)]
    state: Option<Wanted>,
    /// The `next` of the page before.
    before: Option<Cursor>,
    /// 100 if it is not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct AlertList {
    items: Vec<Alert>,
    /// Pass as `before` for the next page; `null` when there is no more.
    next: Option<Cursor>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Acknowledge {
    /// What was found or done, at most 1000 characters.
    #[serde(default)]
    #[schema(max_length = 1000)]
    note: String,
}

/// Alerts, the newest raised first.
#[utoipa::path(
    get,
    path = "/api/v1/alerts",
    operation_id = "listAlerts",
    tag = "alerts",
    params(Asked),
    responses(
        (status = 200, description = "a page of alerts", body = AlertList),
        (status = 400, description = "a parameter is wrong", body = ProblemBody,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    QueryString(asked): QueryString<Asked>,
) -> Result<axum::Json<AlertList>, Problem> {
    let query = AlertQuery {
        open_only: matches!(asked.state.unwrap_or_default(), Wanted::Open),
        before: asked.before,
        limit: events::limit(asked.limit)?,
    };
    let page = state.store.alerts(query).await?;
    Ok(axum::Json(AlertList {
        items: page.items,
        next: page.next,
    }))
}

/// One alert.
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{id}",
    operation_id = "getAlert",
    tag = "alerts",
    params(("id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "the alert", body = Alert),
        (status = 404, description = "there is no such alert", body = ProblemBody,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn one(
    State(state): State<ApiState>,
    Path(id): Path<Uuid>,
) -> Result<axum::Json<Alert>, Problem> {
    let found = state.store.alert(id).await?;
    found
        .map(axum::Json)
        .ok_or_else(|| Problem::not_found("there is no such alert"))
}

/// Says that a person has seen to it.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{id}/acknowledge",
    operation_id = "acknowledgeAlert",
    tag = "alerts",
    params(("id" = String, Path, format = "uuid")),
    request_body = Acknowledge,
    responses(
        (status = 200, description = "acknowledged", body = Alert),
        (status = 404, description = "there is no such alert", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "it is acknowledged already", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 422, description = "a field is wrong", body = ProblemBody,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn acknowledge(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<Uuid>,
    Json(asked): Json<Acknowledge>,
) -> Result<axum::Json<Alert>, Problem> {
    if NOTE_CHARS_MAX < asked.note.chars().count() {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("note: longer than {NOTE_CHARS_MAX} characters"),
        ));
    }
    let (actor, now) = (principal.actor(), Timestamp::now());
    let alert = state
        .store
        .acknowledge(id, &actor, &asked.note, now)
        .await?;
    Ok(axum::Json(alert))
}
