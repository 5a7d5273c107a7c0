//! One group of items, and what the centre acknowledged meanwhile, in one transaction.

use std::collections::BTreeMap;

use proto::{Lane, LostReason, StreamId};
use rusqlite::{Connection, TransactionBehavior, params};

use super::{
    Budget, PAGE_BYTES, Store, StoreError, Streams,
    evict::Others,
    lost, pages,
    row::{ItemRow, Key, StreamRow},
};
use crate::outbox::{queue::Entry, stream::Placed};

/// `acked` of a stream, as the centre last said it. Lower than before after it was restored.
pub(in crate::outbox) type Mark = u64;

#[derive(Debug, Default)]
pub(in crate::outbox) struct Committed {
    /// For each entry, where it was put; `None` for what was not kept.
    pub(in crate::outbox) placed: Vec<Option<Placed>>,
    /// Numbers that were declared lost, by lane.
    pub(in crate::outbox) lost: [u64; 5],
}

/// A transaction under way: the streams as they will be.
pub(super) struct Work<'a> {
    pub(super) db: &'a Connection,
    pub(super) streams: Streams,
    pub(super) budget: Budget,
    /// What the disk has room for, by what we know.
    pub(super) pages_now_max: u64,
    pub(super) now_us: i64,
    pub(super) committed: Committed,
}

impl Store {
    /// All or nothing. `entries` are sorted by lane.
    pub(in crate::outbox) fn commit(
        &mut self,
        entries: &[(Lane, Entry)],
        marks: &BTreeMap<StreamId, Mark>,
        now_us: i64,
    ) -> Result<Committed, StoreError> {
        let budget = self.budget;
        let pages_now_max = self.grown_pages_max.unwrap_or(budget.pages_max);
        let marks: Vec<(Key, Mark)> = marks
            .iter()
            .filter_map(|(id, mark)| Some((self.key(*id)?, *mark)))
            .collect();
        let streams = self.streams.clone();
        let transaction = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let committed = Committed::default();
        let mut work = Work {
            db: &transaction,
            streams,
            budget,
            pages_now_max,
            now_us,
            committed,
        };
        for (key, mark) in marks {
            work.mark(key, mark)?;
        }
        for group in entries.chunk_by(|one, other| one.0 == other.0) {
            let key = Key {
                ord: self.ord,
                lane: group[0].0,
            };
            work.streams
                .entry(key)
                .or_insert_with(|| StreamRow::new(self.epoch));
            work.add(key, group)?;
        }
        for (key, row) in &work.streams {
            if self.streams.get(key) != Some(row) {
                row.write(work.db, *key)?;
            }
        }
        let Work {
            streams, committed, ..
        } = work;
        transaction.commit()?;
        self.streams = streams;
        Ok(committed)
    }
}

