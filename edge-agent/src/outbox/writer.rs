//! The thread that owns the database.
//!
//! While the disk cannot be written, a database in memory stands in for it, in an epoch of its own:
//! what matters still reaches the centre, and `durable` is false. Once the disk can be written
//! again, new items go there, and the stand-in goes when the centre has what it holds.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use proto::{Lane, StreamId};

use super::{
    ReadError,
    aside::set_aside,
    ballast::Ballast,
    queue::Entry,
    shared::{Read, Shared, Work},
    store::{Budget, Committed, Mark, Store, StoreError},
    stream::{Slab, Snapshot, Stats},
};

/// Between tries to write a disk again that could not be written, and to make ballast again.
const DISK_RETRY: Duration = Duration::from_secs(5);

pub(super) struct Writer {
    path: PathBuf,
    budget: Budget,
    memory_budget: Budget,
    ballast: Ballast,
    /// Also kept while it cannot be written: what it holds may still be read.
    disk: Option<Store>,
    memory: Option<Store>,
    /// New items go to the disk.
    durable: bool,
    /// Acknowledgements that are not in the database yet.
    marks: BTreeMap<StreamId, Mark>,
    stats: Stats,
    next_try: Instant,
}

impl Writer {
    /// Opens the disk, or else memory. Fails only when not even memory can be had, or when the
    /// database is a later program's.
    pub(super) fn open(
        path: PathBuf,
        budget: Budget,
        memory_budget: Budget,
    ) -> Result<Self, StoreError> {
        let mut writer = Self {
            ballast: Ballast::of(&path),
            path,
            budget,
            memory_budget,
            disk: None,
            memory: None,
            durable: false,
            marks: BTreeMap::new(),
            stats: Stats::default(),
            next_try: Instant::now(),
        };
        match writer.open_disk() {
            Ok(()) => {}
            Err(error @ StoreError::Newer { .. }) => return Err(error),
            Err(error) => writer.fall_back(&error)?,
        }
        Ok(writer)
    }

    pub(super) fn run(mut self, shared: &Arc<Shared>) {
        loop {
            let Work {
                entries,
                marks,
                reads,
                last,
            } = shared.next(self.next_try);
            self.marks.extend(marks);
            if !entries.is_empty() || !self.marks.is_empty() {
                self.commit(shared, entries);
            }
            for read in reads {
                self.answer(read);
            }
            if last {
                break;
            }
            if self.next_try <= Instant::now() {
                self.tend();
                shared.snapshot.send_replace(Arc::new(self.snapshot()));
            }
        }
    }

    fn commit(&mut self, shared: &Shared, entries: Vec<(Lane, Entry)>) {
        let start = Instant::now();
        let committed = self.commit_disk(&entries).or_else(|error| {
            if self.durable {
                self.fall_back(&error)?;
            }
            self.commit_memory(&entries)
        });
        self.stats.commit = start.elapsed();
        let committed = committed.unwrap_or_else(|error| {
            tracing::error!(%error, items = entries.len(), "no memory for the outbox, items are dropped");
            shared.push_dropped(numbers(&entries));
            Committed::default()
        });
        for (count, lost) in self.stats.lost_items.iter_mut().zip(committed.lost) {
            *count += lost;
        }
        // First the snapshot: one who is told of a commit finds it there.
        shared.snapshot.send_replace(Arc::new(self.snapshot()));
        for ((_, entry), placed) in entries.into_iter().zip(committed.placed) {
            if let (
                Entry::Item {
                    placed: Some(waiting),
                    ..
                },
                Some(placed),
            ) = (entry, placed)
            {
                // One who stopped waiting does not need to know.
                let _waiting = waiting.send(placed).is_ok();
            }
        }
    }

    fn commit_disk(&mut self, entries: &[(Lane, Entry)]) -> Result<Committed, StoreError> {
        let unwritable = || StoreError::Unwritable(rusqlite::Error::InvalidQuery);
        let disk = self
            .disk
            .as_mut()
            .filter(|_| self.durable)
            .ok_or_else(unwritable)?;
        let now_us = wall_us();
        let committed = match disk.commit(entries, &self.marks, now_us) {
            Err(StoreError::Full(error)) => {
                tracing::warn!(%error, "disk is full, the outbox makes do with what it has");
                self.ballast.release();
                disk.stop_growing()?;
                disk.commit(entries, &self.marks, now_us)
            }
            Err(StoreError::Damaged(error)) => {
                self.replace_damaged(&error)?;
                let disk = self.disk.as_mut().ok_or_else(unwritable)?;
                disk.commit(entries, &self.marks, now_us)
            }
            other => other,
        }?;
        // The entries are on the disk now: a failure here must not have them put a second time.
        let others = self.memory.as_mut();
        match others.map(|memory| memory.commit(&[], &self.marks, now_us)) {
            Some(Err(error)) => tracing::warn!(%error, "acknowledgements are kept for later"),
            _ => self.marks.clear(),
        }
        Ok(committed)
    }

    fn commit_memory(&mut self, entries: &[(Lane, Entry)]) -> Result<Committed, StoreError> {
        let now_us = wall_us();
        let memory = match &mut self.memory {
            Some(memory) => memory,
            None => self
                .memory
                .insert(Store::in_memory(self.memory_budget, now_us)?),
        };
        let committed = memory.commit(entries, &self.marks, now_us)?;
        // The others are for the disk, when it can be written again.
        self.marks.retain(|id, _| !memory.has(*id));
        Ok(committed)
    }

