//! What happened.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    extract::{Path, QueryString},
    problem::{Problem, ProblemBody},
};
use crate::{
    api::ApiState,
    store::{Cursor, Event, EventKind, EventQuery, LIMIT_MAX, Severity, Start},
};

pub(super) const LIMIT_DEFAULT: u32 = 100;
/// There are not more kinds than this, so more in a request are a mistake.
const KINDS_MAX: usize = 16;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only of this agent.
    agent: Option<String>,
    /// Only of cameras with this id.
    camera: Option<String>,
    /// Only of these kinds, separated by commas.
    #[param(example = "intrusion,dwell_exceeded")]
    kind: Option<String>,
    /// Only of this severity or above.
    severity_min: Option<Severity>,
    /// The `next` of the page before.
    before: Option<Cursor>,
    /// 100 if it is not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct EventList {
    items: Vec<Event>,
    /// Pass as `before` for the next page; `null` when there is no more.
    next: Option<Cursor>,
}

/// Events, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    operation_id = "listEvents",
    tag = "events",
    params(Asked),
    responses(
        (status = 200, description = "a page of events", body = EventList),
        (status = 400, description = "a parameter is wrong", body = ProblemBody,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    QueryString(asked): QueryString<Asked>,
) -> Result<axum::Json<EventList>, Problem> {
    let query = EventQuery {
        agent: asked.agent,
        camera: asked.camera,
        kinds: kinds(asked.kind.as_deref())?,
        severity_min: asked.severity_min.unwrap_or_default(),
        start: asked.before.map_or(Start::Newest, Start::Before),
        limit: limit(asked.limit)?,
    };
    let page = state.store.events(query).await?;
    Ok(axum::Json(EventList {
        items: page.items,
        next: page.next,
    }))
}

/// One event.
#[utoipa::path(
    get,
    path = "/api/v1/events/{id}",
    operation_id = "getEvent",
    tag = "events",
    params(("id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "the event", body = Event),
        (status = 404, description = "there is no such event", body = ProblemBody,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn one(
    State(state): State<ApiState>,
    Path(id): Path<Uuid>,
) -> Result<axum::Json<Event>, Problem> {
    let found = state.store.event(id).await?;
    found
        .map(axum::Json)
        .ok_or_else(|| Problem::not_found("there is no such event"))
}

pub(super) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked {
        None => Ok(LIMIT_DEFAULT),
        Some(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        Some(limit) => Err(Problem::bad_request(format!(
            "limit: {limit} is not 1 to {LIMIT_MAX}"
        ))),
    }
}

fn kinds(asked: Option<&str>) -> Result<Vec<EventKind>, Problem> {
    let Some(asked) = asked else {
        return Ok(Vec::new());
    };
    let names: Vec<_> = asked.split(',').take(KINDS_MAX + 1).collect();
    if KINDS_MAX < names.len() {
        return Err(Problem::bad_request(format!(
            "kind: more than {KINDS_MAX} kinds"
        )));
    }
    let parse = |name: &&str| {
        let json = serde_json::Value::from(*name);
        serde_json::from_value(json).map_err(|error| Problem::bad_request(format!("kind: {error}")))
    };
    names.iter().map(parse).collect()
}
