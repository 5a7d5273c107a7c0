use super::{
    Definition, IntrusionSpec, Labels, LineDefinition, LineSpec, RULES_MAX, RuleSet, SceneSpec,
    Task, TrackerSpec, ZoneDefinition, ZoneSpec, nearest,
};
use crate::{
    detection::{Class, Classes},
    event::Severity,
    geometry::{GeometryError, Point, Polygon, Polyline},
};

/// A fault in what a person wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct SpecError {
    /// Where, as keys and indices from 0, such as `line[1].points[3]`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

const NAME_CHARS_MAX: usize = 63;
const LABEL_CHARS_MAX: usize = 200;
/// Events of the camera itself carry it.
const NAME_RESERVED: &str = "camera";

pub(super) fn check(spec: &SceneSpec, classes: &Classes) -> Result<RuleSet, Vec<SpecError>> {
    let mut checker = Checker {
        classes,
        faults: Vec::new(),
        names: Vec::new(),
    };
    let window_micros = i64::from(spec.count_window_seconds).saturating_mul(1_000_000);
    checker.range(
        "count_window_seconds",
        f64::from(spec.count_window_seconds),
        1.0,
        86_400.0,
    );
    checker.tracker(&spec.tracker);
    let count = spec
        .line
        .len()
        .saturating_add(spec.zone.len())
        .saturating_add(spec.intrusion.len());
    if RULES_MAX < count {
        let (path, message) = (
            "line",
            format!("{count} lines, zones and intrusions; at most {RULES_MAX}"),
        );
        checker.fault(path, message);
        return Err(checker.faults);
    }
    let mut definitions = Vec::with_capacity(count);
    for (index, line) in spec.line.iter().enumerate() {
        definitions.extend(checker.line(&format!("line[{index}]"), line, window_micros));
    }
    for (index, zone) in spec.zone.iter().enumerate() {
        definitions.extend(checker.zone(&format!("zone[{index}]"), zone));
    }
    for (index, intrusion) in spec.intrusion.iter().enumerate() {
        definitions.extend(checker.intrusion(&format!("intrusion[{index}]"), intrusion));
    }
    if checker.faults.is_empty() {
        Ok(RuleSet {
            definitions,
            tracker: spec.tracker.clone(),
        })
    } else {
        Err(checker.faults)
    }
}

struct Checker<'a> {
    classes: &'a Classes,
    faults: Vec<SpecError>,
    /// Names so far, each with the path of its rule.
    names: Vec<(&'a str, String)>,
}

impl<'a> Checker<'a> {
    fn line(&mut self, path: &str, spec: &'a LineSpec, window_micros: i64) -> Option<Definition> {
        let task = self
            .shape(&format!("{path}.points"), &spec.points, Polyline::new)
            .map(|line| {
                Task::Line(LineDefinition {
                    line,
                    direction: spec.direction,
                    window_micros,
                })
            });
        self.rule(
            path,
            &spec.name,
            spec.label.as_deref(),
            &spec.classes,
            spec.severity,
            task,
        )
    }

    fn zone(&mut self, path: &str, spec: &'a ZoneSpec) -> Option<Definition> {
        let settle_micros = self.range(
            &format!("{path}.settle_seconds"),
            spec.settle_seconds,
            0.0,
            60.0,
        );
        let dwell_limit_micros = spec.dwell_limit_seconds.map(|seconds| {
            self.range(
                &format!("{path}.dwell_limit_seconds"),
                seconds,
                0.1,
                86_400.0,
            )
        });
        let task = self
            .shape(&format!("{path}.polygon"), &spec.polygon, Polygon::new)
            .map(|area| {
                Task::Zone(ZoneDefinition {
                    area,
                    settle_micros,
                    dwell_limit_micros,
                })
            });
        self.rule(
            path,
            &spec.name,
            spec.label.as_deref(),
            &spec.classes,
            spec.severity,
            task,
        )
    }

    fn intrusion(&mut self, path: &str, spec: &'a IntrusionSpec) -> Option<Definition> {
        let after_micros = self.range(
            &format!("{path}.after_seconds"),
            spec.after_seconds,
            0.0,
            3600.0,
        );
        let task = self
            .shape(&format!("{path}.polygon"), &spec.polygon, Polygon::new)
            .map(|area| Task::Intrusion { area, after_micros });
        self.rule(
            path,
            &spec.name,
            spec.label.as_deref(),
            &spec.classes,
            spec.severity,
            task,
        )
    }

