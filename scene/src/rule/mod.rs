//! Tracks become events. One file a rule; a rule is a state machine on capture time.

mod intrusion;
mod line_count;
mod memory;
mod presence;
#[cfg(test)]
mod tests;
mod tripwire;
mod zone;

use self::{intrusion::Intrusion, line_count::LineCount, tripwire::Tripwire, zone::Zone};
use crate::{
    detection::Classes,
    event::{Event, Kind, Measure, MeasureName, Object, Phase, Severity},
    geometry::{BBox, Point},
    spec::{Definition, Task},
    time::FrameTime,
    track::Track,
};

/// Two frames further apart than this leave the time between them unobserved.
pub const GAP_MAX_MICROS: i64 = 2_000_000;

/// A rule that runs: what it is, and what it knows.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    definition: Definition,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Line(Tripwire, LineCount),
    Zone(Zone),
    Intrusion(Intrusion),
}

/// What a frame shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) at: FrameTime,
    /// Confirmed tracks, by id.
    pub(crate) tracks: &'a [Track],
    pub(crate) classes: &'a Classes,
    pub(crate) aspect: f32,
}

/// Where events go.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    pub(crate) events: &'a mut Vec<Event>,
    /// The last episode's number.
    pub(crate) episode: &'a mut u64,
}

impl Rule {
    pub(crate) fn new(definition: Definition) -> Self {
        let state = match &definition.task {
            Task::Line(line) => {
                State::Line(Tripwire::default(), LineCount::new(line.window_micros))
            }
            Task::Zone(_) => State::Zone(Zone::default()),
            Task::Intrusion { .. } => State::Intrusion(Intrusion::default()),
        };
        Self { definition, state }
    }

    pub(crate) const fn definition(&self) -> &Definition {
        &self.definition
    }

    pub(crate) fn step(&mut self, view: View<'_>, out: &mut Output<'_>) {
        let rule = &self.definition;
        match (&mut self.state, &rule.task) {
            (State::Line(tripwire, count), Task::Line(line)) => {
                count.observe(view.at, rule, line, out);
                tripwire.step(rule, line, view, out, |direction| {
                    count.add(view.at, direction);
                });
            }
            (State::Zone(zone), Task::Zone(task)) => zone.step(rule, task, view, out),
            (State::Intrusion(intrusion), Task::Intrusion { area, after_micros }) => {
                intrusion.step(rule, area, *after_micros, view, out);
            }
            // State and task are made together and never change apart.
            _ => {}
        }
    }

    /// The picture is lost from `at` until the next step.
    pub(crate) fn blind(&mut self, at: FrameTime, out: &mut Output<'_>) {
        let rule = &self.definition;
        match (&mut self.state, &rule.task) {
            (State::Line(_, count), Task::Line(line)) => count.blind(at, rule, line, out),
            (State::Zone(zone), _) => zone.blind(rule, at, out),
            (State::Intrusion(intrusion), _) => intrusion.blind(rule, at, out),
            _ => {}
        }
    }

    /// Time passes without a frame.
    pub(crate) fn tick(&mut self, at: FrameTime, out: &mut Output<'_>) {
        if let (State::Line(_, count), Task::Line(line)) = (&mut self.state, &self.definition.task)
        {
            count.tick(at, &self.definition, line, out);
        }
    }

    /// The rule ends: closes what is open.
    pub(crate) fn finish(&mut self, at: FrameTime, out: &mut Output<'_>) {
        let rule = &self.definition;
        match (&mut self.state, &rule.task) {
            (State::Line(_, count), Task::Line(line)) => count.finish(at, rule, line, out),
            (State::Zone(zone), _) => zone.finish(rule, at, out),
            (State::Intrusion(intrusion), _) => intrusion.finish(rule, at, out),
            _ => {}
        }
    }
}

impl Output<'_> {
    /// A new episode's number.
    fn begin(&mut self) -> u64 {
        *self.episode = self.episode.saturating_add(1);
        *self.episode
    }
}

impl<'a> View<'a> {
    fn track(&self, id: u64) -> Option<&'a Track> {
        let index = self
            .tracks
            .binary_search_by_key(&id, |track| track.id)
            .ok()?;
        self.tracks.get(index)
    }

    /// Whether the track has just begun: a rule that does not know it may believe its beginning.
    fn is_new(&self, track: &Track) -> bool {
        self.at.micros_since(track.first_seen) <= GAP_MAX_MICROS
    }

    /// Where a track that a rule meets for the first time was before, as far as that is known.
    fn first_bbox(&self, track: &Track) -> BBox {
        if self.is_new(track) {
            track.first_bbox
        } else {
            track.bbox
        }
    }

    fn object(&self, track: &Track) -> Object {
        Object {
            track: track.id,
            class: self.classes.name(track.class).to_owned(),
            score: track.score,
            bbox: track.bbox,
        }
    }
}

/// An event of a rule, without what only some have.
fn event(rule: &Definition, at: FrameTime, kind: Kind, phase: Phase) -> Event {
    Event {
        at,
        rule: rule.name.clone(),
        kind,
        phase,
        severity: Severity::None,
        episode: 0,
        direction: None,
        objects: Vec::new(),
        measures: Vec::new(),
    }
}

const fn measure(name: MeasureName, value: Option<f64>) -> Measure {
    Measure { name, value }
}

fn seconds(micros: i64) -> f64 {
    FrameTime::from_micros(micros).seconds_since(FrameTime::from_micros(0))
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2⁵³")]
fn number(count: usize) -> f64 {
    count as f64
}

/// The foot of a box, kept within the picture: who leaves through the lower edge has his feet
/// outside, but is still where the picture ends.
fn foot(bbox: &BBox) -> Point {
    let foot = bbox.foot();
    Point::new(foot.x.clamp(0.0, 1.0), foot.y.clamp(0.0, 1.0))
}
