//! What lets somebody in again: sessions of people, tokens of programs.

use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    AccountError, Store, StoreError,
    accounts::{Role, check_name, role},
    audit,
    time::Timestamp,
};

#[derive(Clone, Debug, PartialEq)]
pub struct SessionRecord {
    /// SHA-256 of the cookie's value.
    pub token_hash: [u8; 32],
    pub user: String,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TokenRecord {
    pub name: String,
    pub role: Role,
    pub created_at: Timestamp,
}

impl Store {
    pub async fn add_session(&self, session: SessionRecord) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute(
                "INSERT INTO session (token_sha256, user, created_us, seen_us)
                 VALUES (?1, ?2, ?3, ?4)",
                params![
                    session.token_hash,
                    session.user,
                    session.created_at.as_micros(),
                    session.seen_at.as_micros()
                ],
            )?;
            Ok(())
        })
        .await
    }

    /// The session and what its user may do now.
    pub async fn session(
        &self,
        token_hash: [u8; 32],
    ) -> Result<Option<(SessionRecord, Role)>, StoreError> {
        self.read(move |db| {
            let sql = "SELECT s.user, s.created_us, s.seen_us, u.role
                       FROM session s JOIN user u ON u.name = s.user WHERE s.token_sha256 = ?1";
            let found = db.prepare_cached(sql)?.query_row([token_hash], |row| {
                let session = SessionRecord {
                    token_hash,
                    user: row.get(0)?,
                    created_at: Timestamp::from_micros(row.get(1)?),
                    seen_at: Timestamp::from_micros(row.get(2)?),
                };
                Ok((session, role(row, 3)?))
            });
            Ok(found.optional()?)
        })
        .await
    }

    pub async fn touch_session(
        &self,
        token_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute(
                "UPDATE session SET seen_us = ?2 WHERE token_sha256 = ?1",
                params![token_hash, now.as_micros()],
            )?;
            Ok(())
        })
        .await
    }

    pub async fn remove_session(&self, token_hash: [u8; 32]) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute("DELETE FROM session WHERE token_sha256 = ?1", [token_hash])?;
            Ok(())
        })
        .await
    }

    /// Forgets sessions last seen before `idle` or begun before `begun`; how many.
    pub async fn remove_sessions_before(
        &self,
        idle: Timestamp,
        begun: Timestamp,
    ) -> Result<usize, StoreError> {
        self.write(move |tx| {
            tx.execute(
                "DELETE FROM session WHERE seen_us < ?1 OR created_us < ?2",
                params![idle.as_micros(), begun.as_micros()],
            )
        })
        .await
    }

    /// Audited as done by `actor`. `hash` is the SHA-256 of the whole token.
    pub async fn add_token(
        &self,
        actor: &str,
        name: &str,
        role: Role,
        hash: [u8; 32],
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let (actor, name) = (actor.to_owned(), name.to_owned());
        self.write(move |tx| {
            check_name(&name)?;
            let rows = tx.execute(
                "INSERT OR IGNORE INTO token (name, role, token_sha256, created_us)
                 VALUES (?1, ?2, ?3, ?4)",
                params![name, role.as_str(), hash, now.as_micros()],
            )?;
            if rows == 0 {
                return Err(AccountError::Exists { name });
            }
            audit::append(tx, now, &actor, "token.add", &name)?;
            Ok(())
        })
        .await
    }

    pub async fn service_token(&self, hash: [u8; 32]) -> Result<Option<TokenRecord>, StoreError> {
        self.read(move |db| {
            let sql = "SELECT name, role, created_us FROM token WHERE token_sha256 = ?1";
            Ok(db
                .prepare_cached(sql)?
                .query_row([hash], token)
                .optional()?)
        })
        .await
    }

    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        self.read(|db| {
            let mut query =
                db.prepare_cached("SELECT name, role, created_us FROM token ORDER BY name")?;
            Ok(query.query_map([], token)?.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Audited as done by `actor`.
    pub async fn remove_token(
        &self,
        actor: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let (actor, name) = (actor.to_owned(), name.to_owned());
        self.write(move |tx| {
            if tx.execute("DELETE FROM token WHERE name = ?1", [&name])? == 0 {
                return Err(AccountError::NotFound { name });
            }
            audit::append(tx, now, &actor, "token.remove", &name)?;
            Ok(())
        })
        .await
    }
}

fn token(row: &Row<'_>) -> rusqlite::Result<TokenRecord> {
    Ok(TokenRecord {
        name: row.get(0)?,
        role: role(row, 1)?,
        created_at: Timestamp::from_micros(row.get(2)?),
    })
}
