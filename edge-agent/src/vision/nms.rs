//! Non-maximum suppression, class by class.

/// A box a decoder proposes, in pixels of the model's input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    pub class: u16,
    pub score: f32,
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

/// Candidates that are looked at; the best ones, if there are more.
pub(super) const CANDIDATES_MAX: usize = 3000;
/// Objects of one frame.
pub(super) const KEPT_MAX: usize = 300;

impl Candidate {
    fn area(&self) -> f32 {
        (self.right - self.left) * (self.bottom - self.top)
    }

    fn iou(&self, other: &Self) -> f32 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        if width <= 0.0 || height <= 0.0 {
            return 0.0;
        }
        let both = width * height;
        both / (self.area() + other.area() - both)
    }
}

/// Leaves the best of each group of same-class candidates that overlap by more than `iou_max`,
/// best score first; equal scores keep the decoder's order, so that the answer is the same on
/// every run.
pub(super) fn suppress(candidates: &mut Vec<Candidate>, iou_max: f32) {
    candidates.retain(|c| {
        c.score.is_finite() && c.area().is_finite() && c.left < c.right && c.top < c.bottom
    });
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    candidates.truncate(CANDIDATES_MAX);
    let mut kept = 0;
    for i in 0..candidates.len() {
        let candidate = candidates[i];
        let covered = candidates[..kept]
            .iter()
            .any(|k| k.class == candidate.class && iou_max < k.iou(&candidate));
        if !covered {
            candidates[kept] = candidate;
            kept += 1;
            if kept == KEPT_MAX {
                break;
            }
        }
    }
    candidates.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn candidate(class: u16, score: f32, left: f32) -> Candidate {
        Candidate {
            class,
            score,
            left,
            top: 0.0,
            right: left + 10.0,
            bottom: 10.0,
        }
    }

    #[test]
    fn the_better_of_two_stays_and_another_class_is_no_rival() {
        let mut candidates = vec![
            candidate(0, 0.5, 0.0),
            candidate(0, 0.9, 1.0),
            candidate(1, 0.3, 1.0),
            candidate(0, 0.4, 9.0),
        ];
        suppress(&mut candidates, 0.5);
        let left: Vec<_> = candidates.iter().map(|c| (c.class, c.score)).collect();
        assert_eq!(left, [(0, 0.9), (0, 0.4), (1, 0.3)]);
    }

    #[test]
    fn what_is_not_a_box_goes() {
        let nan = Candidate {
            left: f32::NAN,
            ..candidate(0, 0.9, 0.0)
        };
        let infinite = Candidate {
            right: f32::INFINITY,
            ..candidate(0, 0.9, 0.0)
        };
        let turned = Candidate {
            right: -1.0,
            ..candidate(0, 0.9, 0.0)
        };
        let scoreless = candidate(0, f32::NAN, 0.0);
        let mut candidates = vec![nan, infinite, turned, scoreless];
        suppress(&mut candidates, 0.5);
        assert_eq!(candidates, []);
    }

    proptest! {
        #[test]
        fn nothing_left_overlaps_and_everything_gone_was_covered(
            seeds in prop::collection::vec((0_u16..3, 0.0_f32..1.0, 0.0_f32..60.0), 0..60),
        ) {
            let all: Vec<_> = seeds.iter().map(|&(c, s, x)| candidate(c, s, x)).collect();
            let mut left = all.clone();
            suppress(&mut left, 0.5);
            for (i, a) in left.iter().enumerate() {
                for b in &left[..i] {
                    prop_assert!(a.class != b.class || a.iou(b) <= 0.5);
                }
            }
            for gone in all.iter().filter(|c| !left.contains(c)) {
                let covered = left.iter().any(|k| {
                    k.class == gone.class && gone.score <= k.score && 0.5 < k.iou(gone)
                });
                prop_assert!(covered);
            }
        }
    }
}
