//! What can be asked for.

use super::{
    rows::{Cursor, EventKind, Severity},
    time::Timestamp,
};

/// At most this many rows in one answer.
pub const LIMIT_MAX: u32 = 1000;

/// Which events, and from where on. Empty fields do not restrict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventQuery {
    pub agent: Option<String>,
    pub camera: Option<String>,
    pub kinds: Vec<EventKind>,
    pub severity_min: Severity,
    pub start: Start,
    /// 1 to [`LIMIT_MAX`]; clamped.
    pub limit: u32,
}

/// Where a page of events starts, and which way it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// The newest, downwards.
    #[default]
    Newest,
    /// Those before the cursor, newest first.
    Before(Cursor),
    /// Those after the cursor, oldest first.
    After(Cursor),
}

/// Which alerts; always the newest raised first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertQuery {
    pub open_only: bool,
    pub before: Option<Cursor>,
    /// 1 to [`LIMIT_MAX`]; clamped.
    pub limit: u32,
}

/// Whose counts, and since when.
#[derive(Clone, Debug, PartialEq)]
pub struct CountQuery {
    pub agent: String,
    pub camera: String,
    pub since: Timestamp,
    /// The present.
    pub now: Timestamp,
}