    fn fall_back(&mut self, error: &StoreError) -> Result<(), StoreError> {
        tracing::error!(path = %self.path.display(), %error, "outbox cannot be written, keeping items in memory");
        self.durable = false;
        self.next_try = Instant::now() + DISK_RETRY;
        if self.memory.is_none() {
            self.memory = Some(Store::in_memory(self.memory_budget, wall_us())?);
        }
        Ok(())
    }

    /// What is due now and then.
    fn tend(&mut self) {
        self.next_try = Instant::now() + DISK_RETRY;
        if !self.durable {
            match self.open_disk() {
                Ok(()) => {
                    tracing::info!(path = %self.path.display(), "outbox can be written again");
                }
                Err(error) => tracing::debug!(%error, "outbox still cannot be written"),
            }
        }
        if self.durable {
            self.make_ballast();
            if self.memory.as_ref().is_some_and(Store::is_drained) {
                self.memory = None;
            }
        }
    }

    /// In a new epoch, so that a failed write can never give a number twice.
    fn open_disk(&mut self) -> Result<(), StoreError> {
        let store = match Store::open(&self.path, self.budget, wall_us()) {
            Err(StoreError::Damaged(error)) => return self.replace_damaged(&error),
            Err(StoreError::Full(_)) if self.ballast.is_held() => {
                self.ballast.release();
                Store::open(&self.path, self.budget, wall_us())
            }
            other => other,
        }?;
        self.disk = Some(store);
        self.durable = true;
        self.make_ballast();
        Ok(())
    }

    fn make_ballast(&mut self) {
        if (self.ballast.is_held() || self.ballast.make().is_ok())
            && let Some(disk) = &mut self.disk
        {
            disk.resume_growing();
        }
    }

    /// Sets the file aside, makes a new one, and carries over what can be read.
    fn replace_damaged(&mut self, error: &rusqlite::Error) -> Result<(), StoreError> {
        let known = self.disk.take().map(|disk| disk.streams().clone());
        let aside = set_aside(&self.path, wall_us()).map_err(|failed| {
            tracing::error!(path = %self.path.display(), error = %failed, "damaged outbox cannot be set aside");
            StoreError::Unwritable(rusqlite::Error::InvalidPath(self.path.clone()))
        })?;
        tracing::error!(
            path = %self.path.display(), aside = %aside.display(), %error,
            "outbox is damaged, set aside; starting a new one"
        );
        let mut disk = Store::open(&self.path, self.budget, wall_us())?;
        match disk.salvage(&aside, known, wall_us()) {
            Ok(salvaged) => {
                for (count, lost) in self.stats.lost_items.iter_mut().zip(salvaged.lost) {
                    *count += lost;
                }
                tracing::warn!(
                    items = salvaged.items,
                    "items of the damaged outbox were saved"
                );
            }
            Err(error) => tracing::error!(%error, "nothing more can be read of the damaged outbox"),
        }
        self.disk = Some(disk);
        self.durable = true;
        Ok(())
    }

    fn answer(&mut self, read: Read) {
        let slab = self.read(&read);
        if let Err(error) = &slab {
            tracing::warn!(epoch = read.id.epoch, %error, "outbox cannot be read");
        }
        // One who stopped waiting asks again.
        let _waiting = read.answer.send(slab).is_ok();
    }

    fn read(&mut self, read: &Read) -> Result<Slab, ReadError> {
        let now_us = wall_us();
        for _attempt in 0..2 {
            let stores = [&mut self.disk, &mut self.memory].into_iter().flatten();
            let Some(store) = { stores }.find(|store| store.has(read.id)) else {
                return Err(ReadError::UnknownStream { id: read.id });
            };
            match store.read(read.id, read.from, read.limits, now_us) {
                Ok(Some((slab, damaged))) => {
                    self.stats.lost_items[read.id.lane.index()] += damaged;
                    return Ok(slab);
                }
                Ok(None) => return Err(ReadError::UnknownStream { id: read.id }),
                // A page of the database itself, not a row.
                Err(StoreError::Damaged(error)) => {
                    self.replace_damaged(&error)
                        .map_err(|error| ReadError::Store(error.to_string()))?;
                }
                Err(error) => return Err(ReadError::Store(error.to_string())),
            }
        }
        Err(ReadError::Store(
            "damaged, and damaged again after it was replaced".to_owned(),
        ))
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let current = if self.durable {
            &self.disk
        } else {
            &self.memory
        };
        let epoch = current.as_ref().map_or(0, Store::epoch);
        let mut snapshot = Snapshot {
            epoch,
            streams: Vec::new(),
            stats: self.stats,
        };
        snapshot.stats.durable = self.durable;
        // Epochs of the stand-in are newer than all on the disk but the one of new items.
        let rows = [&self.disk, &self.memory]
            .into_iter()
            .flatten()
            .flat_map(Store::streams);
        let (new, old): (Vec<_>, Vec<_>) = rows.partition(|(_, row)| row.epoch == epoch);
        for (key, row) in old.into_iter().chain(new).filter(|(_, row)| row.next > 1) {
            snapshot.stats.backlog_items[key.lane.index()] += row.next - 1 - row.acked;
            snapshot.stats.backlog_bytes[key.lane.index()] += row.backlog_bytes;
            snapshot.streams.push(row.stream(key.lane));
        }
        snapshot
    }
}

/// How many numbers the entries stand for, by lane.
fn numbers(entries: &[(Lane, Entry)]) -> [u64; 5] {
    let mut counts = [0; 5];
    for (lane, entry) in entries {
        counts[lane.index()] += match entry {
            Entry::Item { .. } => 1,
            Entry::Dropped(count) => *count,
        };
    }
    counts
}

/// Microseconds since 1970 by the wall clock, which may be wrong: for records only.
fn wall_us() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
