//! Who is in an area, with hysteresis in space and in time. Shared by zones and intrusion rules.

use super::{GAP_MAX_MICROS, View, foot, memory::Memory};
use crate::{
    geometry::Polygon,
    spec::Labels,
    time::FrameTime,
    track::{Track, TrackState},
};

/// How far out of the area who was in it must be to be out, in sizes (square roots of the area) of
/// the box.
const OUT_SIZES: f32 = 0.1;

/// The tracks in an area.
///
/// When somebody came in is not when he was first seen in, which would depend on the frame rate, but
/// when the straight way from the last sight to this one met the edge.
#[derive(Clone, Debug, Default)]
pub(super) struct Presence {
    visits: Memory<Visit>,
    /// Of every track, in or out.
    sights: Memory<Sight>,
}

#[derive(Clone, Copy, Debug)]
struct Sight {
    at: FrameTime,
    /// Signed distance to the edge of the area, positive inside.
    distance: f32,
}

/// A track that is in, or nearly so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    /// First seen in the area without having been out since.
    pub(super) since: FrameTime,
    /// Last seen in the area.
    pub(super) last_in: FrameTime,
    /// Out of the area since, though not for long enough.
    out_since: Option<FrameTime>,
    /// Has been in for long enough.
    pub(super) settled: bool,
    /// Free for the rule: the number of an episode about this visit.
    pub(super) episode: Option<u64>,
}

/// How long somebody has to be in to be in, and out to be out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settle {
    pub(super) enter_micros: i64,
    pub(super) leave_micros: i64,
}

/// What a frame changed.
pub(super) enum Change<'a> {
    /// A visit has just settled.
    Entered(&'a Track),
    /// A settled visit has ended; with the track, if it is still followed.
    Left(Option<&'a Track>, &'a Visit),
}

impl Presence {
    /// Takes a frame in.
    pub(super) fn step(
        &mut self,
        area: &Polygon,
        labels: &Labels,
        settle: Settle,
        view: View<'_>,
        mut tell: impl FnMut(Change<'_>),
    ) {
        // Who is only predicted stays where he was seen.
        for track in view.tracks.iter().filter(|t| t.state == TrackState::Seen) {
            let distance = area.signed_distance(foot(&track.bbox), view.aspect);
            let sight = Sight {
                at: view.at,
                distance,
            };
            let known = self.sights.replace(track.id, sight);
            // Who is new has been on his way since his first detection, a little before his track was
            // confirmed.
            let before = known.unwrap_or_else(|| {
                let first = foot(&view.first_bbox(track));
                Sight {
                    at: if view.is_new(track) {
                        track.first_seen
                    } else {
                        view.at
                    },
                    distance: area.signed_distance(first, view.aspect),
                }
            });
            if self.visits.get_mut(track.id).is_none()
                && 0.0 <= distance
                && labels.admits(track.class)
            {
                let since = if known.is_none() && 0.0 <= before.distance {
                    before.at
                } else {
                    reached(0.0, before, sight)
                };
                self.visits.replace(track.id, Visit::new(since, view.at));
            }
            let Some(visit) = self.visits.get_mut(track.id) else {
                continue;
            };
            visit.see(before, sight, OUT_SIZES * track.bbox.size(view.aspect));
            if !visit.settled
                && visit.out_since.is_none()
                && settle.enter_micros <= view.at.micros_since(visit.since)
            {
                visit.settled = true;
                tell(Change::Entered(track));
            }
        }
        self.sights.retain(|id, _| view.track(id).is_some());
        self.visits.retain(|id, visit| {
            let track = view.track(id);
            let over = track.is_none() || visit.is_over(view.at, settle);
            if over && visit.settled {
                tell(Change::Left(track, visit));
            }
            !over
        });
    }

    /// Everyone who is in, settled or not.
    pub(super) fn visits_mut(&mut self) -> impl Iterator<Item = (u64, &mut Visit)> {
        self.visits.iter_mut()
    }

    pub(super) fn settled_count(&self) -> usize {
        self.visits
            .iter()
            .filter(|(_, visit)| visit.settled)
            .count()
    }

    /// Nobody is in, not even just now.
    pub(super) fn is_empty(&self) -> bool {
        self.visits.iter().next().is_none()
    }

    pub(super) fn clear(&mut self) {
        self.visits.clear();
        self.sights.clear();
    }
}

impl Visit {
    const fn new(since: FrameTime, at: FrameTime) -> Self {
        Self {
            since,
            last_in: at,
            out_since: None,
            settled: false,
            episode: None,
        }
    }

    /// From the first to the last sight of it in the area.
    pub(super) fn dwell_seconds(&self) -> f64 {
        self.last_in.seconds_since(self.since)
    }

    /// Within `margin` outside of the area, who was in is in and who was out is out.
    fn see(&mut self, before: Sight, sight: Sight, margin: f32) {
        if sight.distance < -margin {
            self.out_since
                .get_or_insert(reached(-margin, before, sight));
        } else if 0.0 <= sight.distance || self.out_since.is_none() {
            self.out_since = None;
            self.last_in = sight.at;
        }
    }

    /// Who has not settled is gone at once.
    fn is_over(&self, at: FrameTime, settle: Settle) -> bool {
        self.out_since
            .is_some_and(|since| !self.settled || settle.leave_micros <= at.micros_since(since))
    }
}

/// When the distance was reached on the way from one sight to the next, of which only the next is
/// beyond it; the time of the next where that cannot be said.
fn reached(distance: f32, before: Sight, next: Sight) -> FrameTime {
    let rest = (next.distance - distance) / (next.distance - before.distance);
    let span = next.at.micros_since(before.at);
    if !(0.0..=1.0).contains(&rest) || GAP_MAX_MICROS < span {
        return next.at;
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "at most 2 s"
    )]
    let back = (f64::from(rest) * span as f64) as i64;
    next.at.plus_micros(back.saturating_neg())
}
