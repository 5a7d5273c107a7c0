//! One pass from the planes of a picture to the model's input: scale, colour and normalisation.
//!
//! For every row of the tensor, the two source rows it lies between are blended (whole rows, which
//! the compiler turns into SIMD), then its columns are picked and blended from that one row, then
//! colour is converted. No picture in another size or colour is ever made. Bilinear with half-pixel
//! centres, like OpenCV's `INTER_LINEAR`; luma and chroma are sampled at the same relative place.

use super::manifest::{ColourOrder, InputSpec, Layout, Resize};
use crate::capture::picture::{Chroma, Colour, Matrix, Picture};

/// Weights of a blend are in 1/256: a blend in both directions then fills 24 bits, exact in `f32`.
const ONE: u16 = 256;

/// Fills tensors from pictures of one size; tables and buffers are made once.
pub struct Letterbox {
    source: (usize, usize),
    /// Height and width of the tensor.
    shape: (usize, usize),
    /// Height and width of the part of it that the picture covers, at the top left.
    placed: (usize, usize),
    layout: Layout,
    order: ColourOrder,
    /// Per channel of the model: factor and offset from a pixel value to a tensor value.
    normalise: [(f32, f32); 3],
    luma: Axes,
    chroma: Axes,
    luma_row: Vec<u16>,
    chroma_row: Vec<[u16; 2]>,
    /// Y, Cb, Cr of one tensor row, in pixel values.
    samples: [Vec<f32>; 3],
    /// Channels of one row, for `NHWC`.
    channels: [Vec<f32>; 3],
    values: Vec<f32>,
}

struct Axes {
    columns: Vec<Tap>,
    rows: Vec<Tap>,
}

/// A place between the samples `at` and `at + 1`.
#[derive(Clone, Copy)]
struct Tap {
    at: u32,
    /// Weight of `at + 1`, 0 to 256.
    weight: u16,
}

impl Letterbox {
    /// For pictures of `width × height`; takes the allowed shape that they fill best.
    pub fn new((width, height): (usize, usize), spec: &InputSpec) -> Self {
        let mut best = (
            spec.shapes.first().copied().unwrap_or([spec.stride; 2]),
            -1.0,
        );
        for &shape in &spec.shapes {
            let fill = fill(shape, (width, height));
            if best.1 < fill {
                best = (shape, fill);
            }
        }
        let ([rows, columns], _) = best;
        let placed = match spec.resize {
            Resize::Letterbox => place([rows, columns], (width, height)),
            Resize::Stretch => (rows, columns),
        };
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let axes = |w, h| Axes {
            columns: taps(w, placed.1),
            rows: taps(h, placed.0),
        };
        let normalise: [(f32, f32); 3] =
            std::array::from_fn(|c| (spec.scale / spec.std[c], -spec.mean[c] / spec.std[c]));
        let row = || vec![0.0; placed.1];
        let mut letterbox = Self {
            source: (width, height),
            shape: (rows, columns),
            placed,
            layout: spec.layout,
            order: spec.colour,
            normalise,
            luma: axes(width, height),
            chroma: axes(half_width, half_height),
            luma_row: vec![0; width + 1],
            chroma_row: vec![[0; 2]; half_width + 1],
            samples: [row(), row(), row()],
            channels: [row(), row(), row()],
            values: vec![0.0; 3 * rows * columns],
        };
        letterbox.fill_padding(spec.pad);
        letterbox
    }

    /// Size of the pictures it is for.
    pub fn source(&self) -> (usize, usize) {
        self.source
    }

    /// Height and width of the tensor.
    pub fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// Height and width of the part that the picture covers.
    pub fn placed(&self) -> (usize, usize) {
        self.placed
    }

    pub fn dims(&self) -> [usize; 4] {
        let (rows, columns) = self.shape;
        match self.layout {
            Layout::Nchw => [1, 3, rows, columns],
            Layout::Nhwc => [1, rows, columns, 3],
        }
    }

