//! One prefix code for a template and all drawings on it (RFC 1951, 3.2.7).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::bits::Bits;
use super::tokens::{LONGEST, Token};

/// The number of literals, end of block and length codes.
pub(super) const SYMBOLS: usize = 286;
/// The symbol that ends a block.
pub(super) const END: usize = 256;
const MAX_LENGTH: u32 = 15;

/// The bits for each symbol and for runs.
pub(super) struct Code {
    lengths: [u8; SYMBOLS],
    /// The bits, the first one lowest, and their number.
    symbols: [(u16, u16); SYMBOLS],
    /// The match "repeat the last byte this many times", by length, including the distance.
    runs: Vec<(u32, u32)>,
}

impl Code {
    /// Creates a code for symbols with these counts. Every symbol gets a code, because a guest's drawing may contain
    /// any byte.
    pub(super) fn new(counts: &[u64; SYMBOLS]) -> Self {
        let mut counts = counts.map(|count| count.max(1));
        let lengths = loop {
            let lengths = lengths(&counts);
            if lengths.iter().all(|length| *length <= MAX_LENGTH) {
                break lengths.map(|length| length as u8);
            }
            // This evens out the counts. In the end all are equal, and the code is nine bits deep.
            counts = counts.map(|count| count / 2 + 1);
        };
        let symbols = canonical(&lengths);
        let runs = (0..=LONGEST)
            .map(|length| {
                let (symbol, extra, extra_bits) = length_symbol(length);
                let (bits, count) = symbols[symbol];
                // Distance 1 is a single zero bit.
                (u32::from(bits) | extra << count, u32::from(count) + u32::from(extra_bits) + 1)
            })
            .collect();
        Self { lengths, symbols, runs }
    }

    /// Writes the header of the only block.
    pub(super) fn write_head(&self, bits: &mut Bits) {
        bits.push(1, 1);
        bits.push(0b10, 2);
        bits.push(SYMBOLS as u64 - 257, 5);
        // The header has two distance codes of one bit, though only the first is used: a single one is legal, but some
        // decoders have handled it wrongly.
        bits.push(1, 5);
        // The lengths 0 to 15 are encoded in four bits each; 16 to 18 are not used.
        bits.push(19 - 4, 4);
        for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15] {
            bits.push(if symbol < 16 { 4 } else { 0 }, 3);
        }
        for length in self.lengths.iter().chain(&[1, 1]) {
            bits.push(u64::from(length.reverse_bits() >> 4), 4);
        }
    }

    #[inline]
    fn symbol(&self, symbol: usize) -> (u64, u32) {
        let (bits, count) = self.symbols[symbol];
        (u64::from(bits), u32::from(count))
    }

    /// Writes one token. It is inlined into the loop over tokens; otherwise the pending bits would pass through memory
    /// for each token.
    #[inline(always)]
    pub(super) fn write(&self, token: Token, bits: &mut Bits) {
        match token {
            Token::Four(bytes) => {
                // These are at most 60 bits, joined in pairs so that no sum waits for all the others.
                let [(a, a_count), (b, b_count), (c, c_count), (d, d_count)] =
                    bytes.map(|byte| self.symbol(usize::from(byte)));
                let (first, first_count) = (a | b << a_count, a_count + b_count);
                let (second, second_count) = (c | d << c_count, c_count + d_count);
                bits.push(first | second << first_count, first_count + second_count);
            }
            Token::Run(byte, length) => {
                let (value, count) = self.symbol(usize::from(byte));
                bits.push(value, count);
                if length > 0 {
                    let (value, count) = self.runs[length];
                    bits.push(u64::from(value), count);
                }
            }
        }
    }

    /// Ends the block.
    pub(super) fn write_end(&self, bits: &mut Bits) {
        let (value, count) = self.symbol(END);
        bits.push(value, count);
    }
}

/// Returns the symbol of a match's length, with its extra bits. Lengths under 3 have none and are never requested.
pub(super) fn length_symbol(length: usize) -> (usize, u32, u8) {
    match length {
        0..=10 => (254 + length.max(3), 0, 0),
        258.. => (285, 0, 0),
        _ => {
            // From 11 on, each group of four symbols has the same number of extra bits.
            let offset = (length - 3) as u32;
            let extra_bits = offset.ilog2() - 2;
            let symbol = 257 + 4 * extra_bits + (offset >> extra_bits);
            (symbol as usize, offset & ((1 << extra_bits) - 1), extra_bits as u8)
        }
    }
}

/// Computes Huffman's lengths, without a limit.
fn lengths(counts: &[u64; SYMBOLS]) -> [u32; SYMBOLS] {
    let mut parents = vec![usize::MAX; 2 * SYMBOLS - 1];
    let mut heap: BinaryHeap<_> = counts.iter().enumerate().map(|(node, count)| Reverse((*count, node))).collect();
    for parent in SYMBOLS..parents.len() {
        let mut sum = 0;
        for _ in 0..2 {
            let Some(Reverse((count, node))) = heap.pop() else { continue };
            parents[node] = parent;
            sum += count;
        }
        heap.push(Reverse((sum, parent)));
    }
    // A parent comes after its children, so depths can be computed from the end.
    let mut depths = vec![0; parents.len()];
    for node in (0..parents.len() - 1).rev() {
        depths[node] = depths[parents[node]] + 1;
    }
    std::array::from_fn(|symbol| depths[symbol])
}

/// Computes canonical codes with reversed bits: DEFLATE writes a code's highest bit first.
fn canonical(lengths: &[u8; SYMBOLS]) -> [(u16, u16); SYMBOLS] {
    let mut symbols = [(0, 0); SYMBOLS];
    let mut next = 0_u32;
    for length in 1..=MAX_LENGTH as u8 {
        next <<= 1;
        for (symbol, _) in lengths.iter().enumerate().filter(|(_, of)| **of == length) {
            symbols[symbol] = ((next as u16).reverse_bits() >> (16 - length), u16::from(length));
            next += 1;
        }
    }
    symbols
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_as_the_rfc_lists_them() {
        for (length, expected) in [
            (3, (257, 0, 0)),
            (10, (264, 0, 0)),
            (11, (265, 0, 1)),
            (12, (265, 1, 1)),
            (18, (268, 1, 1)),
            (19, (269, 0, 2)),
            (130, (280, 15, 4)),
            (131, (281, 0, 5)),
            (257, (284, 30, 5)),
            (258, (285, 0, 0)),
        ] {
            assert_eq!(length_symbol(length), expected, "{length}");
        }
    }

    #[test]
    fn skewed_counts_stay_within_fifteen_bits() {
        let mut counts = [0; SYMBOLS];
        for (power, count) in counts.iter_mut().take(60).enumerate() {
            *count = 1 << power;
        }
        let code = Code::new(&counts);
        let kraft: f64 = code.lengths.iter().map(|length| 0.5_f64.powi(i32::from(*length))).sum();
        assert!((kraft - 1.0).abs() < 1e-9, "{kraft}");
        assert!(code.lengths.iter().all(|length| (1..=15).contains(length)));
    }
}
