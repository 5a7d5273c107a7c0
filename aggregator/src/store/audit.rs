//! Who did what: append-only, each row sealed by the hash of the one before.

use rusqlite::params;
use sha2::{Digest, Sha256};

use super::{Store, StoreError, time::Timestamp, writer::Writing};

/// One thing done by someone.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    pub number: i64,
    pub at: Timestamp,
    pub actor: String,
    pub action: String,
    pub detail: String,
}

impl Store {
    pub async fn audit(
        &self,
        now: Timestamp,
        actor: &str,
        action: &str,
        detail: &str,
    ) -> Result<(), StoreError> {
        let (actor, action, detail) = (actor.to_owned(), action.to_owned(), detail.to_owned());
        self.write(move |tx| append(tx, now, &actor, &action, &detail))
            .await
    }

    /// The newest entries, newest first.
    pub async fn audit_entries(&self, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(move |db| {
            let mut query = db.prepare_cached(
                "SELECT number, at_us, actor, action, detail FROM audit
                 ORDER BY number DESC LIMIT ?1",
            )?;
            let rows = query.query_map([limit], |row| {
                Ok(AuditEntry {
                    number: row.get(0)?,
                    at: Timestamp::from_micros(row.get(1)?),
                    actor: row.get(2)?,
                    action: row.get(3)?,
                    detail: row.get(4)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The number of the first entry whose seal does not match, if any.
    pub async fn audit_break(&self) -> Result<Option<i64>, StoreError> {
        self.read(|db| {
            let mut query = db.prepare(
                "SELECT number, at_us, actor, action, detail, seal FROM audit ORDER BY number",
            )?;
            let mut rows = query.query([])?;
            let mut before = [0; 32];
            let mut expected = 1;
            while let Some(row) = rows.next()? {
                let (number, at): (i64, i64) = (row.get(0)?, row.get(1)?);
                let (actor, action, detail): (String, String, String) =
                    (row.get(2)?, row.get(3)?, row.get(4)?);
                let kept: [u8; 32] = row.get(5)?;
                before = seal(&before, number, at, &actor, &action, &detail);
                if number != expected || before != kept {
                    return Ok(Some(expected));
                }
                expected += 1;
            }
            Ok(None)
        })
        .await
    }
}

pub(crate) fn append(
    tx: &mut Writing<'_>,
    now: Timestamp,
    actor: &str,
    action: &str,
    detail: &str,
) -> Result<(), StoreError> {
    let sql = "SELECT number, seal FROM audit ORDER BY number DESC LIMIT 1";
    let last: Option<(i64, [u8; 32])> = tx.find(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (number, before) = last.map_or((1, [0; 32]), |(number, seal)| (number + 1, seal));
    let seal = seal(&before, number, now.as_micros(), actor, action, detail);
    tx.execute(
        "INSERT INTO audit (number, at_us, actor, action, detail, seal)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![number, now.as_micros(), actor, action, detail, seal],
    )?;
    Ok(())
}

/// SHA-256 over the seal before and this row, each text preceded by its length.
fn seal(
    before: &[u8; 32],
    number: i64,
    at_us: i64,
    actor: &str,
    action: &str,
    detail: &str,
) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(number.to_be_bytes());
    hash.update(at_us.to_be_bytes());
    for text in [actor, action, detail] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}