    fn rule(
        &mut self,
        path: &str,
        name: &'a str,
        label: Option<&str>,
        classes: &[String],
        severity: Severity,
        task: Option<Task>,
    ) -> Option<Definition> {
        self.name(path, name);
        let label = label.unwrap_or(name);
        if label.is_empty() || label.chars().nth(LABEL_CHARS_MAX).is_some() {
            let message = format!("needs 1 to {LABEL_CHARS_MAX} characters");
            self.fault(&format!("{path}.label"), message);
        } else if label.chars().any(char::is_control) {
            let message = "must not contain control characters";
            self.fault(&format!("{path}.label"), message.to_owned());
        }
        let labels = self.labels(path, classes);
        Some(Definition {
            name: name.to_owned(),
            label: label.to_owned(),
            labels,
            severity,
            task: task?,
        })
    }

    fn name(&mut self, path: &str, name: &'a str) {
        let at = format!("{path}.name");
        if !is_slug(name) {
            let message = "needs 1 to 63 of a-z, 0-9, _ and -, starting with a letter or digit";
            self.fault(&at, message.to_owned());
        } else if name == NAME_RESERVED {
            self.fault(
                &at,
                format!("\"{name}\" is reserved for the camera's own events"),
            );
        }
        match self.names.iter().find(|(taken, _)| *taken == name) {
            Some((_, first)) => {
                let message = format!("\"{name}\" is the name of {first} already");
                self.fault(&at, message);
            }
            None => self.names.push((name, path.to_owned())),
        }
    }

    fn labels(&mut self, path: &str, names: &[String]) -> Labels {
        let mut found: Vec<Class> = Vec::new();
        for (index, name) in names.iter().enumerate() {
            match self.classes.find(name) {
                Some(class) => found.push(class),
                None => {
                    let message = match nearest::nearest(name, self.classes.names()) {
                        Some(known) => format!("unknown class {name:?}; did you mean {known:?}?"),
                        None => format!("unknown class {name:?}; the model has no such name"),
                    };
                    self.fault(&format!("{path}.classes[{index}]"), message);
                }
            }
        }
        Labels(found)
    }

    fn shape<S>(
        &mut self,
        path: &str,
        points: &[[f32; 2]],
        build: impl Fn(Vec<Point>) -> Result<S, GeometryError>,
    ) -> Option<S> {
        match build(points.iter().map(|&[x, y]| Point::new(x, y)).collect()) {
            Ok(shape) => Some(shape),
            Err(error) => {
                let at = error
                    .index()
                    .map_or_else(|| path.to_owned(), |i| format!("{path}[{i}]"));
                self.fault(&at, error.to_string());
                None
            }
        }
    }

    /// Checks seconds and turns them into microseconds.
    fn range(&mut self, path: &str, seconds: f64, least: f64, most: f64) -> i64 {
        if !(least..=most).contains(&seconds) {
            self.fault(
                path,
                format!("is {seconds}, needs a number from {least} to {most}"),
            );
        }
        micros(seconds)
    }

    fn tracker(&mut self, spec: &TrackerSpec) {
        self.range("tracker.score_new", f64::from(spec.score_new), 0.0, 1.0);
        self.range("tracker.score_high", f64::from(spec.score_high), 0.0, 1.0);
        self.range("tracker.score_low", f64::from(spec.score_low), 0.0, 1.0);
        if spec.score_high < spec.score_low {
            self.fault("tracker.score_low", "is above score_high".to_owned());
        }
        if spec.score_new < spec.score_high {
            self.fault("tracker.score_new", "is below score_high".to_owned());
        }
        self.range(
            "tracker.confirm_hits",
            f64::from(spec.confirm_hits),
            1.0,
            100.0,
        );
        self.range("tracker.confirm_seconds", spec.confirm_seconds, 0.0, 10.0);
        self.range(
            "tracker.tentative_seconds",
            spec.tentative_seconds,
            0.0,
            10.0,
        );
        self.range("tracker.lost_seconds", spec.lost_seconds, 0.0, 60.0);
    }

    fn fault(&mut self, path: &str, message: String) {
        self.faults.push(SpecError {
            path: path.to_owned(),
            message,
        });
    }
}

/// Microseconds of a number of seconds that is known to be small.
pub(crate) fn micros(seconds: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to be at most a day; `as` saturates"
    )]
    let micros = (seconds * 1e6).round() as i64;
    micros
}

fn is_slug(name: &str) -> bool {
    let mut chars = name.chars();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    chars.next().is_some_and(plain)
        && chars.all(|c| plain(c) || c == '_' || c == '-')
        && name.len() <= NAME_CHARS_MAX
}
