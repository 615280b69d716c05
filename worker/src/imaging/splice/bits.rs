//! Bits in DEFLATE's order: the first is the lowest of its byte.

/// Bits being written.
#[derive(Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    /// Fewer than 32 between calls.
    pending: u64,
    count: u32,
}

impl Bits {
    /// Goes on behind whole bytes.
    pub(super) fn after(bytes: Vec<u8>) -> Self {
        Self { bytes, pending: 0, count: 0 }
    }

    /// How many bits there are.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() * 8 + self.count as usize
    }

    /// Appends the lowest `count` bits of `value`, at most 32; the others are zero.
    #[inline]
    pub(super) fn push(&mut self, value: u32, count: u32) {
        self.pending |= u64::from(value) << self.count;
        self.count += count;
        if self.count >= 32 {
            // A fixed number of bytes is stored several times as fast as "as many as there are".
            self.bytes.extend_from_slice(&(self.pending as u32).to_le_bytes());
            self.pending >>= 32;
            self.count -= 32;
        }
    }

    /// Appends bits `from..to` of `source`.
    pub(super) fn copy(&mut self, source: &[u8], mut from: usize, to: usize) {
        // A few bits until the source stands at a byte, whole words, and what is left.
        from = self.copy_slowly(source, from, to.min(from.next_multiple_of(8)));
        if to > from {
            let (words, _) = source[from / 8..to / 8].as_chunks::<8>();
            self.bytes.reserve(words.len() * 8);
            for word in words {
                let word = u64::from_le_bytes(*word);
                self.bytes.extend_from_slice(&(self.pending | word << self.count).to_le_bytes());
                // In two steps, because a shift by all 64 bits is none.
                self.pending = word >> 1 >> (63 - self.count);
            }
            from += words.len() * 64;
        }
        self.copy_slowly(source, from, to);
    }

    /// Copies byte by byte; `from` may stand within one. Returns `to`, or `from` if that is greater.
    fn copy_slowly(&mut self, source: &[u8], mut from: usize, to: usize) -> usize {
        while from < to {
            let count = (8 - from % 8).min(to - from) as u32;
            self.push(u32::from(source[from / 8]) >> (from % 8) & ((1 << count) - 1), count);
            from += count as usize;
        }
        from
    }

    /// Fills the last byte with zeros and returns the bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let left = self.count.div_ceil(8) as usize;
        self.bytes.extend_from_slice(&self.pending.to_le_bytes()[..left]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_stretch_copied_to_any_place_reads_the_same() {
        let source: Vec<u8> = (0..40u32).map(|i| (i * 151 + 7) as u8).collect();
        let bit = |bytes: &[u8], at: usize| bytes[at / 8] >> (at % 8) & 1;
        for lead in 0..9 {
            for from in 0..20 {
                for to in from..source.len() * 8 {
                    let mut bits = Bits::default();
                    bits.push(0b1_0110_1101 & ((1 << lead) - 1), lead);
                    bits.copy(&source, from, to);
                    assert_eq!(bits.len(), lead as usize + to - from);
                    bits.push(1, 1);
                    let bytes = bits.finish();
                    for at in from..to {
                        assert_eq!(bit(&bytes, lead as usize + at - from), bit(&source, at), "{lead} {from} {to} {at}");
                    }
                    assert_eq!(bit(&bytes, lead as usize + to - from), 1);
                }
            }
        }
    }
}
