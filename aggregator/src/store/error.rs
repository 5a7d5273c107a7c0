//! What can go wrong with the store.

use std::path::PathBuf;

/// The folder cannot be used as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("data folder {path}: cannot be made or read: {source}")]
    Folder {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("data folder {path}: another aggregator is serving it; stop that one first")]
    Served { path: PathBuf },
    #[error("data folder {path}: holds no store yet; start `aggregator serve` on it once")]
    Absent { path: PathBuf },
    #[error(
        "store {path}: its schema is version {found}, newer than the {known} that this program \
         knows; use the newer program"
    )]
    Newer {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    #[error(
        "store {path}: its schema is version {found}, older than the {known} of this program; \
         start `aggregator serve` on it once"
    )]
    Older {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    #[error("store {path}: migration {version} failed: {source}")]
    Migration {
        path: PathBuf,
        version: i64,
        source: rusqlite::Error,
    },
    #[error("store {path}: {source}{}", hint(source))]
    Sqlite {
        path: PathBuf,
        source: rusqlite::Error,
    },
    #[error("store {path}: its thread could not be started: {source}")]
    Thread {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// What SQLite's words leave out.
fn hint(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::SystemIoFailure) => "; the disk may be full or failing",
        Some(rusqlite::ErrorCode::DiskFull) => "; make room in the data folder",
        _ => "",
    }
}

/// A read or a write did not happen.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store's disk is full; nothing was written")]
    Full,
    #[error("the store cannot be written: {reason}")]
    Unwritable { reason: String },
    #[error("the store is damaged: {reason}")]
    Corrupt { reason: String },
    #[error("the store takes no more at the moment; try again")]
    Busy,
    #[error("the store is closed")]
    Closed,
    #[error("the store failed: {reason}")]
    Failed { reason: String },
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => Self::Full,
            Some(
                Code::ReadOnly | Code::CannotOpen | Code::PermissionDenied | Code::SystemIoFailure,
            ) => Self::Unwritable { reason },
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Corrupt { reason },
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Busy,
            _ => Self::Failed { reason },
        }
    }
}

/// An alert was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AckError {
    #[error("there is no such alert")]
    NotFound,
    #[error("already acknowledged by {by}")]
    AlreadyAcknowledged { by: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An account was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("{name:?} exists already")]
    Exists { name: String },
    #[error(
        "{name:?} is not a name: use 1 to 64 of a-z, 0-9, '.', '_', '-', starting with a letter or digit"
    )]
    BadName { name: String },
    #[error("there is no {name:?}")]
    NotFound { name: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The first administrator was not made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("the setup code is wrong")]
    Wrong,
    #[error("there is a user already; sign in")]
    Done,
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    Store(#[from] StoreError),
}
