//! What gives way when space is needed: acknowledged items, oldest first; then tracks before counts
//! before events, and evidence before all of them; alarms only for newer alarms.

use proto::{Lane, LostReason};
use rusqlite::params;

use super::{commit::Work, row::Key};

/// Rows that one step deletes at most.
const STEP_ROWS: u32 = 512;

/// What may give way to an alarm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    Only,
    OrAlarms,
}

impl Work<'_> {
    /// Frees about `bytes` for an item of `lane`. False when nothing may give way to it.
    pub(super) fn evict(
        &mut self,
        lane: Lane,
        others: Others,
        bytes: u64,
    ) -> rusqlite::Result<bool> {
        let Some((key, last)) = self.victim(lane, others) else {
            return Ok(false);
        };
        let base = self.streams[&key].base;
        let (last, freed) = self.step(key, base, last, bytes)?;
        self.db
            .prepare_cached(
                "DELETE FROM item WHERE lane = ?1 AND epoch_ord = ?2 AND seq >= ?3 AND seq <= ?4",
            )?
            .execute(params![
                key.lane_column(),
                key.ord,
                base.cast_signed(),
                last.cast_signed()
            ])?;
        let acked = self.streams[&key].acked;
        if last > acked {
            self.declare(key, base.max(acked + 1), last, LostReason::Full)?;
        }
        self.change(key, |row| {
            row.base = last + 1;
            row.backlog_bytes = row.backlog_bytes.saturating_sub(freed);
        });
        super::lost::forget(self.db, key, acked, last + 1)?;
        Ok(true)
    }

    /// The stream that gives way first, and the last of its numbers that may.
    fn victim(&self, lane: Lane, others: Others) -> Option<(Key, u64)> {
        let acked = self.streams.iter().filter(|(_, row)| row.base <= row.acked);
        // Of one epoch, the lane that matters least.
        let acked = acked.min_by_key(|(key, _)| (key.ord, usize::MAX - key.lane.index()));
        if let Some((key, row)) = acked {
            return Some((*key, row.acked));
        }
        let lanes = Lane::ALL.into_iter().rev().filter(|other| match other {
            Lane::Alarms => lane == Lane::Alarms && others == Others::OrAlarms,
            _ => lane <= *other,
        });
        for other in lanes {
            let oldest = self
                .streams
                .iter()
                .find(|(key, row)| key.lane == other && row.base < row.next);
            if let Some((key, row)) = oldest {
                return Some((*key, row.next - 1));
            }
        }
        None
    }

    /// Up to which number to delete, at most `last`, and how much unacknowledged that is.
    fn step(&self, key: Key, base: u64, last: u64, bytes: u64) -> rusqlite::Result<(u64, u64)> {
        let acked = self.streams[&key].acked;
        let mut statement = self.db.prepare_cached(
            "SELECT seq, length(bytes) FROM item \
             WHERE lane = ?1 AND epoch_ord = ?2 AND seq >= ?3 AND seq <= ?4 ORDER BY seq LIMIT ?5",
        )?;
        let mut rows = statement.query(params![
            key.lane_column(),
            key.ord,
            base.cast_signed(),
            last.cast_signed(),
            STEP_ROWS
        ])?;
        let (mut count, mut total, mut unacked) = (0, 0, 0);
        while let Some(row) = rows.next()? {
            let seq = row.get::<_, i64>(0)?.cast_unsigned();
            let len = row.get::<_, i64>(1)?.cast_unsigned();
            count += 1;
            total += len;
            unacked += if seq > acked { len } else { 0 };
            if total >= bytes || count == STEP_ROWS {
                return Ok((seq, unacked));
            }
        }
        // What is left of the range holds no rows.
        Ok((last, unacked))
    }
}
