//! What becomes of each kind of item: an event, a camera's setup, a picture, or none of these.

use std::sync::Arc;

use proto::{
    Evidence, WireEvent,
    convert::{self, CameraSetup},
};
use rusqlite::params;
use scene::{Kind, MeasureName};
use uuid::Uuid;

use super::{
    StoreError,
    alert_moves::{self, Cause, Subject},
    ingest::Source,
    rows::{Event, RuleShape, ShapeKind},
    time::Timestamp,
    wire,
    writer::Writing,
};
use crate::alerting;

/// Bad items kept for inspection; beyond, the oldest is dropped.
const QUARANTINE_MAX: i64 = 10_000;
/// How long a picture that no event refers to is kept beside a newer one: its event may be late.
const PICTURE_SECONDS: i64 = 600;

/// `None` when an event of this id is there already, whoever brought it.
pub(super) fn keep_event(
    tx: &mut Writing<'_>,
    source: &Source,
    seq: u64,
    wire: &WireEvent,
    item: Vec<u8>,
) -> Result<Option<Arc<Event>>, StoreError> {
    let place = wire::Place {
        cursor: tx.cursor(),
        agent: &source.agent,
        stored_at: source.now,
    };
    let event = Arc::new(wire::row(&place, wire, item.into()));
    let added = tx.execute(
        "INSERT INTO event (cursor, id, agent, camera, rule, kind, phase, severity, episode,
            captured_us, stored_us, epoch, lane, seq, item)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT (id) DO NOTHING",
        params![
            event.cursor.0,
            event.id.as_bytes(),
            event.agent,
            event.camera,
            event.rule,
            event.kind.number(),
            event.phase.number(),
            event.severity.number(),
            event.episode.cast_signed(),
            event.captured_at.as_micros(),
            event.stored_at.as_micros(),
            source.stream.epoch.cast_signed(),
            source.stream.lane.number(),
            seq.cast_signed(),
            &event.item[..],
        ],
    )?;
    if added == 0 {
        return Ok(None);
    }
    tx.event_added(Arc::clone(&event));
    for picture in &wire.evidence {
        let sql = "INSERT OR IGNORE INTO evidence_use (sha256, event) VALUES (?1, ?2)";
        tx.execute(sql, (picture.sha256, &wire.id))?;
    }
    move_alerts(tx, source, wire, &event)?;
    if wire.event.kind == Kind::ZoneOccupancy && source.watched {
        keep_occupancy(tx, source, wire)?;
    }
    Ok(Some(event))
}

fn move_alerts(
    tx: &mut Writing<'_>,
    source: &Source,
    wire: &WireEvent,
    event: &Event,
) -> Result<(), StoreError> {
    let epoch = source.run;
    let subject = Subject {
        agent: &source.agent,
        camera: &event.camera,
        rule: &event.rule,
        kind: event.kind.as_str(),
    };
    let cause = Cause {
        at: event.captured_at,
        actor: "agent",
        event: Some(event.id),
        note: "",
    };
    if alerting::shows_empty_zone(&wire.event) && source.watched {
        alert_moves::zone_empty(tx, subject, epoch, cause)?;
    }
    let Some(input) = alerting::input(epoch, source.watched, &wire.event) else {
        return Ok(());
    };
    alert_moves::apply(tx, subject, input, cause)?;
    if let alerting::Input::Begin { episode, .. } = input
        && let Some((at, id)) = ended_already(tx, source, event)?
    {
        let cause = Cause {
            at,
            event: Some(id),
            ..cause
        };
        alert_moves::apply(tx, subject, alerting::Input::End { episode }, cause)?;
    }
    Ok(())
}

/// The END of an episode whose BEGIN comes only now, as the two may travel in different lanes.
fn ended_already(
    tx: &Writing<'_>,
    source: &Source,
    begin: &Event,
) -> Result<Option<(Timestamp, Uuid)>, StoreError> {
    tx.find(
        "SELECT captured_us, id FROM event
         WHERE agent = ?1 AND camera = ?2 AND kind = ?3 AND captured_us >= ?4
           AND phase = 4 AND episode = ?5 AND rule = ?7
           AND epoch IN (SELECT epoch FROM stream WHERE agent = ?1 AND run = ?6)
         ORDER BY captured_us LIMIT 1",
        params![
            source.agent,
            begin.camera,
            begin.kind.number(),
            begin.captured_at.as_micros(),
            begin.episode.cast_signed(),
            source.run.cast_signed(),
            begin.rule,
        ],
        |row| {
            Ok((
                Timestamp::from_micros(row.get(0)?),
                Uuid::from_bytes(row.get(1)?),
            ))
        },
    )
}

fn keep_occupancy(
    tx: &mut Writing<'_>,
    source: &Source,
    wire: &WireEvent,
) -> Result<(), StoreError> {
    let event = &wire.event;
    let Some(occupancy) = event
        .measures
        .iter()
        .find(|m| m.name == MeasureName::Occupancy)
    else {
        return Ok(());
    };
    tx.execute(
        "INSERT INTO occupancy (agent, camera, rule, value, at_us) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET value = excluded.value, at_us = excluded.at_us",
        params![
            source.agent,
            wire.camera,
            event.rule,
            occupancy.value,
            event.at.as_micros(),
        ],
    )?;
    tx.camera_changed(&source.agent, &wire.camera)
}

