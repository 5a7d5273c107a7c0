//! How far each stream of an agent is stored, and what it lost.

use proto::{StreamId, chain, message::StreamState, receiver};
use rusqlite::params;

use super::{Store, StoreError, rows::Gap, time::Timestamp, writer::Writing};

impl Store {
    /// Answers an agent's Hello: how far each of its streams is stored. An agent that now holds
    /// less than it once announced has lost the rest, which is kept as a gap.
    pub(crate) async fn greet(
        &self,
        agent: &str,
        streams: Vec<StreamState>,
        now: Timestamp,
    ) -> Result<Vec<(StreamId, u64)>, StoreError> {
        let agent = agent.to_owned();
        self.write(move |tx| {
            streams.iter().map(|stream| Ok((stream.id, announced(tx, &agent, stream, now)?))).collect()
        })
        .await
    }

    /// What agents declared lost, newest first.
    pub async fn gaps(&self, limit: u32) -> Result<Vec<Gap>, StoreError> {
        self.read(move |db| {
            let mut query = db.prepare_cached(
                "SELECT agent, epoch, lane, from_seq, to_seq, reason, declared_us FROM gap
                 ORDER BY declared_us DESC LIMIT ?1",
            )?;
            let rows = query.query_map([limit], |row| {
                Ok(Gap {
                    agent: row.get(0)?,
                    epoch: format!("{:016x}", row.get::<_, i64>(1)?),
                    lane: row.get(2)?,
                    from_seq: row.get::<_, i64>(3)?.cast_unsigned(),
                    to_seq: row.get::<_, i64>(4)?.cast_unsigned(),
                    reason: row.get(5)?,
                    declared_at: Timestamp::from_micros(row.get(6)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn announced(
    tx: &mut Writing<'_>,
    agent: &str,
    stream: &StreamState,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let key = (agent, stream.id.epoch.cast_signed(), stream.id.lane.number());
    let known: Option<(i64, i64)> = tx.find(
        "SELECT up_to, announced FROM stream WHERE agent = ?1 AND epoch = ?2 AND lane = ?3",
        key,
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let next = stream.next.cast_signed();
    let Some((up_to, announced)) = known else {
        tx.execute(
            "INSERT INTO stream (agent, epoch, lane, up_to, chain, announced, changed_us)
             VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6)",
            params![key.0, key.1, key.2, chain::START, next, now.as_micros()],
        )?;
        return Ok(0);
    };
    let up_to = up_to.cast_unsigned();
    if let Some(gap) = receiver::rollback(announced.cast_unsigned(), stream, up_to) {
        keep_gap(tx, agent, stream.id, &gap, now)?;
    }
    if announced != next {
        tx.execute(
            "UPDATE stream SET announced = ?4 WHERE agent = ?1 AND epoch = ?2 AND lane = ?3",
            params![key.0, key.1, key.2, next],
        )?;
    }
    Ok(up_to)
}

pub(super) fn keep_gap(
    tx: &mut Writing<'_>,
    agent: &str,
    stream: StreamId,
    gap: &proto::Lost,
    now: Timestamp,
) -> Result<(), StoreError> {
    tracing::warn!(agent, %stream, from = gap.from, to = gap.to, reason = gap.reason.name(), "gap");
    tx.execute(
        "INSERT OR IGNORE INTO gap (agent, epoch, lane, from_seq, to_seq, reason, declared_us)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            agent,
            stream.epoch.cast_signed(),
            stream.lane.number(),
            gap.from.cast_signed(),
            gap.to.cast_signed(),
            gap.reason.name(),
            now.as_micros(),
        ],
    )?;
    Ok(())
}
