//! One prefix code for a template and everything drawn on it (RFC 1951, 3.2.7).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::bits::Bits;
use super::tokens::{LONGEST, Token};

/// Literals, end of block and length codes.
pub(super) const SYMBOLS: usize = 286;
/// Ends a block.
pub(super) const END: usize = 256;
const MAX_LENGTH: u32 = 15;

/// What is written for each symbol and for runs.
pub(super) struct Code {
    lengths: [u8; SYMBOLS],
    /// Bits, first one lowest, and how many.
    symbols: [(u16, u16); SYMBOLS],
    /// By length: the match "the last byte again, so many times", distance and all.
    runs: Vec<(u32, u32)>,
}

impl Code {
    /// A code for symbols that occur so often. Every symbol gets one, because a guest may bring any byte.
    pub(super) fn new(counts: &[u64; SYMBOLS]) -> Self {
        let mut counts = counts.map(|count| count.max(1));
        let lengths = loop {
            let lengths = lengths(&counts);
            if lengths.iter().all(|length| *length <= MAX_LENGTH) {
                break lengths.map(|length| length as u8);
            }
            // Evens the counts out; in the end all are alike and the code is nine bits deep.
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

    /// Writes the head of the one and only block.
    pub(super) fn write_head(&self, bits: &mut Bits) {
        bits.push(1, 1);
        bits.push(0b10, 2);
        bits.push(SYMBOLS as u64 - 257, 5);
        // Two distance codes of one bit, though only the first is used: a lone one is legal, but decoders have erred on
        // it.
        bits.push(1, 5);
        // The lengths 0 to 15 themselves are coded in four bits each, 16 to 18 are not used.
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

    /// Writes one token. Within the loop over them, or the bits that wait would go through memory for each.
    #[inline(always)]
    pub(super) fn write(&self, token: Token, bits: &mut Bits) {
        match token {
            Token::Four(bytes) => {
                // At most 60 bits, joined in pairs so that no sum waits for all the others.
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

/// The symbol that says a match's length, with its extra bits. Lengths under 3 have none and are never asked for.
pub(super) fn length_symbol(length: usize) -> (usize, u32, u8) {
    match length {
        0..=10 => (254 + length.max(3), 0, 0),
        258.. => (285, 0, 0),
        _ => {
            // From 11 on each four symbols share a number of extra bits.
            let offset = (length - 3) as u32;
            let extra_bits = offset.ilog2() - 2;
            let symbol = 257 + 4 * extra_bits + (offset >> extra_bits);
            (symbol as usize, offset & ((1 << extra_bits) - 1), extra_bits as u8)
        }
    }
}

/// Huffman's lengths, without a limit.
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
    // A parent stands behind its children, so depths are known from the end.
    let mut depths = vec![0; parents.len()];
    for node in (0..parents.len() - 1).rev() {
        depths[node] = depths[parents[node]] + 1;
    }
    std::array::from_fn(|symbol| depths[symbol])
}

/// Canonical codes, turned round: DEFLATE writes a code's highest bit first.
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
