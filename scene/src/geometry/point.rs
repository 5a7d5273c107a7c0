use serde::Serialize;

/// A place in the picture, as fractions of its width and height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Point {
    /// 0 at the left edge, 1 at the right.
    pub x: f32,
    /// 0 at the top edge, 1 at the bottom.
    pub y: f32,
}

impl Point {
    /// A point from its coordinates, unchecked: shapes check on construction.
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// False for NaN too.
    pub fn is_in_picture(self) -> bool {
        (0.0..=1.0).contains(&self.x) && (0.0..=1.0).contains(&self.y)
    }

    /// Neither coordinate is NaN or infinite.
    pub const fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }
}
