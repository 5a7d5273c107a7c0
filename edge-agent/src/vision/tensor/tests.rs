//! The fast pass against a slow one that takes every formula literally.

use proptest::prelude::*;

use super::*;
use crate::capture::picture::Plane;

#[derive(Debug, Clone)]
struct Planes {
    width: usize,
    height: usize,
    strides: [usize; 2],
    interleaved: bool,
    colour: Colour,
    luma: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl Planes {
    fn picture(&self) -> Picture<'_> {
        let [luma_stride, stride] = self.strides;
        let luma = Plane {
            data: &self.luma,
            stride: luma_stride,
        };
        let chroma = if self.interleaved {
            Chroma::Interleaved(Plane {
                data: &self.u,
                stride,
            })
        } else {
            Chroma::Planar {
                u: Plane {
                    data: &self.u,
                    stride,
                },
                v: Plane {
                    data: &self.v,
                    stride,
                },
            }
        };
        Picture::new((self.width, self.height), luma, chroma, self.colour)
            .expect("planes are whole")
    }

    fn sample(&self, x: f64, y: f64) -> [f64; 3] {
        let [luma_stride, stride] = self.strides;
        let chroma = (self.width.div_ceil(2), self.height.div_ceil(2));
        let (step, v) = if self.interleaved {
            (2, &self.u[1..])
        } else {
            (1, &self.v[..])
        };
        [
            bilinear(
                &self.luma,
                luma_stride,
                1,
                (self.width, self.height),
                (x, y),
            ),
            bilinear(&self.u, stride, step, chroma, (x, y)),
            bilinear(v, stride, step, chroma, (x, y)),
        ]
    }
}

/// The value at the fraction `(x, y)` of a plane.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers"
)]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn bilinear(
    data: &[u8],
    stride: usize,
    step: usize,
    (width, height): (usize, usize),
    (x, y): (f64, f64),
) -> f64 {
    let place = |fraction: f64, count: usize| {
        (fraction * count as f64 - 0.5).clamp(0.0, (count - 1) as f64)
    };
    let (x, y) = (place(x, width), place(y, height));
    let at = |column: usize, row: usize| {
        f64::from(data[row.min(height - 1) * stride + column.min(width - 1) * step])
    };
    let (column, row) = (x as usize, y as usize);
    let (fx, fy) = (x.fract(), y.fract());
    let above = at(column, row) * (1.0 - fx) + at(column + 1, row) * fx;
    let below = at(column, row + 1) * (1.0 - fx) + at(column + 1, row + 1) * fx;
    above * (1.0 - fy) + below * fy
}

fn rgb([y, cb, cr]: [f64; 3], colour: Colour) -> [f64; 3] {
    let (kr, kb) = match colour.matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
    };
    let (y, cb, cr) = if colour.full_range {
        (y / 255.0, (cb - 128.0) / 255.0, (cr - 128.0) / 255.0)
    } else {
        (
            (y - 16.0) / 219.0,
            (cb - 128.0) / 224.0,
            (cr - 128.0) / 224.0,
        )
    };
    let red = y + 2.0 * (1.0 - kr) * cr;
    let blue = y + 2.0 * (1.0 - kb) * cb;
    let green = (y - kr * red - kb * blue) / (1.0 - kr - kb);
    [red, green, blue].map(|value| (value * 255.0).clamp(0.0, 255.0))
}

fn planes() -> impl Strategy<Value = Planes> {
    let colour = (any::<bool>(), any::<bool>()).prop_map(|(hd, full_range)| Colour {
        matrix: if hd { Matrix::Bt709 } else { Matrix::Bt601 },
        full_range,
    });
    (
        1_usize..70,
        1_usize..70,
        0_usize..9,
        any::<bool>(),
        colour,
        any::<u64>(),
    )
        .prop_map(|(width, height, slack, interleaved, colour, seed)| {
            let chroma = width.div_ceil(2) * if interleaved { 2 } else { 1 };
            let strides = [width + slack, chroma + slack];
            let rows = height.div_ceil(2);
            let mut state = seed | 1;
            let mut noise = |len: usize| -> Vec<u8> {
                (0..len)
                    .map(|_| {
                        state = state
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1);
                        (state >> 56) as u8
                    })
                    .collect()
            };
            let luma = noise(strides[0] * height);
            let (u, v) = (noise(strides[1] * rows), noise(strides[1] * rows));
            Planes {
                width,
                height,
                strides,
                interleaved,
                colour,
                luma,
                u,
                v,
            }
        })
}

