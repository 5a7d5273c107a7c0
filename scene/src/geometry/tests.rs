use proptest::prelude::*;

use super::*;

/// Multiples of 1/1024, so that mirroring and moving are exact.
fn grid() -> impl Strategy<Value = f32> {
    (0_u16..=1024).prop_map(|n| f32::from(n) / 1024.0)
}

fn point() -> impl Strategy<Value = Point> {
    (grid(), grid()).prop_map(|(x, y)| Point::new(x, y))
}

fn bbox() -> impl Strategy<Value = BBox> {
    let side = (1_u16..=512).prop_map(|n| f32::from(n) / 1024.0);
    (grid(), grid(), side.clone(), side).prop_map(|(l, t, w, h)| BBox::new(l, t, w, h).unwrap())
}

/// A star-shaped polygon around the middle: corners at random distances, in the order of angles.
fn polygon() -> impl Strategy<Value = Polygon> {
    proptest::collection::vec(8_u16..500, 3..12).prop_map(|radii| {
        #[expect(clippy::cast_precision_loss, reason = "few corners")]
        let corner = |(i, r): (usize, &u16)| {
            let angle = i as f32 / radii.len() as f32 * std::f32::consts::TAU;
            let radius = f32::from(*r) / 1024.0;
            Point::new(
                0.5 + radius * libm::cosf(angle),
                0.5 + radius * libm::sinf(angle),
            )
        };
        Polygon::new(radii.iter().enumerate().map(corner).collect()).unwrap()
    })
}

fn polyline() -> impl Strategy<Value = Polyline> {
    proptest::collection::vec(point(), 2..6).prop_filter_map("distinct", |p| Polyline::new(p).ok())
}

fn mirrored(p: Point) -> Point {
    Point::new(1.0 - p.x, p.y)
}

