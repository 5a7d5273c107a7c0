//! Who may sign in.

use axum::{
    Extension,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    extract::Json,
    problem::{Problem, ProblemBody},
};
use crate::{
    api::{ApiState, auth::Principal},
    store::{Role, Timestamp, User, UserRecord},
};

#[derive(Serialize, ToSchema)]
pub(super) struct UserList {
    items: Vec<User>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    /// 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`.
    name: String,
    role: Role,
    /// 15 characters or more.
    #[schema(format = Password, min_length = 15, max_length = 256)]
    password: String,
}

/// All users, by name.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    operation_id = "listUsers",
    tag = "users",
    responses((status = 200, description = "users", body = UserList))
)]
pub(super) async fn list(State(state): State<ApiState>) -> Result<axum::Json<UserList>, Problem> {
    let items = state.store.users().await?;
    Ok(axum::Json(UserList { items }))
}

/// Makes a user.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    operation_id = "addUser",
    tag = "users",
    request_body = NewUser,
    responses(
        (status = 201, description = "made", body = User),
        (status = 409, description = "the name is taken", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 422, description = "a field is wrong", body = ProblemBody,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn add(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    Json(asked): Json<NewUser>,
) -> Result<Response, Problem> {
    if asked.role == Role::Service {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "role: service is for tokens; `aggregator token add` makes one",
        ));
    }
    let record = UserRecord {
        name: asked.name.clone(),
        role: asked.role,
        password_hash: state.passwords.hash(asked.password).await?,
    };
    let now = Timestamp::now();
    state
        .store
        .add_user(&principal.actor(), record, now)
        .await?;
    let made = User {
        name: asked.name,
        role: asked.role,
        created_at: now,
    };
    Ok((StatusCode::CREATED, axum::Json(made)).into_response())
}
