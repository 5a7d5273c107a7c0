//! Random secrets: handed out once, kept only as their hash.

use rand::{TryRngCore, rngs::OsRng};
use sha2::{Digest, Sha256};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// How a service token starts, so that a leaked one is found by secret scanners.
pub const TOKEN_PREFIX: &str = "vong_";

/// A secret's text is longer than any we make; what is longer is not ours.
pub const SECRET_TEXT_BYTES_MAX: usize = 128;

/// A new secret of 256 random bits.
///
/// It needs no slow hash: nobody can guess 256 bits, so SHA-256 of it is safe to keep.
#[derive(Clone)]
pub struct Secret {
    text: String,
}

impl Secret {
    /// A session's or a one-time token's secret.
    pub fn generate() -> Result<Self, rand::rand_core::OsError> {
        let mut bytes = [0_u8; 32];
        OsRng.try_fill_bytes(&mut bytes)?;
        Ok(Self {
            text: URL_SAFE_NO_PAD.encode(bytes),
        })
    }

    /// A service token: `vong_…`.
    pub fn generate_token() -> Result<Self, rand::rand_core::OsError> {
        let secret = Self::generate()?;
        Ok(Self {
            text: format!("{TOKEN_PREFIX}{}", secret.text),
        })
    }

    /// What is handed out, once.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is kept.
    pub fn hash(&self) -> [u8; 32] {
        hash(&self.text)
    }
}

/// The hash under which a secret is kept.
pub fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// The value that a page must send with each change, bound to its session.
///
/// It is derived, not stored: knowing it does not give the session, and only who has the session
/// can make it.
pub fn csrf(session: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"vong.csrf.v1\0")
        .chain_update(session.as_bytes())
        .finalize();
    URL_SAFE_NO_PAD.encode(digest)
}

/// Compares without telling by its duration where the first difference is.
pub fn equal(left: &str, right: &str) -> bool {
    // Hashing first makes the comparison's duration independent of both texts.
    hash(left) == hash(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_keep_their_form() {
        let session = Secret::generate().unwrap();
        let token = Secret::generate_token().unwrap();
        assert_eq!(session.text().len(), 43);
        assert!(token.text().starts_with("vong_"));
        assert_eq!(token.text().len(), 48);
        assert!(token.text().len() <= SECRET_TEXT_BYTES_MAX);
        assert_ne!(session.hash(), Secret::generate().unwrap().hash());
        assert_eq!(token.hash(), hash(token.text()));
    }

    #[test]
    fn csrf_is_bound_to_its_session_and_is_not_the_key_to_it() {
        let (first, second) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        assert_eq!(csrf(first.text()), csrf(first.text()));
        assert_ne!(csrf(first.text()), csrf(second.text()));
        assert_ne!(hash(&csrf(first.text())), first.hash());
        assert!(equal("abc", "abc"));
        assert!(!equal("abc", "abd"));
        assert!(!equal("abc", "abcd"));
    }
}
