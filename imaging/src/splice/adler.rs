//! zlib's checksum for consecutive stretches of bytes (RFC 1950, 8.2).

/// The checksum of a stretch, which can be joined with the checksum of the next stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Adler {
    low: u32,
    high: u32,
    /// The length in bytes, modulo the modulus: only that matters.
    length: u32,
}

const MODULUS: u64 = 65_521;

impl Adler {
    pub(super) const NONE: Self = Self { low: 1, high: 0, length: 0 };

    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut sum = simd_adler32::Adler32::new();
        sum.write(bytes);
        let sum = sum.finish();
        Self { low: sum & 0xffff, high: sum >> 16, length: (bytes.len() as u64 % MODULUS) as u32 }
    }

    /// Returns the checksum of both stretches in sequence.
    pub(super) fn then(self, next: Self) -> Self {
        // The second sums also start from 1, which counts once for each byte of the next stretch.
        let before = u64::from(self.low) + MODULUS - 1;
        let high = u64::from(self.high) + u64::from(next.high) + u64::from(next.length) * before;
        Self {
            low: ((before + u64::from(next.low)) % MODULUS) as u32,
            high: (high % MODULUS) as u32,
            length: ((u64::from(self.length) + u64::from(next.length)) % MODULUS) as u32,
        }
    }

    /// Returns the checksum of the rest of a stretch that begins with `first`.
    pub(super) fn behind(self, first: Self) -> Self {
        let less = |a: u32, b: u32| (u64::from(a) + MODULUS - u64::from(b)) % MODULUS;
        let length = less(self.length, first.length);
        let before = u64::from(first.low) + MODULUS - 1;
        let carried = length * before % MODULUS;
        Self {
            low: ((less(self.low, first.low) + 1) % MODULUS) as u32,
            high: ((less(self.high, first.high) + MODULUS - carried) % MODULUS) as u32,
            length: length as u32,
        }
    }

    pub(super) fn value(self) -> u32 {
        self.high << 16 | self.low
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn stretches_join_and_part_as_their_bytes_do(
            first in prop::collection::vec(any::<u8>(), 0..3_000), second in prop::collection::vec(any::<u8>(),
                0..3_000), times in 1..60_usize,
        ) {
            let first = first.repeat(times);
            let both = Adler::of(&[&first[..], &second].concat());
            prop_assert_eq!(Adler::of(&first).then(Adler::of(&second)), both);
            prop_assert_eq!(both.behind(Adler::of(&first)), Adler::of(&second));
            prop_assert_eq!(both.behind(both), Adler::NONE);
        }
    }
}
