//! Before every handler: is the caller who it must be, and did the page itself ask?

use std::net::SocketAddr;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, Method, Uri, header},
    middleware::Next,
    response::Response,
};

use super::problem::Problem;
use crate::api::{
    ApiState,
    auth::{
        Credential, Principal,
        identify::identify,
        secret,
        table::{self, Access},
    },
};

/// The header that carries the session's CSRF value.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// The other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Lets a request through to its handler, with its [`Principal`], or refuses it.
pub(super) async fn guard(
    State(state): State<ApiState>,
    route: MatchedPath,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let Some(access) = table::http(request.method(), route.as_str()) else {
        return Err(Problem::forbidden("nobody may do this"));
    };
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let principal = if access == Access::Public {
        None
    } else {
        identify(&state.store, request.headers()).await?
    };
    check_caller(access, principal.as_ref(), &request)?;
    if changes {
        check_origin(request.uri(), request.headers(), state.settings.tls)?;
        check_csrf(principal.as_ref(), request.headers())?;
    }
    if let Some(principal) = principal {
        request.extensions_mut().insert(principal);
    }
    Ok(next.run(request).await)
}

fn check_caller(
    access: Access,
    principal: Option<&Principal>,
    request: &Request,
) -> Result<(), Problem> {
    match (access, principal) {
        (Access::Public, _) | (Access::LocalOrToken, Some(_)) => Ok(()),
        (Access::LocalOrToken, None) if is_local(request) => Ok(()),
        (_, None) => Err(Problem::unauthorized(
            "sign in, or send a service token that is still valid",
        )),
        (Access::Least(least), Some(principal)) if !access.allows(principal.role) => {
            Err(Problem::forbidden(format!(
                "this needs the role {}; {} is {}",
                least.as_str(),
                principal.name,
                principal.role.as_str()
            )))
        }
        (Access::Least(_), Some(_)) => Ok(()),
    }
}

/// From this machine, not through a proxy on it, and not by a foreign name that was pointed here
/// (DNS rebinding).
fn is_local(request: &Request) -> bool {
    let headers = request.headers();
    let peer = request.extensions().get::<Peer>();
    let direct = !["forwarded", "x-forwarded-for", "x-real-ip"]
        .iter()
        .any(|name| headers.contains_key(*name));
    let host = authority(request.uri(), headers).and_then(|text| text.parse().ok());
    let local_name = host.is_some_and(|authority: axum::http::uri::Authority| {
        let name = authority.host();
        let address = name.trim_start_matches('[').trim_end_matches(']');
        name == "localhost"
            || address
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    });
    direct && local_name && peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback())
}

fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    // HTTP/2 has it in the URI, HTTP/1.1 in the header.
    match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(header::HOST)?.to_str().ok(),
    }
}

/// A browser says which site asks; only ours may. Programs say nothing, and carry no cookie that
/// another site could use.
fn check_origin(uri: &Uri, headers: &HeaderMap, tls: bool) -> Result<(), Problem> {
    let refused = || Problem::forbidden("a page of another site may not do this");
    if let Some(site) = headers.get("sec-fetch-site")
        && site != "same-origin"
        && site != "none"
    {
        return Err(refused());
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let scheme = if tls { "https://" } else { "http://" };
    let asked = authority(uri, headers).ok_or_else(refused)?;
    let ours = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.strip_prefix(scheme))
        .is_some_and(|origin| origin.eq_ignore_ascii_case(asked));
    if ours { Ok(()) } else { Err(refused()) }
}

fn check_csrf(principal: Option<&Principal>, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(Credential::Session { csrf, .. }) = principal.map(|found| &found.credential) else {
        return Ok(());
    };
    let sent = headers
        .get(CSRF_HEADER)
        .and_then(|value| value.to_str().ok());
    if sent.is_some_and(|sent| secret::equal(sent, csrf)) {
        return Ok(());
    }
    Err(Problem::forbidden(format!(
        "send the header {CSRF_HEADER} with the value that GET /api/v1/session gives"
    )))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_our_own_pages_may_change_things() {
        let check = |pairs: &[(&'static str, &'static str)], tls| {
            check_origin(&Uri::from_static("/api/v1/session"), &headers(pairs), tls).is_ok()
        };
        let host = ("host", "vong.example:8080");
        assert!(check(&[host], false), "programs send no origin");
        assert!(check(
            &[host, ("origin", "http://vong.example:8080")],
            false
        ));
        assert!(check(
            &[host, ("origin", "https://vong.example:8080")],
            true
        ));
        assert!(!check(
            &[host, ("origin", "http://vong.example:8080")],
            true
        ));
        assert!(!check(&[host, ("origin", "http://vong.example")], false));
        assert!(!check(
            &[host, ("origin", "http://vong.example:8080.evil.example")],
            false
        ));
        assert!(!check(&[host, ("origin", "null")], false));
        assert!(!check(&[("origin", "http://vong.example:8080")], false));
        assert!(!check(&[host, ("sec-fetch-site", "cross-site")], false));
        assert!(!check(&[host, ("sec-fetch-site", "same-site")], false));
        assert!(check(&[host, ("sec-fetch-site", "same-origin")], false));
    }

    #[test]
    fn local_is_direct_and_by_a_local_name() {
        let local = |peer: &str, pairs: &[(&'static str, &'static str)]| {
            let mut request = Request::new(Body::empty());
            *request.headers_mut() = headers(pairs);
            request.extensions_mut().insert(Peer(peer.parse().unwrap()));
            is_local(&request)
        };
        assert!(local("127.0.0.1:5", &[("host", "127.0.0.1:8080")]));
        assert!(local("[::1]:5", &[("host", "[::1]:8080")]));
        assert!(local("[::ffff:127.0.0.1]:5", &[("host", "localhost")]));
        assert!(!local("192.0.2.1:5", &[("host", "localhost")]));
        assert!(!local("127.0.0.1:5", &[("host", "evil.example")]));
        assert!(!local("127.0.0.1:5", &[("host", "127.0.0.1.evil.example")]));
        assert!(!local("127.0.0.1:5", &[]));
        let proxied = [("host", "localhost"), ("x-forwarded-for", "192.0.2.1")];
        assert!(!local("127.0.0.1:5", &proxied));
    }
}
