//! Alerts, moved by what happens, in the transaction that stores it.

use std::collections::BTreeSet;

use rusqlite::{Row, params};
use uuid::Uuid;

use super::{StoreError, alerts::condition, rows::Severity, time::Timestamp, writer::Writing};
use crate::alerting::{self, Action, Condition, Episode, Input, State};

/// The centre's own observation, in no run of the agent; an agent's epoch is never 0.
const SILENCE: Episode = Episode {
    epoch: 0,
    number: 0,
};

/// What an alert is about; at most one alert of each is open.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) agent: &'a str,
    pub(super) camera: &'a str,
    pub(super) rule: &'a str,
    pub(super) kind: &'a str,
}

/// Who or what moves an alert.
#[derive(Clone, Copy)]
pub(super) struct Cause<'a> {
    pub(super) at: Timestamp,
    pub(super) actor: &'a str,
    pub(super) event: Option<Uuid>,
    pub(super) note: &'a str,
}

/// Moves the subject's open alert, or raises one.
pub(super) fn apply(
    tx: &mut Writing<'_>,
    subject: Subject<'_>,
    input: Input,
    cause: Cause<'_>,
) -> Result<(), StoreError> {
    let Subject {
        agent,
        camera,
        rule,
        kind,
    } = subject;
    let open = tx.find(
        "SELECT number, id, severity, condition, will_clear, episodes,
                acknowledged_us IS NOT NULL, occurrences
         FROM alert WHERE agent = ?1 AND camera = ?2 AND rule = ?3 AND kind = ?4 AND open = 1",
        (agent, camera, rule, kind),
        |row| {
            Ok((
                row.get::<_, i64>(0)?,
                Uuid::from_bytes(row.get(1)?),
                state(row, 2)?,
            ))
        },
    )?;
    let Some(applied) = alerting::apply(open.as_ref().map(|(_, _, state)| state), input) else {
        return Ok(());
    };
    let (number, id) =
        match open {
            Some((number, id, _)) => (number, id),
            None => {
                let id = Uuid::now_v7();
                let number = tx.query_row(
                "INSERT INTO alert (id, agent, camera, rule, kind, severity, condition, will_clear,
                                    episodes, open, raised_us, changed_us, occurrences, cursor)
                 VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0, '', 1, ?6, ?6, 0, 0) RETURNING number",
                params![id.as_bytes(), agent, camera, rule, kind, cause.at.as_micros()],
                |row| row.get(0),
            )?;
                (number, id)
            }
        };
    keep(tx, number, id, &applied.state, applied.action, cause)
}

