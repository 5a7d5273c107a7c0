//! Users and their roles.

use std::str::FromStr;

use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AccountError, SetupError, Store, StoreError, audit, time::Timestamp, writer::Writing};

/// What a caller may do; each may do what the ones before may, but a service only reads.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A program: reads everything.
    Service,
    Viewer,
    /// Acknowledges alerts.
    Operator,
    Supervisor,
    /// Manages users and agents.
    Admin,
}

impl Role {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
        }
    }
}

/// Not the name of a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a role; roles are viewer, operator, supervisor, admin and service")]
pub struct RoleError(String);

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            Self::Service,
            Self::Viewer,
            Self::Operator,
            Self::Supervisor,
            Self::Admin,
        ]
        .into_iter()
        .find(|role| role.as_str() == text)
        .ok_or_else(|| RoleError(text.chars().take(64).collect()))
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct User {
    pub name: String,
    pub role: Role,
    pub created_at: Timestamp,
}

/// A user with what proves to be them. Never serialised.
#[derive(Clone, PartialEq)]
pub struct UserRecord {
    pub name: String,
    pub role: Role,
    /// Argon2id, PHC string.
    pub password_hash: String,
}

impl Store {
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        self.read(|db| {
            let mut query =
                db.prepare_cached("SELECT name, role, created_us FROM user ORDER BY name")?;
            let rows = query.query_map([], |row| {
                Ok(User {
                    name: row.get(0)?,
                    role: role(row, 1)?,
                    created_at: Timestamp::from_micros(row.get(2)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub async fn user(&self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        let name = name.to_owned();
        self.read(move |db| {
            let sql = "SELECT name, role, password_hash FROM user WHERE name = ?1";
            let found = db.prepare_cached(sql)?.query_row([name], |row| {
                Ok(UserRecord {
                    name: row.get(0)?,
                    role: role(row, 1)?,
                    password_hash: row.get(2)?,
                })
            });
            Ok(found.optional()?)
        })
        .await
    }

    /// Audited as done by `actor`.
    pub async fn add_user(
        &self,
        actor: &str,
        user: UserRecord,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let actor = actor.to_owned();
        self.write(move |tx| insert_user(tx, &actor, &user, now))
            .await
    }

    /// Ends the user's sessions. Audited as done by `actor`.
    pub async fn remove_user(
        &self,
        actor: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let (actor, name) = (actor.to_owned(), name.to_owned());
        self.write(move |tx| {
            if tx.execute("DELETE FROM user WHERE name = ?1", [&name])? == 0 {
                return Err(AccountError::NotFound { name });
            }
            audit::append(tx, now, &actor, "user.remove", &name)?;
            Ok(())
        })
        .await
    }

    /// Keeps the one-time code that makes the first administrator, in place of an older one.
    pub async fn set_setup_token(&self, hash: [u8; 32]) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute("DELETE FROM setup_token", [])?;
            tx.execute("INSERT INTO setup_token (token_sha256) VALUES (?1)", [hash])?;
            Ok(())
        })
        .await
    }

    /// Makes the first user, once, while there is none.
    pub async fn use_setup_token(
        &self,
        hash: [u8; 32],
        user: UserRecord,
        now: Timestamp,
    ) -> Result<(), SetupError> {
        self.write(move |tx| {
            let users: i64 = tx.query_row("SELECT count(*) FROM user", [], |row| row.get(0))?;
            if users != 0 {
                return Err(SetupError::Done);
            }
            if tx.execute("DELETE FROM setup_token WHERE token_sha256 = ?1", [hash])? == 0 {
                return Err(SetupError::Wrong);
            }
            insert_user(tx, "setup", &user, now)?;
            Ok(())
        })
        .await
    }
}

fn insert_user(
    tx: &mut Writing<'_>,
    actor: &str,
    user: &UserRecord,
    now: Timestamp,
) -> Result<(), AccountError> {
    check_name(&user.name)?;
    let rows = tx.execute(
        "INSERT OR IGNORE INTO user (name, role, password_hash, created_us)
         VALUES (?1, ?2, ?3, ?4)",
        params![
            user.name,
            user.role.as_str(),
            user.password_hash,
            now.as_micros()
        ],
    )?;
    if rows == 0 {
        return Err(AccountError::Exists {
            name: user.name.clone(),
        });
    }
    audit::append(
        tx,
        now,
        actor,
        "user.add",
        &format!("{} as {}", user.name, user.role.as_str()),
    )?;
    Ok(())
}

pub(super) fn check_name(name: &str) -> Result<(), AccountError> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if starts_well && name.len() <= 64 && name.chars().all(good) {
        Ok(())
    } else {
        Err(AccountError::BadName {
            name: name.chars().take(64).collect(),
        })
    }
}

pub(super) fn role(row: &Row<'_>, index: usize) -> rusqlite::Result<Role> {
    let text: String = row.get(index)?;
    text.parse().map_err(|error: RoleError| {
        rusqlite::Error::FromSqlConversionFailure(
            index,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}
