//! How far each stream of an agent is stored, and what it lost.

use std::sync::Arc;

use proto::{CheckedHello, Lane, StreamId, chain, message::StreamState, receiver};
use rusqlite::params;

use super::{
    Store, StoreError, alert_moves, cameras, presence::Heard, rows::Gap, time::Timestamp,
    writer::Writing,
};

impl Store {
    /// Answers an agent's Hello: how far each of its streams is stored. The first Hello of a run
    /// makes unknown what earlier runs left open; an agent that then holds less of an earlier run
    /// than it once announced has lost the rest, which is kept as a gap.
    pub(crate) async fn greet(
        &self,
        hello: CheckedHello,
        now: Timestamp,
    ) -> Result<Vec<(StreamId, u64)>, StoreError> {
        let inner = Arc::clone(&self.inner);
        self.write(move |tx| {
            let CheckedHello {
                agent,
                epoch,
                streams,
                software,
                ..
            } = hello;
            let new = begin_run(tx, &agent, epoch, &software, now)?;
            if new {
                // What the earlier run told of its cameras is not so for this one.
                inner.presence.change(&agent, Heard::forget_cameras);
            }
            let mut marks = Vec::with_capacity(streams.len());
            for stream in &streams {
                marks.push((stream.id, announced(tx, &agent, stream, new, now)?));
            }
            Ok(marks)
        })
        .await
    }

    /// As [`Self::greet`], of a run with no streams yet.
    pub async fn agent_run(
        &self,
        agent: &str,
        epoch: u64,
        software: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (agent, software) = (agent.to_owned(), software.to_owned());
        self.write(move |tx| begin_run(tx, &agent, epoch, &software, now).map(|_| ()))
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

/// Whether this run was never heard of before. A Hello of an earlier run, delayed or repeated by
/// the network, begins nothing.
fn begin_run(
    tx: &mut Writing<'_>,
    agent: &str,
    epoch: u64,
    software: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM stream WHERE agent = ?1 AND epoch = ?2";
    if tx
        .find(sql, (agent, epoch.cast_signed()), |_| Ok(()))?
        .is_some()
    {
        return Ok(false);
    }
    // From now on the run is known, even if it never sends anything.
    begin_stream(
        tx,
        agent,
        StreamId {
            epoch,
            lane: Lane::Alarms,
        },
        epoch,
        0,
        now,
    )?;
    tx.execute(
        "UPDATE agent SET epoch = ?2, software = ?3, seen_us = ?4 WHERE id = ?1",
        params![agent, epoch.cast_signed(), software, now.as_micros()],
    )?;
    // Until this run has looked, nobody knows.
    tx.execute(
        "UPDATE occupancy SET value = NULL WHERE agent = ?1",
        [agent],
    )?;
    alert_moves::run_began(tx, agent, epoch, now)?;
    tx.agent_changed(agent)?;
    cameras::changed_with_agent(tx, agent)?;
    Ok(true)
}

fn begin_stream(
    tx: &mut Writing<'_>,
    agent: &str,
    stream: StreamId,
    run: u64,
    announced: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO stream (agent, epoch, lane, up_to, chain, announced, changed_us, run)
         VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7)",
        params![
            agent,
            stream.epoch.cast_signed(),
            stream.lane.number(),
            chain::START,
            announced.cast_signed(),
            now.as_micros(),
            run.cast_signed(),
        ],
    )?;
    Ok(())
}

/// The epoch of the agent's newest Hello of a new run.
pub(super) fn current_run(tx: &Writing<'_>, agent: &str) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT epoch FROM agent WHERE id = ?1";
    let epoch: Option<Option<i64>> = tx.find(sql, [agent], |row| row.get(0))?;
    Ok(epoch.flatten().map(i64::cast_unsigned))
}

/// The run that an epoch belongs to, if any stream of it is known.
pub(super) fn known_run(
    tx: &Writing<'_>,
    agent: &str,
    epoch: u64,
) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT run FROM stream WHERE agent = ?1 AND epoch = ?2 LIMIT 1";
    let run: Option<i64> = tx.find(sql, (agent, epoch.cast_signed()), |row| row.get(0))?;
    Ok(run.map(i64::cast_unsigned))
}

/// Keeps the agent's next number of a stream; how far the stream is stored.
fn announced(
    tx: &mut Writing<'_>,
    agent: &str,
    stream: &StreamState,
    first_of_run: bool,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let known: Option<(i64, i64)> = tx.find(
        "SELECT up_to, announced FROM stream WHERE agent = ?1 AND epoch = ?2 AND lane = ?3",
        (
            agent,
            stream.id.epoch.cast_signed(),
            stream.id.lane.number(),
        ),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let current = current_run(tx, agent)?;
    let Some((up_to, before)) = known else {
        let run = match known_run(tx, agent, stream.id.epoch)? {
            Some(run) => run,
            // Left by an earlier run that never got through to us.
            None if first_of_run => stream.id.epoch,
            None => current.unwrap_or(stream.id.epoch),
        };
        begin_stream(tx, agent, stream.id, run, stream.next, now)?;
        return Ok(0);
    };
    let (up_to, before) = (up_to.cast_unsigned(), before.cast_unsigned());
    let of_earlier_run = current != Some(stream.id.epoch);
    if first_of_run
        && of_earlier_run
        && let Some(gap) = receiver::rollback(before, stream, up_to)
    {
        keep_gap(tx, agent, stream.id, &gap, now)?;
    }
    if before < stream.next {
        raise_announced(tx, agent, stream.id, stream.next)?;
    }
    Ok(up_to)
}

/// The agent has given out all numbers below `next` of a stream that is known.
pub(super) fn raise_announced(
    tx: &mut Writing<'_>,
    agent: &str,
    stream: StreamId,
    next: u64,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE stream SET announced = max(announced, ?4)
         WHERE agent = ?1 AND epoch = ?2 AND lane = ?3",
        params![
            agent,
            stream.epoch.cast_signed(),
            stream.lane.number(),
            next.cast_signed()
        ],
    )?;
    Ok(())
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
        "INSERT INTO gap (agent, epoch, lane, from_seq, to_seq, reason, declared_us)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET
            to_seq = max(to_seq, excluded.to_seq), declared_us = excluded.declared_us",
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
    let (lane, reason) = (stream.lane.number(), gap.reason.name());
    let note = format!(
        "lane {lane}: numbers {} to {} are lost ({reason})",
        gap.from, gap.to
    );
    alert_moves::notice(
        tx,
        agent,
        "items_lost",
        scene::Severity::Warning,
        &note,
        now,
    )
}
