//! Items, durable until the centre acknowledged them.
//!
//! ```text
//! put ─▶ queue ─▶ writer (one thread) ─▶ store (SQLite, WAL, synchronous=FULL)
//!        bounded    groups commits         numbers, chains, checksums, eviction
//!                   │                        ▲ a database in memory stands in while
//! uplink ◀─ watch ──┘  read, ack ────────────┘ the disk cannot be written
//! ```
//!
//! Items are numbered by (epoch, lane, seq); the epoch is new and random at every [`Outbox::open`].
//! What was committed is sent, or declared lost with its numbers and a reason; there is no third
//! way. An acknowledgement frees an item; it is deleted only when its space is needed, so that a
//! centre restored from a backup can have it again.
//!
//! Bounds, and what happens there:
//! - the database: [`Limits::bytes_max`]. Acknowledged items go first, then evidence, tracks,
//!   counts, events, and alarms last; [`Limits::alarm_reserve_bytes`] are for alarms alone.
//! - the queue before a commit, for each lane: [`Outbox::put`] waits up to [`PUT_WAIT_MAX`], then
//!   the oldest queued items of the lane are declared lost.
//! - the stand-in in memory: [`Limits::memory_bytes_max`], by the same rules as the database.
//! - disk, besides: the log (4 MiB), ballast (2 MiB), one damaged database that was set aside.

mod aside;
mod ballast;
mod queue;
mod shared;
mod store;
mod stream;
mod writer;

use std::{
    fmt,
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use proto::{Lane, StreamId, limits::ITEM_BYTES_MAX};
use tokio::sync::{oneshot, watch};

pub use self::stream::{Placed, Slab, SlabLimits, Snapshot, Stats, Stream};
use self::{
    shared::{Read, Shared},
    store::Budget,
    writer::Writer,
};

/// How long a `put` waits for room in the queue before the oldest items of its lane give way.
pub const PUT_WAIT_MAX: Duration = Duration::from_millis(250);

/// How much the outbox may hold, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The database file; at least 2 MiB are used.
    pub bytes_max: u64,
    /// What of it only alarms may use; at most a quarter is.
    pub alarm_reserve_bytes: u64,
    /// The stand-in in memory while the disk cannot be written; at least 2 MiB are used.
    pub memory_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: 256 << 20,
            alarm_reserve_bytes: 16 << 20,
            memory_bytes_max: 16 << 20,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "{}: in use by process {holder}; one edge-agent to a state_dir, give the other its own",
        path.display()
    )]
    Locked { path: PathBuf, holder: String },
    #[error("{}: {reason}; install that version again, or set the file aside", path.display())]
    Newer { path: PathBuf, reason: String },
    #[error("{}: outbox cannot be opened: {reason}", path.display())]
    Store { path: PathBuf, reason: String },
    #[error("outbox thread cannot be started: {0}")]
    Thread(#[source] io::Error),
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    #[error("item of {bytes} bytes, only 1 to {ITEM_BYTES_MAX} can be sent")]
    Size { bytes: usize },
    #[error("outbox is full or stuck; the item was declared lost")]
    Lost,
    #[error("outbox is closed")]
    Closed,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("no stream of epoch {:016x}, lane {} in the outbox", id.epoch, id.lane.number())]
    UnknownStream { id: StreamId },
    #[error("too many reads wait for the outbox")]
    Busy,
    #[error("outbox is closed")]
    Closed,
    #[error("outbox: {0}")]
    Store(String),
}

