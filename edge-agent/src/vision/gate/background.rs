//! What the picture looks like when nothing happens, cell by cell.
//!
//! Three numbers a cell: a slow mean (tens of seconds), a fast one (half a second) and the usual
//! deviation. A cell has *changed* when it differs from the slow mean, and it is *moving* when it
//! differs from the fast one as well: uncovered background is neither, a parked car is changed until
//! the slow mean has learned it, a slow car is changed all the time.
//!
//! A change of exposure or of the light multiplies all cells by one factor, which is taken as the
//! median of the cells' ratios and divided out.

use super::luma::Luma;

/// Time constants in seconds.
const SLOW_SECONDS: f32 = 20.0;
const FAST_SECONDS: f32 = 0.5;
const DEVIATION_SECONDS: f32 = 5.0;
/// … of everything while it is learned.
const LEARN_SECONDS: f32 = 0.5;
/// Deviation of a cell that was never seen, in luma steps.
const DEVIATION_NEW: f32 = 2.0;
/// What a cell may get used to. Leaves in the wind are worth that; a person at the same place still
/// differs by more.
const DEVIATION_MAX: f32 = 10.0;
/// Usual deviations that make a change. Of Gaussian noise, whose mean deviation is 0.8 σ, one cell
/// in 16,000 is beyond.
const DEVIATIONS: f32 = 5.0;
/// Times the threshold from which a change is believed at once.
const STRONG: f32 = 3.0;
/// Neighbours, itself included, that a moving cell needs.
const FIRM: u8 = 4;
/// Share of changed cells from which it is another picture.
const OTHER_PICTURE: f32 = 0.5;
/// Looks that find nothing where a cell changed, after which it is background.
const LOOKS_TO_ABSORB: u8 = 3;
/// Cells darker than this say nothing about the gain.
const DARK: f32 = 12.0;
/// Of the cells that are compared, one in so many has to be lighter, or the gain is taken as 1.
const LIGHT_SHARE: usize = 8;

/// One cell's state towards its background.
pub(super) const CHANGED: u8 = 1;
pub(super) const MOVING: u8 = 2;
/// Moving, with moving neighbours.
pub(super) const FIRM_MOVING: u8 = 4;
/// Moving by far more than it usually does.
pub(super) const STRONG_MOVING: u8 = 8;

#[derive(Clone, Debug)]
pub(super) struct Background {
    threshold: f32,
    slow: Vec<f32>,
    fast: Vec<f32>,
    deviation: Vec<f32>,
    /// Looks that found nothing where the cell is changed.
    unexplained: Vec<u8>,
    gain: f32,
    /// The flags of the last frame.
    pub(super) flags: Vec<u8>,
}

const RATIOS: usize = 256;
/// Bins of a ratio's logarithm to the base 2, by a piecewise linear stand-in: 32 an octave.
const OCTAVE: f32 = 32.0;

impl Background {
    /// `threshold` is the least change that counts, in luma steps.
    pub(super) fn new(threshold: f32) -> Self {
        Self {
            threshold,
            slow: Vec::new(),
            fast: Vec::new(),
            deviation: Vec::new(),
            unexplained: Vec::new(),
            gain: 1.0,
            flags: Vec::new(),
        }
    }

    /// Begins anew with this picture.
    pub(super) fn restart(&mut self, luma: &Luma) {
        let count = luma.cells.len();
        for mean in [&mut self.slow, &mut self.fast] {
            mean.clear();
            mean.extend_from_slice(&luma.cells);
        }
        self.deviation.clear();
        self.deviation.resize(count, DEVIATION_NEW);
        for bytes in [&mut self.unexplained, &mut self.flags] {
            bytes.clear();
            bytes.resize(count, 0);
        }
        self.gain = 1.0;
    }

    pub(super) fn fits(&self, luma: &Luma) -> bool {
        self.slow.len() == luma.cells.len()
    }

