//! The first administrator, by the one-time code that the centre printed at its first start.

use std::time::Instant;

use axum::{Extension, extract::State, http::HeaderMap, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    extract::Json,
    guard::Peer,
    problem::{Problem, ProblemBody},
    session,
};
use crate::{
    api::{ApiState, auth::secret},
    store::{Role, Timestamp, UserRecord},
};

/// Attempts are counted under this name, which no user can have.
const SETUP_ACTOR: &str = "?setup";

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Setup {
    /// As printed.
    token: String,
    username: String,
    /// 15 characters or more.
    #[schema(format = Password, min_length = 15, max_length = 256)]
    password: String,
}

/// Makes the first administrator and signs in. Works once.
#[utoipa::path(
    post,
    path = "/api/v1/setup",
    operation_id = "setUp",
    tag = "session",
    security(()),
    request_body = Setup,
    responses(
        (status = 200, description = "made and signed in", body = session::Session),
        (status = 401, description = "the code is wrong", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "there is a user already", body = ProblemBody,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn setup(
    State(state): State<ApiState>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    Json(asked): Json<Setup>,
) -> Result<Response, Problem> {
    if let Err(wait) = state
        .sign_ins
        .attempt(SETUP_ACTOR, peer.ip(), Instant::now())
    {
        return Err(Problem::too_many("too many attempts to set up; wait", wait));
    }
    let now = Timestamp::now();
    let user = UserRecord {
        name: asked.username.clone(),
        role: Role::Admin,
        password_hash: state.passwords.hash(asked.password).await?,
    };
    let hash = secret::hash(&asked.token);
    state.store.use_setup_token(hash, user, now).await?;
    state.sign_ins.succeeded(SETUP_ACTOR, peer.ip());
    session::begin(&state, &headers, asked.username, Role::Admin, now).await
}
