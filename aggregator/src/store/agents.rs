//! Agents: who was enrolled, and what is heard of them.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    Store, StoreError, alerts, audit,
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

/// What a box gave and got at its enrolment.
#[derive(Clone, Debug, PartialEq)]
pub struct Enrolled {
    pub signing_key: [u8; 32],
    pub certificate_sha256: [u8; 32],
    pub mqtt_secret_sha256: [u8; 32],
    pub software: String,
}

/// A box was not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    #[error("this invitation is not known here; make a new one with `aggregator invite`")]
    Unknown,
    #[error("this invitation has expired; make a new one with `aggregator invite`")]
    Expired,
    #[error("this invitation was used already; make a new one with `aggregator invite`")]
    Used,
    #[error(transparent)]
    Store(#[from] StoreError),
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
        self.read(move |db| Ok(by_id(db, &inner.presence, &id)?.map(|(_, agent)| agent))).await
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
            Ok(db.prepare_cached(sql)?.query_row([sha256], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// Keeps the hash of a one-time code. Audited as done by `actor`.
    pub async fn add_invite(
        &self,
        actor: &str,
        agent: &str,
        code_sha256: [u8; 32],
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let (actor, agent) = (actor.to_owned(), agent.to_owned());
        self.write(move |tx| {
            let week_ago = now.plus_seconds(-7 * 86_400);
            tx.execute("DELETE FROM invite WHERE expires_us < ?1", [week_ago.as_micros()])?;
            tx.execute(
                "INSERT INTO invite (code_sha256, agent, created_us, expires_us)
                 VALUES (?1, ?2, ?3, ?4)",
                params![code_sha256, agent, now.as_micros(), expires_at.as_micros()],
            )?;
            audit::append(tx, now, &actor, "agent.invite", &agent)
        })
        .await
    }

    /// Whom a one-time code invites, if it may still be used.
    pub async fn invited(
        &self,
        code_sha256: [u8; 32],
        now: Timestamp,
    ) -> Result<String, EnrollError> {
        self.read(move |db| {
            let sql = "SELECT agent, expires_us, used_us FROM invite WHERE code_sha256 = ?1";
            let mut statement = db.prepare_cached(sql).map_err(StoreError::from)?;
            let found = statement.query_row([code_sha256], invite).optional();
            usable(found.map_err(StoreError::from)?, now)
        })
        .await
    }

    /// Uses the code up and keeps what the box will prove itself with, in one step. A box that was
    /// enrolled before under this id is replaced. Audited.
    pub async fn enroll(
        &self,
        code_sha256: [u8; 32],
        enrolled: Enrolled,
        now: Timestamp,
    ) -> Result<String, EnrollError> {
        self.write(move |tx| {
            let sql = "SELECT agent, expires_us, used_us FROM invite WHERE code_sha256 = ?1";
            let agent = usable(tx.find(sql, [code_sha256], invite)?, now)?;
            tx.execute(
                "UPDATE invite SET used_us = ?2 WHERE code_sha256 = ?1",
                params![code_sha256, now.as_micros()],
            )?;
            tx.execute(
                "INSERT INTO agent (id, signing_key, certificate_sha256, mqtt_secret_sha256,
                                    software, created_us, cursor)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)
                 ON CONFLICT (id) DO UPDATE SET
                    signing_key = excluded.signing_key,
                    certificate_sha256 = excluded.certificate_sha256,
                    mqtt_secret_sha256 = excluded.mqtt_secret_sha256,
                    software = excluded.software,
                    revoked_us = NULL",
                params![
                    agent,
                    enrolled.signing_key,
                    enrolled.certificate_sha256,
                    enrolled.mqtt_secret_sha256,
                    enrolled.software,
                    now.as_micros()
                ],
            )?;
            tx.agent_changed(&agent)?;
            audit::append(tx, now, &agent, "agent.enroll", &enrolled.software)?;
            Ok(agent)
        })
        .await
    }

    /// Forbids an agent to talk to us; whether there is such an agent. Audited as by `actor`.
    pub async fn revoke_agent(
        &self,
        actor: &str,
        id: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (actor, id) = (actor.to_owned(), id.to_owned());
        self.write(move |tx| {
            let sql = "UPDATE agent SET revoked_us = coalesce(revoked_us, ?2) WHERE id = ?1";
            if tx.execute(sql, params![id, now.as_micros()])? == 0 {
                return Ok(false);
            }
            tx.agent_changed(&id)?;
            audit::append(tx, now, &actor, "agent.revoke", &id)?;
            Ok(true)
        })
        .await
    }

    /// An agent said hello: what earlier runs of it left open is not watched by them any more.
    pub async fn agent_run(
        &self,
        id: &str,
        epoch: u64,
        software: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (id, software) = (id.to_owned(), software.to_owned());
        self.write(move |tx| {
            let sql = "SELECT epoch, software FROM agent WHERE id = ?1";
            let known = tx.query_row(sql, [&id], |row| {
                Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, String>(1)?))
            })?;
            if known.0 == Some(epoch.cast_signed()) && known.1 == software {
                return Ok(());
            }
            tx.execute(
                "UPDATE agent SET epoch = ?2, software = ?3, seen_us = ?4 WHERE id = ?1",
                params![id, epoch.cast_signed(), software, now.as_micros()],
            )?;
            // Until this run has looked, nobody knows.
            tx.execute("UPDATE occupancy SET value = NULL WHERE agent = ?1", [&id])?;
            alerts::run_began(tx, &id, epoch, now)?;
            tx.agent_changed(&id)
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
        let id = id.to_owned();
        self.write(move |tx| {
            let sql = "UPDATE agent SET seen_us = ?2 WHERE id = ?1";
            tx.execute(sql, params![id, now.as_micros()])?;
            if !was_online {
                alerts::agent_back(tx, &id, now)?;
                tx.agent_changed(&id)?;
            }
            Ok(())
        })
        .await
    }

    /// An agent has not been heard for too long: raises an alert, unless it never was.
    pub async fn agent_silent(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        self.inner.presence.change(id, |heard| heard.online = false);
        let id = id.to_owned();
        self.write(move |tx| {
            let sql = "SELECT 1 FROM agent
                       WHERE id = ?1 AND seen_us IS NOT NULL AND revoked_us IS NULL";
            if tx.find(sql, [&id], |_| Ok(()))?.is_none() {
                return Ok(());
            }
            alerts::agent_silent(tx, &id, now)?;
            tx.agent_changed(&id)
        })
        .await
    }

    /// Keeps what an agent tells of itself, and shows it to those who watch.
    pub async fn agent_report(&self, id: &str, report: AgentReport) -> Result<(), StoreError> {
        self.inner.presence.change(id, |heard| heard.report = Some(report));
        let (inner, id) = (Arc::clone(&self.inner), id.to_owned());
        self.read(move |db| {
            let mut changes = Vec::new();
            if let Some((_, agent)) = by_id(db, &inner.presence, &id)? {
                changes.push(super::Change::Agent(Arc::new(agent)));
            }
            for camera in super::cameras::all(db, &inner.presence)? {
                if camera.agent == id {
                    changes.push(super::Change::Camera(Arc::new(camera)));
                }
            }
            inner.live.reported(changes);
            Ok(())
        })
        .await
    }

    /// Agents that may talk to us and were heard at least once, ever.
    pub(crate) async fn agents_to_watch(&self) -> Result<Vec<String>, StoreError> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT id FROM agent WHERE seen_us IS NOT NULL AND revoked_us IS NULL",
            )?;
            Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
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

/// A row of `SELECT agent, expires_us, used_us FROM invite`.
type Invite = (String, i64, Option<i64>);

fn invite(row: &Row<'_>) -> rusqlite::Result<Invite> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn usable(found: Option<Invite>, now: Timestamp) -> Result<String, EnrollError> {
    match found {
        None => Err(EnrollError::Unknown),
        Some((_, _, Some(_))) => Err(EnrollError::Used),
        Some((_, expires_us, None)) if expires_us <= now.as_micros() => Err(EnrollError::Expired),
        Some((agent, _, None)) => Ok(agent),
    }
}
