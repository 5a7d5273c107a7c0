//! What must not be readable, and how it is made so.

use scene::BBox;

use super::shrink::Shrunk;

/// A part of the picture, in fractions of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

/// More blocks across than this and a face may be known again.
const BLOCKS_ACROSS: usize = 8;
/// How far a region is grown on each side, in its own sizes: boxes are not exact.
const MARGIN: f32 = 0.15;

/// Classes of which [`region`] hides something.
pub const MASKED_CLASSES: [&str; 5] = ["person", "car", "motorcycle", "bus", "truck"];

/// The head of one who stands is a quarter of the box at most. Of one who sits, or who is so near
/// that the picture cuts him off, it is more, but no higher than the shoulders are wide.
const HEAD_OF_HEIGHT: f32 = 0.25;
const HEAD_OF_WIDTH: f32 = 0.8;

/// What to hide of an object: the head of a person, where a vehicle has its plates. `None`: nothing.
/// `aspect` is the picture's width divided by its height.
pub fn region(class: &str, bbox: &BBox, aspect: f32) -> Option<Region> {
    let (left, right, top, bottom) = (bbox.left(), bbox.right(), bbox.top(), bbox.bottom());
    let (width, height) = (bbox.width(), bbox.height());
    let (left, right, top, bottom) = match class {
        "person" => {
            let by_width = (width * aspect * HEAD_OF_WIDTH).min(height);
            let head = (height * HEAD_OF_HEIGHT).max(by_width);
            (left, right, top, top + head)
        }
        "car" | "motorcycle" | "bus" | "truck" => (
            left + width * 0.1,
            right - width * 0.1,
            top + height / 2.0,
            bottom,
        ),
        _ => return None,
    };
    let (dx, dy) = ((right - left) * MARGIN, (bottom - top) * MARGIN);
    Some(Region {
        left: left - dx,
        top: top - dy,
        right: right + dx,
        bottom: bottom + dy,
    })
}

/// Replaces the region by blocks of their mean, at most [`BLOCKS_ACROSS`] in a row.
pub(super) fn pixelate(picture: &mut Shrunk, region: &Region) {
    let (left, right) = span(region.left, region.right, picture.width);
    let (top, bottom) = span(region.top, region.bottom, picture.height);
    let block = (right - left)
        .max(bottom - top)
        .div_ceil(BLOCKS_ACROSS)
        .max(2);
    for y in (top..bottom).step_by(block) {
        for x in (left..right).step_by(block) {
            flatten(
                picture,
                (x, (x + block).min(right)),
                (y, (y + block).min(bottom)),
            );
        }
    }
}

/// Pixels from the one that holds `from` to the one that holds `to`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the picture"
)]
fn span(from: f32, to: f32, side: usize) -> (usize, usize) {
    let side_f = side as f32;
    let first = (from * side_f).floor().clamp(0.0, side_f) as usize;
    let end = (to * side_f).ceil().clamp(0.0, side_f) as usize;
    (first, end.max(first))
}

fn flatten(picture: &mut Shrunk, (left, right): (usize, usize), (top, bottom): (usize, usize)) {
    let mut sums = [0_usize; 3];
    let mut count = 0;
    let index = |x: usize, y: usize, width: usize| 3 * (y * width + x);
    let width = picture.width;
    for y in top..bottom {
        for pixel in picture.pixels[index(left, y, width)..index(right, y, width)].chunks_exact(3) {
            for (sum, &value) in sums.iter_mut().zip(pixel) {
                *sum += usize::from(value);
            }
            count += 1;
        }
    }
    let means = sums.map(|sum| u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX));
    for y in top..bottom {
        let row = &mut picture.pixels[index(left, y, width)..index(right, y, width)];
        for pixel in row.chunks_exact_mut(3) {
            pixel.copy_from_slice(&means);
        }
    }
}
