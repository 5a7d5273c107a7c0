//! Who walks across a line.
//!
//! A passage counts once, when the foot point has got clear of the line on the other side. What
//! trembles on the line, turns back, or walks around an end of it, counts nothing: the passages of
//! the foot's path through the line are added up, to the right as +1 and to the left as -1, until
//! the foot is clear of the line; only the sum counts. *Clear* is a distance in proportion to the
//! box, so that near and far objects are judged alike. Predicted positions are ignored: who is lost
//! on one side and found on the other has walked straight. So has who was first detected on one side
//! and is known to be somebody, as a track, only on the other. Across a blindness nothing is joined: there
//! the tracks end.

use super::{Output, View, event, foot, memory::Memory};
use crate::{
    event::{Direction, Kind, Phase},
    geometry::{BBox, Point},
    spec::{Definition, LineDefinition},
    track::TrackState,
};

/// How far from the line a foot is clear of it, in sizes (square roots of the area) of the box.
const CLEAR_SIZES: f32 = 0.2;

#[derive(Clone, Debug, Default)]
pub(super) struct Tripwire {
    walkers: Memory<Walker>,
}

#[derive(Clone, Copy, Debug)]
struct Walker {
    foot: Point,
    /// Was clear of the line before: what is first seen on the line has no side to come from.
    came_from_a_side: bool,
    /// Passages since the foot was clear, to the right less to the left.
    passages: i32,
}

impl Tripwire {
    pub(super) fn step(
        &mut self,
        rule: &Definition,
        line: &LineDefinition,
        view: View<'_>,
        out: &mut Output<'_>,
        mut passed: impl FnMut(Direction),
    ) {
        self.walkers.retain(|id, _| view.track(id).is_some());
        for track in view.tracks.iter().filter(|t| t.state == TrackState::Seen) {
            let foot = foot(&track.bbox);
            let clear = is_clear(line, &track.bbox, view.aspect);
            if self.walkers.get_mut(track.id).is_none() {
                let first = view.first_bbox(track);
                self.walkers
                    .replace(track.id, Walker::new(line, &first, view.aspect));
            }
            let Some(walker) = self.walkers.get_mut(track.id) else {
                continue;
            };
            let step = line.line.passages(walker.foot, foot);
            walker.passages = walker.passages.saturating_add(step);
            walker.foot = foot;
            if !clear {
                continue;
            }
            let passages = if walker.came_from_a_side {
                walker.passages
            } else {
                0
            };
            (walker.passages, walker.came_from_a_side) = (0, true);
            let direction = match passages {
                1.. => Direction::ToRight,
                0 => continue,
                ..0 => Direction::ToLeft,
            };
            if line.direction.is_some_and(|only| only != direction)
                || !rule.labels.admits(track.class)
            {
                continue;
            }
            passed(direction);
            let mut event = event(rule, view.at, Kind::LineCrossed, Phase::Instant);
            event.severity = rule.severity;
            event.direction = Some(direction);
            event.objects.push(view.object(track));
            out.events.push(event);
        }
    }
}

impl Walker {
    fn new(line: &LineDefinition, bbox: &BBox, aspect: f32) -> Self {
        Self {
            foot: foot(bbox),
            came_from_a_side: is_clear(line, bbox, aspect),
            passages: 0,
        }
    }
}

fn is_clear(line: &LineDefinition, bbox: &BBox, aspect: f32) -> bool {
    CLEAR_SIZES * bbox.size(aspect) <= line.line.distance(foot(bbox), aspect)
}
