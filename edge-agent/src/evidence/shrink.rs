//! A picture at most so wide, as the interleaved full-range Y'CbCr of JPEG (JFIF 1.02).

use crate::capture::picture::{Chroma, Picture, Plane};

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
        let factor = picture.width().div_ceil(width_max).max(1);
        (self.width, self.height) =
            ((picture.width() / factor).max(1), (picture.height() / factor).max(1));
        self.pixels.clear();
        self.pixels.reserve(3 * self.width * self.height);
        let range = Range::new(picture.colour.full_range);
        for y in 0..self.height {
            for x in 0..self.width {
                let luma = mean(x * factor, y * factor, factor, picture);
                let (cb, cr) = chroma(x * factor / 2, y * factor / 2, picture);
                self.pixels.extend([range.luma(luma), range.chroma(cb), range.chroma(cr)]);
            }
        }
    }
}

fn mean(x: usize, y: usize, size: usize, picture: &Picture<'_>) -> u8 {
    let (right, bottom) = ((x + size).min(picture.width()), (y + size).min(picture.height()));
    let (mut sum, mut count) = (0_u32, 0_u32);
    for row in y..bottom {
        for &value in &picture.luma_row(row)[x..right] {
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
            Self { luma_zero: 0, luma_gain: 256, chroma_gain: 256 }
        } else {
            // 255 / 219 and 255 / 224
            Self { luma_zero: 16, luma_gain: 298, chroma_gain: 291 }
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
