//! Boxes for the frames between two looks.
//!
//! A file's reader may wait: what was followed at both looks is put on the straight line between its
//! two boxes, which is closer than a prediction from the first alone.

use scene::{
    BBox, FrameTime,
    track::{Track, TrackState},
};

/// Frames that the reader may be asked to wait for; looks are never that far apart.
const WAITING_MAX: usize = 256;

/// A frame of the file, with what is followed in it.
pub(super) struct Shown {
    pub(super) frame: u64,
    pub(super) at: FrameTime,
    pub(super) tracks: Vec<Track>,
}

/// Holds frames back until the next look.
#[derive(Default)]
pub(super) struct Between {
    /// The last look, and the frames after it.
    waiting: Vec<Shown>,
}

impl Between {
    /// A frame that nobody looked at, with predicted boxes.
    pub(super) fn wait(&mut self, shown: Shown) {
        self.waiting.push(shown);
    }

    pub(super) fn is_full(&self) -> bool {
        WAITING_MAX <= self.waiting.len()
    }

    /// A frame that was looked at: answers with those before it that waited.
    pub(super) fn look(&mut self, shown: &Shown) -> Vec<Shown> {
        let next = Shown {
            frame: shown.frame,
            at: shown.at,
            tracks: shown.tracks.clone(),
        };
        let mut waited = std::mem::replace(&mut self.waiting, vec![next]).into_iter();
        let Some(before) = waited.next() else {
            return Vec::new();
        };
        let mut frames: Vec<_> = waited.collect();
        for frame in &mut frames {
            place(frame, &before, shown);
        }
        frames
    }

    /// The file ends: the frames that wait, with the boxes that were predicted.
    pub(super) fn end(&mut self) -> Vec<Shown> {
        self.waiting.drain(..).skip(1).collect()
    }
}

fn place(frame: &mut Shown, before: &Shown, after: &Shown) {
    let whole = after.at.seconds_since(before.at);
    let part = frame.at.seconds_since(before.at);
    if whole <= 0.0 {
        return;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a share from 0 to 1")]
    let share = (part / whole) as f32;
    let seen = |shown: &Shown, id: u64| {
        let mut seen = shown.tracks.iter();
        seen.find(|track| track.id == id && track.state == TrackState::Seen)
            .map(|track| track.bbox)
    };
    for track in &mut frame.tracks {
        let ends = seen(before, track.id).zip(seen(after, track.id));
        match ends.and_then(|(a, b)| mix(&a, &b, share)) {
            Some(bbox) => track.bbox = bbox,
            // Not followed any more at the next look: nobody knows since when.
            None => track.state = TrackState::Predicted,
        }
    }
}

fn mix(a: &BBox, b: &BBox, share: f32) -> Option<BBox> {
    let mix = |a: f32, b: f32| a + (b - a) * share;
    BBox::new(
        mix(a.left(), b.left()),
        mix(a.top(), b.top()),
        mix(a.width(), b.width()),
        mix(a.height(), b.height()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use scene::Class;

    fn shown(frame: u64, millis: i64, boxes: &[(u64, f32, TrackState)]) -> Shown {
        let at = FrameTime::from_micros(millis * 1000);
        let track = |&(id, left, state): &(u64, f32, TrackState)| {
            let bbox = BBox::new(left, 0.2, 0.1, 0.3).unwrap();
            Track {
                id,
                class: Class(0),
                score: 0.9,
                first_seen: at,
                first_bbox: bbox,
                bbox,
                state,
            }
        };
        let tracks = boxes.iter().map(track).collect();
        Shown { frame, at, tracks }
    }

    #[test]
    fn what_both_looks_saw_is_on_the_way_between_them() {
        use TrackState::{Predicted, Seen};
        let mut between = Between::default();
        let first = shown(1, 0, &[(1, 0.1, Seen), (2, 0.5, Seen)]);
        assert!(between.look(&first).is_empty());
        between.wait(shown(2, 100, &[(1, 0.9, Seen), (2, 0.5, Seen)]));
        let last = shown(
            3,
            400,
            &[(1, 0.5, Seen), (2, 0.5, Predicted), (3, 0.7, Seen)],
        );
        let waited = between.look(&last);
        assert_eq!((waited.len(), waited[0].frame), (1, 2));
        let [one, two] = &waited[0].tracks[..] else {
            panic!("{:?}", waited[0].tracks)
        };
        assert!((one.bbox.left() - 0.2).abs() < 1e-6 && one.state == Seen);
        assert_eq!(two.state, Predicted, "lost on the way");
        between.wait(shown(4, 500, &[(1, 0.6, Seen)]));
        let rest = between.end();
        assert_eq!((rest.len(), rest[0].frame), (1, 4));
        assert!((rest[0].tracks[0].bbox.left() - 0.6).abs() < 1e-6);
    }
}
