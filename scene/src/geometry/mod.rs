//! Points, boxes, lines and areas of a picture.
//!
//! Coordinates are fractions of the picture, 0 to 1, origin top left, y down. A fraction of the
//! width is not as long as a fraction of the height; where a length matters, the picture's
//! *aspect* (width / height) is asked for and the length is in picture heights.
//!
//! Shapes are finite by construction, so nothing here yields NaN.

mod bbox;
mod point;
mod polygon;
mod polyline;
mod segment;
#[cfg(test)]
mod tests;

pub use bbox::BBox;
pub use point::Point;
pub use polygon::Polygon;
pub use polyline::Polyline;

/// Most points of a polygon or a polyline.
pub const POINTS_MAX: usize = 64;

/// Why points do not make a shape. Indices count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    /// Fewer points than the shape needs.
    #[error("has {count} points, needs at least {least}")]
    TooFewPoints {
        /// Points given.
        count: usize,
        /// Points needed.
        least: usize,
    },
    /// More than [`POINTS_MAX`] points.
    #[error("has {count} points, may have at most {POINTS_MAX}")]
    TooManyPoints {
        /// Points given.
        count: usize,
    },
    /// A coordinate is not a number from 0 to 1.
    #[error("lies outside the picture; both coordinates are fractions from 0 to 1")]
    OutsidePicture {
        /// The point at fault.
        index: usize,
    },
    /// A point equals the one before it (for a polygon, the last also the first).
    #[error("is the same as the point before it; leave one out (a polygon closes by itself)")]
    SamePoint {
        /// The point at fault.
        index: usize,
    },
    /// Two edges of a polygon meet elsewhere than at a common corner.
    #[error("starts an edge that meets the edge from point {other}; a zone may not cross itself")]
    SelfCrossing {
        /// First point of the one edge.
        index: usize,
        /// First point of the other edge.
        other: usize,
    },
    /// The points lie on a line.
    #[error("encloses no area")]
    NoArea,
}

impl GeometryError {
    /// The point at fault, where it is one point.
    pub const fn index(&self) -> Option<usize> {
        match *self {
            Self::OutsidePicture { index }
            | Self::SamePoint { index }
            | Self::SelfCrossing { index, .. } => Some(index),
            Self::TooFewPoints { .. } | Self::TooManyPoints { .. } | Self::NoArea => None,
        }
    }
}

/// The checks that lines and areas share.
fn check_points(points: &[Point], least: usize) -> Result<(), GeometryError> {
    let count = points.len();
    if count < least {
        return Err(GeometryError::TooFewPoints { count, least });
    }
    if POINTS_MAX < count {
        return Err(GeometryError::TooManyPoints { count });
    }
    if let Some(index) = points.iter().position(|p| !p.is_in_picture()) {
        return Err(GeometryError::OutsidePicture { index });
    }
    if let Some(index) = points
        .windows(2)
        .position(|pair| matches!(pair, [a, b] if a == b))
    {
        return Err(GeometryError::SamePoint {
            index: index.saturating_add(1),
        });
    }
    Ok(())
}
