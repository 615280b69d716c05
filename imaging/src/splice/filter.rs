//! PNG's filter "Paeth": each byte is stored as the difference from a prediction by the bytes around it (specification,
//! 9.2 to 9.4).

use std::ops::Range;

use image::RgbImage;

/// The number of the filter at the beginning of each row.
const PAETH: u8 = 4;

/// Filters some columns of a row. The first columns are preceded by the number of the filter. The result depends on the
/// pixels of these columns, the pixels above them, and the pixels to the left of both.
pub(super) fn filter(image: &RgbImage, row: usize, columns: Range<usize>, filtered: &mut Vec<u8>) {
    let line = image.width() as usize * 3;
    let (mut from, to) = (columns.start * 3, columns.end * 3);
    let here = &image.as_raw()[row * line..][..line];
    filtered.clear();
    if from == 0 {
        filtered.push(PAETH);
    }
    if row == 0 {
        // There is no row above, so the prediction is the pixel to the left.
        filtered.extend((from..to).map(|at| here[at].wrapping_sub(if at < 3 { 0 } else { here[at - 3] })));
        return;
    }
    let above = &image.as_raw()[(row - 1) * line..][..line];
    if from == 0 {
        filtered.extend((0..3).map(|at| here[at].wrapping_sub(above[at])));
        from = 3;
    }
    let left = here[from..to].iter().zip(&here[from - 3..to - 3]);
    let up = above[from..to].iter().zip(&above[from - 3..to - 3]);
    filtered
        .extend(left.zip(up).map(|((byte, left), (above, corner))| byte.wrapping_sub(paeth(*left, *above, *corner))));
}

/// Returns the value that is nearest to left + above − corner, or the first of equally near ones. It computes in bytes
/// and without branches, so that the compiler can process sixteen at once.
#[inline]
fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    // `abs_diff` would be widened to 32 bits.
    let apart = |a: u8, b: u8| a.max(b) - a.min(b);
    let (to_left, to_above) = (apart(above, corner), apart(left, corner));
    let one_way = (left >= corner) == (above >= corner);
    // A distance that exceeds a byte is farther than the others anyway.
    let to_corner = if one_way { to_left.saturating_add(to_above) } else { apart(to_left, to_above) };
    let nearer = if to_above <= to_corner { above } else { corner };
    if to_left <= to_above && to_left <= to_corner { left } else { nearer }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prediction_is_the_specifications() {
        let values = [0, 1, 2, 3, 60, 100, 127, 128, 129, 200, 253, 254, 255];
        for a in values {
            for b in values {
                for c in values {
                    let p = i32::from(a) + i32::from(b) - i32::from(c);
                    let distance = |of: u8| (p - i32::from(of)).abs();
                    let (pa, pb, pc) = (distance(a), distance(b), distance(c));
                    let expected = if pa <= pb && pa <= pc {
                        a
                    } else if pb <= pc {
                        b
                    } else {
                        c
                    };
                    assert_eq!(paeth(a, b, c), expected, "{a} {b} {c}");
                }
            }
        }
    }
}
