//! Items in order, and what is missing between them.

use proto::{Lost, LostReason, StreamId, chain, limits::ITEM_FRAME_BYTES};
use rusqlite::{TransactionBehavior, params};

use super::{
    Store, StoreError, lost,
    row::{Found, ItemRow, Key, StreamRow},
};
use crate::outbox::stream::{Slab, SlabLimits};

impl Store {
    /// What follows from `from` on; `None` when the stream is not known here. Rows that do not match
    /// their checksum are declared lost, and the next ones follow in their place.
    pub(in crate::outbox) fn read(
        &mut self,
        id: StreamId,
        from: u64,
        limits: SlabLimits,
        now_us: i64,
    ) -> Result<Option<(Slab, u64)>, StoreError> {
        let Some(key) = self.key(id) else {
            return Ok(None);
        };
        let row = self.streams[&key].clone();
        let mut reading = Reading {
            store: self,
            key,
            row,
            lost: Vec::new(),
            damaged: Vec::new(),
        };
        let slab = reading.slab(from.max(1), limits)?;
        let damaged = reading.damaged;
        let count = damaged.iter().map(|(from, to)| to + 1 - from).sum();
        if count > 0 {
            tracing::error!(
                epoch = id.epoch,
                lane = id.lane.index(),
                items = count,
                "outbox rows are damaged, declaring them lost"
            );
            // On failure they are found, and declared, again.
            if let Err(error) = self.set_aside_rows(key, &damaged, now_us) {
                tracing::warn!(%error, "damaged outbox rows cannot be removed");
            }
        }
        Ok(Some((slab, count)))
    }

    fn set_aside_rows(
        &mut self,
        key: Key,
        damaged: &[(u64, u64)],
        now_us: i64,
    ) -> Result<(), StoreError> {
        let transaction = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (from, to) in damaged {
            transaction.execute(
                "DELETE FROM item WHERE lane = ?1 AND epoch_ord = ?2 AND seq BETWEEN ?3 AND ?4",
                params![
                    key.lane_column(),
                    key.ord,
                    from.cast_signed(),
                    to.cast_signed()
                ],
            )?;
            lost::declare(&transaction, key, *from, *to, LostReason::Damaged, now_us)?;
        }
        Ok(transaction.commit()?)
    }
}

struct Reading<'a> {
    store: &'a Store,
    key: Key,
    row: StreamRow,
    lost: Vec<Lost>,
    /// Ranges that should have been there.
    damaged: Vec<(u64, u64)>,
}

impl Reading<'_> {
    fn slab(&mut self, from: u64, limits: SlabLimits) -> rusqlite::Result<Slab> {
        let mut at = from;
        if at < self.row.base {
            self.add_lost(at, self.row.base - 1, LostReason::Forgotten)?;
            at = self.row.base;
        }
        let mut items: Vec<Vec<u8>> = Vec::new();
        let mut prev_chain = self.row.chain;
        let mut bytes = 0;
        while at < self.row.next {
            match self.find(at)? {
                Found::Item(item) => {
                    bytes += item.bytes.len() + ITEM_FRAME_BYTES;
                    let full = items.len() == limits.items_max || bytes > limits.bytes_max;
                    if items.is_empty() {
                        prev_chain = item.chain_before;
                    }
                    if full && !items.is_empty() {
                        break;
                    }
                    if self.lost.len() > limits.lost_max {
                        break;
                    }
                    items.push(item.bytes);
                    at += 1;
                }
                _gap if !items.is_empty() => break,
                Found::Damaged => {
                    self.damaged.push((at, at));
                    self.add_lost(at, at, LostReason::Damaged)?;
                    at += 1;
                }
                Found::Absent => {
                    let end = self.next_item(at)?;
                    self.add_lost(at, end - 1, LostReason::Damaged)?;
                    at = end;
                }
            }
        }
        // A batch names so many ranges and no more; the next one names the rest.
        if self.lost.len() > limits.lost_max {
            self.lost.truncate(limits.lost_max);
            at = self.lost.last().map_or(from, |lost| lost.to + 1);
            items.clear();
            prev_chain = match self.find(at)? {
                Found::Item(item) => item.chain_before,
                Found::Damaged | Found::Absent => chain::START,
            };
        }
        let first_seq = at - items.len() as u64;
        Ok(Slab {
            first_seq,
            items,
            lost: std::mem::take(&mut self.lost),
            prev_chain,
        })
    }

    fn find(&self, seq: u64) -> rusqlite::Result<Found> {
        ItemRow::find(&self.store.db, self.key, self.row.epoch, seq)
    }

    /// The first number after `at` that has a row; `next` when none has.
    fn next_item(&self, at: u64) -> rusqlite::Result<u64> {
        let mut statement = self.store.db.prepare_cached(
            "SELECT min(seq) FROM item WHERE lane = ?1 AND epoch_ord = ?2 AND seq > ?3",
        )?;
        let found = statement.query_row(
            params![self.key.lane_column(), self.key.ord, at.cast_signed()],
            |row| row.get::<_, Option<i64>>(0),
        )?;
        Ok(found.map_or(self.row.next, |seq| seq.cast_unsigned().min(self.row.next)))
    }

    /// Names `from..=to`: as declared where it was, else for `otherwise`.
    fn add_lost(&mut self, from: u64, to: u64, otherwise: LostReason) -> rusqlite::Result<()> {
        let mut at = from;
        for known in lost::within(&self.store.db, self.key, from, to)? {
            if at < known.from {
                self.push_unknown(at, known.from - 1, otherwise);
            }
            let end = known.to.min(to);
            self.push(Lost {
                from: at.max(known.from),
                to: end,
                reason: known.reason,
            });
            at = end + 1;
        }
        if at <= to {
            self.push_unknown(at, to, otherwise);
        }
        Ok(())
    }

    fn push_unknown(&mut self, from: u64, to: u64, reason: LostReason) {
        if reason == LostReason::Damaged && self.damaged.last().is_none_or(|last| last.1 < from) {
            self.damaged.push((from, to));
        }
        self.push(Lost { from, to, reason });
    }

    fn push(&mut self, lost: Lost) {
        match self.lost.last_mut() {
            Some(last) if last.reason == lost.reason && last.to + 1 == lost.from => {
                last.to = lost.to;
            }
            _ => self.lost.push(lost),
        }
    }
}
