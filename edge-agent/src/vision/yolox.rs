//! The raw head of YOLOX (Ge et al., 2021, arXiv:2107.08430): for each cell of each grid
//! `cx, cy, w, h, objectness, class scores…`, the scores already through the sigmoid.
//!
//! `x = (cx + column) · stride`, `y = (cy + row) · stride`, `width = exp(w) · stride`,
//! `height = exp(h) · stride`, `score = objectness · class score`.

use super::{
    decode::{ClassFilter, OutputError, Tensor},
    nms::Candidate,
};

/// Appends what the head proposes with at least `score_min`.
pub(super) fn decode(
    output: Tensor<'_>,
    (height, width): (usize, usize),
    strides: &[usize],
    filter: &ClassFilter,
    score_min: f32,
    candidates: &mut Vec<Candidate>,
) -> Result<(), OutputError> {
    let row_len = 5 + filter.class_count();
    let cells = strides
        .iter()
        .map(|s| (height / s) * (width / s))
        .sum::<usize>();
    output.expect(&[1, cells, row_len])?;
    let mut rows = output.data.chunks_exact(row_len);
    for &stride in strides {
        let columns = width / stride;
        for cell in 0..(height / stride) * columns {
            let Some([cx, cy, w, h, objectness, scores @ ..]) = rows.next() else {
                break;
            };
            // Most cells are empty; NaN counts as empty.
            let is_object = score_min <= *objectness;
            if !is_object {
                continue;
            }
            let Some((class, best)) = filter.best(scores) else {
                continue;
            };
            let score = objectness * best;
            if score_min <= score {
                let place = [*cx, *cy, *w, *h];
                candidates.push(at_cell(place, cell, columns, stride, class, score));
            }
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "grid positions are below 2^24")]
fn at_cell(
    [cx, cy, w, h]: [f32; 4],
    cell: usize,
    columns: usize,
    stride: usize,
    class: u16,
    score: f32,
) -> Candidate {
    let size = stride as f32;
    let (x, y) = (
        (cx + (cell % columns) as f32) * size,
        (cy + (cell / columns) as f32) * size,
    );
    let (half_width, half_height) = (w.exp() * size / 2.0, h.exp() * size / 2.0);
    Candidate {
        class,
        score: score.min(1.0),
        left: x - half_width,
        top: y - half_height,
        right: x + half_width,
        bottom: y + half_height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: (usize, usize) = (32, 64);
    const CELLS: usize = 4 * 8 + 2 * 4 + 2;

    fn head(fill: &[(usize, [f32; 7])]) -> Vec<f32> {
        let mut data = vec![0.0; CELLS * 7];
        for (cell, row) in fill {
            data[cell * 7..cell * 7 + 7].copy_from_slice(row);
        }
        data
    }

    fn run(data: &[f32], filter: &ClassFilter) -> Vec<Candidate> {
        let mut out = Vec::new();
        let output = Tensor {
            shape: &[1, 42, 7],
            data,
        };
        decode(output, SHAPE, &[8, 16, 32], filter, 0.3, &mut out).unwrap();
        out
    }

    #[test]
    fn a_cell_of_each_grid_lands_where_it_should() {
        let data = head(&[
            (8 + 3, [0.5, 0.25, 0.0, 2.0_f32.ln(), 0.9, 0.1, 0.8]),
            (32 + 4 + 1, [0.0, 0.0, 0.0, 0.0, 1.0, 0.5, 0.0]),
            (40 + 1, [0.0, 1.0, 0.0, 0.0, 0.5, 0.61, 0.0]),
        ]);
        let boxes: Vec<_> = run(&data, &ClassFilter::all(2))
            .iter()
            .map(|c| {
                (
                    c.class,
                    (c.score * 1000.0).round(),
                    [c.left, c.top, c.right, c.bottom],
                )
            })
            .collect();
        assert_eq!(
            boxes,
            [
                (1, 720.0, [24.0, 2.0, 32.0, 18.0]),
                (0, 500.0, [8.0, 8.0, 24.0, 24.0]),
                (0, 305.0, [16.0, 16.0, 48.0, 48.0]),
            ]
        );
    }

    #[test]
    fn an_unwanted_class_is_dropped_even_if_it_is_the_best() {
        let data = head(&[(0, [0.0, 0.0, 0.0, 0.0, 1.0, 0.6, 0.9])]);
        assert_eq!(run(&data, &ClassFilter::only(2, &[0])), []);
        assert_eq!(run(&data, &ClassFilter::only(2, &[1])).len(), 1);
    }

    #[test]
    fn nan_is_no_object() {
        let data = head(&[
            (0, [0.0, 0.0, 0.0, 0.0, f32::NAN, 0.9, 0.9]),
            (1, [0.0, 0.0, 0.0, 0.0, 0.9, f32::NAN, f32::NAN]),
        ]);
        assert_eq!(run(&data, &ClassFilter::all(2)), []);
    }

    #[test]
    fn another_shape_is_refused_by_name() {
        let data = vec![0.0; 42 * 7];
        let output = Tensor {
            shape: &[1, 42, 7],
            data: &data,
        };
        let refused = decode(
            output,
            (32, 32),
            &[8, 16, 32],
            &ClassFilter::all(2),
            0.3,
            &mut Vec::new(),
        );
        assert_eq!(
            refused.unwrap_err().to_string(),
            "output has the shape [1, 42, 7], the manifest means [1, 21, 7]"
        );
    }
}
