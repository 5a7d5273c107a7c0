use serde::Serialize;

use super::Point;

/// A box in fractions of the picture. It may stick out of the picture, within reason.
///
/// Always finite, with a width and a height greater than 0, so that every derived value is finite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(into = "[f32; 4]")]
pub struct BBox {
    left: f32,
    top: f32,
    width: f32,
    height: f32,
}

impl BBox {
    /// How far a corner may lie from the origin, and the longest side, in pictures.
    pub const COORDINATE_MAX: f32 = 8.0;
    /// The shortest side: far below a pixel, far above where areas underflow.
    pub const SIDE_MIN: f32 = 1e-6;

    /// `None` if a value is NaN or out of range; see the constants.
    pub fn new(left: f32, top: f32, width: f32, height: f32) -> Option<Self> {
        let place = -Self::COORDINATE_MAX..=Self::COORDINATE_MAX;
        let side = Self::SIDE_MIN..=Self::COORDINATE_MAX;
        (place.contains(&left)
            && place.contains(&top)
            && side.contains(&width)
            && side.contains(&height))
        .then_some(Self {
            left,
            top,
            width,
            height,
        })
    }

    /// As [`BBox::new`], from two corners.
    pub fn from_corners(left: f32, top: f32, right: f32, bottom: f32) -> Option<Self> {
        Self::new(left, top, right - left, bottom - top)
    }

    /// Left edge.
    pub const fn left(&self) -> f32 {
        self.left
    }

    /// Top edge.
    pub const fn top(&self) -> f32 {
        self.top
    }

    /// Greater than 0.
    pub const fn width(&self) -> f32 {
        self.width
    }

    /// Greater than 0.
    pub const fn height(&self) -> f32 {
        self.height
    }

    /// Right edge.
    pub fn right(&self) -> f32 {
        self.left + self.width
    }

    /// Bottom edge.
    pub fn bottom(&self) -> f32 {
        self.top + self.height
    }

    /// Greater than 0; 1 is the whole picture.
    pub fn area(&self) -> f32 {
        self.width * self.height
    }

    /// The middle of the box.
    pub fn center(&self) -> Point {
        Point::new(self.left + self.width / 2.0, self.top + self.height / 2.0)
    }

    /// Where the object stands: the middle of the bottom edge.
    pub fn foot(&self) -> Point {
        Point::new(self.left + self.width / 2.0, self.bottom())
    }

    /// The side of a square of the same area, in picture heights.
    pub fn size(&self, aspect: f32) -> f32 {
        (self.width * aspect * self.height).sqrt()
    }

    /// Intersection over union, 0 to 1.
    pub fn iou(&self, other: &Self) -> f32 {
        let width = self.right().min(other.right()) - self.left.max(other.left);
        let height = self.bottom().min(other.bottom()) - self.top.max(other.top);
        if width <= 0.0 || height <= 0.0 {
            return 0.0;
        }
        let shared = width * height;
        let union = self.area() + other.area() - shared;
        if union <= shared { 1.0 } else { shared / union }
    }
}

impl From<BBox> for [f32; 4] {
    /// Left, top, width, height.
    fn from(b: BBox) -> Self {
        [b.left, b.top, b.width, b.height]
    }
}