fn spec(layout: Layout, colour: ColourOrder, resize: Resize) -> InputSpec {
    InputSpec {
        name: None,
        layout,
        colour,
        scale: 1.0 / 255.0,
        mean: [0.4, 0.5, 0.6],
        std: [0.2, 0.25, 0.3],
        resize,
        pad: 114.0,
        shapes: vec![[32, 32], [32, 64], [64, 32]],
        stride: 32,
    }
}

fn specs() -> impl Strategy<Value = InputSpec> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(nhwc, bgr, stretch)| {
        spec(
            if nhwc { Layout::Nhwc } else { Layout::Nchw },
            if bgr {
                ColourOrder::Bgr
            } else {
                ColourOrder::Rgb
            },
            if stretch {
                Resize::Stretch
            } else {
                Resize::Letterbox
            },
        )
    })
}

proptest! {
    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn equals_the_slow_way(planes in planes(), spec in specs()) {
        let mut letterbox = Letterbox::new((planes.width, planes.height), &spec);
        letterbox.fill(&planes.picture());
        let ((rows, columns), (placed_rows, placed_columns)) =
            (letterbox.shape(), letterbox.placed());
        for y in 0..rows {
            for x in 0..columns {
                let inside = y < placed_rows && x < placed_columns;
                let mut pixel = if inside {
                    let place = (
                        (x as f64 + 0.5) / placed_columns as f64,
                        (y as f64 + 0.5) / placed_rows as f64,
                    );
                    rgb(planes.sample(place.0, place.1), planes.colour)
                } else {
                    [114.0; 3]
                };
                if inside && spec.colour == ColourOrder::Bgr {
                    pixel.reverse();
                }
                for (channel, pixel) in pixel.iter().enumerate() {
                    let (mean, std) = (f64::from(spec.mean[channel]), f64::from(spec.std[channel]));
                    let expected = (pixel / 255.0 - mean) / std;
                    let index = match spec.layout {
                        Layout::Nchw => (channel * rows + y) * columns + x,
                        Layout::Nhwc => (y * columns + x) * 3 + channel,
                    };
                    let found = f64::from(letterbox.values()[index]);
                    // Weights have 8 bits: half a step in each direction, times the range of a
                    // sample and the largest colour coefficient, is below 3 pixel values.
                    prop_assert!(
                        (found - expected).abs() < 3.0 / 255.0 / std,
                        "{channel} at {x},{y}: {found} for {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_shape_that_the_picture_fills_best_is_taken() {
    let mut spec = spec(Layout::Nchw, ColourOrder::Bgr, Resize::Letterbox);
    spec.shapes = vec![[256, 320], [224, 384], [320, 320], [320, 256], [384, 224]];
    let shape = |width, height| {
        let letterbox = Letterbox::new((width, height), &spec);
        (letterbox.shape(), letterbox.placed())
    };
    assert_eq!(shape(768, 576), ((256, 320), (240, 320)));
    assert_eq!(shape(1920, 1080), ((224, 384), (216, 384)));
    assert_eq!(shape(576, 768), ((320, 256), (320, 240)));
    assert_eq!(shape(1, 4000), ((384, 224), (384, 1)));
}

#[test]
fn grey_stays_grey_and_the_ranges_end_where_they_should() {
    let spec = InputSpec {
        scale: 1.0,
        mean: [0.0; 3],
        std: [1.0; 3],
        ..spec(Layout::Nchw, ColourOrder::Rgb, Resize::Stretch)
    };
    let value = |luma: u8, full_range: bool| {
        let planes = Planes {
            width: 5,
            height: 3,
            strides: [5, 3],
            interleaved: false,
            colour: Colour {
                matrix: Matrix::Bt601,
                full_range,
            },
            luma: vec![luma; 15],
            u: vec![128; 6],
            v: vec![128; 6],
        };
        let mut letterbox = Letterbox::new((5, 3), &spec);
        letterbox.fill(&planes.picture());
        let first = letterbox.values()[0];
        assert!(
            letterbox
                .values()
                .iter()
                .all(|value| (value - first).abs() < 1e-3)
        );
        format!("{first:.0}")
    };
    assert_eq!(
        [16, 235, 255].map(|luma| value(luma, false)),
        ["0", "255", "255"]
    );
    assert_eq!(
        [0, 100, 255].map(|luma| value(luma, true)),
        ["0", "100", "255"]
    );
}
