use super::{GeometryError, Point, check_points, segment};

/// A line of two or more points, all in the picture. It may cross itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Polyline {
    points: Vec<Point>,
}

impl Polyline {
    /// Checks the points.
    pub fn new(points: Vec<Point>) -> Result<Self, GeometryError> {
        check_points(&points, 2)?;
        Ok(Self { points })
    }

    /// The points, in the order given.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// How often the straight way from one point to another passes the line: passages to the right
    /// less passages to the left. 0 when a point is not finite.
    pub fn passages(&self, from: Point, to: Point) -> i32 {
        self.segments()
            .map(|(p, q)| segment::passage(from, to, p, q))
            .sum()
    }

    /// The shortest way from a point to the line, in picture heights. `f32::MAX` when the point is
    /// not finite.
    pub fn distance(&self, point: Point, aspect: f32) -> f32 {
        shortest(self.segments(), point, aspect)
    }

    fn segments(&self) -> impl Iterator<Item = (Point, Point)> {
        self.points
            .iter()
            .copied()
            .zip(self.points.iter().copied().skip(1))
    }
}

pub(super) fn shortest(
    segments: impl Iterator<Item = (Point, Point)>,
    point: Point,
    aspect: f32,
) -> f32 {
    if !point.is_finite() {
        return f32::MAX;
    }
    let squared = segments
        .map(|(a, b)| segment::distance_squared(point, a, b, aspect))
        .fold(f64::MAX, f64::min);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to single precision is meant"
    )]
    let distance = squared.sqrt() as f32;
    distance.min(f32::MAX)
}
