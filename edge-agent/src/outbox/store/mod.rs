//! The database: one transaction a call, and a copy of `lane` in memory that changes only when the
//! transaction has.

mod commit;
mod evict;
mod lost;
mod open;
mod read;
mod row;
mod salvage;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use proto::StreamId;
use rusqlite::{Connection, ErrorCode};

pub(super) use self::{
    commit::{Committed, Mark},
    row::{Key, StreamRow},
};

/// SQLite's page size here, bytes.
const PAGE_BYTES: u64 = 4_096;

pub(super) type Streams = BTreeMap<Key, StreamRow>;

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("no space: {0}")]
    Full(#[source] rusqlite::Error),
    #[error("not a sound database: {0}")]
    Damaged(#[source] rusqlite::Error),
    #[error("cannot be written: {0}")]
    Unwritable(#[source] rusqlite::Error),
    #[error("made by a later edge-agent (schema {found}, this one knows {known})")]
    Newer { found: i64, known: i64 },
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(error),
            // None: a value of a type that the schema rules out.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => {
                Self::Damaged(error)
            }
            Some(_) => Self::Unwritable(error),
        }
    }
}

/// How large the database may grow, in pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub(super) pages_max: u64,
    /// Kept for lane 0.
    pub(super) reserve_pages: u64,
}

impl Budget {
    pub(super) fn from_bytes(bytes_max: u64, alarm_reserve_bytes: u64) -> Self {
        let pages_max = (bytes_max / PAGE_BYTES).max(PAGES_MIN);
        // The reserve can not be most of a small outbox.
        let reserve_pages = (alarm_reserve_bytes / PAGE_BYTES).min(pages_max / 4);
        Self {
            pages_max,
            reserve_pages,
        }
    }
}

/// Room for the schema, a few of the largest items, and what a transaction needs beside them.
const PAGES_MIN: u64 = 512;

#[derive(Debug)]
pub(super) struct Store {
    db: Connection,
    budget: Budget,
    /// While the disk is full for others' reasons: the size that the file has, in pages.
    grown_pages_max: Option<u64>,
    /// The epoch of new items.
    ord: i64,
    epoch: u64,
    streams: Streams,
}

impl Store {
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn streams(&self) -> &Streams {
        &self.streams
    }

    pub(super) fn has(&self, id: StreamId) -> bool {
        self.key(id).is_some()
    }

    /// Whether the centre has everything.
    pub(super) fn is_drained(&self) -> bool {
        self.streams.values().all(StreamRow::is_drained)
    }

    /// From now on the file keeps its size, and what is put displaces what is there.
    pub(super) fn stop_growing(&mut self) -> Result<(), StoreError> {
        self.grown_pages_max = Some(pages(&self.db)?.0);
        Ok(())
    }

    pub(super) fn resume_growing(&mut self) {
        self.grown_pages_max = None;
    }

    fn key(&self, id: StreamId) -> Option<Key> {
        let found = self
            .streams
            .iter()
            .find(|(key, row)| key.lane == id.lane && row.epoch == id.epoch);
        found.map(|(key, _)| *key)
    }
}

/// Pages of the file, and how many of them are free.
fn pages(db: &Connection) -> rusqlite::Result<(u64, u64)> {
    let pragma = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok((
        pragma("page_count")?.cast_unsigned(),
        pragma("freelist_count")?.cast_unsigned(),
    ))
}
