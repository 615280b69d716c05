//! Records which parts of a picture were drawn on, in cells 16 pixels wide and one pixel high.

/// The width of a cell, in pixels. JPEG's units have the same width.
pub(super) const CELL: usize = 16;
/// The number of cells in a word of bits.
const WORD: usize = 64;

/// A bit for each cell of a picture. An unmarked cell was not written to; a marked cell may still look the same as
/// before.
#[derive(Debug, Default)]
pub(super) struct Touched {
    bits: Vec<u64>,
    /// The number of words in a row.
    words: usize,
}

impl Touched {
    /// Creates the record for a picture of this size, with no marks.
    pub(super) fn new(width: usize, height: usize) -> Self {
        let words = width.div_ceil(CELL).div_ceil(WORD);
        Self { bits: vec![0; words * height], words }
    }

    /// Marks the pixels `from..to` of a row, which must lie in the picture.
    #[inline]
    pub(super) fn mark(&mut self, row: usize, from: usize, to: usize) {
        if from >= to {
            return;
        }
        let (first, last) = (from / CELL, (to - 1) / CELL);
        let row = &mut self.bits[row * self.words..][..self.words];
        if first == last {
            row[first / WORD] |= 1 << (first % WORD);
            return;
        }
        for cell in first..=last {
            row[cell / WORD] |= 1 << (cell % WORD);
        }
    }

    /// Returns a row's bits, with the leftmost cell in the lowest bit of the first word. The result is empty if the
    /// picture has no such row.
    #[inline]
    pub(super) fn row(&self, row: usize) -> &[u64] {
        self.bits.get(row * self.words..(row + 1) * self.words).unwrap_or_default()
    }

    /// Clears a row and calls `each` with the stretches of marked pixels; the last one may extend beyond the picture.
    pub(super) fn take_row(&mut self, row: usize, mut each: impl FnMut(usize, usize)) {
        let row = &mut self.bits[row * self.words..][..self.words];
        for (at, word) in row.iter_mut().enumerate().filter(|(_, word)| **word != 0) {
            let mut bits = std::mem::take(word);
            while bits != 0 {
                let from = bits.trailing_zeros();
                let ones = (bits >> from).trailing_ones();
                let cell = at * WORD + from as usize;
                each(cell * CELL, (cell + ones as usize) * CELL);
                // The shift has two steps, because a shift by all 64 bits would overflow.
                bits &= !((u64::MAX >> (64 - ones)) << from);
            }
        }
    }

    /// The share of marked cells, 0 to 1.
    pub(super) fn share(&self, width: usize) -> f64 {
        let marked: u32 = self.bits.iter().map(|word| word.count_ones()).sum();
        let rows = self.bits.len() / self.words.max(1);
        f64::from(marked) / (rows * width.div_ceil(CELL)).max(1) as f64
    }
}

/// Whether one of the cells `from..to` is marked.
#[inline]
pub(super) fn any(row: &[u64], from: usize, to: usize) -> bool {
    let (first, last) = (from / WORD, (to - 1) / WORD);
    let low = u64::MAX << (from % WORD);
    let high = u64::MAX >> (WORD - 1 - (to - 1) % WORD);
    if first == last {
        return row[first] & low & high != 0;
    }
    row[first] & low != 0 || row[last] & high != 0 || row[first + 1..last].iter().any(|word| *word != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_is_found_and_taken_once() {
        for (from, to) in [(0, 1), (15, 17), (1_020, 1_030), (0, 3_000), (2_999, 3_000), (7, 7)] {
            let mut touched = Touched::new(3_000, 3);
            touched.mark(1, from, to);
            let cells = from / CELL..to.div_ceil(CELL);
            for cell in 0..3_000_usize.div_ceil(CELL) {
                let marked = from < to && cells.contains(&cell);
                assert_eq!(any(touched.row(1), cell, cell + 1), marked, "{from}..{to} {cell}");
                assert!(!any(touched.row(0), cell, cell + 1) && !any(touched.row(2), cell, cell + 1));
            }
            assert_eq!(touched.row(3), [0; 0]);
            let mut taken = Vec::new();
            touched.take_row(1, |from, to| taken.extend((from..to).step_by(CELL)));
            let expected = if from < to { cells.map(|cell| cell * CELL).collect() } else { Vec::new() };
            assert_eq!(taken, expected);
            assert!(touched.row(1).iter().all(|word| *word == 0));
        }
    }

    #[test]
    fn any_looks_at_nothing_but_the_cells_asked_for() {
        let mut touched = Touched::new(200 * CELL, 1);
        touched.mark(0, 100 * CELL, 101 * CELL);
        for from in 0..200 {
            for to in from + 1..=200 {
                assert_eq!(any(touched.row(0), from, to), (from..to).contains(&100), "{from}..{to}");
            }
        }
        assert!((touched.share(200 * CELL) - 1.0 / 200.0).abs() < 1e-9);
    }
}
