//! Rows of `lost`: what will never be sent.

use proto::{Lost, LostReason, v1};
use rusqlite::{Connection, params};

use super::row::Key;

/// Ranges of one stream that overlap `from..=to`, in order.
pub(super) fn within(db: &Connection, key: Key, from: u64, to: u64) -> rusqlite::Result<Vec<Lost>> {
    let mut statement = db.prepare_cached(
        "SELECT first_seq, last_seq, reason FROM lost \
         WHERE epoch_ord = ?1 AND lane = ?2 AND first_seq <= ?4 AND last_seq >= ?3 \
         ORDER BY first_seq",
    )?;
    let bounds = params![
        key.ord,
        key.lane_column(),
        from.cast_signed(),
        to.cast_signed()
    ];
    let rows = statement.query_map(bounds, |row| {
        Ok(Lost {
            from: row.get::<_, i64>(0)?.cast_unsigned(),
            to: row.get::<_, i64>(1)?.cast_unsigned(),
            reason: reason_of(row.get(2)?),
        })
    })?;
    rows.collect()
}

/// As on the wire.
fn number_of(reason: LostReason) -> i32 {
    v1::Lost::from(Lost {
        from: 1,
        to: 1,
        reason,
    })
    .reason
}

fn reason_of(number: i64) -> LostReason {
    let known = [
        LostReason::Full,
        LostReason::Rollback,
        LostReason::Forgotten,
    ];
    let named = known
        .into_iter()
        .find(|reason| i64::from(number_of(*reason)) == number);
    // A reason that cannot be read is damage too.
    named.unwrap_or(LostReason::Damaged)
}

/// Declares what of `from..=to` is not declared yet. Answers how many numbers that were.
pub(super) fn declare(
    db: &Connection,
    key: Key,
    from: u64,
    to: u64,
    reason: LostReason,
    now_us: i64,
) -> rusqlite::Result<u64> {
    let mut count = 0;
    let mut at = from;
    for known in within(db, key, from, to)? {
        if at < known.from {
            count += insert(db, key, at, known.from - 1, reason, now_us)?;
        }
        at = at.max(known.to.saturating_add(1));
    }
    if at <= to {
        count += insert(db, key, at, to, reason, now_us)?;
    }
    Ok(count)
}

/// Joins the range to the one that ends just before it for the same reason.
fn insert(
    db: &Connection,
    key: Key,
    from: u64,
    to: u64,
    reason: LostReason,
    now_us: i64,
) -> rusqlite::Result<u64> {
    let joined = db
        .prepare_cached(
            "UPDATE lost SET last_seq = ?4, at_us = ?6 \
             WHERE epoch_ord = ?1 AND lane = ?2 AND last_seq = ?3 - 1 AND reason = ?5",
        )?
        .execute(params![
            key.ord,
            key.lane_column(),
            from.cast_signed(),
            to.cast_signed(),
            number_of(reason),
            now_us,
        ])?;
    if joined == 0 {
        db.prepare_cached(
            "INSERT INTO lost (epoch_ord, lane, first_seq, last_seq, reason, at_us) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            key.ord,
            key.lane_column(),
            from.cast_signed(),
            to.cast_signed(),
            number_of(reason),
            now_us,
        ])?;
    }
    Ok(to + 1 - from)
}

/// Forgets what the centre was told and what lies below the oldest item.
pub(super) fn forget(db: &Connection, key: Key, acked: u64, base: u64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "DELETE FROM lost WHERE epoch_ord = ?1 AND lane = ?2 AND last_seq <= ?3 AND last_seq < ?4",
    )?
    .execute(params![
        key.ord,
        key.lane_column(),
        acked.cast_signed(),
        base.cast_signed()
    ])?;
    Ok(())
}
