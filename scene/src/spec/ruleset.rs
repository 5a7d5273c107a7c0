use super::{SceneSpec, SpecError, TrackerSpec, check};
use crate::{
    detection::{Class, Classes},
    event::{Direction, Severity},
    geometry::{Point, Polygon, Polyline},
};

/// Rules that passed every check, ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSet {
    pub(crate) definitions: Vec<Definition>,
    pub(crate) tracker: TrackerSpec,
}

impl RuleSet {
    /// Checks what a person wrote and names *all* faults, in the order of the file's sections.
    pub fn check(spec: &SceneSpec, classes: &Classes) -> Result<Self, Vec<SpecError>> {
        check::check(spec, classes)
    }

    /// What to draw over the picture, in the order lines, zones, intrusions.
    pub fn shapes(&self) -> impl Iterator<Item = Shape<'_>> {
        self.definitions.iter().map(Definition::shape)
    }
}

impl Default for RuleSet {
    /// No rules: only tracks.
    fn default() -> Self {
        Self {
            definitions: Vec::new(),
            tracker: TrackerSpec::default(),
        }
    }
}

/// A rule's outline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape<'a> {
    /// The rule's name.
    pub rule: &'a str,
    /// What people call it.
    pub label: &'a str,
    /// Line or area, and what the area is for.
    pub kind: ShapeKind,
    /// Points of the line, corners of the area.
    pub points: &'a [Point],
    /// Zones only, where one is set.
    pub dwell_limit_seconds: Option<f64>,
}

/// What a [`Shape`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShapeKind {
    /// Reports passages.
    Line,
    /// Reports visitors.
    Zone,
    /// Nobody should be in it.
    Intrusion,
}

/// A checked rule.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) labels: Labels,
    pub(crate) severity: Severity,
    pub(crate) task: Task,
}

/// What a checked rule does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Task {
    Line(LineDefinition),
    Zone(ZoneDefinition),
    Intrusion { area: Polygon, after_micros: i64 },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LineDefinition {
    pub(crate) line: Polyline,
    pub(crate) direction: Option<Direction>,
    pub(crate) window_micros: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ZoneDefinition {
    pub(crate) area: Polygon,
    pub(crate) settle_micros: i64,
    pub(crate) dwell_limit_micros: Option<i64>,
}

/// The classes a rule is about; empty for any.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Labels(pub(crate) Vec<Class>);

impl Labels {
    pub(crate) fn admits(&self, class: Class) -> bool {
        self.0.is_empty() || self.0.contains(&class)
    }
}

impl Definition {
    fn shape(&self) -> Shape<'_> {
        let (kind, points, limit) = match &self.task {
            Task::Line(line) => (ShapeKind::Line, line.line.points(), None),
            Task::Zone(zone) => (ShapeKind::Zone, zone.area.points(), zone.dwell_limit_micros),
            Task::Intrusion { area, .. } => (ShapeKind::Intrusion, area.points(), None),
        };
        #[expect(clippy::cast_precision_loss, reason = "at most a day of microseconds")]
        let dwell_limit_seconds = limit.map(|micros| micros as f64 / 1e6);
        Shape {
            rule: &self.name,
            label: &self.label,
            kind,
            points,
            dwell_limit_seconds,
        }
    }
}
