//! Who is who: the assignment with the greatest total benefit, exactly, in whole numbers.
#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "indices are bounded by `rows` and `columns`, which size the buffers on entry; \
              benefits are at most BENEFIT_MAX, so potentials stay far from overflow"
)]

/// The greatest benefit of a pair.
pub(super) const BENEFIT_MAX: i64 = 1_000_000;

/// Reused buffers.
#[derive(Clone, Debug, Default)]
pub(super) struct Assigner {
    /// Row by row; 0 for a pair that must not be.
    benefit: Vec<i64>,
    rows: usize,
    columns: usize,
    row_potential: Vec<i64>,
    column_potential: Vec<i64>,
    /// Row of a column, counted from 1; 0 for none. Column 0 stands for the row at hand.
    row_of: Vec<usize>,
    came_from: Vec<usize>,
    slack: Vec<i64>,
    used: Vec<bool>,
    pairs: Vec<(usize, usize)>,
}

impl Assigner {
    /// Pairs (row, column), by row, whose benefits sum to the most. Pairs of benefit 0 or less are
    /// left out.
    ///
    /// Successive shortest paths with potentials, the form of the Hungarian method in
    /// *e-maxx.ru/algo/assignment_hungary* (after Lovász and Plummer, *Matching Theory*, 1986);
    /// O(rows² · columns). The first row and column win among equals.
    pub(super) fn assign(
        &mut self,
        rows: usize,
        columns: usize,
        mut benefit: impl FnMut(usize, usize) -> i64,
    ) -> &[(usize, usize)] {
        self.pairs.clear();
        let flip = columns < rows;
        (self.rows, self.columns) = if flip {
            (columns, rows)
        } else {
            (rows, columns)
        };
        self.benefit.clear();
        for r in 0..self.rows {
            for c in 0..self.columns {
                let b = if flip { benefit(c, r) } else { benefit(r, c) };
                self.benefit.push(b.clamp(0, BENEFIT_MAX));
            }
        }
        refill(&mut self.row_potential, self.rows + 1, 0);
        refill(&mut self.column_potential, self.columns + 1, 0);
        refill(&mut self.row_of, self.columns + 1, 0);
        refill(&mut self.came_from, self.columns + 1, 0);
        for row in 1..=self.rows {
            // A row without a benefit needs no partner.
            let start = (row - 1) * self.columns;
            if self.benefit[start..start + self.columns]
                .iter()
                .any(|&b| 0 < b)
            {
                self.place(row);
            }
        }
        for column in 1..=self.columns {
            let row = self.row_of[column];
            if row != 0 && 0 < self.benefit[(row - 1) * self.columns + column - 1] {
                let pair = (row - 1, column - 1);
                self.pairs.push(if flip { (pair.1, pair.0) } else { pair });
            }
        }
        self.pairs.sort_unstable();
        &self.pairs
    }

    /// Finds a column for `row`, moving the rows before it where that is better.
    fn place(&mut self, row: usize) {
        refill(&mut self.slack, self.columns + 1, i64::MAX);
        refill(&mut self.used, self.columns + 1, false);
        self.row_of[0] = row;
        let mut column = 0;
        while self.row_of[column] != 0 {
            self.used[column] = true;
            let at = self.row_of[column];
            let (mut delta, mut next) = (i64::MAX, 0);
            for c in 1..=self.columns {
                if self.used[c] {
                    continue;
                }
                let cost = -self.benefit[(at - 1) * self.columns + c - 1];
                let reduced = cost - self.row_potential[at] - self.column_potential[c];
                if reduced < self.slack[c] {
                    (self.slack[c], self.came_from[c]) = (reduced, column);
                }
                if self.slack[c] < delta {
                    (delta, next) = (self.slack[c], c);
                }
            }
            for c in 0..=self.columns {
                if self.used[c] {
                    self.row_potential[self.row_of[c]] += delta;
                    self.column_potential[c] -= delta;
                } else if c != 0 {
                    self.slack[c] -= delta;
                }
            }
            column = next;
        }
        while column != 0 {
            let from = self.came_from[column];
            self.row_of[column] = self.row_of[from];
            column = from;
        }
    }
}

fn refill<T: Clone>(buffer: &mut Vec<T>, length: usize, value: T) {
    buffer.clear();
    buffer.resize(length, value);
}
