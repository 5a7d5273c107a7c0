//! A picture at most so wide, as the interleaved full-range Y'CbCr of JPEG (JFIF 1.02).

use std::ops::Range as Span;

use crate::capture::picture::{Chroma, Picture, Plane};

/// Of pictures that are far higher than wide.
const HEIGHT_MAX: usize = 2048;

#[derive(Default)]
pub(super) struct Shrunk {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Y, Cb, Cr of each pixel, row by row.
    pub(super) pixels: Vec<u8>,
}

impl Shrunk {
    /// Each pixel is the mean of the block it stands for. The matrix of BT.709 is taken for that of
    /// BT.601: a small shift of hue, in a picture that is looked at and not measured.
    pub(super) fn fill(&mut self, picture: &Picture<'_>, width_max: usize) {
        let (from_width, from_height) = (picture.width(), picture.height());
        self.width = from_width.min(width_max);
        self.height = (from_height * self.width / from_width).clamp(1, HEIGHT_MAX);
        self.pixels.clear();
        self.pixels.reserve(3 * self.width * self.height);
        let range = Range::new(picture.colour.full_range);
        for y in 0..self.height {
            let rows = block(y, self.height, from_height);
            for x in 0..self.width {
                let columns = block(x, self.width, from_width);
                let luma = mean(&columns, &rows, picture);
                let (cb, cr) = chroma(columns.start / 2, rows.start / 2, picture);
                self.pixels
                    .extend([range.luma(luma), range.chroma(cb), range.chroma(cr)]);
            }
        }
    }
}

/// The part of `from` source samples that pixel `index` of `count` stands for; never empty.
fn block(index: usize, count: usize, from: usize) -> Span<usize> {
    let start = (index * from / count).min(from - 1);
    start..((index + 1) * from / count).clamp(start + 1, from)
}

fn mean(columns: &Span<usize>, rows: &Span<usize>, picture: &Picture<'_>) -> u8 {
    let (mut sum, mut count) = (0_u32, 0_u32);
    for row in rows.clone() {
        for &value in &picture.luma_row(row)[columns.clone()] {
            sum += u32::from(value);
            count += 1;
        }
    }
    u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX)
}

fn chroma(x: usize, y: usize, picture: &Picture<'_>) -> (u8, u8) {
    let x = x.min(picture.chroma_width() - 1);
    let y = y.min(picture.chroma_height() - 1);
    let at = |plane: Plane<'_>, x: usize| plane.row(y, x + 1)[x];
    match picture.chroma() {
        Chroma::Planar { u, v } => (at(u, x), at(v, x)),
        Chroma::Interleaved(uv) => (at(uv, 2 * x), at(uv, 2 * x + 1)),
    }
}

/// From the range of the video to the full one, in 1/256.
struct Range {
    luma_zero: i32,
    luma_gain: i32,
    chroma_gain: i32,
}

impl Range {
    fn new(full: bool) -> Self {
        if full {
            Self {
                luma_zero: 0,
                luma_gain: 256,
                chroma_gain: 256,
            }
        } else {
            // 255 / 219 and 255 / 224
            Self {
                luma_zero: 16,
                luma_gain: 298,
                chroma_gain: 291,
            }
        }
    }

    fn luma(&self, value: u8) -> u8 {
        byte((i32::from(value) - self.luma_zero) * self.luma_gain / 256)
    }

    fn chroma(&self, value: u8) -> u8 {
        byte((i32::from(value) - 128) * self.chroma_gain / 256 + 128)
    }
}

fn byte(value: i32) -> u8 {
    u8::try_from(value.clamp(0, 255)).unwrap_or(u8::MAX)
}
