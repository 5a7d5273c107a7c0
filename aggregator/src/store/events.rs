//! Events, counts and changes, as they are asked for.

use std::{collections::BTreeMap, sync::Arc};

use rusqlite::{Connection, OptionalExtension, Row, types::Value};
use uuid::Uuid;

use super::{
    Store, StoreError, agents, alerts, cameras,
    live::Change,
    presence::Presence,
    query::{CountQuery, EventQuery, LIMIT_MAX, Start},
    rows::{Count, Cursor, Direction, Event, EventKind, Page, Severity, Summary},
    time::Timestamp,
    wire,
};

/// Events a single count may add up: windows of a minute, two directions, ten lines, four weeks.
const COUNT_EVENTS_MAX: u32 = 1_000_000;

/// How late the end of a window may be told of.
const COUNT_LATE_SECONDS: i64 = 30;

impl Store {
    pub async fn events(&self, query: EventQuery) -> Result<Page<Event>, StoreError> {
        self.read(move |db| page(db, &query)).await
    }

    pub async fn event(&self, id: Uuid) -> Result<Option<Event>, StoreError> {
        self.read(move |db| {
            let sql = "SELECT cursor, agent, stored_us, item FROM event WHERE id = ?1";
            let found = db
                .prepare_cached(sql)?
                .query_row([id.as_bytes()], stored)
                .optional()?;
            found.map(Stored::decode).transpose()
        })
        .await
    }

    /// Each row that changed after `cursor`, once, as it is now; oldest change first.
    pub async fn changes_since(
        &self,
        cursor: Cursor,
        limit: u32,
    ) -> Result<Vec<(Cursor, Change)>, StoreError> {
        let inner = Arc::clone(&self.inner);
        self.read(move |db| {
            // One snapshot for all, or a commit between them would be passed over.
            let db = db.unchecked_transaction()?;
            changes_after(&db, &inner.presence, cursor, limit.clamp(1, LIMIT_MAX))
        })
        .await
    }

    /// Passages of each line in each direction, summed over the windows that began `since`.
    pub async fn counts(&self, query: CountQuery) -> Result<Vec<Count>, StoreError> {
        self.read(move |db| counts(db, &query)).await
    }

    pub async fn summary(&self, now: Timestamp) -> Result<Summary, StoreError> {
        let inner = Arc::clone(&self.inner);
        self.read(move |db| {
            let count = |sql: &str, params: &[i64]| -> Result<u64, StoreError> {
                let params = rusqlite::params_from_iter(params);
                let count: i64 = db
                    .prepare_cached(sql)?
                    .query_row(params, |row| row.get(0))?;
                Ok(count.cast_unsigned())
            };
            let cameras = cameras::all(db, &inner.presence)?;
            let live = cameras
                .iter()
                .filter(|c| c.state == super::CameraState::Live)
                .count();
            Ok(Summary {
                cameras: cameras.len() as u64,
                cameras_live: live as u64,
                alerts_open: count("SELECT count(*) FROM alert WHERE open = 1", &[])?,
                events_today: count(
                    "SELECT count(*) FROM event WHERE stored_us >= ?1",
                    &[now.start_of_day().as_micros()],
                )?,
                agents: count("SELECT count(*) FROM agent WHERE revoked_us IS NULL", &[])?,
                agents_online: inner.presence.online_count(),
            })
        })
        .await
    }
}

/// Each row that changed after `cursor`, as [`Store::changes_since`] has it.
pub(super) fn changes_after(
    db: &Connection,
    presence: &Presence,
    cursor: Cursor,
    limit: u32,
) -> Result<Vec<(Cursor, Change)>, StoreError> {
    let mut changes = BTreeMap::new();
    let query = EventQuery {
        start: Start::After(cursor),
        limit,
        ..EventQuery::default()
    };
    for event in page(db, &query)?.items {
        changes.insert(event.cursor, Change::Event(Arc::new(event)));
    }
    for alert in alerts::changed(db, cursor, limit)? {
        changes.insert(alert.cursor, Change::Alert(Arc::new(alert)));
    }
    for (at, camera) in cameras::changed(db, presence, cursor, limit)? {
        changes.insert(at, Change::Camera(Arc::new(camera)));
    }
    for (at, agent) in agents::changed(db, presence, cursor, limit)? {
        changes.insert(at, Change::Agent(Arc::new(agent)));
    }
    Ok(changes.into_iter().take(limit as usize).collect())
}

/// A row of `SELECT cursor, agent, stored_us, item FROM event`.
struct Stored {
    cursor: Cursor,
    agent: String,
    stored_at: Timestamp,
    item: Vec<u8>,
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        cursor: Cursor(row.get(0)?),
        agent: row.get(1)?,
        stored_at: Timestamp::from_micros(row.get(2)?),
        item: row.get(3)?,
    })
}

impl Stored {
    fn decode(self) -> Result<Event, StoreError> {
        let place = wire::Place {
            cursor: self.cursor,
            agent: &self.agent,
            stored_at: self.stored_at,
        };
        wire::event_of(&place, self.item.into())
    }
}