    /// Compares `luma` and learns from it; `dt` is the time since the last frame in seconds.
    /// `covered` cells belong to objects: their usual deviation is not learned from these. False:
    /// this is another picture.
    pub(super) fn compare(
        &mut self,
        luma: &Luma,
        covered: &[bool],
        ignored: &[bool],
        dt: f32,
        is_learning: bool,
    ) -> bool {
        let gain = self.median_ratio(luma);
        let step = gain / self.gain;
        self.gain = gain;
        let share = |seconds: f32| dt / (seconds + dt);
        let (to_slow, to_fast, to_deviation) = if is_learning {
            let all = share(LEARN_SECONDS);
            (all, all, all)
        } else {
            (
                share(SLOW_SECONDS),
                share(FAST_SECONDS),
                share(DEVIATION_SECONDS),
            )
        };
        let cells = luma.cells.iter().zip(covered.iter().zip(ignored));
        let means = self.slow.iter_mut().zip(&mut self.fast);
        let state = self.deviation.iter_mut().zip(&mut self.flags);
        for ((&now, (&covered, &ignored)), ((slow, fast), (deviation, flags))) in
            cells.zip(means.zip(state))
        {
            *fast *= step;
            let off = (now - *slow * gain).abs();
            let moved = (now - *fast).abs();
            let limit = self.threshold.max(DEVIATIONS * *deviation);
            let is_changed = limit < off && !ignored;
            let is_moving = is_changed && limit < moved;
            let is_strong = is_moving && STRONG * limit < moved;
            *flags = u8::from(is_changed) * CHANGED
                + u8::from(is_moving) * MOVING
                + u8::from(is_strong) * STRONG_MOVING;
            let usual = if covered { off.min(*deviation) } else { off };
            *deviation += to_deviation * (usual.min(DEVIATION_MAX) - *deviation);
            *slow += to_slow * (now - *slow);
            *fast += to_fast * (now - *fast);
        }
        let changed = self.flags.iter().filter(|&&f| f & CHANGED != 0).count();
        #[expect(clippy::cast_precision_loss, reason = "some thousand cells")]
        let is_other = OTHER_PICTURE * self.flags.len() as f32 <= changed as f32;
        self.firm(luma.columns);
        !is_other
    }

    /// The detector looked and found nothing in the cells that are not covered: what changed there
    /// and stays is background.
    pub(super) fn looked(&mut self, luma: &Luma, covered: &[bool]) {
        let cells = luma.cells.iter().zip(covered);
        let state = self.unexplained.iter_mut().zip(&self.flags);
        for ((&now, &covered), (slow, (unexplained, &flags))) in
            cells.zip(self.slow.iter_mut().zip(state))
        {
            if flags & (CHANGED | MOVING) != CHANGED || covered {
                *unexplained = 0;
                continue;
            }
            *unexplained += 1;
            if LOOKS_TO_ABSORB <= *unexplained {
                *slow = now / self.gain;
                *unexplained = 0;
            }
        }
    }

    /// Marks the moving cells that have moving neighbours.
    fn firm(&mut self, columns: usize) {
        let rows = self.flags.len() / columns.max(1);
        for y in 0..rows {
            for x in 0..columns {
                if self.flags[y * columns + x] & MOVING == 0 {
                    continue;
                }
                let mut count = 0;
                for ny in y.saturating_sub(1)..=(y + 1).min(rows - 1) {
                    for nx in x.saturating_sub(1)..=(x + 1).min(columns - 1) {
                        count += u8::from(self.flags[ny * columns + nx] & MOVING != 0);
                    }
                }
                if FIRM <= count {
                    self.flags[y * columns + x] |= FIRM_MOVING;
                }
            }
        }
    }

    /// The factor between this picture and the slow background. Half of the cells may show
    /// something else.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bins are clamped to 0..=255"
    )]
    fn median_ratio(&self, luma: &Luma) -> f32 {
        let bin = |ratio: f32| (log2(ratio) * OCTAVE + 128.0).clamp(0.0, 255.0) as usize;
        let ratios = || {
            let pairs = luma.cells.iter().zip(&self.slow).step_by(3);
            let light = pairs.filter(|(_, slow)| DARK <= **slow);
            light.map(|(now, slow)| now / slow)
        };
        let mut bins = [0_u16; RATIOS];
        let mut total = 0_u32;
        for ratio in ratios() {
            bins[bin(ratio)] += 1;
            total += 1;
        }
        if (total as usize) * LIGHT_SHARE < luma.cells.len() / 3 || total == 0 {
            return 1.0;
        }
        let mut below = 0;
        let median = bins.iter().position(|&count| {
            below += u32::from(count);
            total <= 2 * below
        });
        let median = median.unwrap_or(128);
        // The mean of the ratios about the median is finer than a bin.
        let (mut sum, mut count) = (0.0, 0.0);
        for ratio in ratios() {
            if bin(ratio).abs_diff(median) <= 1 {
                sum += ratio;
                count += 1.0;
            }
        }
        if count == 0.0 { 1.0 } else { sum / count }
    }
}

/// Logarithm to the base 2, linear between powers of 2: the exponent's bits and the mantissa's.
/// Monotonic and the same on every machine, which is all that the median needs.
#[expect(clippy::cast_precision_loss, reason = "24 bits are meant")]
fn log2(ratio: f32) -> f32 {
    ratio.to_bits() as f32 / 8_388_608.0 - 127.0
}
