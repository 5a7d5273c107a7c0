//! CenterNet heads (Zhou et al., 2019, arXiv:1904.07850): a map of class scores, and for every
//! cell the distances from it to the left, top, right and bottom of its box, in input pixels.
//! An object is a peak of its class's map, found by a 3×3 maximum.

use super::{
    decode::{ClassFilter, OutputError, Tensor},
    nms::Candidate,
};

/// How to walk a map: steps to the next channel, row and column.
#[derive(Clone, Copy)]
struct Steps {
    channel: usize,
    row: usize,
    column: usize,
}

/// Checks a map's shape; NCHW and NHWC are both accepted, as the sizes tell them apart.
fn steps(
    map: Tensor<'_>,
    channels: usize,
    (rows, columns): (usize, usize),
) -> Result<Steps, OutputError> {
    if map.expect(&[1, rows, columns, channels]).is_ok() {
        return Ok(Steps {
            channel: 1,
            row: columns * channels,
            column: channels,
        });
    }
    map.expect(&[1, channels, rows, columns])?;
    Ok(Steps {
        channel: rows * columns,
        row: columns,
        column: 1,
    })
}

/// Appends the peaks with at least `score_min`.
pub(super) fn decode(
    (scores, sides): (Tensor<'_>, Tensor<'_>),
    (height, width): (usize, usize),
    cell: usize,
    filter: &ClassFilter,
    score_min: f32,
    candidates: &mut Vec<Candidate>,
) -> Result<(), OutputError> {
    let (rows, columns) = (height / cell, width / cell);
    let at = steps(scores, filter.class_count(), (rows, columns))?;
    let side_at = steps(sides, 4, (rows, columns))?;
    for class in (0..filter.class_count()).filter(|&class| filter.wants(class)) {
        for row in 0..rows {
            for column in 0..columns {
                let here = class * at.channel + row * at.row + column * at.column;
                let score = scores.data[here];
                // Most cells are empty; NaN counts as empty.
                let is_object = score_min <= score
                    && is_peak(scores.data, at, class, (row, column), (rows, columns));
                if !is_object {
                    continue;
                }
                let base = row * side_at.row + column * side_at.column;
                let side = |n: usize| sides.data[base + n * side_at.channel];
                let Ok(class) = u16::try_from(class) else {
                    continue;
                };
                let (x, y) = (pixels(column, cell), pixels(row, cell));
                candidates.push(Candidate {
                    class,
                    score: score.min(1.0),
                    left: x - side(0),
                    top: y - side(1),
                    right: x + side(2),
                    bottom: y + side(3),
                });
            }
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "input sides are at most 4096")]
fn pixels(cells: usize, cell: usize) -> f32 {
    (cells * cell) as f32
}

fn is_peak(
    scores: &[f32],
    at: Steps,
    class: usize,
    (row, column): (usize, usize),
    (rows, columns): (usize, usize),
) -> bool {
    let value = |r: usize, c: usize| scores[class * at.channel + r * at.row + c * at.column];
    let score = value(row, column);
    for r in row.saturating_sub(1)..(row + 2).min(rows) {
        for c in column.saturating_sub(1)..(column + 2).min(columns) {
            if score < value(r, c) {
                return false;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: usize = 3;
    const COLUMNS: usize = 4;

    fn run(scores: Tensor<'_>, sides: Tensor<'_>) -> Result<Vec<Candidate>, OutputError> {
        let mut out = Vec::new();
        let filter = ClassFilter::all(2);
        decode((scores, sides), (12, 16), 4, &filter, 0.3, &mut out)?;
        Ok(out)
    }

    /// Both layouts of the same maps: one peak of class 1 at row 1, column 2, with a shoulder.
    fn maps(nchw: bool) -> (Vec<f32>, Vec<f32>) {
        let at = |channels: usize, channel: usize, row: usize, column: usize| {
            if nchw {
                (channel * ROWS + row) * COLUMNS + column
            } else {
                (row * COLUMNS + column) * channels + channel
            }
        };
        let (mut scores, mut sides) =
            (vec![0.0; ROWS * COLUMNS * 2], vec![1.0; ROWS * COLUMNS * 4]);
        scores[at(2, 1, 1, 2)] = 0.8;
        scores[at(2, 1, 1, 3)] = 0.7;
        scores[at(2, 0, 0, 0)] = f32::NAN;
        for (channel, distance) in [3.0, 2.0, 5.0, 6.0].into_iter().enumerate() {
            sides[at(4, channel, 1, 2)] = distance;
        }
        (scores, sides)
    }

    #[test]
    fn a_peak_becomes_a_box_in_either_layout() {
        let expected = Candidate {
            class: 1,
            score: 0.8,
            left: 5.0,
            top: 2.0,
            right: 13.0,
            bottom: 10.0,
        };
        for nchw in [true, false] {
            let (scores, sides) = maps(nchw);
            let (score_shape, side_shape) = if nchw {
                ([1, 2, 3, 4], [1, 4, 3, 4])
            } else {
                ([1, 3, 4, 2], [1, 3, 4, 4])
            };
            let found = run(
                Tensor {
                    shape: &score_shape,
                    data: &scores,
                },
                Tensor {
                    shape: &side_shape,
                    data: &sides,
                },
            );
            assert_eq!(found, Ok(vec![expected]));
        }
    }

    #[test]
    fn another_shape_is_refused() {
        let (scores, sides) = maps(true);
        let scores = Tensor {
            shape: &[1, 2, 4, 3],
            data: &scores,
        };
        let refused = run(
            scores,
            Tensor {
                shape: &[1, 4, 3, 4],
                data: &sides,
            },
        );
        assert_eq!(
            refused.unwrap_err().to_string(),
            "output has the shape [1, 2, 4, 3], the manifest means [1, 2, 3, 4]"
        );
    }
}
