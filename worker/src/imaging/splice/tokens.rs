//! A piece as what the code has symbols for: single bytes, and runs of one byte.

/// Longest run one match can say.
pub(super) const LONGEST: usize = 258;
/// Runs shorter than this are cheaper as what they are.
const SHORTEST: usize = 5;

/// What is written in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Bytes behind none of which a run begins.
    Four([u8; 4]),
    /// A byte, and how many times it is repeated: not at all or 5 to 258 times.
    Run(u8, usize),
}

/// The tokens of a piece. A run never reaches into the next piece.
pub(super) struct Tokens<'p>(pub(super) &'p [u8]);

impl Iterator for Tokens<'_> {
    type Item = Token;

    #[inline(always)]
    fn next(&mut self) -> Option<Token> {
        // A byte and the shortest run behind it are six.
        let Some(&[a, b, c, d, e, f]) = self.0.first_chunk() else {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            return Some(Token::Run(*byte, 0));
        };
        // A run behind one of the first four covers the fourth to sixth.
        if d != e || e != f {
            self.0 = &self.0[4..];
            return Some(Token::Four([a, b, c, d]));
        }
        let run = repeated(&self.0[1..], a).min(LONGEST);
        let run = if run < SHORTEST { 0 } else { run };
        self.0 = &self.0[1 + run..];
        Some(Token::Run(a, run))
    }
}

/// How many bytes at the beginning are `byte`.
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
        fn tokens_say_the_piece_and_no_long_run_is_missed(runs in prop::collection::vec((0..3_u8, 1..600_usize), 0..9)) {
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
            // A first byte for each match, and at most four behind the last.
            prop_assert!(single <= 9 * 6, "{}", single);
        }
    }
}
