//! Rows of the store as messages of the wire, and filters the other way.

use prost::Message;
use proto::v1;
use tonic::Status;

use crate::store::{Alert, Condition, Cursor, Event, EventKind, EventQuery, Severity, Timestamp};

/// An id of an agent or a camera is not longer.
const ID_BYTES_MAX: usize = 63;
/// There are not more kinds than this, so more in a request are a mistake.
const KINDS_MAX: usize = 16;

/// The event with the very content that its agent signed.
pub(super) fn event(row: &Event) -> Result<v1::StoredEvent, Status> {
    let item = v1::Item::decode(&*row.item);
    let Ok(Some(v1::item::Body::Event(event))) = item.map(|item| item.body) else {
        tracing::error!(id = %row.id, "stored event is unreadable");
        return Err(Status::data_loss(format!("event {} is unreadable", row.id)));
    };
    Ok(v1::StoredEvent {
        cursor: row.cursor.0.to_string(),
        agent: row.agent.clone(),
        event: Some(event),
        stored_us: row.stored_at.as_micros(),
    })
}

pub(super) fn alert(row: &Alert) -> v1::Alert {
    let history = row.history.iter().map(|step| v1::Transition {
        at_us: step.at.as_micros(),
        actor: step.actor.clone(),
        action: step.action.as_str().to_owned(),
        note: step.note.clone(),
    });
    let condition = match row.condition {
        Condition::Active => v1::AlertCondition::Active,
        Condition::Cleared => v1::AlertCondition::Cleared,
        Condition::Unknown => v1::AlertCondition::Unknown,
    };
    let acknowledged_by = row.acknowledged.as_ref().map(|done| done.by.clone());
    v1::Alert {
        id: row.id.to_string(),
        agent: row.agent.clone(),
        camera: row.camera.clone(),
        rule: row.rule.clone(),
        kind: row.kind.clone(),
        severity: severity(row.severity).into(),
        condition: condition.into(),
        acknowledged_by: acknowledged_by.unwrap_or_default(),
        raised_us: row.raised_at.as_micros(),
        changed_us: row.changed_at.as_micros(),
        cleared_us: row.cleared_at.map_or(0, Timestamp::as_micros),
        occurrences: row.occurrences,
        history: history.collect(),
    }
}

fn severity(severity: Severity) -> v1::Severity {
    match severity {
        Severity::None => v1::Severity::None,
        Severity::Warning => v1::Severity::Warning,
        Severity::Minor => v1::Severity::Minor,
        Severity::Major => v1::Severity::Major,
        Severity::Critical => v1::Severity::Critical,
    }
}

/// A cursor as we gave it out; empty is none.
pub(super) fn cursor(field: &str, text: &str) -> Result<Option<Cursor>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse() {
        Ok(number) if 0 <= number => Ok(Some(Cursor(number))),
        _ => Err(Status::invalid_argument(format!(
            "{field}: not a cursor that this service has given"
        ))),
    }
}

/// What a caller wants to see; empty fields do not restrict.
pub(super) fn filter(asked: Option<v1::EventFilter>) -> Result<EventQuery, Status> {
    let asked = asked.unwrap_or_default();
    if KINDS_MAX < asked.kinds.len() {
        return Err(Status::invalid_argument(format!(
            "filter.kinds: more than {KINDS_MAX}"
        )));
    }
    let severity_min = match v1::Severity::try_from(asked.severity_min) {
        Ok(v1::Severity::None) => Severity::None,
        Ok(v1::Severity::Warning) => Severity::Warning,
        Ok(v1::Severity::Minor) => Severity::Minor,
        Ok(v1::Severity::Major) => Severity::Major,
        Ok(v1::Severity::Critical) => Severity::Critical,
        Err(_) => {
            return Err(Status::invalid_argument(format!(
                "filter.severity_min: {} is not a severity",
                asked.severity_min
            )));
        }
    };
    Ok(EventQuery {
        agent: id("filter.agent", asked.agent)?,
        camera: id("filter.camera", asked.camera)?,
        kinds: asked
            .kinds
            .into_iter()
            .map(kind)
            .collect::<Result<_, _>>()?,
        severity_min,
        ..EventQuery::default()
    })
}

fn id(field: &str, text: String) -> Result<Option<String>, Status> {
    if ID_BYTES_MAX < text.len() {
        return Err(Status::invalid_argument(format!(
            "{field}: longer than {ID_BYTES_MAX}"
        )));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn kind(number: i32) -> Result<EventKind, Status> {
    match v1::Kind::try_from(number) {
        Ok(v1::Kind::LineCrossed) => Ok(EventKind::LineCrossed),
        Ok(v1::Kind::LineCount) => Ok(EventKind::LineCount),
        Ok(v1::Kind::ZoneEntered) => Ok(EventKind::ZoneEntered),
        Ok(v1::Kind::ZoneLeft) => Ok(EventKind::ZoneLeft),
        Ok(v1::Kind::ZoneOccupancy) => Ok(EventKind::ZoneOccupancy),
        Ok(v1::Kind::DwellExceeded) => Ok(EventKind::DwellExceeded),
        Ok(v1::Kind::Intrusion) => Ok(EventKind::Intrusion),
        Ok(v1::Kind::CameraSignal) => Ok(EventKind::CameraSignal),
        Ok(v1::Kind::Unspecified) | Err(_) => Err(Status::invalid_argument(format!(
            "filter.kinds: {number} is not a kind"
        ))),
    }
}

/// Whether a live event is one that the query would have found.
pub(super) fn matches(query: &EventQuery, event: &Event) -> bool {
    query
        .agent
        .as_ref()
        .is_none_or(|agent| *agent == event.agent)
        && query
            .camera
            .as_ref()
            .is_none_or(|camera| *camera == event.camera)
        && (query.kinds.is_empty() || query.kinds.contains(&event.kind))
        && query.severity_min <= event.severity
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_checked_field_by_field() {
        let asked = |change: fn(&mut v1::EventFilter)| {
            let mut asked = v1::EventFilter::default();
            change(&mut asked);
            filter(Some(asked)).map_err(|status| status.message().to_owned())
        };
        assert_eq!(asked(|_| ()), Ok(EventQuery::default()));
        let good = asked(|it| {
            it.agent = "cong-1".into();
            it.kinds = vec![v1::Kind::Intrusion.into()];
            it.severity_min = v1::Severity::Major.into();
        });
        let good = good.unwrap();
        assert_eq!(good.agent.as_deref(), Some("cong-1"));
        assert_eq!(good.kinds, [EventKind::Intrusion]);
        assert_eq!(good.severity_min, Severity::Major);
        let wrong = asked(|it| it.severity_min = 2);
        assert_eq!(
            wrong,
            Err("filter.severity_min: 2 is not a severity".into())
        );
        let wrong = asked(|it| it.kinds = vec![0]);
        assert_eq!(wrong, Err("filter.kinds: 0 is not a kind".into()));
        let wrong = asked(|it| it.camera = "x".repeat(64));
        assert_eq!(wrong, Err("filter.camera: longer than 63".into()));
    }

    #[test]
    fn a_cursor_is_ours_or_refused() {
        assert_eq!(cursor("c", "").unwrap(), None);
        assert_eq!(cursor("c", "12").unwrap(), Some(Cursor(12)));
        for wrong in ["-1", "x", "99999999999999999999", "1 OR 1=1"] {
            assert!(cursor("c", wrong).is_err(), "{wrong}");
        }
    }
}
