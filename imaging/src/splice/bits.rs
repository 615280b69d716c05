//! Bits in DEFLATE's order: the first bit is the lowest of its byte.

/// The bytes that must follow a source of bits, so that words can be read across its end.
pub(super) const PADDING: [u8; 8] = [0; 8];

/// A buffer to which bits are written, one word at a time.
#[derive(Default)]
pub(super) struct Bits {
    words: Vec<[u8; 8]>,
    pending: u64,
    /// The number of bits in `pending`, fewer than 64. The higher bits are zero.
    count: u32,
}

impl Bits {
    /// Creates a buffer with room for this many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { words: Vec::with_capacity(bytes.div_ceil(8)), ..Self::default() }
    }

    /// The number of bits.
    pub(super) fn len(&self) -> usize {
        self.words.len() * 64 + self.count as usize
    }

    /// The complete words so far, as bytes.
    pub(super) fn words(&self) -> &[u8] {
        self.words.as_flattened()
    }

    /// Appends the lowest `count` bits of `value`, at most 60; its other bits are zero.
    #[inline]
    pub(super) fn push(&mut self, value: u64, count: u32) {
        self.pending |= value << self.count;
        self.count += count;
        if self.count >= 64 {
            self.words.push(self.pending.to_le_bytes());
            self.count -= 64;
            // A push has at most 60 bits, so at least one of them was used up.
            self.pending = value >> (count - self.count);
        }
    }

    /// Appends whole bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.push(u64::from(*byte), 8));
    }

    /// Appends bits `from..to` of `source`, which is followed by [`PADDING`].
    pub(super) fn copy(&mut self, source: &[u8], mut from: usize, to: usize) {
        // First the pending word is filled up, then whole words follow, then the remaining bits.
        from = self.copy_few(source, from, to.min(from + (64 - self.count as usize) % 64));
        let words = (to - from) / 64;
        if words > 0 {
            let (byte, shift) = (from / 8, from % 8);
            let (low, _) = source[byte..byte + words * 8].as_chunks::<8>();
            if shift == 0 {
                self.words.extend_from_slice(low);
            } else {
                let (high, _) = source[byte + 8..byte + words * 8 + 8].as_chunks::<8>();
                let word = |(low, high): (&[u8; 8], &[u8; 8])| {
                    (u64::from_le_bytes(*low) >> shift | u64::from_le_bytes(*high) << (64 - shift)).to_le_bytes()
                };
                self.words.extend(low.iter().zip(high).map(word));
            }
            from += words * 64;
        }
        self.copy_few(source, from, to);
    }

    /// Copies fewer than 64 bits. Returns `to`.
    fn copy_few(&mut self, source: &[u8], mut from: usize, to: usize) -> usize {
        while from < to {
            let count = (to - from).min(56);
            let (word, _) = source[from / 8..].split_first_chunk::<8>().expect("padding lies behind the bits");
            let value = u64::from_le_bytes(*word) >> (from % 8) & ((1 << count) - 1);
            self.push(value, count as u32);
            from += count;
        }
        from
    }

    /// Fills the last byte with zeros and returns the bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let length = self.len().div_ceil(8);
        self.words.push(self.pending.to_le_bytes());
        let mut bytes = self.words.into_flattened();
        bytes.truncate(length);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_stretch_copied_to_any_place_reads_the_same() {
        let mut source: Vec<u8> = (0..40u32).map(|i| (i * 151 + 7) as u8).collect();
        let end = source.len() * 8;
        source.extend(PADDING);
        let bit = |bytes: &[u8], at: usize| bytes[at / 8] >> (at % 8) & 1;
        for lead in (0..70).step_by(3) {
            for from in 0..20 {
                for to in from..end {
                    let mut bits = Bits::default();
                    (0..lead).for_each(|at| bits.push(at % 2, 1));
                    bits.copy(&source, from, to);
                    let lead = lead as usize;
                    assert_eq!(bits.len(), lead + to - from);
                    bits.push(1, 1);
                    let bytes = bits.finish();
                    assert!((0..lead).all(|at| bit(&bytes, at) == (at % 2) as u8));
                    for at in from..to {
                        assert_eq!(bit(&bytes, lead + at - from), bit(&source, at), "{lead} {from} {to} {at}");
                    }
                    assert_eq!(bit(&bytes, lead + to - from), 1);
                }
            }
        }
    }

    #[test]
    fn the_longest_pushes_cross_words_without_a_loss() {
        for count in 1..=60 {
            let mut bits = Bits::default();
            let value = (1_u64 << count) - 1;
            for _ in 0..70 {
                bits.push(value, count);
                bits.push(0, 1);
            }
            let bytes = bits.finish();
            for at in 0..70 * (count as usize + 1) {
                let expected = at % (count as usize + 1) != count as usize;
                assert_eq!(bytes[at / 8] >> (at % 8) & 1 == 1, expected, "{count} {at}");
            }
        }
    }
}