/// An agent began another run.
pub(super) fn run_began(
    tx: &mut Writing<'_>,
    agent: &str,
    epoch: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let cause = Cause {
        at: now,
        actor: "centre",
        event: None,
        note: "the agent began a new run",
    };
    let sql = "SELECT camera, rule, kind FROM alert
               WHERE agent = ?1 AND camera <> '' AND open = 1";
    let open: Vec<(String, String, String)> = tx.list(sql, [agent], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    for (camera, rule, kind) in &open {
        apply(
            tx,
            Subject {
                agent,
                camera,
                rule,
                kind,
            },
            Input::Run { epoch },
            cause,
        )?;
    }
    Ok(())
}

/// What earlier runs left open about a camera's picture is over: this run sees it.
pub(super) fn camera_seen(
    tx: &mut Writing<'_>,
    agent: &str,
    camera: &str,
    epoch: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let subject = Subject {
        agent,
        camera,
        rule: "camera",
        kind: "camera_signal",
    };
    let cause = Cause {
        at: now,
        actor: "agent",
        event: None,
        note: "the camera is live",
    };
    apply(tx, subject, Input::Absent { epoch }, cause)
}

/// A camera is no longer configured: nothing will end what is open about it, so it is over.
pub(super) fn camera_removed(
    tx: &mut Writing<'_>,
    agent: &str,
    camera: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let cause = Cause {
        at: now,
        actor: "agent",
        event: None,
        note: "the camera was removed",
    };
    let sql = "SELECT rule, kind FROM alert WHERE agent = ?1 AND camera = ?2 AND open = 1";
    let open: Vec<(String, String)> =
        tx.list(sql, (agent, camera), |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (rule, kind) in &open {
        // No run has epoch 0, so none is spared.
        let input = Input::Absent { epoch: 0 };
        apply(
            tx,
            Subject {
                agent,
                camera,
                rule,
                kind,
            },
            input,
            cause,
        )?;
    }
    Ok(())
}

/// An agent may no longer talk to us: nothing will end what is open about it, so it is over.
pub(super) fn agent_revoked(
    tx: &mut Writing<'_>,
    agent: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let cause = Cause {
        at: now,
        actor: "centre",
        event: None,
        note: "the box was revoked",
    };
    let sql = "SELECT camera, rule, kind FROM alert WHERE agent = ?1 AND open = 1";
    let open: Vec<(String, String, String)> = tx.list(sql, [agent], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    for (camera, rule, kind) in &open {
        let subject = Subject {
            agent,
            camera,
            rule,
            kind,
        };
        // Silence alone is of epoch 0.
        let input = match kind.as_str() {
            alerting::AGENT_SILENT => Input::End { episode: SILENCE },
            _ => Input::Absent {
                epoch: SILENCE.epoch,
            },
        };
        apply(tx, subject, input, cause)?;
    }
    Ok(())
}

/// Something that a person must look into, about an agent as such; once while it is open.
pub(super) fn notice(
    tx: &mut Writing<'_>,
    agent: &str,
    kind: &str,
    severity: scene::Severity,
    note: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let subject = Subject {
        agent,
        camera: "",
        rule: alerting::AGENT_RULE,
        kind,
    };
    let sql = "SELECT 1 FROM alert WHERE agent = ?1 AND camera = '' AND rule = ?2 AND kind = ?3
                                     AND open = 1";
    if tx
        .find(sql, (agent, subject.rule, kind), |_| Ok(()))?
        .is_some()
    {
        return Ok(());
    }
    let cause = Cause {
        at: now,
        actor: "centre",
        event: None,
        note,
    };
    apply(tx, subject, Input::Instant { severity }, cause)
}

/// A picture came after its event: the alerts that show it have changed.
pub(super) fn picture_came(tx: &mut Writing<'_>, sha256: &[u8; 32]) -> Result<(), StoreError> {
    let alerts: Vec<[u8; 16]> = tx.list(
        "SELECT DISTINCT a.id FROM evidence_use u
         JOIN transition t ON t.event = u.event
         JOIN alert a ON a.number = t.alert
         WHERE u.sha256 = ?1",
        [sha256],
        |row| row.get(0),
    )?;
    for id in alerts {
        tx.alert_changed(Uuid::from_bytes(id))?;
    }
    Ok(())
}

/// Nobody is in the zone: what earlier runs left open about it is over.
pub(super) fn zone_empty(
    tx: &mut Writing<'_>,
    zone: Subject<'_>,
    epoch: u64,
    cause: Cause<'_>,
) -> Result<(), StoreError> {
    for kind in ["dwell_exceeded", "intrusion"] {
        apply(tx, Subject { kind, ..zone }, Input::Absent { epoch }, cause)?;
    }
    Ok(())
}

pub(super) fn agent_silent(
    tx: &mut Writing<'_>,
    agent: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let severity = scene::Severity::Major;
    let input = Input::Begin {
        episode: SILENCE,
        severity,
        watched: true,
    };
    apply(
        tx,
        silence(agent),
        input,
        Cause {
            at: now,
            actor: "centre",
            event: None,
            note: "",
        },
    )
}

pub(super) fn agent_back(
    tx: &mut Writing<'_>,
    agent: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let input = Input::End { episode: SILENCE };
    apply(
        tx,
        silence(agent),
        input,
        Cause {
            at: now,
            actor: "centre",
            event: None,
            note: "",
        },
    )
}

fn silence(agent: &str) -> Subject<'_> {
    Subject {
        agent,
        camera: "",
        rule: alerting::AGENT_RULE,
        kind: alerting::AGENT_SILENT,
    }
}

/// Writes the new state and the step that led to it.
pub(super) fn keep(
    tx: &mut Writing<'_>,
    number: i64,
    id: Uuid,
    state: &State,
    action: Option<Action>,
    cause: Cause<'_>,
) -> Result<(), StoreError> {
    let at = cause.at.as_micros();
    let condition = match state.condition {
        Condition::Unknown => 0,
        Condition::Active => 1,
        Condition::Cleared => 2,
    };
    let severity = Severity::from(state.severity).number();
    tx.execute(
        "UPDATE alert SET severity = ?2, condition = ?3, will_clear = ?4, episodes = ?5, open = ?6,
                occurrences = ?7, changed_us = max(changed_us, ?8),
                cleared_us = CASE WHEN ?3 = 2 THEN coalesce(cleared_us, ?8) END,
                last_event = coalesce(?9, last_event)
         WHERE number = ?1",
        params![
            number,
            severity,
            condition,
            state.will_clear,
            episodes_text(&state.episodes),
            state.is_open(),
            state.occurrences,
            at,
            cause.event.as_ref().map(Uuid::as_bytes),
        ],
    )?;
    let Some(action) = action else { return Ok(()) };
    tx.execute(
        "INSERT INTO transition (alert, step, at_us, actor, action, note, event)
         SELECT ?1, 1 + coalesce(max(step), 0), ?2, ?3, ?4, ?5, ?6
         FROM transition WHERE alert = ?1",
        params![
            number,
            at,
            cause.actor,
            action.as_str(),
            cause.note,
            cause.event.as_ref().map(Uuid::as_bytes),
        ],
    )?;
    tx.alert_changed(id)
}

/// The number and state of any alert, and who acknowledged it.
pub(super) fn state_by_id(
    tx: &Writing<'_>,
    id: Uuid,
) -> Result<Option<(i64, State, Option<String>)>, StoreError> {
    tx.find(
        "SELECT number, acknowledged_by, severity, condition, will_clear, episodes,
                acknowledged_us IS NOT NULL, occurrences
         FROM alert WHERE id = ?1",
        [id.as_bytes()],
        |row| Ok((row.get(0)?, state(row, 2)?, row.get(1)?)),
    )
}

/// Columns severity, condition, will_clear, episodes, acknowledged, occurrences, from `first` on.
fn state(row: &Row<'_>, first: usize) -> rusqlite::Result<State> {
    Ok(State {
        severity: Severity::from_number(row.get(first)?).into(),
        condition: condition(row.get(first + 1)?),
        will_clear: row.get(first + 2)?,
        episodes: episodes(&row.get::<_, String>(first + 3)?),
        acknowledged: row.get(first + 4)?,
        occurrences: row.get(first + 5)?,
    })
}

/// Episodes as text: `epoch:number` in hexadecimal, separated by spaces.
fn episodes_text(episodes: &BTreeSet<Episode>) -> String {
    let texts: Vec<_> = episodes
        .iter()
        .map(|open| format!("{:x}:{:x}", open.epoch, open.number))
        .collect();
    texts.join(" ")
}

fn episodes(text: &str) -> BTreeSet<Episode> {
    let episode = |text: &str| {
        let (epoch, number) = text.split_once(':')?;
        let hex = |digits| u64::from_str_radix(digits, 16).ok();
        Some(Episode {
            epoch: hex(epoch)?,
            number: hex(number)?,
        })
    };
    text.split(' ').filter_map(episode).collect()
}
