//! What the output decoders share: tensors with a shape, and which classes are wanted.

/// A tensor the runtime gave back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tensor<'a> {
    pub shape: &'a [i64],
    pub data: &'a [f32],
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    #[error("output has the shape {found:?}, the manifest means {expected:?}")]
    Shape {
        found: Vec<i64>,
        expected: Vec<usize>,
    },
    #[error("output holds {found} numbers, its shape means {expected}")]
    Length { found: usize, expected: usize },
}

impl Tensor<'_> {
    pub(super) fn expect(&self, expected: &[usize]) -> Result<(), OutputError> {
        let same = self.shape.len() == expected.len()
            && self
                .shape
                .iter()
                .zip(expected)
                .all(|(&a, &b)| usize::try_from(a) == Ok(b));
        if !same {
            let expected = expected.to_vec();
            return Err(OutputError::Shape {
                found: self.shape.to_vec(),
                expected,
            });
        }
        let expected = expected.iter().product();
        if self.data.len() != expected {
            return Err(OutputError::Length {
                found: self.data.len(),
                expected,
            });
        }
        Ok(())
    }
}

/// Which of a model's classes are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClassFilter(Vec<bool>);

impl ClassFilter {
    pub(super) fn all(class_count: usize) -> Self {
        Self(vec![true; class_count])
    }

    /// Classes outside the model's range are ignored.
    pub(super) fn only(class_count: usize, wanted: &[u16]) -> Self {
        Self(
            (0..class_count)
                .map(|c| wanted.iter().any(|&w| usize::from(w) == c))
                .collect(),
        )
    }

    pub(super) fn class_count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn wants(&self, class: usize) -> bool {
        self.0.get(class).copied().unwrap_or(false)
    }

    /// The best class and its score, if it is wanted. An object of an unwanted class is not
    /// renamed to the next best one.
    pub(super) fn best(&self, scores: &[f32]) -> Option<(u16, f32)> {
        let mut best = (0, f32::NEG_INFINITY);
        for (class, &score) in scores.iter().enumerate() {
            if best.1 < score {
                best = (class, score);
            }
        }
        let (class, score) = best;
        if !score.is_finite() || !self.wants(class) {
            return None;
        }
        Some((u16::try_from(class).ok()?, score))
    }
}
