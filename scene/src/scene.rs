//! Drives tracker and rules of one camera.

use crate::{
    detection::{Classes, Detection},
    event::Event,
    rule::{GAP_MAX_MICROS, Output, Rule, View},
    spec::RuleSet,
    time::FrameTime,
    track::{Track, Tracker},
};

/// One camera's state: what is followed and what the rules know.
///
/// All times are of one steady line, such as [`FrameTime`] promises. Events are appended to the
/// vector that the caller brings.
#[derive(Clone, Debug)]
pub struct Scene {
    tracker: Tracker,
    classes: Classes,
    rules: Vec<Rule>,
    /// The last frame.
    last: Option<FrameTime>,
    is_blind: bool,
    episode: u64,
}

impl Scene {
    /// `aspect` is the picture's width / height. `classes` are those that the rules were checked
    /// with.
    pub fn new(rules: RuleSet, classes: Classes, aspect: f32) -> Self {
        Self {
            tracker: Tracker::new(&rules.tracker, aspect),
            classes,
            rules: rules.definitions.into_iter().map(Rule::new).collect(),
            last: None,
            is_blind: false,
            episode: 0,
        }
    }

    /// Takes in a frame and answers with the confirmed tracks, by id: those seen in it and those
    /// predicted. A frame not later than the last is ignored. If more than
    /// [`GAP_MAX_MICROS`] passed since the last frame, the scene was [blind](Self::blind) from then.
    pub fn step(
        &mut self,
        at: FrameTime,
        detections: &[Detection],
        events: &mut Vec<Event>,
    ) -> &[Track] {
        if self.last.is_some_and(|last| at <= last) {
            return self.tracker.tracks();
        }
        if let Some(last) = self.last
            && GAP_MAX_MICROS < at.micros_since(last)
        {
            self.blind(last.plus_micros(GAP_MAX_MICROS), events);
        }
        self.is_blind = false;
        self.last = Some(at);
        self.tracker.step(at, detections);
        let (tracks, classes, aspect) =
            (self.tracker.tracks(), &self.classes, self.tracker.aspect());
        let mut out = Output {
            events,
            episode: &mut self.episode,
        };
        for rule in &mut self.rules {
            rule.step(
                View {
                    at,
                    tracks,
                    classes,
                    aspect,
                },
                &mut out,
            );
        }
        tracks
    }

    /// Appends the confirmed tracks where they should be at `at`, for a frame that nobody looked at.
    /// Neither tracks nor rules move on.
    pub fn foresee(&self, at: FrameTime, tracks: &mut Vec<Track>) {
        self.tracker.foresee(at, tracks);
    }

    /// The picture is lost from `at` until the next step: what depends on it becomes unknown.
    pub fn blind(&mut self, at: FrameTime, events: &mut Vec<Event>) {
        if self.is_blind {
            return;
        }
        self.is_blind = true;
        self.tracker.clear();
        let mut out = Output {
            events,
            episode: &mut self.episode,
        };
        for rule in &mut self.rules {
            rule.blind(at, &mut out);
        }
    }

    /// Time passes without a frame; to be called about once a second. Closes count windows.
    pub fn tick(&mut self, at: FrameTime, events: &mut Vec<Event>) {
        let mut out = Output {
            events,
            episode: &mut self.episode,
        };
        for rule in &mut self.rules {
            rule.tick(at, &mut out);
        }
    }

    /// The stream ends: closes windows and episodes.
    pub fn finish(&mut self, at: FrameTime, events: &mut Vec<Event>) {
        let mut out = Output {
            events,
            episode: &mut self.episode,
        };
        for rule in &mut self.rules {
            rule.finish(at, &mut out);
        }
        self.tracker.clear();
    }

    /// Other rules from now on. Tracks go on; rules that are the same go on with what they know;
    /// others end and begin anew.
    pub fn replace_rules(&mut self, at: FrameTime, rules: RuleSet, events: &mut Vec<Event>) {
        self.tracker.set_spec(&rules.tracker);
        let mut old = std::mem::take(&mut self.rules);
        for definition in rules.definitions {
            let same = old.iter().position(|rule| *rule.definition() == definition);
            self.rules.push(match same {
                Some(index) => old.remove(index),
                None => Rule::new(definition),
            });
        }
        let mut out = Output {
            events,
            episode: &mut self.episode,
        };
        for mut rule in old {
            rule.finish(at, &mut out);
        }
    }

    /// The picture's width / height changed; tracks end.
    pub fn set_aspect(&mut self, aspect: f32) {
        self.tracker.set_aspect(aspect);
    }
}
