//! Agents: who was enrolled, and what is heard of them.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    Store, StoreError, alert_moves, cameras,
    presence::{AgentReport, Presence},
    rows::{Agent, AgentState, Cursor},
    time::Timestamp,
};

/// When it was last heard is stored at most this often, to spare the disk.
const SEEN_SECONDS: i64 = 60;

const COLUMNS: &str = "SELECT id, software, seen_us, revoked_us, cursor FROM agent";

/// What an agent must prove.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentRecord {
    pub id: String,
    /// Ed25519.
    pub signing_key: [u8; 32],
    /// Of its client certificate, DER.
    pub certificate_sha256: [u8; 32],
    pub mqtt_secret_sha256: [u8; 32],
    pub revoked: bool,
    /// Of its newest process start.
    pub epoch: Option<u64>,
}

impl Store {
    pub async fn agents(&self) -> Result<Vec<Agent>, StoreError> {
        let inner = Arc::clone(&self.inner);
        self.read(move |db| {
            let sql = format!("{COLUMNS} ORDER BY id");
            let rows = list(db, &inner.presence, &sql, [])?;
            Ok(rows.into_iter().map(|(_, agent)| agent).collect())
        })
        .await
    }

    pub async fn agent(&self, id: &str) -> Result<Option<Agent>, StoreError> {
        let (inner, id) = (Arc::clone(&self.inner), id.to_owned());
        self.read(move |db| Ok(by_id(db, &inner.presence, &id)?.map(|(_, agent)| agent)))
            .await
    }

    pub async fn agent_record(&self, id: &str) -> Result<Option<AgentRecord>, StoreError> {
        let id = id.to_owned();
        self.read(move |db| {
            let sql = "SELECT id, signing_key, certificate_sha256, mqtt_secret_sha256,
                              revoked_us IS NOT NULL, epoch FROM agent WHERE id = ?1";
            let found = db.prepare_cached(sql)?.query_row([id], |row| {
                Ok(AgentRecord {
                    id: row.get(0)?,
                    signing_key: row.get(1)?,
                    certificate_sha256: row.get(2)?,
                    mqtt_secret_sha256: row.get(3)?,
                    revoked: row.get(4)?,
                    epoch: row.get::<_, Option<i64>>(5)?.map(i64::cast_unsigned),
                })
            });
            Ok(found.optional()?)
        })
        .await
    }

    /// The agent whose newest certificate has this SHA-256.
    pub(crate) async fn agent_by_certificate(
        &self,
        sha256: [u8; 32],
    ) -> Result<Option<String>, StoreError> {
        self.read(move |db| {
            let sql = "SELECT id FROM agent WHERE certificate_sha256 = ?1";
            Ok(db
                .prepare_cached(sql)?
                .query_row([sha256], |row| row.get(0))
                .optional()?)
        })
        .await
    }

    /// An agent was heard. Clears its alert when it was silent.
    pub async fn agent_heard(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut was_online = false;
        let mut seen_at = None;
        self.inner.presence.change(id, |heard| {
            was_online = std::mem::replace(&mut heard.online, true);
            seen_at = heard.seen_at;
            let fresh = seen_at.is_some_and(|seen| now < seen.plus_seconds(SEEN_SECONDS));
            if !was_online || !fresh {
                heard.seen_at = Some(now);
            }
        });
        let fresh = seen_at.is_some_and(|seen| now < seen.plus_seconds(SEEN_SECONDS));
        if was_online && fresh {
            return Ok(());
        }
        let agent = id.to_owned();
        let written = self.write(move |tx| {
            let sql = "UPDATE agent SET seen_us = ?2 WHERE id = ?1";
            tx.execute(sql, params![agent, now.as_micros()])?;
            if !was_online {
                alert_moves::agent_back(tx, &agent, now)?;
                tx.agent_changed(&agent)?;
                cameras::changed_with_agent(tx, &agent)?;
            }
            Ok(())
        });
        let written = written.await;
        if written.is_err() {
            // Its alert stands: the next sign of life must clear it.
            self.inner.presence.change(id, |heard| {
                (heard.online, heard.seen_at) = (was_online, seen_at);
            });
        }
        written
    }

