//! A gray picture, and the only way in which the detector scales it.
//!
//! Scaling is bilinear, in `f64`, truncated to whole numbers, and in SeetaFace's order of arithmetic. A sum just below
//! a whole number loses its last unit in SeetaFace, and must lose it here, too. Otherwise windows close to a decision
//! would get the other result.

/// 8-bit luma, row by row.
#[derive(Clone, Copy)]
pub(super) struct Gray<'a> {
    pub(super) pixels: &'a [u8],
    pub(super) width: usize,
    pub(super) height: usize,
}

impl<'a> Gray<'a> {
    pub(super) fn new(pixels: &'a [u8], width: usize, height: usize) -> Self {
        assert_eq!(pixels.len(), width * height, "one byte a pixel");
        Self { pixels, width, height }
    }

    /// Returns `length` pixels of row `y` from column `x` on. Pixels beyond an edge are black; only then is `spare`
    /// written to.
    fn row<'b>(&self, x: i32, y: i32, length: usize, spare: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        let row = usize::try_from(y).ok().filter(|y| *y < self.height).map(|y| &self.pixels[y * self.width..]);
        let row = row.map_or(&[][..], |row| &row[..self.width]);
        let (hidden, start) = (x.min(0).unsigned_abs() as usize, x.max(0) as usize);
        if hidden == 0 && start + length <= row.len() {
            return &row[start..start + length];
        }
        let seen = row.get(start..).unwrap_or_default();
        let seen = &seen[..seen.len().min(length.saturating_sub(hidden))];
        spare.clear();
        spare.resize(hidden.min(length), 0);
        spare.extend_from_slice(seen);
        spare.resize(length, 0);
        spare
    }
}

/// A part of a picture. It may extend beyond the picture's edges.
#[derive(Clone, Copy)]
pub(super) struct Area {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// A scaler that keeps its tables and rows between pictures.
#[derive(Debug, Default)]
pub(super) struct Scaler {
    columns: Vec<Tap>,
    upper: Vec<f64>,
    lower: Vec<f64>,
    spare: Vec<u8>,
}

/// The two source pixels around a target pixel: the first one, and the weight of each.
#[derive(Clone, Copy, Debug)]
struct Tap {
    first: usize,
    weights: [f64; 2],
}

impl Scaler {
    /// Scales `area`, of at least 2 × 2 pixels, to rows of `width` pixels that fill `out`.
    pub(super) fn scale(&mut self, source: &Gray, area: Area, width: usize, out: &mut [u8]) {
        let height = out.len() / width;
        if (area.width, area.height) == (width, height) {
            for (y, out) in (area.y..).zip(out.chunks_exact_mut(width)) {
                out.copy_from_slice(source.row(area.x, y, width, &mut self.spare));
            }
            return;
        }
        self.columns.clear();
        self.columns.extend(taps(area.width, width));
        self.upper.resize(width, 0.0);
        self.lower.resize(width, 0.0);
        let mut held = None;
        for (tap, out) in taps(area.height, height).zip(out.chunks_exact_mut(width)) {
            // Adjacent target rows share source rows that are already scaled to the target's width.
            if held != Some(tap.first) {
                if tap.first > 0 && held == Some(tap.first - 1) {
                    std::mem::swap(&mut self.upper, &mut self.lower);
                } else {
                    let row = source.row(area.x, area.y + tap.first as i32, area.width, &mut self.spare);
                    squeeze(row, &self.columns, &mut self.upper);
                }
                let row = source.row(area.x, area.y + tap.first as i32 + 1, area.width, &mut self.spare);
                squeeze(row, &self.columns, &mut self.lower);
                held = Some(tap.first);
            }
            let [above, below] = tap.weights;
            for ((out, upper), lower) in out.iter_mut().zip(&self.upper).zip(&self.lower) {
                *out = whole_part(above * upper + below * lower);
            }
        }
    }
}

fn taps(from: usize, to: usize) -> impl Iterator<Item = Tap> {
    let step = from as f64 / to as f64;
    (0..to).map(move |target| {
        let place = step * target as f64;
        let first = (place as usize).min(from - 2);
        let weight = place - first as f64;
        Tap { first, weights: [1.0 - weight, weight] }
    })
}

fn squeeze(row: &[u8], columns: &[Tap], out: &mut [f64]) {
    for (out, tap) in out.iter_mut().zip(columns) {
        let pair = &row[tap.first..tap.first + 2];
        *out = tap.weights[0] * f64::from(pair[0]) + tap.weights[1] * f64::from(pair[1]);
    }
}

/// Computes `value as u8`, in steps that the compiler can vectorise: adding 2^52 leaves the nearest whole number in the
/// last bits.
fn whole_part(value: f64) -> u8 {
    const SHIFT: f64 = (1_u64 << 52) as f64;
    // When a picture is enlarged, the last pixels continue its slope and may leave the range.
    let value = value.clamp(0.0, 255.0);
    let shifted = value + SHIFT;
    let excess = if shifted - SHIFT > value { 1.0 } else { 0.0 };
    (shifted - excess).to_bits() as u8
}

#[cfg(test)]
mod tests {
    use super::{Area, Gray, Scaler, whole_part};

    #[test]
    fn what_lies_beyond_the_edges_is_black() {
        let pixels: Vec<u8> = (1..=6).collect();
        let picture = Gray::new(&pixels, 3, 2);
        let scale = |x, y| {
            let mut out = [9; 4];
            Scaler::default().scale(&picture, Area { x, y, width: 2, height: 2 }, 2, &mut out);
            out
        };
        assert_eq!(scale(0, 0), [1, 2, 4, 5]);
        assert_eq!(scale(-1, -1), [0, 0, 0, 1]);
        assert_eq!(scale(2, 1), [6, 0, 0, 0]);
        for (x, y) in [(-2, 0), (-9, 0), (3, 0), (9, 0), (0, -2), (0, 2), (0, 9)] {
            assert_eq!(scale(x, y), [0; 4], "{x}, {y}");
        }
    }

    #[test]
    fn halving_takes_every_other_pixel() {
        let pixels: Vec<u8> = (0..16).collect();
        let mut out = [0; 4];
        let whole = Area { x: 0, y: 0, width: 4, height: 4 };
        Scaler::default().scale(&Gray::new(&pixels, 4, 4), whole, 2, &mut out);
        assert_eq!(out, [0, 2, 8, 10]);
    }

    #[test]
    fn the_whole_part_is_what_a_cast_gives() {
        for value in [-30.0, -0.1, 0.0, 0.999_999_999, 1.0, 1.5, 2.5, 99.999_999_999_999_99, 254.5, 255.0, 260.0] {
            assert_eq!(whole_part(value), value as u8, "{value}");
        }
    }
}
