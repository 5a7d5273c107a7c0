//! Alerts, as they are asked for and acknowledged.

use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::{
    AckError, Store, StoreError,
    alert_moves::{Cause, keep, state_by_id},
    query::{AlertQuery, LIMIT_MAX},
    rows::{Acknowledgement, Alert, Cursor, Page, Severity, Transition},
    time::Timestamp,
};
use crate::alerting::{self, Action, Condition};

/// Steps of an alert's life that are shown; all are kept.
const HISTORY_SHOWN_MAX: u32 = 100;
/// Pictures shown with an alert.
const EVIDENCE_SHOWN_MAX: u32 = 8;

const COLUMNS: &str = "SELECT number, id, agent, camera, rule, kind, severity, condition, \
                       will_clear, acknowledged_by, acknowledged_us, acknowledged_note, \
                       raised_us, changed_us, cleared_us, occurrences, last_event, cursor \
                       FROM alert";

impl Store {
    /// The newest raised first.
    pub async fn alerts(&self, query: AlertQuery) -> Result<Page<Alert>, StoreError> {
        self.read(move |db| {
            let limit = query.limit.clamp(1, LIMIT_MAX);
            let open = if query.open_only { "AND open = 1" } else { "" };
            let sql = format!("{COLUMNS} WHERE number < ?1 {open} ORDER BY number DESC LIMIT ?2");
            let before = query.before.map_or(i64::MAX, |cursor| cursor.0);
            let mut rows = list(db, &sql, (before, limit + 1))?;
            let more = (limit as usize) < rows.len();
            rows.truncate(limit as usize);
            let next = if more {
                rows.last().map(|(number, _)| Cursor(*number))
            } else {
                None
            };
            Ok(Page {
                items: rows.into_iter().map(|(_, alert)| alert).collect(),
                next,
            })
        })
        .await
    }

    pub async fn alert(&self, id: Uuid) -> Result<Option<Alert>, StoreError> {
        self.read(move |db| by_id(db, id)).await
    }

    /// Notes that a person has seen it. Audited.
    pub async fn acknowledge(
        &self,
        id: Uuid,
        actor: &str,
        note: &str,
        now: Timestamp,
    ) -> Result<Alert, AckError> {
        let (actor, note) = (actor.to_owned(), note.to_owned());
        self.write(move |tx| {
            let Some((number, state, by)) = state_by_id(tx, id)? else {
                return Err(AckError::NotFound);
            };
            let Ok(new) = alerting::acknowledge(&state) else {
                return Err(AckError::AlreadyAcknowledged {
                    by: by.unwrap_or_default(),
                });
            };
            let sql = "UPDATE alert SET acknowledged_by = ?2, acknowledged_us = ?3,
                              acknowledged_note = ?4 WHERE number = ?1";
            tx.execute(sql, params![number, actor, now.as_micros(), note])?;
            let cause = Cause {
                at: now,
                actor: &actor,
                event: None,
                note: &note,
            };
            keep(tx, number, id, &new, Some(Action::Acknowledge), cause)?;
            super::audit::append(tx, now, &actor, "alert.acknowledge", &id.to_string())?;
            by_id(tx.db(), id)?.ok_or(AckError::NotFound)
        })
        .await
    }
}

pub(super) fn by_id(db: &Connection, id: Uuid) -> Result<Option<Alert>, StoreError> {
    let rows = list(db, &format!("{COLUMNS} WHERE id = ?1"), [id.as_bytes()])?;
    Ok(rows.into_iter().next().map(|(_, alert)| alert))
}

pub(super) fn changed(
    db: &Connection,
    after: Cursor,
    limit: u32,
) -> Result<Vec<Alert>, StoreError> {
    let sql = format!("{COLUMNS} WHERE cursor > ?1 ORDER BY cursor LIMIT ?2");
    let rows = list(db, &sql, (after.0, limit))?;
    Ok(rows.into_iter().map(|(_, alert)| alert).collect())
}

/// Alerts with their numbers, history and pictures.
fn list(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<(i64, Alert)>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params, stored)?;
    let mut alerts = Vec::new();
    for row in rows {
        let (number, mut alert) = row?;
        alert.history = history(db, number)?;
        alert.evidence = pictures(db, number)?;
        alerts.push((number, alert));
    }
    Ok(alerts)
}

/// A row of [`COLUMNS`], without history and pictures.
fn stored(row: &Row<'_>) -> rusqlite::Result<(i64, Alert)> {
    let time = |index| {
        row.get::<_, Option<i64>>(index)
            .map(|us| us.map(Timestamp::from_micros))
    };
    let acknowledged = match (row.get(9)?, time(10)?) {
        (Some(by), Some(at)) => Some(Acknowledgement {
            by,
            at,
            note: row.get::<_, Option<_>>(11)?.unwrap_or_default(),
        }),
        _ => None,
    };
    let alert = Alert {
        id: Uuid::from_bytes(row.get(1)?),
        cursor: Cursor(row.get(17)?),
        agent: row.get(2)?,
        camera: row.get(3)?,
        rule: row.get(4)?,
        kind: row.get(5)?,
        severity: Severity::from_number(row.get(6)?),
        condition: condition(row.get(7)?),
        will_clear: row.get(8)?,
        acknowledged,
        raised_at: Timestamp::from_micros(row.get(12)?),
        changed_at: Timestamp::from_micros(row.get(13)?),
        cleared_at: time(14)?,
        occurrences: row.get(15)?,
        last_event: row.get::<_, Option<[u8; 16]>>(16)?.map(Uuid::from_bytes),
        evidence: Vec::new(),
        history: Vec::new(),
    };
    Ok((row.get(0)?, alert))
}

fn history(db: &Connection, number: i64) -> Result<Vec<Transition>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT at_us, actor, action, note FROM transition WHERE alert = ?1
         ORDER BY step DESC LIMIT ?2",
    )?;
    let rows = statement.query_map((number, HISTORY_SHOWN_MAX), |row| {
        let action: String = row.get(2)?;
        Ok(Transition {
            at: Timestamp::from_micros(row.get(0)?),
            actor: row.get(1)?,
            action: Action::ALL
                .into_iter()
                .find(|known| known.as_str() == action)
                .ok_or(rusqlite::Error::InvalidQuery)?,
            note: row.get(3)?,
        })
    })?;
    let mut steps = rows.collect::<Result<Vec<_>, _>>()?;
    steps.reverse();
    Ok(steps)
}

/// Pictures of the alert's newest events, newest first.
fn pictures(db: &Connection, number: i64) -> Result<Vec<String>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT hex(u.sha256) FROM transition t
         JOIN evidence_use u ON u.event = t.event
         JOIN evidence e ON e.sha256 = u.sha256
         WHERE t.alert = ?1 ORDER BY t.step DESC LIMIT ?2",
    )?;
    let rows = statement.query_map((number, EVIDENCE_SHOWN_MAX), |row| {
        Ok(row.get::<_, String>(0)?.to_lowercase())
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn condition(number: i64) -> Condition {
    match number {
        1 => Condition::Active,
        2 => Condition::Cleared,
        _ => Condition::Unknown,
    }
}
