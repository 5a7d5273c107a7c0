//! What a detector says about one frame, checked on construction.

use crate::geometry::BBox;

/// Index into a model's [`Classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(pub u16);

/// The class names of a model, in the order of its output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classes(Vec<String>);

impl Classes {
    /// In the order of the model's output.
    pub fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    /// The name of `class`, or `"unknown"` outside the model's range.
    pub fn name(&self, class: Class) -> &str {
        self.0
            .get(usize::from(class.0))
            .map_or("unknown", String::as_str)
    }

    /// The class of that name.
    pub fn find(&self, name: &str) -> Option<Class> {
        let index = self.0.iter().position(|n| n == name)?;
        u16::try_from(index).ok().map(Class)
    }

    /// All names, in order.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

/// A detector's confidence, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Score(f32);

impl Score {
    /// `None` for NaN; anything else is clamped to 0..=1.
    pub fn new(value: f32) -> Option<Self> {
        (!value.is_nan()).then(|| Self(value.clamp(0.0, 1.0)))
    }

    /// 0 to 1.
    pub const fn get(self) -> f32 {
        self.0
    }
}

/// One object in one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// What it is.
    pub class: Class,
    /// How sure the detector is.
    pub score: Score,
    /// Where it is.
    pub bbox: BBox,
}
