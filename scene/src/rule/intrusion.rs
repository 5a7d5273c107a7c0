//! Somebody is where nobody should be.
//!
//! One episode from the first who stays until the area was seen empty for a settle time. A CHANGE
//! names everyone who joins. While the camera is blind an open episode stays open, its number of
//! intruders unknown. The first time the area is seen empty after a start gives an END without a
//! BEGIN: it closes what an earlier run may have left open.

use super::{
    Output, View, event, measure, number,
    presence::{Change, Presence, Settle},
};
use crate::{
    event::{Kind, MeasureName, Object, Phase},
    geometry::Polygon,
    spec::Definition,
    time::FrameTime,
};

/// How long the area must be seen empty for an episode to end.
const EMPTY_MICROS: i64 = 1_000_000;

#[derive(Clone, Debug, Default)]
pub(super) struct Intrusion {
    presence: Presence,
    episode: Option<u64>,
    empty_since: Option<FrameTime>,
    /// A BEGIN or an END of this run was reported.
    has_spoken: bool,
}

impl Intrusion {
    pub(super) fn step(
        &mut self,
        rule: &Definition,
        area: &Polygon,
        after_micros: i64,
        view: View<'_>,
        out: &mut Output<'_>,
    ) {
        let settle = Settle {
            enter_micros: after_micros,
            leave_micros: 0,
        };
        let mut joined: Vec<Object> = Vec::new();
        self.presence
            .step(area, &rule.labels, settle, view, |change| {
                if let Change::Entered(track) = change {
                    joined.push(view.object(track));
                }
            });
        if !joined.is_empty() {
            let phase = if self.episode.is_some() {
                Phase::Change
            } else {
                Phase::Begin
            };
            let episode = *self.episode.get_or_insert_with(|| out.begin());
            let count = Some(self.presence.settled_count());
            self.has_spoken = true;
            say(rule, view.at, phase, episode, count, joined, out);
        }
        if !self.presence.is_empty() {
            self.empty_since = None;
            return;
        }
        let since = *self.empty_since.get_or_insert(view.at);
        let is_due = self.episode.is_some() || !self.has_spoken;
        if is_due && EMPTY_MICROS <= view.at.micros_since(since) {
            let episode = self.episode.take().unwrap_or_else(|| out.begin());
            self.has_spoken = true;
            say(rule, view.at, Phase::End, episode, Some(0), Vec::new(), out);
        }
    }

    pub(super) fn blind(&mut self, rule: &Definition, at: FrameTime, out: &mut Output<'_>) {
        let was_watched = !self.presence.is_empty() || self.empty_since.is_some();
        self.presence.clear();
        self.empty_since = None;
        if let Some(episode) = self.episode
            && was_watched
        {
            say(rule, at, Phase::Change, episode, None, Vec::new(), out);
        }
    }

    pub(super) fn finish(&mut self, rule: &Definition, at: FrameTime, out: &mut Output<'_>) {
        if let Some(episode) = self.episode.take() {
            say(rule, at, Phase::End, episode, None, Vec::new(), out);
        }
        *self = Self::default();
    }
}

fn say(
    rule: &Definition,
    at: FrameTime,
    phase: Phase,
    episode: u64,
    count: Option<usize>,
    objects: Vec<Object>,
    out: &mut Output<'_>,
) {
    let mut event = event(rule, at, Kind::Intrusion, phase);
    (event.severity, event.episode, event.objects) = (rule.severity, episode, objects);
    event
        .measures
        .push(measure(MeasureName::Occupancy, count.map(number)));
    out.events.push(event);
}