pub(super) fn keep_camera(
    tx: &mut Writing<'_>,
    source: &Source,
    setup: &CameraSetup,
) -> Result<(), StoreError> {
    let rules: Vec<_> = setup.rules.iter().map(shape).collect();
    let rules = serde_json::to_string(&rules).map_err(|error| StoreError::Failed {
        reason: error.to_string(),
    })?;
    tx.execute(
        "INSERT INTO camera (agent, id, name, width, height, rules, config_version, removed, cursor)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)
         ON CONFLICT DO UPDATE SET
            name = excluded.name, width = excluded.width, height = excluded.height,
            rules = excluded.rules, config_version = excluded.config_version,
            removed = excluded.removed",
        params![
            source.agent,
            setup.camera,
            setup.name,
            setup.width,
            setup.height,
            rules,
            setup.config_version,
            setup.removed,
        ],
    )?;
    if setup.removed {
        alert_moves::camera_removed(tx, &source.agent, &setup.camera, source.now)?;
    }
    forget_zones(tx, source, setup)?;
    tx.camera_changed(&source.agent, &setup.camera)
}

/// Drops the occupancy of zones that the camera no longer has.
fn forget_zones(
    tx: &mut Writing<'_>,
    source: &Source,
    setup: &CameraSetup,
) -> Result<(), StoreError> {
    let sql = "SELECT rule FROM occupancy WHERE agent = ?1 AND camera = ?2";
    let zones: Vec<String> = tx.list(sql, (&source.agent, &setup.camera), |row| row.get(0))?;
    for zone in zones {
        if setup.removed || setup.rules.iter().all(|rule| rule.rule != zone) {
            let sql = "DELETE FROM occupancy WHERE agent = ?1 AND camera = ?2 AND rule = ?3";
            tx.execute(sql, (&source.agent, &setup.camera, zone))?;
        }
    }
    Ok(())
}

fn shape(rule: &convert::RuleShape) -> RuleShape {
    RuleShape {
        rule: rule.rule.clone(),
        label: rule.label.clone(),
        kind: match rule.kind {
            scene::spec::ShapeKind::Line => ShapeKind::Line,
            scene::spec::ShapeKind::Zone => ShapeKind::Zone,
            scene::spec::ShapeKind::Intrusion => ShapeKind::Intrusion,
        },
        points: rule.points.iter().map(|point| [point.x, point.y]).collect(),
        dwell_limit_seconds: rule.dwell_limit_seconds,
    }
}

/// Keeps a picture whose file is written; returns those whose files may go.
pub(super) fn keep_picture(
    tx: &mut Writing<'_>,
    source: &Source,
    picture: &Evidence,
) -> Result<Vec<[u8; 32]>, StoreError> {
    let captured_us = picture.captured.as_micros();
    let size = i64::try_from(picture.data.len()).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT OR IGNORE INTO evidence (sha256, agent, camera, media_type, size_bytes, masked,
                                         captured_us, stored_us)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            picture.sha256,
            source.agent,
            picture.camera,
            picture.media_type,
            size,
            picture.masked,
            captured_us,
            source.now.as_micros(),
        ],
    )?;
    alert_moves::picture_came(tx, &picture.sha256)?;
    if !picture.media_type.starts_with("image/") {
        return Ok(Vec::new());
    }
    let newest = tx.execute(
        "UPDATE camera SET snapshot_sha256 = ?3, snapshot_us = ?4, snapshot_masked = ?5
         WHERE agent = ?1 AND id = ?2 AND coalesce(snapshot_us, 0) <= ?4",
        params![
            source.agent,
            picture.camera,
            picture.sha256,
            captured_us,
            picture.masked
        ],
    )?;
    if newest == 0 {
        return Ok(Vec::new());
    }
    tx.camera_changed(&source.agent, &picture.camera)?;
    tx.list(
        "DELETE FROM evidence WHERE agent = ?1 AND camera = ?2 AND stored_us < ?3
            AND NOT EXISTS (SELECT 1 FROM evidence_use u WHERE u.sha256 = evidence.sha256)
            AND NOT EXISTS (SELECT 1 FROM camera c WHERE c.snapshot_sha256 = evidence.sha256)
         RETURNING sha256",
        params![
            source.agent,
            picture.camera,
            source.now.plus_seconds(-PICTURE_SECONDS).as_micros()
        ],
        |row| row.get(0),
    )
}

pub(super) fn quarantine(
    tx: &mut Writing<'_>,
    source: &Source,
    seq: u64,
    item: &[u8],
    reason: &str,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO quarantine (agent, epoch, lane, seq, reason, stored_us, item)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            source.agent,
            source.stream.epoch.cast_signed(),
            source.stream.lane.number(),
            seq.cast_signed(),
            reason,
            source.now.as_micros(),
            item,
        ],
    )?;
    let sql = "DELETE FROM quarantine WHERE number <= (SELECT max(number) FROM quarantine) - ?1";
    tx.execute(sql, [QUARANTINE_MAX])?;
    let severity = scene::Severity::Warning;
    alert_moves::notice(
        tx,
        &source.agent,
        "item_refused",
        severity,
        reason,
        source.now,
    )
}
