//! Sessions of people: how long they last, and the cookie that carries them.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::store::{SessionRecord, Timestamp};

pub const COOKIE: &str = "vong_session";

/// Without a request for so long, a session ends.
pub const IDLE_SECONDS_MAX: i64 = 12 * 3600;
/// However busy, a session ends.
pub const AGE_SECONDS_MAX: i64 = 7 * 24 * 3600;
/// How stale `seen_at` may get, so that not every read is a write.
const TOUCH_SECONDS: i64 = 60;

/// Whether the session still stands at `now`.
pub fn stands(session: &SessionRecord, now: Timestamp) -> bool {
    now < session.seen_at.plus_seconds(IDLE_SECONDS_MAX)
        && now < session.created_at.plus_seconds(AGE_SECONDS_MAX)
}

/// Whether it is time to note that the session is in use.
pub fn needs_touch(session: &SessionRecord, now: Timestamp) -> bool {
    session.seen_at.plus_seconds(TOUCH_SECONDS) <= now
}

/// The session's secret in a request, if there is one.
///
/// Every `vong_session` counts only if it is the only one: a second one was planted by somebody.
pub fn in_request(headers: &HeaderMap) -> Option<&str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(secret), None) => Some(secret),
        _ => None,
    }
}

/// The `Set-Cookie` that hands the session over.
pub fn cookie(secret: &str, tls: bool) -> Option<HeaderValue> {
    set_cookie(secret, AGE_SECONDS_MAX, tls)
}

/// The `Set-Cookie` that takes it back.
pub fn no_cookie(tls: bool) -> Option<HeaderValue> {
    set_cookie("", 0, tls)
}

fn set_cookie(secret: &str, age_seconds: i64, tls: bool) -> Option<HeaderValue> {
    let secure = if tls { "; Secure" } else { "" };
    let text = format!(
        "{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age_seconds}{secure}"
    );
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(created: i64, seen: i64) -> SessionRecord {
        SessionRecord {
            token_hash: [0; 32],
            user: "an".into(),
            created_at: Timestamp::default().plus_seconds(created),
            seen_at: Timestamp::default().plus_seconds(seen),
        }
    }

    #[test]
    fn a_session_ends_when_idle_and_when_old() {
        let at = |seconds| Timestamp::default().plus_seconds(seconds);
        assert!(stands(&session(0, 0), at(IDLE_SECONDS_MAX - 1)));
        assert!(!stands(&session(0, 0), at(IDLE_SECONDS_MAX)));
        assert!(stands(
            &session(0, AGE_SECONDS_MAX - 10),
            at(AGE_SECONDS_MAX - 1)
        ));
        assert!(!stands(
            &session(0, AGE_SECONDS_MAX - 10),
            at(AGE_SECONDS_MAX)
        ));
        assert!(!needs_touch(&session(0, 0), at(59)));
        assert!(needs_touch(&session(0, 0), at(60)));
    }

    #[test]
    fn the_cookie_is_found_among_others_and_refused_when_doubled() {
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::COOKIE, HeaderValue::from_static(value));
            }
            headers
        };
        assert_eq!(
            in_request(&headers(&["a=1; vong_session=x;b=2"])),
            Some("x")
        );
        assert_eq!(in_request(&headers(&["xvong_session=x"])), None);
        assert_eq!(
            in_request(&headers(&["vong_session=x", "vong_session=y"])),
            None
        );
        assert_eq!(in_request(&headers(&[])), None);
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_of_other_sites() {
        assert_eq!(
            cookie("s", true).unwrap(),
            "vong_session=s; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800; Secure"
        );
        assert!(
            !cookie("s", false)
                .unwrap()
                .to_str()
                .unwrap()
                .contains("Secure")
        );
        assert!(
            no_cookie(false)
                .unwrap()
                .to_str()
                .unwrap()
                .contains("Max-Age=0")
        );
    }
}
