//! Signing in and out.

use std::time::Instant;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    extract::Json,
    guard::Peer,
    problem::{Problem, ProblemBody},
};
use crate::{
    api::{
        ApiState,
        auth::{
            Credential, Principal, Secret,
            secret::{self, SECRET_TEXT_BYTES_MAX},
            session,
        },
    },
    store::{Role, SessionRecord, Timestamp},
};

/// A name is not longer; what is longer is nobody's.
const NAME_BYTES_MAX: usize = 64;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    username: String,
    #[schema(format = Password)]
    password: String,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    user: SignedIn,
    /// To be sent as `x-csrf-token` with every change; `null` for tokens, which need none.
    csrf: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct SignedIn {
    name: String,
    role: Role,
}

/// Signs in. The answer's cookie carries the session.
#[utoipa::path(
    post,
    path = "/api/v1/session",
    operation_id = "signIn",
    tag = "session",
    security(()),
    request_body = SignIn,
    responses(
        (status = 200, description = "signed in", body = Session),
        (status = 401, description = "the name or the password is wrong", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 429, description = "too many attempts", body = ProblemBody,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn sign_in(
    State(state): State<ApiState>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    Json(asked): Json<SignIn>,
) -> Result<Response, Problem> {
    let name = asked.username;
    if NAME_BYTES_MAX < name.len() {
        return Err(wrong());
    }
    if let Err(wait) = state.sign_ins.attempt(&name, peer.ip(), Instant::now()) {
        state.metrics.sign_in("limited");
        return Err(Problem::too_many(
            "too many attempts to sign in; wait",
            wait,
        ));
    }
    let known = state.store.user(&name).await?;
    let hash = known.as_ref().map(|user| user.password_hash.clone());
    let right = state.passwords.verify(asked.password, hash).await?;
    let now = Timestamp::now();
    let Some(user) = known.filter(|_| right) else {
        state.metrics.sign_in("refused");
        let detail = format!("from {}", peer.ip());
        let actor = if name.is_empty() { "?" } else { &name };
        state
            .store
            .audit(now, actor, "session.refuse", &detail)
            .await?;
        return Err(wrong());
    };
    state.sign_ins.succeeded(&name, peer.ip());
    state.metrics.sign_in("accepted");
    let detail = format!("from {}", peer.ip());
    state
        .store
        .audit(now, &name, "session.begin", &detail)
        .await?;
    begin(&state, &headers, user.name, user.role, now).await
}

fn wrong() -> Problem {
    // The same for both, so that names cannot be tried out.
    Problem::unauthorized("the name or the password is wrong")
}

/// Makes a session, always a new one: a cookie planted before the sign-in gains nothing by it.
pub(super) async fn begin(
    state: &ApiState,
    headers: &HeaderMap,
    name: String,
    role: Role,
    now: Timestamp,
) -> Result<Response, Problem> {
    let old = session::in_request(headers).filter(|text| text.len() <= SECRET_TEXT_BYTES_MAX);
    if let Some(old) = old {
        state.store.remove_session(secret::hash(old)).await?;
    }
    let idle = now.plus_seconds(-session::IDLE_SECONDS_MAX);
    let begun = now.plus_seconds(-session::AGE_SECONDS_MAX);
    state.store.remove_sessions_before(idle, begun).await?;
    let secret = Secret::generate().map_err(|error| Problem::internal(&error))?;
    let record = SessionRecord {
        token_hash: secret.hash(),
        user: name.clone(),
        created_at: now,
        seen_at: now,
    };
    state.store.add_session(record).await?;
    let body = Session {
        user: SignedIn { name, role },
        csrf: Some(secret::csrf(secret.text())),
    };
    let mut response = axum::Json(body).into_response();
    if let Some(cookie) = session::cookie(secret.text(), state.settings.tls) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Who is signed in.
#[utoipa::path(
    get,
    path = "/api/v1/session",
    operation_id = "getSession",
    tag = "session",
    responses(
        (status = 200, description = "signed in", body = Session),
        (status = 401, description = "not signed in", body = ProblemBody,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn current(Extension(principal): Extension<Principal>) -> axum::Json<Session> {
    let csrf = match principal.credential {
        Credential::Session { csrf, .. } => Some(csrf),
        Credential::Token { .. } => None,
    };
    axum::Json(Session {
        user: SignedIn {
            name: principal.name,
            role: principal.role,
        },
        csrf,
    })
}

/// Signs out. The session cannot be used again.
#[utoipa::path(
    delete,
    path = "/api/v1/session",
    operation_id = "signOut",
    tag = "session",
    responses((status = 204, description = "signed out"))
)]
pub(super) async fn sign_out(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
) -> Result<Response, Problem> {
    if let Credential::Session { hash, .. } = principal.credential {
        state.store.remove_session(hash).await?;
        let now = Timestamp::now();
        state
            .store
            .audit(now, &principal.name, "session.end", "")
            .await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(cookie) = session::no_cookie(state.settings.tls) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
