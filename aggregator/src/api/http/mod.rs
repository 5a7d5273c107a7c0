//! REST, live updates and the console, over HTTP.

mod accept;
mod agents;
mod alerts;
mod cameras;
mod console;
mod counts;
mod events;
mod evidence;
mod extract;
mod guard;
mod headers;
mod openapi;
mod probes;
mod problem;
mod session;
mod setup;
mod stall;
mod stream;
mod summary;
mod users;

use std::time::Duration;

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode, Uri},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tokio::time;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::ApiState;
use problem::Problem;

pub use accept::serve;
pub use guard::{CSRF_HEADER, Peer};
pub use openapi::openapi;

/// How long an answer's start may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Every operation, as code and as document.
fn operations() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(probes::healthz))
        .routes(routes!(probes::readyz))
        .routes(routes!(probes::metrics))
        .routes(routes!(openapi::document))
        .routes(routes!(setup::setup))
        .routes(routes!(
            session::sign_in,
            session::current,
            session::sign_out
        ))
        .routes(routes!(summary::summary))
        .routes(routes!(agents::list))
        .routes(routes!(cameras::list))
        .routes(routes!(cameras::one))
        .routes(routes!(counts::list))
        .routes(routes!(events::list))
        .routes(routes!(events::one))
        .routes(routes!(alerts::list))
        .routes(routes!(alerts::one))
        .routes(routes!(alerts::acknowledge))
        .routes(routes!(evidence::picture))
        .routes(routes!(stream::stream))
        .routes(routes!(users::list, users::add))
}

/// Everything that is served over HTTP; a request's extensions must hold its [`Peer`].
fn router(state: ApiState) -> Router {
    let (router, _) = operations().split_for_parts();
    router
        .route_layer(middleware::from_fn_with_state(state.clone(), guard::guard))
        .method_not_allowed_fallback(wrong_method)
        .fallback(elsewhere)
        .layer(middleware::from_fn(limit_time))
        .layer(middleware::from_fn(headers::secure))
        .layer(middleware::from_fn_with_state(state.clone(), count))
        .with_state(state)
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{method} is not possible on {}", shown(uri.path())),
    )
}

/// Not an operation: the console's page, or nothing.
async fn elsewhere(request: Request) -> Response {
    let path = request.uri().path();
    if is_api(path) {
        return unknown(path).into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let refused = wrong_method(request.method().clone(), request.uri().clone());
        return refused.await.into_response();
    }
    console::page(path, request.headers())
}

fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

fn unknown(path: &str) -> Problem {
    Problem::not_found(format!(
        "there is nothing at {}; GET /api/v1/openapi.json lists what there is",
        shown(path)
    ))
}

/// The start of what was asked for; an answer must not echo more.
fn shown(path: &str) -> String {
    path.chars().take(100).collect()
}

async fn limit_time(request: Request, next: Next) -> Response {
    match time::timeout(ANSWER_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(time::error::Elapsed { .. }) => Problem::busy(
            format!("the answer took longer than {} s", ANSWER_TIMEOUT.as_secs()),
            Duration::from_secs(10),
        )
        .into_response(),
    }
}

async fn count(
    State(state): State<ApiState>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    let response = next.run(request).await;
    let route = route.as_ref().map_or("console", MatchedPath::as_str);
    state
        .metrics
        .request(method, route, response.status().as_u16());
    response
}
