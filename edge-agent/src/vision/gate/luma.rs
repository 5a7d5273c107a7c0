//! A picture as a small grid of brightness: the mean luma above black of each cell, in one pass.

use crate::capture::picture::Picture;

/// Cells along the longer side: a person of 1/20 of the picture's height still fills several.
const LONG_SIDE: usize = 96;
/// Rows of the picture that are read for one row of cells: enough against noise, and half of what a
/// small sub-stream has.
const ROWS_READ: usize = 4;

/// Black of the limited range (ITU-R BT.601-7).
const BLACK: f32 = 16.0;

/// Mean brightness by cell, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Luma {
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) cells: Vec<f32>,
    /// Sum of the rows read, one number a column of the picture.
    sums: Vec<u16>,
}

impl Luma {
    pub(super) fn empty() -> Self {
        Self {
            columns: 0,
            rows: 0,
            cells: Vec::new(),
            sums: Vec::new(),
        }
    }

    /// Columns and rows for a picture of that size; never more cells than pixels.
    pub(super) fn grid(width: usize, height: usize) -> (usize, usize) {
        let long = width.max(height).max(1);
        let side = |n: usize| (n * LONG_SIDE).div_ceil(long).clamp(1, LONG_SIDE).min(n);
        (side(width), side(height))
    }

    pub(super) fn read(&mut self, picture: &Picture<'_>) {
        let (width, height) = (picture.width(), picture.height());
        (self.columns, self.rows) = Self::grid(width, height);
        let black = if picture.colour.full_range {
            0.0
        } else {
            BLACK
        };
        self.cells.resize(self.columns * self.rows, 0.0);
        for (row, cells) in self.cells.chunks_exact_mut(self.columns).enumerate() {
            let (top, bottom) = (row * height / self.rows, (row + 1) * height / self.rows);
            let step = (bottom - top).div_ceil(ROWS_READ);
            self.sums.clear();
            self.sums.resize(width, 0);
            let mut rows_read = 0_usize;
            for y in (top..bottom).step_by(step) {
                rows_read += 1;
                for (sum, &luma) in self.sums.iter_mut().zip(picture.luma_row(y)) {
                    *sum += u16::from(luma);
                }
            }
            for (column, cell) in cells.iter_mut().enumerate() {
                let (left, right) = (
                    column * width / self.columns,
                    (column + 1) * width / self.columns,
                );
                let sum: u32 = self.sums[left..right].iter().map(|&s| u32::from(s)).sum();
                #[expect(clippy::cast_precision_loss, reason = "a sum of some thousand pixels")]
                let mean = sum as f32 / ((right - left) * rows_read) as f32;
                *cell = (mean - black).max(0.0);
            }
        }
    }
}
