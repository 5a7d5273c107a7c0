//! What can still be read of a damaged database, carried over into a new one.

use std::path::Path;

use proto::LostReason;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{
    Store, StoreError, Streams, lost, open,
    row::{EpochRow, Found, ItemRow, Key, StreamRow},
};

/// Old epochs keep their order and come before those of the new database.
const ORD_SHIFT: i64 = 1 << 40;
/// Rows of one stream that are looked for; far more than an outbox holds. A damaged row of `lane`
/// must not make this endless.
const ROWS_MAX: u64 = 8_000_000;

#[derive(Debug, Default)]
pub(in crate::outbox) struct Salvaged {
    pub(in crate::outbox) items: u64,
    pub(in crate::outbox) lost: [u64; 5],
}

impl Store {
    /// Carries over what the centre does not have. `known` is what the process remembers of the
    /// streams; without it they are read from the damaged file, as far as that goes.
    pub(in crate::outbox) fn salvage(
        &mut self,
        damaged: &Path,
        known: Option<Streams>,
        now_us: i64,
    ) -> Result<Salvaged, StoreError> {
        let old = Connection::open_with_flags(damaged, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let streams = match known {
            Some(streams) => streams,
            None => open::streams(&old, &open::epochs(&old)?)?,
        };
        let mut salvaged = Salvaged::default();
        for (key, row) in streams.iter().filter(|(_, row)| !row.is_drained()) {
            self.salvage_stream(&old, *key, row, now_us, &mut salvaged)?;
        }
        Ok(salvaged)
    }

    fn salvage_stream(
        &mut self,
        old: &Connection,
        from: Key,
        row: &StreamRow,
        now_us: i64,
        salvaged: &mut Salvaged,
    ) -> Result<(), StoreError> {
        let key = Key {
            ord: from.ord - ORD_SHIFT,
            lane: from.lane,
        };
        let epoch_known = self.streams.keys().any(|known| known.ord == key.ord);
        let mut row = StreamRow {
            base: row.acked + 1,
            backlog_bytes: 0,
            ..row.clone()
        };
        let transaction = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        if !epoch_known {
            EpochRow {
                ord: key.ord,
                id: row.epoch,
            }
            .write(&transaction, now_us)?;
        }
        let end = row.next.min(row.base + ROWS_MAX);
        for known in lost::within(old, from, row.base, row.next - 1).unwrap_or_default() {
            let (first, last) = (known.from.max(row.base), known.to.min(row.next - 1));
            lost::declare(&transaction, key, first, last, known.reason, now_us)?;
        }
        let mut missing = row.base;
        for seq in row.base..end {
            let Ok(Found::Item(item)) = ItemRow::find(old, from, row.epoch, seq) else {
                continue;
            };
            if item.write(&transaction, key, row.epoch, seq).is_err() {
                continue;
            }
            if missing < seq {
                salvaged.lost[key.lane.index()] += lost::declare(
                    &transaction,
                    key,
                    missing,
                    seq - 1,
                    LostReason::Damaged,
                    now_us,
                )?;
            }
            missing = seq + 1;
            row.backlog_bytes += item.bytes.len() as u64;
            salvaged.items += 1;
        }
        if missing < row.next {
            salvaged.lost[key.lane.index()] += lost::declare(
                &transaction,
                key,
                missing,
                row.next - 1,
                LostReason::Damaged,
                now_us,
            )?;
        }
        row.write(&transaction, key)?;
        transaction.commit()?;
        self.streams.insert(key, row);
        Ok(())
    }
}
