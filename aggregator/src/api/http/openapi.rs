//! The document that describes the REST API (OpenAPI 3.1), made from the code that serves it.

use axum::{http::header, response::IntoResponse};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, Content, Ref, Response, ResponseBuilder,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::{operations, problem::ProblemBody};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Vọng aggregator",
        description = "Events of cameras, alerts, and what people do about them. \
            People sign in and carry a cookie, and send the header `x-csrf-token` with every \
            change; programs send a service token as bearer. Every error is a problem \
            (RFC 9457). Times are RFC 3339 in UTC, coordinates are fractions of the picture \
            with the origin at the top left, cursors are opaque.",
    ),
    components(schemas(ProblemBody)),
    modifiers(&Securities),
    security(("session" = []), ("token" = []))
)]
struct Frame;

struct Securities;

impl Modify for Securities {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let cookie = ApiKeyValue::new(crate::api::auth::session::COOKIE);
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        let bearer = Http::new(HttpAuthScheme::Bearer);
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// The document without its operations.
pub(super) fn frame() -> openapi::OpenApi {
    Frame::openapi()
}

/// The document as JSON, indented, with a newline at its end.
pub fn openapi() -> Result<String, serde_json::Error> {
    let mut document = operations().to_openapi();
    for path in document.paths.paths.values_mut() {
        let operations = [&mut path.get, &mut path.post, &mut path.delete];
        for operation in operations.into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            responses.insert("default".to_owned(), any_problem().into());
        }
    }
    let mut text = document.to_pretty_json()?;
    text.push('\n');
    Ok(text)
}

/// What any operation may answer: not signed in, the role is not enough, the store is full.
fn any_problem() -> Response {
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new()
        .description("a problem")
        .content("application/problem+json", problem)
        .build()
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    operation_id = "getOpenApi",
    tag = "about",
    security(()),
    responses((status = 200, description = "the document", content_type = "application/json"))
)]
pub(super) async fn document() -> axum::response::Response {
    match openapi() {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => super::problem::Problem::internal(&error).into_response(),
    }
}