/// A condition under construction; every value is bound, none is written into the text.
#[derive(Default)]
struct Filter {
    sql: String,
    values: Vec<Value>,
}

impl Filter {
    fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.sql.push_str(" ?");
        self.sql.push_str(&self.values.len().to_string());
    }
}

fn page(db: &Connection, query: &EventQuery) -> Result<Page<Event>, StoreError> {
    let limit = query.limit.clamp(1, LIMIT_MAX);
    let mut filter = Filter::default();
    if let Some(agent) = &query.agent {
        filter.and("agent =", agent.clone());
    }
    if let Some(camera) = &query.camera {
        filter.and("camera =", camera.clone());
    }
    if query.severity_min != Severity::None {
        // The constant lets SQLite use the index of severe events.
        filter.and("severity >= 3 AND severity >=", query.severity_min.number());
    }
    if !query.kinds.is_empty() {
        let kinds: Vec<_> = query
            .kinds
            .iter()
            .map(|kind| kind.number().to_string())
            .collect();
        filter.sql.extend([" AND kind IN (", &kinds.join(","), ")"]);
    }
    let order = match query.start {
        Start::Newest => "DESC",
        Start::Before(Cursor(cursor)) => {
            filter.and("cursor <", cursor);
            "DESC"
        }
        Start::After(Cursor(cursor)) => {
            filter.and("cursor >", cursor);
            "ASC"
        }
    };
    let mut statement = db.prepare_cached(&format!(
        "SELECT cursor, agent, stored_us, item FROM event WHERE 1{} ORDER BY cursor {order} LIMIT {}",
        filter.sql,
        limit + 1
    ))?;
    let mut items = Vec::new();
    for row in statement.query_map(rusqlite::params_from_iter(filter.values), stored)? {
        items.push(row?.decode()?);
    }
    let more = (limit as usize) < items.len();
    items.truncate(limit as usize);
    let next = if more {
        items.last().map(|event| event.cursor)
    } else {
        None
    };
    Ok(Page { items, next })
}

fn counts(db: &Connection, query: &CountQuery) -> Result<Vec<Count>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT cursor, agent, stored_us, item FROM event
         WHERE agent = ?1 AND camera = ?2 AND kind = ?3 AND captured_us >= ?4
         ORDER BY captured_us LIMIT ?5",
    )?;
    let kind = EventKind::LineCount.number();
    let since = query.since.as_micros();
    let params = (&query.agent, &query.camera, kind, since, COUNT_EVENTS_MAX);
    let lost: bool = db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM gap WHERE agent = ?1 AND lane = 2 AND declared_us >= ?2)",
        )?
        .query_row((&query.agent, since), |row| row.get(0))?;
    let mut sums: BTreeMap<(String, Direction), Count> = BTreeMap::new();
    let mut overdue_at: BTreeMap<(String, Direction), Timestamp> = BTreeMap::new();
    for row in statement.query_map(params, stored)? {
        let event = row?.decode()?;
        let Some(direction) = event.direction else {
            continue;
        };
        let measure = |name: &str| event.measures.get(name).copied().flatten();
        let window = measure("window_seconds").unwrap_or(0.0);
        let window_us = micros(window);
        if event.captured_at.as_micros() - window_us < since {
            continue;
        }
        let line = (event.rule.clone(), direction);
        // The next window ends one later, and what tells of it may be on its way.
        let overdue = event.captured_at.as_micros() + 2 * window_us;
        let overdue = Timestamp::from_micros(overdue).plus_seconds(COUNT_LATE_SECONDS);
        overdue_at.insert(line.clone(), overdue);
        let sum = sums.entry(line).or_insert_with(|| Count {
            rule: event.rule.clone(),
            direction,
            count: (!lost).then_some(0),
            count_at_least: 0,
            observed_seconds: 0.0,
            window_seconds: 0.0,
        });
        let whole = |value: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a float to integer cast saturates, which is right for a count"
            )]
            let whole = value.round() as u64;
            whole
        };
        let count = measure("count").map(whole);
        sum.count = sum
            .count
            .zip(count)
            .map(|(sum, more)| sum.saturating_add(more));
        let at_least = measure("count_at_least").map(whole).or(count).unwrap_or(0);
        sum.count_at_least = sum.count_at_least.saturating_add(at_least);
        sum.observed_seconds += measure("observed_seconds").unwrap_or(0.0);
        sum.window_seconds += window;
    }
    for (line, sum) in &mut sums {
        // Nobody has told of the time since: that nobody passed is not known.
        if overdue_at.get(line).is_some_and(|at| *at < query.now) {
            sum.count = None;
        }
    }
    Ok(sums.into_values().collect())
}

fn micros(seconds: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the wire holds no window that long, and the cast saturates"
    )]
    let micros = (seconds * 1e6).round() as i64;
    micros.min(i64::MAX / 4)
}