impl Work<'_> {
    fn mark(&mut self, key: Key, mark: Mark) -> rusqlite::Result<()> {
        let Some(row) = self.streams.get(&key) else {
            return Ok(());
        };
        let acked = mark.min(row.next - 1);
        let (low, high) = (acked.min(row.acked), acked.max(row.acked));
        let between = bytes_between(self.db, key, low, high)?;
        let base = row.base;
        self.change(key, |row| {
            row.backlog_bytes = if row.acked < acked {
                row.backlog_bytes.saturating_sub(between)
            } else {
                row.backlog_bytes + between
            };
            row.acked = acked;
        });
        lost::forget(self.db, key, acked, base)
    }

    fn add(&mut self, key: Key, group: &[(Lane, Entry)]) -> rusqlite::Result<()> {
        let fits = self.make_room(
            key.lane,
            group.iter().map(|(_, entry)| pages_of(entry)).sum(),
        )?;
        for (_, entry) in group {
            let placed = match entry {
                Entry::Item { bytes, .. } => {
                    if fits || self.make_room(key.lane, pages_of(entry))? {
                        Some(self.insert(key, bytes)?)
                    } else {
                        self.skip(key, 1)?;
                        None
                    }
                }
                Entry::Dropped(count) => {
                    self.skip(key, *count)?;
                    None
                }
            };
            self.committed.placed.push(placed);
        }
        Ok(())
    }

    fn insert(&mut self, key: Key, bytes: &[u8]) -> rusqlite::Result<Placed> {
        let row = &self.streams[&key];
        let (epoch, seq) = (row.epoch, row.next);
        let item = ItemRow {
            chain_before: row.chain,
            bytes: bytes.to_vec(),
        };
        item.write(self.db, key, epoch, seq)?;
        self.change(key, |row| {
            row.chain = item.chain_after();
            row.next += 1;
            row.backlog_bytes += bytes.len() as u64;
        });
        Ok(Placed {
            id: StreamId {
                epoch,
                lane: key.lane,
            },
            seq,
        })
    }

    /// Gives out `count` numbers for items that are not kept.
    fn skip(&mut self, key: Key, count: u64) -> rusqlite::Result<()> {
        if count == 0 {
            return Ok(());
        }
        let from = self.streams[&key].next;
        self.declare(key, from, from + count - 1, LostReason::Full)?;
        self.change(key, |row| row.next += count);
        Ok(())
    }

    pub(super) fn declare(
        &mut self,
        key: Key,
        from: u64,
        to: u64,
        reason: LostReason,
    ) -> rusqlite::Result<()> {
        let count = lost::declare(self.db, key, from, to, reason, self.now_us)?;
        self.committed.lost[key.lane.index()] += count;
        Ok(())
    }

    pub(super) fn change(&mut self, key: Key, change: impl FnOnce(&mut StreamRow)) {
        if let Some(row) = self.streams.get_mut(&key) {
            change(row);
        }
    }

    /// Evicts what matters less than `lane` until so many more pages fit.
    fn make_room(&mut self, lane: Lane, need: u64) -> rusqlite::Result<bool> {
        let reserved = self.pages_reserved(lane);
        let allowed = self
            .budget
            .pages_max
            .min(self.pages_now_max)
            .saturating_sub(reserved);
        loop {
            let short = self.pages_short(need, allowed)?;
            if short == 0 {
                return Ok(true);
            }
            if !self.evict(lane, Others::Only, short * PAGE_BYTES)? {
                break;
            }
        }
        if lane != Lane::Alarms {
            return Ok(false);
        }
        // There are only alarms left. They are not given up for a disk that is full: if it really
        // is, the commit fails, and memory stands in.
        loop {
            let short = self.pages_short(need, self.budget.pages_max)?;
            if short == 0 {
                return Ok(true);
            }
            if !self.evict(lane, Others::OrAlarms, short * PAGE_BYTES)? {
                return Ok(false);
            }
        }
    }

    fn pages_short(&self, need: u64, allowed: u64) -> rusqlite::Result<u64> {
        let (count, free) = pages(self.db)?;
        Ok((count - free + need + SPARE_PAGES).saturating_sub(allowed))
    }

    /// Alarms may use everything; the rest leaves them what of the reserve they do not use yet.
    fn pages_reserved(&self, lane: Lane) -> u64 {
        if lane == Lane::Alarms {
            return 0;
        }
        let alarms = self
            .streams
            .iter()
            .filter(|(key, _)| key.lane == Lane::Alarms);
        let alarm_bytes: u64 = alarms.map(|(_, row)| row.backlog_bytes).sum();
        self.budget
            .reserve_pages
            .saturating_sub(alarm_bytes / PAGE_BYTES)
    }
}

/// For the rows of `lane` and `lost` that a transaction changes, and inner pages of the tree.
const SPARE_PAGES: u64 = 24;

/// Pages that an item takes. Half as much again as its bytes: rows do not fill pages.
fn pages_of(entry: &Entry) -> u64 {
    const ROW_BYTES: u64 = 80;
    match entry {
        Entry::Item { bytes, .. } if (bytes.len() as u64) < PAGE_BYTES / 4 => {
            // Rounded up in sum by SPARE_PAGES, not for each of many small items.
            (bytes.len() as u64 + ROW_BYTES)
                .div_ceil(PAGE_BYTES / 8)
                .div_ceil(4)
        }
        Entry::Item { bytes, .. } => (bytes.len() as u64 + ROW_BYTES).div_ceil(PAGE_BYTES) + 1,
        Entry::Dropped(_) => 0,
    }
}

/// Bytes of the items after `low`, up to and including `high`.
pub(super) fn bytes_between(
    db: &Connection,
    key: Key,
    low: u64,
    high: u64,
) -> rusqlite::Result<u64> {
    if low == high {
        return Ok(0);
    }
    db.prepare_cached(
        "SELECT coalesce(sum(length(bytes)), 0) FROM item \
         WHERE lane = ?1 AND epoch_ord = ?2 AND seq > ?3 AND seq <= ?4",
    )?
    .query_row(
        params![
            key.lane_column(),
            key.ord,
            low.cast_signed(),
            high.cast_signed()
        ],
        |row| row.get::<_, i64>(0),
    )
    .map(i64::cast_unsigned)
}
