//! Cameras: what was stored of them, and what their agent reports.

use std::sync::Arc;

use rusqlite::{Connection, Row};

use super::{
    Store, StoreError,
    presence::Presence,
    rows::{Camera, CameraState, Cursor, Occupancy, Snapshot},
    time::Timestamp,
    writer::Writing,
};

const COLUMNS: &str = "SELECT agent, id, name, width, height, rules, snapshot_sha256, snapshot_us, \
                       snapshot_masked, cursor FROM camera WHERE removed = 0";

impl Store {
    /// All that are configured on boxes that may talk to us, by agent and id.
    pub async fn cameras(&self) -> Result<Vec<Camera>, StoreError> {
        let inner = Arc::clone(&self.inner);
        self.read(move |db| all(db, &inner.presence)).await
    }

    pub async fn camera(&self, agent: &str, id: &str) -> Result<Option<Camera>, StoreError> {
        let (inner, agent, id) = (Arc::clone(&self.inner), agent.to_owned(), id.to_owned());
        self.read(move |db| Ok(by_id(db, &inner.presence, &agent, &id)?.map(|(_, camera)| camera)))
            .await
    }
}

pub(super) fn all(db: &Connection, presence: &Presence) -> Result<Vec<Camera>, StoreError> {
    let sql = format!(
        "{COLUMNS} AND agent NOT IN (SELECT id FROM agent WHERE revoked_us IS NOT NULL)
         ORDER BY agent, id"
    );
    let rows = list(db, presence, &sql, [])?;
    Ok(rows.into_iter().map(|(_, camera)| camera).collect())
}

/// Those of one agent, by id.
pub(super) fn of_agent(
    db: &Connection,
    presence: &Presence,
    agent: &str,
) -> Result<Vec<Camera>, StoreError> {
    let sql = format!("{COLUMNS} AND agent = ?1 ORDER BY id");
    let rows = list(db, presence, &sql, [agent])?;
    Ok(rows.into_iter().map(|(_, camera)| camera).collect())
}

/// What is known of the cameras hangs on whether their agent is heard: shows them anew.
pub(super) fn changed_with_agent(tx: &mut Writing<'_>, agent: &str) -> Result<(), StoreError> {
    let sql = "SELECT id FROM camera WHERE agent = ?1 AND removed = 0 ORDER BY id";
    let cameras: Vec<String> = tx.list(sql, [agent], |row| row.get(0))?;
    cameras
        .iter()
        .try_for_each(|camera| tx.camera_changed(agent, camera))
}

pub(super) fn by_id(
    db: &Connection,
    presence: &Presence,
    agent: &str,
    id: &str,
) -> Result<Option<(Cursor, Camera)>, StoreError> {
    let sql = format!("{COLUMNS} AND agent = ?1 AND id = ?2");
    Ok(list(db, presence, &sql, (agent, id))?.pop())
}

pub(super) fn changed(
    db: &Connection,
    presence: &Presence,
    after: Cursor,
    limit: u32,
) -> Result<Vec<(Cursor, Camera)>, StoreError> {
    let sql = format!("{COLUMNS} AND cursor > ?1 ORDER BY cursor LIMIT ?2");
    list(db, presence, &sql, (after.0, limit))
}

fn list(
    db: &Connection,
    presence: &Presence,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<(Cursor, Camera)>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut cameras = Vec::new();
    for row in statement.query_map(params, stored)? {
        let (cursor, mut camera) = row?;
        report(&mut camera, presence);
        camera.occupancy = occupancy(db, &camera.agent, &camera.id)?;
        if !presence.of(&camera.agent).online {
            camera
                .occupancy
                .iter_mut()
                .for_each(|zone| zone.value = None);
        }
        cameras.push((cursor, camera));
    }
    Ok(cameras)
}

/// A row of [`COLUMNS`]; what only the agent can tell is unknown.
fn stored(row: &Row<'_>) -> rusqlite::Result<(Cursor, Camera)> {
    let rules: String = row.get(5)?;
    let sha256: Option<[u8; 32]> = row.get(6)?;
    let captured_us: Option<i64> = row.get(7)?;
    let masked: Option<bool> = row.get(8)?;
    let snapshot = sha256
        .zip(captured_us)
        .map(|(sha256, captured_us)| Snapshot {
            sha256: hex::encode(sha256),
            captured_at: Timestamp::from_micros(captured_us),
            masked: masked == Some(true),
        });
    let camera = Camera {
        agent: row.get(0)?,
        id: row.get(1)?,
        name: row.get(2)?,
        width: row.get(3)?,
        height: row.get(4)?,
        state: CameraState::Unknown,
        problem: None,
        rules: serde_json::from_str(&rules).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(
                5,
                rusqlite::types::Type::Text,
                Box::new(error),
            )
        })?,
        snapshot,
        frames_decoded: None,
        frames_analysed: None,
        frames_dropped: None,
        analysed_per_second: None,
        occupancy: Vec::new(),
    };
    Ok((Cursor(row.get(9)?), camera))
}

/// Adds what the agent last told. Of a silent agent the state is unknown, whatever it told.
fn report(camera: &mut Camera, presence: &Presence) {
    let heard = presence.of(&camera.agent);
    if !heard.online {
        camera.problem = heard.seen_at.map(|_| "the agent is silent".to_owned());
    }
    let Some(told) = heard
        .report
        .and_then(|mut report| report.cameras.remove(&camera.id))
    else {
        return;
    };
    camera.frames_decoded = Some(told.frames_decoded);
    camera.frames_analysed = Some(told.frames_analysed);
    camera.frames_dropped = Some(told.frames_dropped);
    if heard.online {
        camera.state = told.state;
        camera.problem = told.problem;
        camera.analysed_per_second = Some(told.analysed_per_second);
    }
}

fn occupancy(db: &Connection, agent: &str, camera: &str) -> Result<Vec<Occupancy>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT rule, value, at_us FROM occupancy WHERE agent = ?1 AND camera = ?2 ORDER BY rule",
    )?;
    let rows = statement.query_map((agent, camera), |row| {
        Ok(Occupancy {
            rule: row.get(0)?,
            value: row.get(1)?,
            at: Timestamp::from_micros(row.get(2)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