/// A handle, cheap to clone. Dropping the last one commits what is queued and waits for that.
#[derive(Clone)]
pub struct Outbox {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Outbox {
    /// Opens or makes the outbox. Blocking. A disk that cannot be written does not fail this: the
    /// outbox then starts in memory, not durable, and tries again.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, OpenError> {
        let lock = lock(path)?;
        let budget = Budget::from_bytes(limits.bytes_max, limits.alarm_reserve_bytes);
        let memory = Budget::from_bytes(limits.memory_bytes_max, limits.alarm_reserve_bytes);
        let writer = Writer::open(path.to_owned(), budget, memory).map_err(|error| {
            let (path, reason) = (path.to_owned(), error.to_string());
            match error {
                store::StoreError::Newer { .. } => OpenError::Newer { path, reason },
                _ => OpenError::Store { path, reason },
            }
        })?;
        let shared = Arc::new(Shared::new(writer.snapshot()));
        let thread = std::thread::Builder::new()
            .name("outbox".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || {
                    writer.run(&shared);
                    drop(lock);
                    shared.ended.send_replace(true);
                }
            });
        let thread = thread.map_err(OpenError::Thread)?;
        Ok(Self {
            handle: Arc::new(Handle {
                shared,
                writer: Mutex::new(Some(thread)),
            }),
        })
    }

    /// Queues an encoded `Item`: alarms are committed at once, events within 100 ms, the rest within
    /// a second.
    pub async fn put(&self, lane: Lane, item: Vec<u8>) -> Result<(), PutError> {
        check_size(&item)?;
        self.handle
            .shared
            .put(lane, item, None, Instant::now() + PUT_WAIT_MAX)
            .await
    }

    /// As [`Self::put`], for threads outside the async runtime.
    pub fn put_blocking(&self, lane: Lane, item: Vec<u8>) -> Result<(), PutError> {
        check_size(&item)?;
        self.handle
            .shared
            .put_blocking(lane, item, None, Instant::now() + PUT_WAIT_MAX)
    }

    /// As [`Self::put_durable`], for threads outside the async runtime.
    pub fn put_durable_blocking(&self, lane: Lane, item: Vec<u8>) -> Result<Placed, PutError> {
        check_size(&item)?;
        let (placed, answer) = oneshot::channel();
        let deadline = Instant::now() + PUT_WAIT_MAX;
        self.handle
            .shared
            .put_blocking(lane, item, Some(placed), deadline)?;
        answer.blocking_recv().map_err(|_dropped| PutError::Lost)
    }

    /// As [`Self::put`], but returns after the commit. While [`Stats::durable`] is false that is a
    /// commit to memory.
    pub async fn put_durable(&self, lane: Lane, item: Vec<u8>) -> Result<Placed, PutError> {
        check_size(&item)?;
        let (placed, answer) = oneshot::channel();
        let deadline = Instant::now() + PUT_WAIT_MAX;
        self.handle
            .shared
            .put(lane, item, Some(placed), deadline)
            .await?;
        answer.await.map_err(|_dropped| PutError::Lost)
    }

    /// What follows in a stream from `from` on.
    pub async fn read(
        &self,
        id: StreamId,
        from: u64,
        limits: SlabLimits,
    ) -> Result<Slab, ReadError> {
        let (answer, slab) = oneshot::channel();
        self.handle.shared.read(Read {
            id,
            from,
            limits,
            answer,
        })?;
        slab.await.map_err(|_ended| ReadError::Closed)?
    }

    /// The centre has all of the stream up to and including `up_to`. Lower than before: it was
    /// restored from a backup, and what follows is kept for it again.
    pub fn ack(&self, id: StreamId, up_to: u64) {
        self.handle.shared.mark(id, up_to);
    }

    pub fn stats(&self) -> Stats {
        self.handle.shared.snapshot.borrow().stats
    }

    /// Whether all that was put has been committed, so that [`Self::stats`] tell of it.
    pub fn is_settled(&self) -> bool {
        self.handle.shared.is_settled()
    }

    /// Changes after every commit.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.handle.shared.snapshot.subscribe()
    }

    /// Commits what is queued and ends the writer. What is put later is refused.
    pub async fn close(&self) {
        self.handle.shared.close();
        // The sender lives as long as this handle.
        let _ended = self
            .handle
            .shared
            .ended
            .subscribe()
            .wait_for(|ended| *ended)
            .await
            .is_ok();
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close();
        let thread = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("outbox thread panicked");
        }
    }
}

fn check_size(item: &[u8]) -> Result<(), PutError> {
    match item.len() {
        1..=ITEM_BYTES_MAX => Ok(()),
        bytes => Err(PutError::Size { bytes }),
    }
}

/// Takes the lock file beside the database. `None` when the disk is so read-only that there is none:
/// then the database cannot be written by anyone either.
fn lock(path: &Path) -> Result<Option<File>, OpenError> {
    let lock_path = path.with_extension("lock");
    if let Some(folder) = path.parent()
        && let Err(error) = fs::create_dir_all(folder)
    {
        tracing::error!(path = %folder.display(), %error, "state folder cannot be made");
    }
    let writable = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&lock_path);
    let mut file = match writable.or_else(|_read_only| File::open(&lock_path)) {
        Ok(file) => file,
        Err(error) => {
            tracing::error!(path = %lock_path.display(), %error, "outbox cannot be locked");
            return Ok(None);
        }
    };
    match file.try_lock() {
        Ok(()) => {
            // For the message that a second process prints; the lock itself does not need it.
            let written = file
                .set_len(0)
                .and_then(|()| write!(file, "{}", std::process::id()));
            if let Err(error) = written {
                tracing::debug!(%error, "process id cannot be written to the lock file");
            }
            Ok(Some(file))
        }
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(&lock_path).unwrap_or_default();
            Err(OpenError::Locked {
                path: lock_path,
                holder,
            })
        }
        Err(TryLockError::Error(error)) => Err(OpenError::Store {
            path: lock_path,
            reason: error.to_string(),
        }),
    }
}
