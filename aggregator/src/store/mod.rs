//! Everything that is kept: one SQLite file and a folder of pictures.
//!
//! ```text
//! write(job) ─▶ queue ─▶ writer thread: one transaction for whatever has arrived ─▶ fsync
//!                                                                 ├─▶ answers
//!                                                                 └─▶ live: changes, by cursor
//! read(query) ─▶ one of a few connections, which never wait for the writer
//! ```
//!
//! A [`Cursor`] numbers every change of an event, alert, camera or agent in the order of commits.
//! Who was away asks [`Store::changes_since`] the last cursor seen, and gets each row that changed
//! since, once, as it is now.

mod error;
mod time;
mod rows;
mod query;
mod migrate;
mod wire;
mod writer;
mod readers;
mod live;
mod presence;
mod agents;
mod enrolment;
mod ingest;
mod items;
mod alert_moves;
mod streams;
mod events;
mod cameras;
mod alerts;
mod evidence;
mod accounts;
mod passes;
mod audit;
mod check;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::{broadcast, mpsc, oneshot};

pub use accounts::{Role, RoleError, User, UserRecord};
pub use agents::AgentRecord;
pub use audit::AuditEntry;
pub use check::Finding;
pub use enrolment::{EnrollError, Enrolled};
pub use error::{AccountError, AckError, OpenError, SetupError, StoreError};
pub use ingest::{Ingested, Judged, Verified};
pub use live::Change;
pub use migrate::KNOWN as SCHEMA_VERSION;
pub use passes::{SessionRecord, TokenRecord};
pub use presence::{AgentReport, CameraReport};
pub use query::{AlertQuery, CountQuery, EventQuery, LIMIT_MAX, Start};
pub use rows::{
    Acknowledgement, Action, Agent, AgentState, Alert, Camera, CameraState, Condition, Count,
    Cursor, Direction, Event, EventKind, EvidenceFile, EvidenceRef, Gap, Occupancy, Page, Phase,
    RuleShape, SeenObject, Severity, ShapeKind, Snapshot, Summary, Transition,
};
pub use time::{Timestamp, TimestampError};

use evidence::Arriving;
use live::Live;
use presence::Presence;
use readers::Readers;
use writer::{Order, Writing};

/// Who opens the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The one server; makes the store if there is none.
    Serve,
    /// A tool beside it; the store must be there.
    Tool,
}

/// A handle on the open store; clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
    orders: mpsc::Sender<Order>,
    readers: Readers,
    /// Holds the folder's lock until the store is closed, whatever clones are left.
    lock: Arc<Mutex<Option<File>>>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    id: [u8; 16],
    live: Live,
    presence: Presence,
    arriving: Arriving,
}

