//! From what a request carries to who sent it.

use axum::http::{HeaderMap, header};

use super::{secret, session};
use crate::store::{Role, Store, StoreError, Timestamp};

/// Who sent a request, proved.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// The user's or the token's name.
    pub name: String,
    pub role: Role,
    pub credential: Credential,
}

/// What proved it; kept as the hash, to look again later whether it still holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Credential {
    Session { hash: [u8; 32], csrf: String },
    Token { hash: [u8; 32] },
}

impl Principal {
    /// How the audit names it.
    pub fn actor(&self) -> String {
        match self.credential {
            Credential::Session { .. } => self.name.clone(),
            Credential::Token { .. } => format!("token:{}", self.name),
        }
    }

    /// Whether it still holds: not signed out, not expired, not removed, the role not lowered.
    pub async fn still_holds(&self, store: &Store) -> Result<bool, StoreError> {
        let now = Timestamp::now();
        let role = match &self.credential {
            Credential::Session { hash, .. } => store
                .session(*hash)
                .await?
                .and_then(|(record, role)| session::stands(&record, now).then_some(role)),
            Credential::Token { hash } => store.service_token(*hash).await?.map(|token| token.role),
        };
        Ok(role.is_some_and(|role| role >= self.role))
    }
}

/// The sender of a request with these headers; `None` when they prove nothing.
///
/// A bearer token comes before a cookie: who sends one means it.
pub async fn identify(store: &Store, headers: &HeaderMap) -> Result<Option<Principal>, StoreError> {
    if headers.contains_key(header::AUTHORIZATION) {
        return by_token(store, headers).await;
    }
    let Some(text) = session::in_request(headers) else {
        return Ok(None);
    };
    if text.len() > secret::SECRET_TEXT_BYTES_MAX {
        return Ok(None);
    }
    let hash = secret::hash(text);
    let Some((record, role)) = store.session(hash).await? else {
        return Ok(None);
    };
    let now = Timestamp::now();
    if !session::stands(&record, now) {
        return Ok(None);
    }
    if session::needs_touch(&record, now)
        && let Err(error) = store.touch_session(hash, now).await
    {
        // Reading must go on when the disk is full.
        tracing::warn!(%error, "session use not noted");
    }
    Ok(Some(Principal {
        name: record.user,
        role,
        credential: Credential::Session {
            hash,
            csrf: secret::csrf(text),
        },
    }))
}

/// By the bearer token alone, as gRPC has it.
pub async fn by_token(store: &Store, headers: &HeaderMap) -> Result<Option<Principal>, StoreError> {
    let Some(text) = bearer(headers) else {
        return Ok(None);
    };
    let hash = secret::hash(text);
    let found = store.service_token(hash).await?;
    Ok(found.map(|token| Principal {
        name: token.name,
        role: token.role,
        credential: Credential::Token { hash },
    }))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, text) = value.to_str().ok()?.split_once(' ')?;
    let ours = scheme.eq_ignore_ascii_case("bearer")
        && text.starts_with(secret::TOKEN_PREFIX)
        && text.len() <= secret::SECRET_TEXT_BYTES_MAX;
    ours.then_some(text)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_one_bearer_token_of_our_form_is_taken() {
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            headers
        };
        assert_eq!(bearer(&headers(&["Bearer vong_abc"])), Some("vong_abc"));
        assert_eq!(bearer(&headers(&["bearer vong_abc"])), Some("vong_abc"));
        assert_eq!(bearer(&headers(&["Bearer abc"])), None);
        assert_eq!(bearer(&headers(&["Basic dm9uZw=="])), None);
        assert_eq!(bearer(&headers(&["Bearer vong_a", "Bearer vong_b"])), None);
    }
}
