//! Brings a store's schema up to what this program knows, one numbered step at a time.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::OpenError;

/// Version and what leads to it, in order. A step that was released is never edited.
const STEPS: [(i64, &str); 2] = [
    (1, include_str!("migrations/0001_first.sql")),
    (2, include_str!("migrations/0002_run.sql")),
];

/// The version that this program knows.
pub const KNOWN: i64 = STEPS[STEPS.len() - 1].0;

/// The version of an open store; 0: nothing in it.
pub(super) fn version(db: &Connection) -> rusqlite::Result<i64> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// For those that must not change the schema under a running server.
pub(super) fn expect_current(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let path = path.to_owned();
    match version(db) {
        Ok(found) if found == KNOWN => Ok(()),
        Ok(found) if KNOWN < found => Err(OpenError::Newer {
            path,
            found,
            known: KNOWN,
        }),
        Ok(found) => Err(OpenError::Older {
            path,
            found,
            known: KNOWN,
        }),
        Err(source) => Err(OpenError::Sqlite { path, source }),
    }
}

/// Applies what is missing, each step with its version number in one transaction.
pub(super) fn up(db: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let sqlite = |source| OpenError::Sqlite {
        path: path.to_owned(),
        source,
    };
    let found = version(db).map_err(sqlite)?;
    if KNOWN < found {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known: KNOWN,
        });
    }
    for (version, step) in STEPS {
        if version <= found {
            continue;
        }
        let mut apply = || {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            tx.execute_batch(step)?;
            tx.pragma_update(None, "user_version", version)?;
            tx.commit()
        };
        apply().map_err(|source| OpenError::Migration {
            path: path.to_owned(),
            version,
            source,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_every_earlier_version_is_brought_up_with_its_rows() {
        let path = Path::new("store.sqlite");
        let mut db = Connection::open_in_memory().unwrap();
        let (version, first) = STEPS[0];
        db.execute_batch(first).unwrap();
        db.pragma_update(None, "user_version", version).unwrap();
        db.execute(
            "INSERT INTO stream (agent, epoch, lane, up_to, announced, changed_us)
             VALUES ('gate', -7, 0, 3, 4, 0)",
            [],
        )
        .unwrap();
        up(&mut db, path).unwrap();
        let run: i64 = db
            .query_row("SELECT run FROM stream WHERE epoch = -7", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(run, -7, "an epoch was a run of its own");
        expect_current(&db, path).unwrap();
        up(&mut db, path).unwrap();
    }
}
