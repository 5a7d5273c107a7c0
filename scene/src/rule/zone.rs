//! Who enters and leaves an area, how many are in it, and who stays too long.
//!
//! The occupancy is reported whenever it changes. Its episode is a time in which the zone is not
//! known to be empty: BEGIN when the first is in, CHANGE with every number, END at zero. While the
//! camera is blind the number is unknown: a CHANGE without a value. The first word after a start or
//! a blindness comes a settle time after the picture, and may be an END without a BEGIN: it closes
//! what an earlier run may have left open.

use super::{
    Output, View, event, measure, number,
    presence::{Change, Presence, Settle},
};
use crate::{
    event::{Kind, MeasureName, Phase},
    spec::{Definition, ZoneDefinition},
    time::FrameTime,
};

#[derive(Clone, Debug, Default)]
pub(super) struct Zone {
    presence: Presence,
    occupancy: Said,
    /// Of the occupancy, while the zone is not known to be empty.
    episode: Option<u64>,
    /// Open dwell episodes whose visitors went out of sight with the picture.
    unresolved: Vec<u64>,
    /// First frame since the picture is there.
    seen_since: Option<FrameTime>,
}

/// The last word on the occupancy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Said {
    #[default]
    Nothing,
    Unknown,
    Count(usize),
}

impl Zone {
    pub(super) fn step(
        &mut self,
        rule: &Definition,
        task: &ZoneDefinition,
        view: View<'_>,
        out: &mut Output<'_>,
    ) {
        let seen_since = *self.seen_since.get_or_insert(view.at);
        let settle = Settle {
            enter_micros: task.settle_micros,
            leave_micros: task.settle_micros,
        };
        self.presence.step(
            &task.area,
            &rule.labels,
            settle,
            view,
            |change| match change {
                Change::Entered(track) => {
                    let mut event = event(rule, view.at, Kind::ZoneEntered, Phase::Instant);
                    event.objects.push(view.object(track));
                    out.events.push(event);
                }
                Change::Left(track, visit) => {
                    let stay = measure(MeasureName::DwellSeconds, Some(visit.dwell_seconds()));
                    let objects: Vec<_> =
                        track.map(|track| view.object(track)).into_iter().collect();
                    let mut left = event(rule, view.at, Kind::ZoneLeft, Phase::Instant);
                    left.objects.clone_from(&objects);
                    left.measures.push(stay);
                    out.events.push(left);
                    if let Some(episode) = visit.episode {
                        let mut end = event(rule, view.at, Kind::DwellExceeded, Phase::End);
                        (end.severity, end.episode) = (rule.severity, episode);
                        (end.objects, end.measures) = (objects, vec![stay]);
                        out.events.push(end);
                    }
                }
            },
        );
        self.judge_dwell(rule, task, view, out);
        if task.settle_micros <= view.at.micros_since(seen_since) {
            if self.presence.is_empty() {
                self.resolve(rule, view.at, out);
            }
            self.say_count(rule, view.at, out);
        }
    }

    pub(super) fn blind(&mut self, rule: &Definition, at: FrameTime, out: &mut Output<'_>) {
        for (_, visit) in self.presence.visits_mut() {
            if let Some(episode) = visit.episode {
                let mut change = event(rule, at, Kind::DwellExceeded, Phase::Change);
                (change.severity, change.episode) = (rule.severity, episode);
                change
                    .measures
                    .push(measure(MeasureName::DwellSeconds, None));
                out.events.push(change);
                self.unresolved.push(episode);
            }
        }
        self.presence.clear();
        self.seen_since = None;
        if self.occupancy != Said::Unknown {
            self.occupancy = Said::Unknown;
            let episode = *self.episode.get_or_insert_with(|| out.begin());
            say(rule, at, Phase::Change, episode, None, out);
        }
    }

    pub(super) fn finish(&mut self, rule: &Definition, at: FrameTime, out: &mut Output<'_>) {
        for (_, visit) in self.presence.visits_mut() {
            if let Some(episode) = visit.episode.take() {
                let stay = Some(visit.dwell_seconds());
                end_dwell(rule, at, episode, stay, out);
            }
        }
        self.resolve(rule, at, out);
        if let Some(episode) = self.episode.take() {
            say(rule, at, Phase::End, episode, None, out);
        }
        *self = Self::default();
    }

    fn judge_dwell(
        &mut self,
        rule: &Definition,
        task: &ZoneDefinition,
        view: View<'_>,
        out: &mut Output<'_>,
    ) {
        let Some(limit) = task.dwell_limit_micros else {
            return;
        };
        for (id, visit) in self.presence.visits_mut() {
            let beyond = visit.settled && limit <= visit.last_in.micros_since(visit.since);
            if !beyond || visit.episode.is_some() {
                continue;
            }
            let episode = out.begin();
            visit.episode = Some(episode);
            let mut begin = event(rule, view.at, Kind::DwellExceeded, Phase::Begin);
            (begin.severity, begin.episode) = (rule.severity, episode);
            begin
                .objects
                .extend(view.track(id).map(|track| view.object(track)));
            begin.measures.push(measure(
                MeasureName::DwellSeconds,
                Some(visit.dwell_seconds()),
            ));
            out.events.push(begin);
        }
    }

    /// Ends the stays that a blindness left open: nobody is there any more.
    fn resolve(&mut self, rule: &Definition, at: FrameTime, out: &mut Output<'_>) {
        for episode in self.unresolved.drain(..) {
            end_dwell(rule, at, episode, None, out);
        }
    }

    fn say_count(&mut self, rule: &Definition, at: FrameTime, out: &mut Output<'_>) {
        let count = self.presence.settled_count();
        let may_be_more = count == 0 && !self.presence.is_empty();
        let is_known = matches!(self.occupancy, Said::Count(_));
        if self.occupancy == Said::Count(count) || (may_be_more && !is_known) {
            return;
        }
        self.occupancy = Said::Count(count);
        let (phase, episode) = match (count, self.episode) {
            (0, open) => (Phase::End, open.unwrap_or_else(|| out.begin())),
            (_, None) => (Phase::Begin, out.begin()),
            (_, Some(open)) => (Phase::Change, open),
        };
        self.episode = (count != 0).then_some(episode);
        say(rule, at, phase, episode, Some(count), out);
    }
}

fn say(
    rule: &Definition,
    at: FrameTime,
    phase: Phase,
    episode: u64,
    count: Option<usize>,
    out: &mut Output<'_>,
) {
    let mut event = event(rule, at, Kind::ZoneOccupancy, phase);
    event.episode = episode;
    event
        .measures
        .push(measure(MeasureName::Occupancy, count.map(number)));
    out.events.push(event);
}

fn end_dwell(
    rule: &Definition,
    at: FrameTime,
    episode: u64,
    stay: Option<f64>,
    out: &mut Output<'_>,
) {
    let mut end = event(rule, at, Kind::DwellExceeded, Phase::End);
    (end.severity, end.episode) = (rule.severity, episode);
    end.measures.push(measure(MeasureName::DwellSeconds, stay));
    out.events.push(end);
}
