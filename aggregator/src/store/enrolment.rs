//! How a box becomes an agent, and stops being one.

use rusqlite::{OptionalExtension, Row, params};

use super::{Store, StoreError, alert_moves, audit, time::Timestamp};

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
            tx.execute(
                "DELETE FROM invite WHERE expires_us < ?1",
                [week_ago.as_micros()],
            )?;
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

    /// Forbids an agent to talk to us; whether there is such an agent. Nothing will end what is
    /// open about it, so it is over. Audited as by `actor`.
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
            alert_moves::agent_revoked(tx, &id, now)?;
            tx.agent_changed(&id)?;
            audit::append(tx, now, &actor, "agent.revoke", &id)?;
            Ok(true)
        })
        .await
    }
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
