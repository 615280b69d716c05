//! The tokens of a piece, for which the code has symbols: single bytes, and runs of one byte.

/// The longest run that one match can express.
pub(super) const LONGEST: usize = 258;
/// Runs shorter than this are cheaper as single bytes.
const SHORTEST: usize = 5;

/// A unit of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Four bytes, of which none begins a run.
    Four([u8; 4]),
    /// A byte, and the number of its repetitions: zero or 5 to 258.
    Run(u8, usize),
}

/// The tokens of a piece. A run never extends into the next piece.
pub(super) struct Tokens<'p>(pub(super) &'p [u8]);

impl Iterator for Tokens<'_> {
    type Item = Token;

    #[inline(always)]
    fn next(&mut self) -> Option<Token> {
        let (&byte, rest) = self.0.split_first()?;
        if let Some(window) = self.0.first_chunk() {
            let runs = runs(window);
            if runs == 0 {
                let [a, b, c, d, ..] = *window;
                self.0 = &self.0[4..];
                return Some(Token::Four([a, b, c, d]));
            }
            if runs & 0xff == 0 {
                self.0 = rest;
                return Some(Token::Run(byte, 0));
            }
        }
        let run = repeated(rest, byte).min(LONGEST);
        let run = if run < SHORTEST { 0 } else { run };
        self.0 = &rest[run..];
        Some(Token::Run(byte, run))
    }
}

/// Marks which of the first four bytes are followed by five equal ones, in the highest bit of each of the lowest four
/// bytes. It makes eight comparisons at once, because single comparisons would cause branch mispredictions wherever a
/// picture is smooth.
#[inline(always)]
fn runs(window: &[u8; 9]) -> u64 {
    const LOW: u64 = u64::from_le_bytes([0x7f; 8]);
    let [bytes @ .., _] = *window;
    let [_, next @ ..] = *window;
    let differ = u64::from_le_bytes(bytes) ^ u64::from_le_bytes(next);
    // This is the highest bit of each byte that is zero.
    let same = !(((differ & LOW) + LOW) | differ | LOW);
    same & same >> 8 & same >> 16 & same >> 24 & same >> 32
}

/// Counts the leading bytes that equal `byte`.
#[inline]
fn repeated(bytes: &[u8], byte: u8) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let differ = u64::from_le_bytes(*word) ^ u64::from_le_bytes([byte; 8]);
        if differ != 0 {
            return at * 8 + differ.trailing_zeros() as usize / 8;
        }
    }
    words.len() * 8 + rest.iter().take_while(|next| **next == byte).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn tokens_say_the_piece_and_no_long_run_is_missed(runs in prop::collection::vec((0..3_u8, 1..600_usize),
            0..9)) {
            let piece: Vec<u8> = runs.iter().flat_map(|(byte, times)| std::iter::repeat_n(*byte, *times)).collect();
            let (mut said, mut single) = (Vec::new(), 0);
            for token in Tokens(&piece) {
                match token {
                    Token::Four(bytes) => {
                        said.extend(bytes);
                        single += 4;
                    }
                    Token::Run(byte, length) => {
                        assert!(length == 0 || (SHORTEST..=LONGEST).contains(&length));
                        said.extend(std::iter::repeat_n(byte, length + 1));
                        single += 1;
                    }
                }
            }
            prop_assert_eq!(said, piece);
            // Each match has a first byte, and at most four bytes follow the last one.
            prop_assert!(single <= 9 * 6, "{}", single);
        }
    }
}