    /// The tensor of the picture filled last.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    fn fill_padding(&mut self, pad: f32) {
        let area = self.shape.0 * self.shape.1;
        for (i, value) in self.values.iter_mut().enumerate() {
            let channel = match self.layout {
                Layout::Nchw => i / area,
                Layout::Nhwc => i % 3,
            };
            let (factor, offset) = self.normalise[channel];
            *value = pad * factor + offset;
        }
    }

    /// Reads `picture`, which must have the size this was made for.
    pub fn fill(&mut self, picture: &Picture<'_>) {
        debug_assert_eq!((picture.width(), picture.height()), self.source);
        let conversion = Conversion::new(picture.colour);
        for y in 0..self.placed.0 {
            blend_luma(picture, self.luma.rows[y], &mut self.luma_row);
            blend_chroma(picture, self.chroma.rows[y], &mut self.chroma_row);
            pick_luma(&self.luma_row, &self.luma.columns, &mut self.samples[0]);
            let [_, cb, cr] = &mut self.samples;
            pick_chroma(&self.chroma_row, &self.chroma.columns, cb, cr);
            self.write_row(y, &conversion);
        }
    }

    fn write_row(&mut self, y: usize, conversion: &Conversion) {
        let (rows, columns) = self.shape;
        let width = self.placed.1;
        match self.layout {
            Layout::Nchw => {
                let (first, rest) = self.values.split_at_mut(rows * columns);
                let (second, third) = rest.split_at_mut(rows * columns);
                let start = y * columns;
                let planes = [first, second, third].map(|p| &mut p[start..start + width]);
                convert(
                    &self.samples,
                    conversion,
                    self.order,
                    self.normalise,
                    planes,
                );
            }
            Layout::Nhwc => {
                let planes = self.channels.each_mut().map(Vec::as_mut_slice);
                convert(
                    &self.samples,
                    conversion,
                    self.order,
                    self.normalise,
                    planes,
                );
                let start = y * columns * 3;
                let row = self.values[start..start + width * 3].chunks_exact_mut(3);
                for (x, pixel) in row.enumerate() {
                    for (channel, value) in pixel.iter_mut().enumerate() {
                        *value = self.channels[channel][x];
                    }
                }
            }
        }
    }
}

/// Rows and columns of a picture scaled to fit into `shape`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sides are positive and below 2^24"
)]
fn place([rows, columns]: [usize; 2], (width, height): (usize, usize)) -> (usize, usize) {
    let scale = (rows as f64 / height as f64).min(columns as f64 / width as f64);
    let side = |n: usize, max: usize| ((n as f64 * scale).round() as usize).clamp(1, max);
    (side(height, rows), side(width, columns))
}

/// How much of `shape` a picture covers, 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "sides are below 2^24")]
fn fill(shape: [usize; 2], picture: (usize, usize)) -> f64 {
    let (rows, columns) = place(shape, picture);
    (rows * columns) as f64 / (shape[0] * shape[1]) as f64
}

/// For each of `to` places the two of `from` samples around it.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places are within 0..=from, and from is below 2^24"
)]
fn taps(from: usize, to: usize) -> Vec<Tap> {
    let scale = from as f64 / to as f64;
    let last = (from - 1) as f64;
    let tap = |i: usize| {
        let place = ((i as f64 + 0.5) * scale - 0.5).clamp(0.0, last);
        let at = place.floor().min((last - 1.0).max(0.0));
        let weight = ((place - at) * f64::from(ONE)).round();
        Tap {
            at: at as u32,
            weight: weight as u16,
        }
    };
    (0..to).map(tap).collect()
}

/// Rows `at` and `at + 1` of the luma plane, blended; the last sample is doubled, so that there is
/// always a right neighbour.
fn blend_luma(picture: &Picture<'_>, tap: Tap, out: &mut [u16]) {
    let y = tap.at as usize;
    let above = picture.luma_row(y);
    let below = picture.luma_row((y + 1).min(picture.height() - 1));
    for ((out, &a), &b) in out.iter_mut().zip(above).zip(below) {
        *out = blend(a, b, tap.weight);
    }
    double_last(out);
}

fn blend_chroma(picture: &Picture<'_>, tap: Tap, out: &mut [[u16; 2]]) {
    let y = tap.at as usize;
    let below = (y + 1).min(picture.chroma_height() - 1);
    let width = picture.chroma_width();
    match picture.chroma() {
        Chroma::Planar { u, v } => {
            let (u0, u1) = (u.row(y, width), u.row(below, width));
            let (v0, v1) = (v.row(y, width), v.row(below, width));
            let pairs = u0.iter().zip(u1).zip(v0.iter().zip(v1));
            for (out, ((&ua, &ub), (&va, &vb))) in out.iter_mut().zip(pairs) {
                *out = [blend(ua, ub, tap.weight), blend(va, vb, tap.weight)];
            }
        }
        Chroma::Interleaved(uv) => {
            let (above, below) = (uv.row(y, 2 * width), uv.row(below, 2 * width));
            let out = out.as_flattened_mut().iter_mut();
            for ((out, &a), &b) in out.zip(above).zip(below) {
                *out = blend(a, b, tap.weight);
            }
        }
    }
    double_last(out);
}

