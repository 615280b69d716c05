//! Changes bytes as damaged and hostile files are changed.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Numbers that counts and lengths break on, as they stand in files.
const NUMBERS: [u32; 12] =
    [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF];

/// Makes inputs out of seeds. The same seed number makes the same inputs.
pub(super) struct Mutator {
    random: StdRng,
    seeds: Vec<Vec<u8>>,
    /// Pieces that mean something in the format.
    words: &'static [&'static str],
    /// Longest input made.
    longest: usize,
}

impl Mutator {
    pub(super) fn new(seed: u64, seeds: Vec<Vec<u8>>, words: &'static [&'static str], longest: usize) -> Self {
        Self { random: StdRng::seed_from_u64(seed), seeds, words, longest }
    }

    /// The next input. The seeds come first, as they are.
    pub(super) fn input(&mut self, at: u64) -> Vec<u8> {
        if let Some(seed) = usize::try_from(at).ok().and_then(|at| self.seeds.get(at)) {
            return seed.clone();
        }
        let mut input = self.seed();
        for _ in 0..1 << self.random.random_range(0..4) {
            self.change(&mut input);
        }
        input.truncate(self.longest);
        input
    }

    fn seed(&mut self) -> Vec<u8> {
        let at = self.random.random_range(0..self.seeds.len());
        self.seeds[at].clone()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let length = input.len();
        // Headers are where formats are decided: half of the changes fall into the first bytes.
        let reach = if self.random.random() { length.min(512) } else { length };
        let at = self.random.random_range(0..=reach);
        match self.random.random_range(0..8) {
            0 if at < length => input[at] ^= 1 << self.random.random_range(0..8),
            1 if at < length => input[at] = self.random.random(),
            2 => {
                let number = NUMBERS[self.random.random_range(0..NUMBERS.len())];
                let bytes = if self.random.random() { number.to_be_bytes() } else { number.to_le_bytes() };
                let width = 1 << self.random.random_range(0..3);
                for (place, byte) in input.iter_mut().skip(at).zip(&bytes[4 - width..]) {
                    *place = *byte;
                }
            }
            3 if !self.words.is_empty() => {
                let word = self.words[self.random.random_range(0..self.words.len())];
                input.splice(at..at, word.bytes());
            }
            4 => input.truncate(at),
            5 if at < length => {
                let end = (at + self.random.random_range(1..=32)).min(length);
                input.drain(at..end);
            }
            6 if at < length => {
                // The same again, as often as it fits.
                let end = (at + self.random.random_range(1..=64)).min(length);
                let piece = input[at..end].to_vec();
                let times = 1 << self.random.random_range(0..8);
                for _ in 0..times {
                    if input.len() + piece.len() > self.longest {
                        break;
                    }
                    input.splice(at..at, piece.iter().copied());
                }
            }
            _ => {
                // A piece of another seed.
                let other = self.seed();
                if !other.is_empty() {
                    let from = self.random.random_range(0..other.len());
                    let to = (from + self.random.random_range(1..=64)).min(other.len());
                    input.splice(at..at, other[from..to].iter().copied());
                }
            }
        }
    }
}
