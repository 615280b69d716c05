//! Splits the rows of a template into pieces that are encoded separately.
//!
//! The split is fine where slots lie, because a piece is encoded again as a whole. A part of a row without slots is a
//! single piece, because each cut makes runs less efficient. The split is a guess about guests; it affects only time
//! and size.

use std::ops::Range;

use crate::touched::CELL;

/// The number of pixels in a piece where slots lie.
const FINE: usize = 2 * CELL;

/// A box on the picture, in pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) columns: Range<usize>,
    pub(crate) rows: Range<usize>,
}

/// The pieces of a picture, numbered row by row.
pub(super) struct Pieces {
    /// The positions where rows are split, each from 0 to the width. Adjacent rows mostly have the same split.
    cuts: Vec<Vec<usize>>,
    /// The index into `cuts` of each row, and the row's first piece.
    rows: Vec<(usize, usize)>,
}

impl Pieces {
    /// Creates the pieces of a picture with slots at `likely`.
    pub(super) fn new(width: usize, height: usize, likely: &[Bounds]) -> Self {
        let (mut cuts, mut rows) = (Vec::<Vec<usize>>::new(), Vec::with_capacity(height));
        let mut count = 0;
        for row in 0..height {
            let mut here = vec![0, width];
            // The row below a slot is encoded from the pixels above it.
            for bounds in likely.iter().filter(|bounds| bounds.rows.start <= row && row <= bounds.rows.end) {
                let from = bounds.columns.start / CELL * CELL;
                here.extend((from..bounds.columns.end + FINE).step_by(FINE).filter(|cut| *cut < width));
            }
            here.sort_unstable();
            here.dedup();
            let pieces = here.len() - 1;
            if cuts.last() != Some(&here) {
                cuts.push(here);
            }
            rows.push((cuts.len() - 1, count));
            count += pieces;
        }
        Self { cuts, rows }
    }

    /// Returns the split of a row and the number of its first piece.
    pub(super) fn row(&self, row: usize) -> (&[usize], usize) {
        let (cuts, first) = self.rows[row];
        (&self.cuts[cuts], first)
    }

    /// The number of rows.
    pub(super) fn height(&self) -> usize {
        self.rows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_finely_beside_slots_and_nowhere_else() {
        let slot = Bounds { columns: 40..90, rows: 2..4 };
        let pieces = Pieces::new(200, 6, &[slot, Bounds { columns: 150..260, rows: 5..9 }]);
        assert_eq!(pieces.row(0), (&[0, 200][..], 0));
        assert_eq!(pieces.row(1), (&[0, 200][..], 1));
        assert_eq!(pieces.row(2), (&[0, 32, 64, 96, 200][..], 2));
        assert_eq!(pieces.row(4), (&[0, 32, 64, 96, 200][..], 10));
        assert_eq!(pieces.row(5), (&[0, 144, 176, 200][..], 14));
        assert_eq!(pieces.height(), 6);
    }
}