    /// An agent has not been heard for too long: raises an alert, unless it never was.
    pub async fn agent_silent(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        self.inner.presence.change(id, |heard| {
            heard.online = false;
            heard.forget_cameras();
        });
        let (inner, id) = (Arc::clone(&self.inner), id.to_owned());
        self.write(move |tx| {
            let sql = "SELECT revoked_us IS NOT NULL FROM agent
                       WHERE id = ?1 AND seen_us IS NOT NULL";
            let Some(revoked) = tx.find(sql, [&id], |row| row.get(0))? else {
                return Ok(());
            };
            if inner.presence.of(&id).online {
                // It was heard meanwhile, and its alert may be cleared already.
                return Ok(());
            }
            if revoked {
                // What it sent in its last seconds is over too.
                alert_moves::agent_revoked(tx, &id, now)?;
            } else {
                alert_moves::agent_silent(tx, &id, now)?;
            }
            tx.agent_changed(&id)?;
            cameras::changed_with_agent(tx, &id)
        })
        .await
    }

    /// Keeps what an agent tells of itself, and shows it to those who watch.
    pub async fn agent_report(&self, id: &str, report: AgentReport) -> Result<(), StoreError> {
        self.inner
            .presence
            .change(id, |heard| heard.report = Some(report));
        let (inner, id) = (Arc::clone(&self.inner), id.to_owned());
        self.read(move |db| {
            let mut changes = Vec::new();
            if let Some((_, agent)) = by_id(db, &inner.presence, &id)? {
                changes.push(super::Change::Agent(Arc::new(agent)));
            }
            for camera in cameras::of_agent(db, &inner.presence, &id)? {
                changes.push(super::Change::Camera(Arc::new(camera)));
            }
            inner.live.reported(changes);
            Ok(())
        })
        .await
    }

    /// Agents that were heard at least once, ever, and may talk to us or still seem to.
    pub(crate) async fn agents_to_watch(&self) -> Result<Vec<String>, StoreError> {
        let inner = Arc::clone(&self.inner);
        self.read(move |db| {
            let mut statement = db.prepare_cached(
                "SELECT id, revoked_us IS NULL FROM agent WHERE seen_us IS NOT NULL",
            )?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let mut agents: Vec<(String, bool)> = rows.collect::<Result<_, _>>()?;
            agents.retain(|(id, may_talk)| *may_talk || inner.presence.of(id).online);
            Ok(agents.into_iter().map(|(id, _)| id).collect())
        })
        .await
    }
}

pub(super) fn by_id(
    db: &Connection,
    presence: &Presence,
    id: &str,
) -> Result<Option<(Cursor, Agent)>, StoreError> {
    Ok(list(db, presence, &format!("{COLUMNS} WHERE id = ?1"), [id])?.pop())
}

pub(super) fn changed(
    db: &Connection,
    presence: &Presence,
    after: Cursor,
    limit: u32,
) -> Result<Vec<(Cursor, Agent)>, StoreError> {
    let sql = format!("{COLUMNS} WHERE cursor > ?1 ORDER BY cursor LIMIT ?2");
    list(db, presence, &sql, (after.0, limit))
}

fn list(
    db: &Connection,
    presence: &Presence,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<(Cursor, Agent)>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params, |row| shown(row, presence))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A row of [`COLUMNS`], with what was heard since the start.
fn shown(row: &Row<'_>, presence: &Presence) -> rusqlite::Result<(Cursor, Agent)> {
    let id: String = row.get(0)?;
    let heard = presence.of(&id);
    let stored = row.get::<_, Option<i64>>(2)?.map(Timestamp::from_micros);
    let last_seen = heard.seen_at.max(stored);
    let state = match last_seen {
        _ if heard.online => AgentState::Online,
        Some(_) => AgentState::Silent,
        None => AgentState::Never,
    };
    let report = heard.report.as_ref();
    let filled = |text: &String| (!text.is_empty()).then(|| text.clone());
    let agent = Agent {
        state,
        last_seen,
        software: row.get(1)?,
        backlog_items: report.map(|report| report.backlog_items),
        durable: report.map(|report| report.durable),
        config_version: report.and_then(|report| filled(&report.config_version)),
        config_problem: report.and_then(|report| filled(&report.config_problem)),
        revoked: row.get::<_, Option<i64>>(3)?.is_some(),
        id,
    };
    Ok((Cursor(row.get(4)?), agent))
}