proptest! {
    #[test]
    fn overlap_is_symmetric_and_bounded(a in bbox(), b in bbox()) {
        prop_assert_eq!(a.iou(&b).to_bits(), b.iou(&a).to_bits());
        prop_assert!((0.0..=1.0).contains(&a.iou(&b)));
        prop_assert!((a.iou(&a) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn overlap_does_not_depend_on_the_place(a in bbox(), b in bbox(), dx in grid(), dy in grid()) {
        let moved = |b: &BBox| {
            BBox::new(b.left() + dx, b.top() + dy, b.width(), b.height()).unwrap()
        };
        prop_assert_eq!(a.iou(&b).to_bits(), moved(&a).iou(&moved(&b)).to_bits());
    }

    /// The average of the corners of a star lies inside only for convex ones, but the middle always
    /// does; and the distance changes its sign with the side.
    #[test]
    fn a_star_contains_its_middle(polygon in polygon(), p in point()) {
        let middle = Point::new(0.5, 0.5);
        if polygon.points().len() >= 5 {
            prop_assert!(polygon.contains(middle));
        }
        let distance = polygon.signed_distance(p, 1.5);
        prop_assert!(distance.is_finite());
        prop_assert!(distance == 0.0 || polygon.contains(p) == (0.0 < distance));
    }

    /// A way between two points meets the edge an odd number of times if one is inside.
    #[test]
    fn inside_agrees_with_passages_of_the_edge(polygon in polygon(), a in point(), b in point()) {
        let mut ring = polygon.points().to_vec();
        ring.push(ring[0]);
        let passages: i32 = ring
            .windows(2)
            .map(|pair| Polyline::new(pair.to_vec()).unwrap().passages(a, b).abs())
            .sum();
        prop_assert_eq!(passages % 2 == 1, polygon.contains(a) != polygon.contains(b));
    }

    #[test]
    fn back_is_the_opposite_of_forth(line in polyline(), a in point(), b in point()) {
        prop_assert_eq!(line.passages(a, b), -line.passages(b, a));
    }

    /// However a way is cut into steps, the passages are the same: nothing is counted twice at a
    /// stop, not even on the line itself. Steps are halves, so that they lie on the way exactly.
    #[test]
    fn steps_add_up(a in point(), b in point(), line in polyline()) {
        let middle = Point::new(f32::midpoint(a.x, b.x), f32::midpoint(a.y, b.y));
        let whole = line.passages(a, b);
        prop_assert_eq!(whole, line.passages(a, middle) + line.passages(middle, b));
    }

    #[test]
    fn a_mirror_swaps_the_sides(line in polyline(), a in point(), b in point()) {
        // On the line itself the sides are a convention, which a mirror does not share.
        prop_assume!(line.distance(a, 1.0) != 0.0 && line.distance(b, 1.0) != 0.0);
        prop_assume!(line.points().iter().all(|p| segment::side(a, b, *p) != 0.0));
        let mirror = Polyline::new(line.points().iter().copied().map(mirrored).collect()).unwrap();
        prop_assert_eq!(line.passages(a, b), -mirror.passages(mirrored(a), mirrored(b)));
        let there = mirror.distance(mirrored(a), 1.5);
        prop_assert_eq!(line.distance(a, 1.5).to_bits(), there.to_bits());
    }

    #[test]
    fn any_numbers_are_refused_or_finite(numbers in proptest::array::uniform4(any::<f32>())) {
        let [a, b, c, d] = numbers;
        if let Some(bbox) = BBox::new(a, b, c, d) {
            let values = [bbox.right(), bbox.bottom(), bbox.area(), bbox.foot().x, bbox.size(1.5)];
            prop_assert!(values.iter().all(|v| v.is_finite()));
            prop_assert!(bbox.iou(&bbox).is_finite());
        }
        let strange = Point::new(a, b);
        let line = Polyline::new(vec![Point::new(0.2, 0.2), Point::new(0.8, 0.9)]).unwrap();
        prop_assert!(line.distance(strange, 1.5).is_finite());
        let triangle = [(0.1, 0.1), (0.9, 0.1), (0.5, 0.9)].map(|(x, y)| Point::new(x, y));
        let triangle = Polygon::new(triangle.to_vec()).unwrap();
        prop_assert!(triangle.signed_distance(strange, 1.5).is_finite());
        prop_assert_eq!(Polygon::new(vec![strange, strange, strange]).is_ok(), false);
    }
}

#[test]
fn walking_down_the_picture_the_right_hand_is_where_x_decreases() {
    let down = Polyline::new(vec![Point::new(0.5, 0.2), Point::new(0.5, 0.8)]).unwrap();
    assert_eq!(down.passages(Point::new(0.6, 0.5), Point::new(0.4, 0.5)), 1);
    assert_eq!(
        down.passages(Point::new(0.4, 0.5), Point::new(0.6, 0.5)),
        -1
    );
    // Past the ends there is no line.
    assert_eq!(down.passages(Point::new(0.6, 0.9), Point::new(0.4, 0.9)), 0);
    // Through a corner: once.
    let bent = [(0.5, 0.2), (0.5, 0.5), (0.6, 0.8)].map(|(x, y)| Point::new(x, y));
    let bent = Polyline::new(bent.to_vec()).unwrap();
    assert_eq!(bent.passages(Point::new(0.6, 0.5), Point::new(0.4, 0.5)), 1);
}

#[test]
fn a_polygon_does_not_meet_itself() {
    let check = |points: &[(f32, f32)]| {
        Polygon::new(points.iter().map(|&(x, y)| Point::new(x, y)).collect()).err()
    };
    let square = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)];
    assert_eq!(check(&square), None);
    let hourglass = [(0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)];
    assert_eq!(
        check(&hourglass),
        Some(GeometryError::SelfCrossing { index: 0, other: 2 })
    );
    let spike = [(0.1, 0.1), (0.9, 0.1), (0.5, 0.1), (0.5, 0.9)];
    assert_eq!(
        check(&spike),
        Some(GeometryError::SelfCrossing { index: 0, other: 1 })
    );
    let touching = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.5, 0.1), (0.1, 0.9)];
    assert!(matches!(
        check(&touching),
        Some(GeometryError::SelfCrossing { .. })
    ));
    let closed = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.1)];
    assert_eq!(check(&closed), Some(GeometryError::SamePoint { index: 3 }));
    let sliver = [(0.1, 0.1), (0.9, 0.1), (0.5, 0.100_000_1)];
    assert_eq!(check(&sliver), Some(GeometryError::NoArea));
    assert_eq!(
        check(&square[..2]),
        Some(GeometryError::TooFewPoints { count: 2, least: 3 })
    );
    assert_eq!(
        check(&[(0.1, 0.1), (0.9, 0.1), (0.5, 1.1)]),
        Some(GeometryError::OutsidePicture { index: 2 })
    );
    assert_eq!(
        check(&[(0.5, 0.5); 65]),
        Some(GeometryError::TooManyPoints { count: 65 })
    );
}

#[test]
fn distances_are_in_picture_heights() {
    let line = Polyline::new(vec![Point::new(0.5, 0.0), Point::new(0.5, 1.0)]).unwrap();
    assert!((line.distance(Point::new(0.75, 0.5), 2.0) - 0.5).abs() < 1e-6);
    let square = [(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)];
    let square = Polygon::new(square.map(|(x, y)| Point::new(x, y)).to_vec()).unwrap();
    assert!((square.signed_distance(Point::new(0.5, 0.5), 2.0) - 0.25).abs() < 1e-6);
    assert!((square.signed_distance(Point::new(0.0, 0.5), 2.0) + 0.5).abs() < 1e-6);
    assert!((square.area() - 0.25).abs() < 1e-6);
}

/// Found by `back_is_the_opposite_of_forth`: the way just touches an end of the line.
#[test]
fn who_touches_the_end_of_a_line_and_returns_is_where_he_was() {
    let line = Polyline::new(vec![Point::new(0.5, 0.5), Point::new(0.5, 0.9)]).unwrap();
    let (a, b) = (Point::new(0.25, 0.5), Point::new(0.75, 0.5));
    assert_eq!(line.passages(a, b) + line.passages(b, a), 0);
}
