//! Before every call: is the caller who it must be?

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use tonic::Status;

use super::store_status;
use crate::api::{
    ApiState,
    auth::{
        identify::by_token,
        table::{self, Access},
    },
};

/// Lets a call through to its service, with its principal, or refuses it.
pub(super) async fn guard(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    match check(&state, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(status) => status.into_http(),
    }
}

async fn check(state: &ApiState, request: &mut Request) -> Result<(), Status> {
    let Some(access) = table::grpc(request.uri().path()) else {
        // The same for what does not exist and for what nobody gave access to.
        return Err(Status::unimplemented("there is no such call"));
    };
    if access == Access::Public {
        return Ok(());
    }
    let found = by_token(&state.store, request.headers()).await;
    let principal = found
        .map_err(|error| store_status(&error))?
        .ok_or_else(|| {
            Status::unauthenticated("send a valid token: `authorization: Bearer vong_…`")
        })?;
    if !access.allows(principal.role) {
        return Err(Status::permission_denied(format!(
            "the token {} has the role {}, which is not enough",
            principal.name,
            principal.role.as_str()
        )));
    }
    request.extensions_mut().insert(principal);
    Ok(())
}
