//! Two points and what lies between, in double precision: differences of single-precision
//! coordinates are then exact for all but vanishing ones.

use super::Point;

/// On which side of the way from `from` to `to` a point lies: positive on the right hand of the
/// walker (y points down), negative on the left, 0 on the line. Twice the area of the triangle.
pub(super) fn side(from: Point, to: Point, point: Point) -> f64 {
    let (ax, ay) = (
        f64::from(to.x) - f64::from(from.x),
        f64::from(to.y) - f64::from(from.y),
    );
    let (bx, by) = (
        f64::from(point.x) - f64::from(from.x),
        f64::from(point.y) - f64::from(from.y),
    );
    ax * by - ay * bx
}

/// How the way `from` → `to` passes the segment `p` → `q`: 1 to its right side, -1 to its left, 0
/// not at all.
///
/// Both segments are half open: a point on a line counts to its left. So a way through a corner of
/// a polyline, or one that stops on the line and goes on, is counted once. Which side of the way an
/// end of the segment is on that lies on it does not depend on the direction of the way: who turns
/// back there passes as often as he did.
pub(super) fn passage(from: Point, to: Point, p: Point, q: Point) -> i32 {
    let (low, high) = if (from.x, from.y) <= (to.x, to.y) {
        (from, to)
    } else {
        (to, from)
    };
    let p_right = 0.0 < side(low, high, p);
    let q_right = 0.0 < side(low, high, q);
    if p_right == q_right {
        return 0;
    }
    match (0.0 < side(p, q, from), 0.0 < side(p, q, to)) {
        (false, true) => 1,
        (true, false) => -1,
        _ => 0,
    }
}

/// Whether two closed segments share a point.
pub(super) fn meet(a: Point, b: Point, c: Point, d: Point) -> bool {
    let (ac, ad) = (side(a, b, c), side(a, b, d));
    let (ca, cb) = (side(c, d, a), side(c, d, b));
    if opposite(ac, ad) && opposite(ca, cb) {
        return true;
    }
    (ac == 0.0 && within(a, b, c))
        || (ad == 0.0 && within(a, b, d))
        || (ca == 0.0 && within(c, d, a))
        || (cb == 0.0 && within(c, d, b))
}

/// Distance from `point` to the segment, in picture heights, squared.
pub(super) fn distance_squared(point: Point, a: Point, b: Point, aspect: f32) -> f64 {
    let aspect = f64::from(aspect);
    let (abx, aby) = (
        (f64::from(b.x) - f64::from(a.x)) * aspect,
        f64::from(b.y) - f64::from(a.y),
    );
    let (apx, apy) = (
        (f64::from(point.x) - f64::from(a.x)) * aspect,
        f64::from(point.y) - f64::from(a.y),
    );
    let length_squared = abx * abx + aby * aby;
    let along = if 0.0 < length_squared {
        ((apx * abx + apy * aby) / length_squared).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let (dx, dy) = (apx - along * abx, apy - along * aby);
    dx * dx + dy * dy
}

fn opposite(a: f64, b: f64) -> bool {
    (a < 0.0 && 0.0 < b) || (b < 0.0 && 0.0 < a)
}

/// Whether `p`, known to lie on the line through `a` and `b`, lies between them.
fn within(a: Point, b: Point, p: Point) -> bool {
    (a.x.min(b.x)..=a.x.max(b.x)).contains(&p.x) && (a.y.min(b.y)..=a.y.max(b.y)).contains(&p.y)
}
