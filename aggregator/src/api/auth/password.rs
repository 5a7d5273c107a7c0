//! Passwords: Argon2id (RFC 9106) with the parameters of OWASP's cheat sheet, m = 19 MiB, t = 2,
//! p = 1.

use std::sync::Arc;

use argon2::{
    Argon2, PasswordHash, PasswordVerifier,
    password_hash::{PasswordHasher as _, SaltString, rand_core::OsRng},
};
use tokio::{sync::Semaphore, task};

/// The least length when a password is the only factor (NIST SP 800-63B-4, 3.1.1.2).
pub const PASSWORD_CHARS_MIN: usize = 15;
/// Longer ones are refused before they are hashed.
pub const PASSWORD_BYTES_MAX: usize = 256;

/// Each hash in progress takes 19 MiB; more of them wait.
const HASHES_AT_ONCE: usize = 2;

#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("the password has {0} characters; take {PASSWORD_CHARS_MIN} or more")]
    TooShort(usize),
    #[error("the password has {0} bytes; take {PASSWORD_BYTES_MAX} or fewer")]
    TooLong(usize),
    #[error("the password could not be hashed: {0}")]
    Hash(argon2::password_hash::Error),
    #[error("the password's hashing was cut off: {0}")]
    Cut(#[from] task::JoinError),
    #[error("the machine gives no random numbers: {0}")]
    Random(#[from] rand::rand_core::OsError),
}

/// Refuses a new password that is too short or too long.
pub fn check_password(password: &str) -> Result<(), PasswordError> {
    let chars = password.chars().count();
    if chars < PASSWORD_CHARS_MIN {
        return Err(PasswordError::TooShort(chars));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(PasswordError::TooLong(password.len()));
    }
    Ok(())
}

/// The hash to keep, in PHC string format. Takes tens of milliseconds: never call it in a task.
pub fn hash_password(password: &str) -> Result<String, PasswordError> {
    check_password(password)?;
    hash_unchecked(password)
}

fn hash_unchecked(password: &str) -> Result<String, PasswordError> {
    let salt = SaltString::generate(&mut OsRng);
    Argon2::default()
        .hash_password(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(PasswordError::Hash)
}

fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// Hashes off the async threads, a bounded number at once.
#[derive(Clone)]
pub struct PasswordHasher {
    slots: Arc<Semaphore>,
    /// Verified for names that do not exist, so that they take as long as those that do.
    decoy: Arc<str>,
}

impl PasswordHasher {
    pub fn new() -> Result<Self, PasswordError> {
        Ok(Self {
            slots: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            decoy: hash_unchecked("nobody has this password")?.into(),
        })
    }

    /// [`hash_password`], off the async threads.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        let _slot = self.slots.acquire().await;
        task::spawn_blocking(move || hash_password(&password)).await?
    }

    /// Whether `password` is the one of `hash`; with no hash, "no" after as long a time.
    pub async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Ok(false);
        }
        let _slot = self.slots.acquire().await;
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.to_string());
        let right = task::spawn_blocking(move || verify(&password, &hash)).await?;
        Ok(right && known)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn new_passwords_are_neither_short_nor_endless() {
        assert!(matches!(
            check_password("mười bốn chữ!!"),
            Err(PasswordError::TooShort(14))
        ));
        check_password("đủ mười lăm chữ").unwrap();
        assert!(matches!(
            check_password(&"x".repeat(257)),
            Err(PasswordError::TooLong(257))
        ));
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_is_right() {
        let hasher = PasswordHasher::new().unwrap();
        let hash = hasher.hash("correct horse battery".into()).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let verify = |password: &str, hash: Option<&String>| {
            hasher.verify(password.to_owned(), hash.cloned())
        };
        assert!(verify("correct horse battery", Some(&hash)).await.unwrap());
        assert!(!verify("correct horse batterz", Some(&hash)).await.unwrap());
        assert!(!verify("nobody has this password", None).await.unwrap());
        assert!(!verify("x", Some(&"not a hash".to_owned())).await.unwrap());
    }

    #[tokio::test]
    async fn an_unknown_user_takes_as_long_as_a_known_one() {
        let hasher = PasswordHasher::new().unwrap();
        let hash = hasher.hash("correct horse battery".into()).await.unwrap();
        // The least of several, for the machine may be busy with other things.
        let mut known = Duration::MAX;
        let mut unknown = Duration::MAX;
        for _ in 0..5 {
            let start = Instant::now();
            assert!(
                !hasher
                    .verify("wrong".into(), Some(hash.clone()))
                    .await
                    .unwrap()
            );
            known = known.min(start.elapsed());
            let start = Instant::now();
            assert!(!hasher.verify("wrong".into(), None).await.unwrap());
            unknown = unknown.min(start.elapsed());
        }
        assert!(unknown * 2 > known, "known {known:?}, unknown {unknown:?}");
        assert!(known * 2 > unknown, "known {known:?}, unknown {unknown:?}");
    }
}
