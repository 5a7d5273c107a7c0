//! Opening, in one transaction: schema, what earlier runs left, a new epoch.

use std::path::Path;

use proto::Lane;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};

use super::{
    Budget, PAGE_BYTES, Store, StoreError, Streams,
    commit::bytes_between,
    row::{EpochRow, Found, ItemRow, Key, StreamRow},
};

/// One script for each schema version, the first for version 1. Never changed once released.
const MIGRATIONS: [&str; 1] = [include_str!("schema.sql")];
/// Pages in the write-ahead log after which it is copied into the database.
const WAL_PAGES: u32 = 256;
const WAL_BYTES_KEPT: u32 = 4 << 20;
/// Finished epochs that are kept for a centre that was restored from a backup.
const FINISHED_EPOCHS_MAX: usize = 8;

impl Store {
    /// Blocking. What is put from now on is in a new epoch.
    pub(in crate::outbox) fn open(
        path: &Path,
        budget: Budget,
        now_us: i64,
    ) -> Result<Self, StoreError> {
        let db = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        db.pragma_update(None, "page_size", PAGE_BYTES.cast_signed())?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
        db.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
        Self::set_up(db, budget, now_us)
    }

    /// The stand-in while the disk cannot be written.
    pub(in crate::outbox) fn in_memory(budget: Budget, now_us: i64) -> Result<Self, StoreError> {
        Self::set_up(Connection::open_in_memory()?, budget, now_us)
    }

    fn set_up(mut db: Connection, budget: Budget, now_us: i64) -> Result<Self, StoreError> {
        // A commit that returned has reached the disk.
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "max_page_count", budget.pages_max.cast_signed())?;
        db.busy_timeout(std::time::Duration::from_secs(1))?;
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        migrate(&transaction)?;
        let epochs = epochs(&transaction)?;
        let mut streams = streams(&transaction, &epochs)?;
        remove_finished(&transaction, &epochs, &mut streams)?;
        let newest = epochs.last().map_or(0, |epoch| epoch.ord);
        let epoch = EpochRow {
            ord: newest + 1,
            id: new_id(&epochs),
        };
        epoch.write(&transaction, now_us)?;
        transaction.commit()?;
        Ok(Self {
            db,
            budget,
            grown_pages_max: None,
            ord: epoch.ord,
            epoch: epoch.id,
            streams,
        })
    }
}

fn new_id(taken: &[EpochRow]) -> u64 {
    loop {
        let id = rand::random();
        if id != 0 && taken.iter().all(|epoch| epoch.id != id) {
            return id;
        }
    }
}

fn migrate(db: &Transaction<'_>) -> Result<(), StoreError> {
    let known = MIGRATIONS.len().cast_signed() as i64;
    let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let Some(done) = usize::try_from(found).ok().filter(|_| found <= known) else {
        return Err(StoreError::Newer { found, known });
    };
    for script in &MIGRATIONS[done..] {
        db.execute_batch(script)?;
    }
    Ok(db.pragma_update(None, "user_version", known)?)
}

/// Oldest first; without those whose row is damaged, as their id cannot be known any more.
pub(super) fn epochs(db: &Connection) -> Result<Vec<EpochRow>, StoreError> {
    let mut statement = db.prepare("SELECT ord, id, crc32c FROM epoch ORDER BY ord")?;
    let rows = statement.query_map([], EpochRow::read)?;
    let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let damaged = rows.iter().filter(|row| row.is_none()).count();
    if damaged > 0 {
        tracing::error!(
            epochs = damaged,
            "outbox epochs are damaged, their items are lost"
        );
    }
    Ok(rows.into_iter().flatten().collect())
}

pub(super) fn streams(db: &Connection, epochs: &[EpochRow]) -> Result<Streams, StoreError> {
    let mut streams = Streams::new();
    let mut statement = db.prepare("SELECT * FROM lane WHERE epoch_ord = ?1")?;
    for epoch in epochs {
        let rows = statement.query_map([epoch.ord], |row| StreamRow::read(row, epoch.id))?;
        for row in rows {
            // One that is damaged is found again by its items, below.
            streams.extend(row?);
        }
        for lane in Lane::ALL {
            let key = Key {
                ord: epoch.ord,
                lane,
            };
            complete(db, key, epoch.id, &mut streams)?;
        }
    }
    Ok(streams)
}

/// Makes the row agree with the items that are there, whatever became of the row.
fn complete(
    db: &Connection,
    key: Key,
    epoch: u64,
    streams: &mut Streams,
) -> Result<(), StoreError> {
    let edge = |sql: &str| {
        db.query_row(sql, params![key.lane_column(), key.ord], |row| {
            row.get::<_, Option<i64>>(0)
        })
    };
    let last = edge("SELECT max(seq) FROM item WHERE lane = ?1 AND epoch_ord = ?2")?;
    let Some(last) = last.map(i64::cast_unsigned) else {
        return Ok(());
    };
    if let Some(row) = streams.get_mut(&key) {
        row.next = row.next.max(last + 1);
        return Ok(());
    }
    tracing::error!(
        epoch,
        lane = key.lane.index(),
        "outbox lane is damaged, sending what is left"
    );
    let mut row = StreamRow::new(epoch);
    row.next = last + 1;
    row.backlog_bytes = bytes_between(db, key, 0, last)?;
    if let Found::Item(item) = ItemRow::find(db, key, epoch, last)? {
        row.chain = item.chain_after();
    }
    row.write(db, key)?;
    streams.insert(key, row);
    Ok(())
}

/// Removes epochs that left nothing, and all but the newest of those that the centre has whole.
fn remove_finished(
    db: &Connection,
    epochs: &[EpochRow],
    streams: &mut Streams,
) -> Result<(), StoreError> {
    let of = |ord: i64| {
        Key {
            ord,
            lane: Lane::Alarms,
        }..=Key {
            ord,
            lane: Lane::Evidence,
        }
    };
    let mut kept = 0;
    for epoch in epochs.iter().rev() {
        let mut lanes = streams.range(of(epoch.ord)).peekable();
        let empty = lanes.peek().is_none();
        if lanes.all(|(_, row)| row.is_drained()) {
            kept += usize::from(!empty);
            if empty || kept > FINISHED_EPOCHS_MAX {
                remove(db, epoch.ord)?;
                streams.retain(|key, _| key.ord != epoch.ord);
            }
        }
    }
    Ok(())
}

fn remove(db: &Connection, ord: i64) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM item WHERE lane BETWEEN 0 AND 4 AND epoch_ord = ?1",
        "DELETE FROM lost WHERE epoch_ord = ?1",
        "DELETE FROM lane WHERE epoch_ord = ?1",
        "DELETE FROM epoch WHERE ord = ?1",
    ] {
        db.execute(sql, [ord])?;
    }
    Ok(())
}
