//! Connections for reading. In WAL mode a reader sees the last commit and waits for nobody.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::StoreError;

/// How many reads go on at once; others wait in their turn.
const READERS_MAX: usize = 4;

#[derive(Debug, Clone)]
pub(super) struct Readers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self(Arc::new(Pool {
            path: path.to_owned(),
            idle: Mutex::default(),
            turns: Arc::new(Semaphore::new(READERS_MAX)),
        }))
    }

    /// Waits for the reads under way and closes their connections; later reads are refused.
    pub(super) async fn close(&self) {
        let all = u32::try_from(READERS_MAX).unwrap_or(u32::MAX);
        if let Ok(turns) = self.0.turns.acquire_many(all).await {
            self.0
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
            self.0.turns.close();
            drop(turns);
        }
    }

    pub(super) async fn read<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let Ok(turn) = Arc::clone(&self.0.turns).acquire_owned().await else {
            return Err(StoreError::Closed.into());
        };
        let pool = Arc::clone(&self.0);
        let reading = tokio::task::spawn_blocking(move || {
            let db = pool.take()?;
            let result = work(&db);
            pool.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(db);
            drop(turn);
            result
        });
        match reading.await {
            Ok(result) => result,
            Err(error) => Err(StoreError::Failed {
                reason: error.to_string(),
            }
            .into()),
        }
    }
}

impl Pool {
    fn take(&self) -> Result<Connection, StoreError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        match idle {
            Some(db) => Ok(db),
            None => Ok(open(&self.path)?),
        }
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    db.pragma_update(None, "query_only", true)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(db)
}
