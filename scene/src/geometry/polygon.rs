use super::{GeometryError, Point, check_points, polyline::shortest, segment};

/// An area whose edge does not meet itself, all in the picture. It closes by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    points: Vec<Point>,
}

/// The smallest area of a polygon, as a share of the picture: less than one pixel of 1024 × 1024.
const AREA_MIN: f64 = 1e-6;

impl Polygon {
    /// Checks the points.
    pub fn new(points: Vec<Point>) -> Result<Self, GeometryError> {
        check_points(&points, 3)?;
        if points.first() == points.last() {
            return Err(GeometryError::SamePoint {
                index: points.len().saturating_sub(1),
            });
        }
        let polygon = Self { points };
        if let Some((index, other)) = polygon.self_crossing() {
            return Err(GeometryError::SelfCrossing { index, other });
        }
        if polygon.area() < AREA_MIN {
            return Err(GeometryError::NoArea);
        }
        Ok(polygon)
    }

    /// The corners, in the order given.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Whether a point lies inside; the edge itself belongs to one side or the other. False for a
    /// point that is not finite.
    ///
    /// Crossings of a ray to the right, half open so that a corner counts once
    /// (Franklin, *PNPOLY*, 1970).
    pub fn contains(&self, point: Point) -> bool {
        if !point.is_finite() {
            return false;
        }
        self.edges().fold(false, |inside, (a, b)| {
            if (a.y <= point.y) == (b.y <= point.y) {
                return inside;
            }
            let (upper, lower) = if a.y < b.y { (a, b) } else { (b, a) };
            // The ray meets the edge if the point is on the left of the edge in the picture: on the
            // right hand of one who walks down it.
            inside != (0.0 < segment::side(upper, lower, point))
        })
    }

    /// Distance to the edge in picture heights: positive inside, negative outside. `-f32::MAX`
    /// when the point is not finite.
    pub fn signed_distance(&self, point: Point, aspect: f32) -> f32 {
        let distance = shortest(self.edges(), point, aspect);
        if self.contains(point) {
            distance
        } else {
            -distance
        }
    }

    /// As a share of the picture.
    pub fn area(&self) -> f64 {
        let twice: f64 = self
            .edges()
            .map(|(a, b)| segment::side(Point::new(0.0, 0.0), a, b))
            .sum();
        twice.abs() / 2.0
    }

    fn edges(&self) -> impl Iterator<Item = (Point, Point)> {
        self.points
            .iter()
            .copied()
            .zip(self.points.iter().copied().cycle().skip(1))
    }

    /// First points of two edges that meet elsewhere than at their common corner.
    fn self_crossing(&self) -> Option<(usize, usize)> {
        let count = self.points.len();
        for (j, (c, d)) in self.edges().enumerate() {
            for (i, (a, b)) in self.edges().enumerate().take(j) {
                let meets = if b == c && i.saturating_add(1) == j {
                    folds_back(a, b, d)
                } else if d == a && i == 0 && j.saturating_add(1) == count {
                    folds_back(c, d, b)
                } else {
                    segment::meet(a, b, c, d)
                };
                if meets {
                    return Some((i, j));
                }
            }
        }
        None
    }
}

/// Whether the way a → b → c turns on its heel at b, so that the edges overlap.
fn folds_back(a: Point, b: Point, c: Point) -> bool {
    let dot = (f64::from(b.x) - f64::from(a.x)) * (f64::from(c.x) - f64::from(b.x))
        + (f64::from(b.y) - f64::from(a.y)) * (f64::from(c.y) - f64::from(b.y));
    segment::side(a, b, c) == 0.0 && dot < 0.0
}
