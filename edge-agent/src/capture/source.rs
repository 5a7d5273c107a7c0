//! Where pictures come from, with the credentials kept apart.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// A camera's address. Neither `Debug` nor `Display` ever shows the credentials.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    Rtsp {
        location: String,
        login: Option<Login>,
    },
    File(PathBuf),
}

#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    #[error("is empty; give an rtsp:// or rtsps:// address or the path of a video file")]
    Empty,
    #[error(
        "has the scheme `{0}://`, which is not supported; \
         use rtsp://, rtsps:// or the path of a video file"
    )]
    Scheme(String),
    #[error("has no host after `{0}://`")]
    Host(String),
    // What stands there may be a piece of a password: it is not repeated.
    #[error(
        "has a port that is not a number from 1 to 65535; is the host missing after the login?"
    )]
    Port,
    #[error("has a broken percent-escape in its user name or password")]
    Escape,
    #[error(
        "has an `@` after a `/` or `?`; in a user name or password write %40 for `@`, %2F for `/` \
         and %3F for `?`"
    )]
    Slash,
    #[error("has a login but no scheme; write rtsp:// before it")]
    NoScheme,
}

impl Source {
    /// `text` as a person wrote it; a relative path starts at `base`.
    pub fn parse(text: &str, base: &Path) -> Result<Self, SourceError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SourceError::Empty);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            let login = text.split_once('@').map(|(login, _)| login);
            if login.is_some_and(|login| login.contains(':')) {
                return Err(SourceError::NoScheme);
            }
            return Ok(Self::File(base.join(text)));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "rtsp" | "rtsps" => parse_rtsp(&scheme.to_ascii_lowercase(), rest),
            "file" => Ok(Self::File(PathBuf::from(percent_decode(rest)?))),
            other => Err(SourceError::Scheme(other.to_owned())),
        }
    }
}

fn parse_rtsp(scheme: &str, rest: &str) -> Result<Source, SourceError> {
    let split = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(split);
    // It could be the end of a password with a `/` in it, which must not be taken for a path: paths
    // are shown.
    if path.contains('@') {
        return Err(SourceError::Slash);
    }
    // An unescaped `@` in a password is common on cameras; the last one ends the login.
    let (login, host) = match authority.rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (None, authority),
    };
    let login = login.map(parse_login).transpose()?;
    if host.is_empty() || host.starts_with(':') {
        return Err(SourceError::Host(scheme.to_owned()));
    }
    // The colons of an IPv6 address are within brackets.
    if let Some((_, port)) = host.rsplit_once(':')
        && !port.ends_with(']')
        && port.parse::<u16>().map_or(true, |number| number == 0)
    {
        return Err(SourceError::Port);
    }
    Ok(Source::Rtsp {
        location: format!("{scheme}://{host}{path}"),
        login,
    })
}

fn parse_login(text: &str) -> Result<Login, SourceError> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    Ok(Login {
        user: percent_decode(user)?,
        password: percent_decode(password)?,
    })
}

fn percent_decode(text: &str) -> Result<String, SourceError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = rest else {
            return Err(SourceError::Escape);
        };
        let digit = |byte: u8| {
            char::from(byte)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
            return Err(SourceError::Escape);
        };
        bytes.push(high << 4 | low);
        rest = tail;
    }
    String::from_utf8(bytes).ok().ok_or(SourceError::Escape)
}

/// `text` with every `://user:password@` blanked, for messages that may quote an address. The last
/// `@` of a word ends the login, whatever is before it.
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after
            .find(|c: char| matches!(c, '"' | '`' | '\'') || c.is_whitespace())
            .unwrap_or(after.len());
        let (address, tail) = after.split_at(end);
        match address.rsplit_once('@') {
            Some((_, host)) => {
                out.push_str("***@");
                out.push_str(host);
            }
            None => out.push_str(address),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Some cameras take the login in their path: `/user=admin&password=…`.
            Self::Rtsp { location, .. } => match location.split_once('=') {
                Some((shown, _)) => write!(f, "{shown}=…"),
                None => f.write_str(location),
            },
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Source, SourceError> {
        Source::parse(text, Path::new("/etc/vong/cameras"))
    }

    #[test]
    fn credentials_leave_the_address_and_are_never_shown() {
        let source = parse("rtsp://admin:p%40ss:w@10.0.0.7:554/Streaming/101?a=b").unwrap();
        let Source::Rtsp {
            location,
            login: Some(login),
        } = &source
        else {
            panic!("{source:?}")
        };
        assert_eq!(location, "rtsp://10.0.0.7:554/Streaming/101?a=b");
        assert_eq!(
            (login.user.as_str(), login.password.as_str()),
            ("admin", "p@ss:w")
        );
        for shown in [
            format!("{source}"),
            format!("{source:?}"),
            format!("{login:?}"),
        ] {
            assert!(
                !shown.contains("p@ss") && !shown.contains("admin"),
                "{shown}"
            );
        }
    }

    #[test]
    fn a_path_is_relative_to_the_camera_file() {
        let expected = Source::File(PathBuf::from("/etc/vong/cameras/clips/a.mp4"));
        assert_eq!(parse("clips/a.mp4"), Ok(expected));
        assert_eq!(
            parse("/a b.mp4"),
            Ok(Source::File(PathBuf::from("/a b.mp4")))
        );
        assert_eq!(
            parse("file:///a%20b.mp4"),
            Ok(Source::File(PathBuf::from("/a b.mp4")))
        );
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        assert_eq!(parse("  "), Err(SourceError::Empty));
        assert_eq!(parse("http://x/y"), Err(SourceError::Scheme("http".into())));
        assert_eq!(parse("rtsp:///y"), Err(SourceError::Host("rtsp".into())));
        assert_eq!(parse("rtsp://h:0/y"), Err(SourceError::Port));
        assert_eq!(parse("rtsp://h:99999/y"), Err(SourceError::Port));
        assert_eq!(parse("rtsp://a%zz:b@h/y"), Err(SourceError::Escape));
        assert!(parse("rtsp://[fe80::1]/y").is_ok());
    }

    #[test]
    fn a_password_is_not_taken_for_a_path_a_port_or_a_file() {
        for (text, fault) in [
            ("rtsp://admin:12/se@10.0.0.7/x", SourceError::Slash),
            ("rtsp://admin:12?se@10.0.0.7/x", SourceError::Slash),
            ("rtsp://admin:a@b/se@10.0.0.7/x", SourceError::Slash),
            ("rtsp://admin:secret", SourceError::Port),
            ("admin:secret@10.0.0.7/x", SourceError::NoScheme),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(
                !refused.to_string().contains("se@") && refused == fault,
                "{refused}"
            );
            assert!(!refused.to_string().contains("secret"), "{refused}");
        }
        let in_path = parse("rtsp://10.0.0.7/user=admin&password=secret&channel=1").unwrap();
        assert_eq!(in_path.to_string(), "rtsp://10.0.0.7/user=…");
    }

    #[test]
    fn redaction_keeps_the_host_only() {
        assert_eq!(
            redact("invalid: \"rtsp://u:p@h/x\" and rtsp://k:l@m"),
            "invalid: \"rtsp://***@h/x\" and rtsp://***@m"
        );
        assert_eq!(redact("`rtsp://u:a/b@h/x`"), "`rtsp://***@h/x`");
        assert_eq!(redact("no address"), "no address");
    }
}