#[inline]
fn blend(a: u8, b: u8, weight: u16) -> u16 {
    u16::from(a) * (ONE - weight) + u16::from(b) * weight
}

fn double_last<T: Copy>(row: &mut [T]) {
    if let [.., last, extra] = row {
        *extra = *last;
    }
}

const PIXEL: f32 = 1.0 / (256.0 * 256.0);

#[expect(
    clippy::cast_precision_loss,
    reason = "a doubly blended sample has 24 bits"
)]
#[inline]
fn mix(left: u16, right: u16, weight: u16) -> f32 {
    let sum = u32::from(left) * u32::from(ONE - weight) + u32::from(right) * u32::from(weight);
    sum as f32 * PIXEL
}

fn pick_luma(row: &[u16], columns: &[Tap], out: &mut [f32]) {
    for (out, tap) in out.iter_mut().zip(columns) {
        let at = tap.at as usize;
        if let Some(&[left, right]) = row.get(at..at + 2) {
            *out = mix(left, right, tap.weight);
        }
    }
}

fn pick_chroma(row: &[[u16; 2]], columns: &[Tap], cb: &mut [f32], cr: &mut [f32]) {
    for ((cb, cr), tap) in cb.iter_mut().zip(cr).zip(columns) {
        let at = tap.at as usize;
        if let Some(&[[u0, v0], [u1, v1]]) = row.get(at..at + 2) {
            *cb = mix(u0, u1, tap.weight);
            *cr = mix(v0, v1, tap.weight);
        }
    }
}

/// Coefficients from Y'CbCr in pixel values to R'G'B' in pixel values
/// (ITU-R BT.601-7 and BT.709-6, with the ranges of their section on digital representation).
struct Conversion {
    luma: f32,
    luma_zero: f32,
    cr_red: f32,
    cb_green: f32,
    cr_green: f32,
    cb_blue: f32,
}

impl Conversion {
    fn new(colour: Colour) -> Self {
        let (red, blue) = match colour.matrix {
            Matrix::Bt601 => (0.299_f32, 0.114_f32),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        let green = 1.0 - red - blue;
        let (luma, luma_zero, chroma) = if colour.full_range {
            (1.0, 0.0, 1.0)
        } else {
            (255.0 / 219.0, 16.0, 255.0 / 224.0)
        };
        Self {
            luma,
            luma_zero,
            cr_red: 2.0 * (1.0 - red) * chroma,
            cb_green: -2.0 * (1.0 - blue) * blue / green * chroma,
            cr_green: -2.0 * (1.0 - red) * red / green * chroma,
            cb_blue: 2.0 * (1.0 - blue) * chroma,
        }
    }
}

fn convert(
    [luma, cb, cr]: &[Vec<f32>; 3],
    by: &Conversion,
    order: ColourOrder,
    normalise: [(f32, f32); 3],
    planes: [&mut [f32]; 3],
) {
    let [first, second, third] = planes;
    let (red, green, blue) = match order {
        ColourOrder::Rgb => (first, second, third),
        ColourOrder::Bgr => (third, second, first),
    };
    let [for_red, for_green, for_blue] = match order {
        ColourOrder::Rgb => normalise,
        ColourOrder::Bgr => [normalise[2], normalise[1], normalise[0]],
    };
    let put = |pixel: f32, (factor, offset): (f32, f32)| pixel.clamp(0.0, 255.0) * factor + offset;
    let out = red.iter_mut().zip(green).zip(blue);
    let samples = luma.iter().zip(cb).zip(cr);
    for (((red, green), blue), ((&y, &cb), &cr)) in out.zip(samples) {
        let y = (y - by.luma_zero) * by.luma;
        let (cb, cr) = (cb - 128.0, cr - 128.0);
        *red = put(y + by.cr_red * cr, for_red);
        *green = put(y + by.cb_green * cb + by.cr_green * cr, for_green);
        *blue = put(y + by.cb_blue * cb, for_blue);
    }
}

#[cfg(test)]
mod tests;