impl Store {
    /// Opens the store in `dir`, bringing its schema up to date.
    pub fn open(dir: &Path, access: Access) -> Result<Self, OpenError> {
        let lock = match access {
            Access::Serve => Some(lock_folder(dir)?),
            Access::Tool => None,
        };
        let path = dir.join("store.sqlite");
        if access == Access::Tool && !path.is_file() {
            return Err(OpenError::Absent {
                path: dir.to_owned(),
            });
        }
        let sqlite = |source| OpenError::Sqlite {
            path: path.clone(),
            source,
        };
        if access == Access::Serve {
            make_private_file(&path).map_err(|source| OpenError::Folder {
                path: dir.to_owned(),
                source,
            })?;
        }
        let mut db = open_writable(&path).map_err(sqlite)?;
        match access {
            Access::Serve => migrate::up(&mut db, &path)?,
            Access::Tool => migrate::expect_current(&db, &path)?,
        }
        let (id, head) = first_facts(&db).map_err(sqlite)?;
        let inner = Arc::new(Inner {
            dir: dir.to_owned(),
            id,
            live: Live::new(head),
            presence: Presence::default(),
            arriving: Arriving::default(),
        });
        let (orders, queue) = mpsc::channel(writer::QUEUE_MAX);
        let shared = Arc::clone(&inner);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer::run(db, &shared, queue))
            .map_err(|source| OpenError::Thread {
                path: path.clone(),
                source,
            })?;
        Ok(Self {
            inner,
            orders,
            readers: Readers::new(&path),
            lock: Arc::new(Mutex::new(lock)),
        })
    }

    /// Finishes what was asked for so far and closes the file. Later reads and writes are refused.
    pub async fn close(&self) {
        self.readers.close().await;
        let (done, closed) = oneshot::channel();
        if self.orders.send(Order::Stop(done)).await.is_ok() {
            // An error says that the thread has ended, which is what is waited for.
            drop(closed.await);
        }
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Resolves when the writer is gone, which without [`Self::close`] must not happen.
    pub async fn closed(&self) {
        self.orders.closed().await;
    }

    /// 16 random bytes, new for every new store.
    pub fn id(&self) -> [u8; 16] {
        self.inner.id
    }

    /// The data folder.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// The last commit's cursor.
    pub fn head(&self) -> Cursor {
        self.inner.live.head()
    }

    /// Changes from now on, in order; a receiver that lags must resume by [`Self::changes_since`].
    pub fn live(&self) -> broadcast::Receiver<(Cursor, Change)> {
        self.inner.live.subscribe()
    }

    /// Tries whether the store takes writes.
    pub async fn probe_writable(&self) -> Result<(), StoreError> {
        let now = Timestamp::now();
        self.write(move |tx| {
            tx.execute("UPDATE store SET probed_us = ?1", [now.as_micros()])?;
            Ok(())
        })
        .await
    }

    /// Does `work` in a transaction shared with whatever else is waiting; returns after its commit.
    pub(crate) async fn write<T, E>(
        &self,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answered) = oneshot::channel();
        let job: writer::Job = Box::new(move |tx| {
            let done = tx.map_err(E::from).and_then(|tx| tx.apart(work));
            Box::new(move |committed| {
                let outcome = match (done, committed) {
                    (Ok(value), Ok(())) => Ok(value),
                    (Ok(_), Err(error)) => Err(E::from(error)),
                    (Err(error), _) => Err(error),
                };
                // Who no longer waits has lost interest, not the write.
                drop(reply.send(outcome));
            })
        });
        if self.orders.send(Order::Write(job)).await.is_err() {
            return Err(StoreError::Closed.into());
        }
        answered
            .await
            .unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    async fn read<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.readers.read(work).await
    }
}

fn lock_folder(dir: &Path) -> Result<File, OpenError> {
    let folder = |source| OpenError::Folder {
        path: dir.to_owned(),
        source,
    };
    make_private_folder(dir).map_err(folder)?;
    let path = dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::Served {
            path: dir.to_owned(),
        }),
        Err(fs::TryLockError::Error(source)) => Err(folder(source)),
    }
}

/// Makes a folder that only its owner may enter; one that is there stays as it is.
pub(crate) fn make_private_folder(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
}

/// Makes a file that only its owner may read, if there is none. SQLite gives the files beside it
/// the same rights.
fn make_private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options.append(true).create(true).mode(0o600);
    options.open(path).map(drop)
}

fn open_writable(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    db.busy_timeout(Duration::from_secs(5))?;
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "wal_autocheckpoint", 4096)?;
    db.pragma_update(None, "journal_size_limit", 64 << 20)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(db)
}

/// The store's id, made at its first opening, and the newest cursor in it.
fn first_facts(db: &Connection) -> rusqlite::Result<([u8; 16], Cursor)> {
    let now = Timestamp::now().as_micros();
    db.execute(
        "INSERT OR IGNORE INTO store (only, id, created_us, probed_us) VALUES (1, ?1, ?2, ?2)",
        (uuid::Uuid::new_v4().as_bytes(), now),
    )?;
    let id = db.query_row("SELECT id FROM store", [], |row| row.get(0))?;
    Ok((id, newest_cursor(db)?))
}

/// The newest that any row has.
fn newest_cursor(db: &Connection) -> rusqlite::Result<Cursor> {
    let mut query = db.prepare_cached(
        "SELECT max(
            coalesce((SELECT max(cursor) FROM event), 0),
            coalesce((SELECT max(cursor) FROM alert), 0),
            coalesce((SELECT max(cursor) FROM camera), 0),
            coalesce((SELECT max(cursor) FROM agent), 0))",
    )?;
    query.query_row([], |row| row.get(0)).map(Cursor)
}
