//! PNG: one DEFLATE block with one code for the template and all its guests. The bits of a piece of a row depend only
//! on the pixels in and beside it. So unchanged pieces are copied as bits.

use image::RgbImage;

use super::adler::Adler;
use super::bits::{Bits, PADDING};
use super::filter::filter;
use super::huffman::{Code, END, SYMBOLS, length_symbol};
use super::pieces::{Bounds, Pieces};
use super::tokens::{Token, Tokens};
use crate::touched::{CELL, Touched, any};

/// The position in the file from which the checksum of IDAT is computed.
const NAME: usize = 37;
/// The number of bytes that are written before they are summed, while they are still in the cache.
const SUMMED_AT_ONCE: usize = 1 << 16;

/// An encoded template picture.
pub(super) struct PngTemplate {
    pieces: Pieces,
    code: Code,
    /// The signature, IHDR and the header of IDAT, whose length is filled in later.
    head: Vec<u8>,
    /// The stream from the zlib header on, with every piece but without the end of the block.
    stream: Vec<u8>,
    /// The beginning of each piece in `stream`, in bits, and the end of the last one. The header of the block lies
    /// before the first piece.
    starts: Vec<usize>,
    /// The checksums of the filtered bytes before each piece, and of all bytes.
    before: Vec<Adler>,
}

impl PngTemplate {
    /// Encodes `base`; the guests' slots lie at `likely`.
    pub(super) fn new(base: &RgbImage, likely: &[Bounds]) -> Self {
        let pieces = Pieces::new(base.width() as usize, base.height() as usize, likely);
        let mut filtered = Vec::new();
        let mut each_piece = |work: &mut dyn FnMut(&[u8])| {
            for row in 0..pieces.height() {
                for cuts in pieces.row(row).0.windows(2) {
                    filter(base, row, cuts[0]..cuts[1], &mut filtered);
                    work(&filtered);
                }
            }
        };
        let mut counts = [0; SYMBOLS];
        each_piece(&mut |piece| {
            for token in Tokens(piece) {
                match token {
                    Token::Four(bytes) => bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1),
                    Token::Run(byte, length) => {
                        counts[usize::from(byte)] += 1;
                        counts[length_symbol(length).0] += u64::from(length > 0);
                    }
                }
            }
        });
        counts[END] = 1;
        // Guests' drawings contain bytes that are rare in the template; these must not become too expensive.
        let share = counts.iter().sum::<u64>() / 8_192;
        let code = Code::new(&counts.map(|count| count + share));

        let mut bits = Bits::default();
        // The header says: DEFLATE with a window of 32 KiB, fastest; see RFC 1950.
        bits.bytes(&[0x78, 0x01]);
        code.write_head(&mut bits);
        let (mut starts, mut before) = (vec![bits.len()], vec![Adler::NONE]);
        let mut sum = Adler::NONE;
        each_piece(&mut |piece| {
            Tokens(piece).for_each(|token| code.write(token, &mut bits));
            sum = sum.then(Adler::of(piece));
            starts.push(bits.len());
            before.push(sum);
        });
        let mut stream = bits.finish();
        stream.extend(PADDING);
        Self { pieces, code, head: head(base), stream, starts, before }
    }

    /// Encodes `frame`, which differs from `base` only where it was touched. `filtered` is a buffer for a row.
    pub(super) fn encode(
        &self,
        base: &RgbImage,
        frame: &RgbImage,
        touched: &Touched,
        filtered: &mut Vec<u8>,
    ) -> Vec<u8> {
        let mut bits = Bits::with_capacity(self.head.len() + self.stream.len() * 9 / 8);
        bits.bytes(&self.head);
        bits.copy(&self.stream, 0, self.starts[0]);
        let (mut crc, mut summed) = (crc32fast::Hasher::new(), NAME);
        let mut sum = Adler::NONE;
        // This is the first piece that is neither copied nor encoded.
        let mut next = 0;
        let mut near = Vec::new();
        for row in 0..self.pieces.height() {
            let above = if row == 0 { &[] } else { touched.row(row - 1) };
            near.clear();
            near.extend(touched.row(row));
            near.iter_mut().zip(above).for_each(|(here, above)| *here |= above);
            if near.iter().all(|word| *word == 0) {
                continue;
            }
            let (cuts, first) = self.pieces.row(row);
            let changed = |piece: usize| piece + 1 < cuts.len() && changes(base, frame, row, &near, &cuts[piece..]);
            let mut piece = 0;
            while piece + 1 < cuts.len() {
                let from = piece;
                while changed(piece) {
                    piece += 1;
                }
                if from == piece {
                    piece += 1;
                    continue;
                }
                bits.copy(&self.stream, self.starts[next], self.starts[first + from]);
                sum = sum.then(self.before[first + from].behind(self.before[next]));
                filter(frame, row, cuts[from]..cuts[piece], filtered);
                sum = sum.then(Adler::of(filtered));
                self.write(filtered, &cuts[from..=piece], &mut bits);
                next = first + piece;
            }
            if bits.words().len() > summed + SUMMED_AT_ONCE {
                crc.update(&bits.words()[summed..]);
                summed = bits.words().len();
            }
        }
        let last = self.starts.len() - 1;
        bits.copy(&self.stream, self.starts[next], self.starts[last]);
        sum = sum.then(self.before[last].behind(self.before[next]));
        self.code.write_end(&mut bits);
        let mut file = bits.finish();
        file.extend(sum.value().to_be_bytes());
        crc.update(&file[summed..]);
        let length = (file.len() - NAME - 4) as u32;
        file[NAME - 4..NAME].copy_from_slice(&length.to_be_bytes());
        file.extend(crc.finalize().to_be_bytes());
        file.extend(b"\0\0\0\0IEND\xae\x42\x60\x82");
        file
    }

    /// Encodes the pieces between `cuts`, which were filtered together.
    fn write(&self, mut filtered: &[u8], cuts: &[usize], bits: &mut Bits) {
        // The compiler can keep a local copy in registers.
        let mut pen = std::mem::take(bits);
        for cut in cuts.windows(2) {
            // The first piece of a row is preceded by the number of the filter.
            let (piece, rest) = filtered.split_at((cut[1] - cut[0]) * 3 + usize::from(cut[0] == 0));
            for token in Tokens(piece) {
                self.code.write(token, &mut pen);
            }
            filtered = rest;
        }
        *bits = pen;
    }
}

/// Whether the bits of the piece from `cuts[0]` to `cuts[1]` may differ from the template's. They may if a part of the
/// piece or of the row above it was touched. They may also differ if the pixel to the left of either changed.
fn changes(base: &RgbImage, frame: &RgbImage, row: usize, near: &[u64], cuts: &[usize]) -> bool {
    let (from, to) = (cuts[0], cuts[1]);
    if any(near, from / CELL, to.div_ceil(CELL)) {
        return true;
    }
    if from == 0 || !any(near, (from - 1) / CELL, (from - 1) / CELL + 1) {
        return false;
    }
    let differs = |row: usize| {
        let (x, y) = (from as u32 - 1, row as u32);
        base.get_pixel(x, y) != frame.get_pixel(x, y)
    };
    differs(row) || row > 0 && differs(row - 1)
}

/// Builds the signature, IHDR, and the name of IDAT after four bytes for its length.
fn head(image: &RgbImage) -> Vec<u8> {
    let mut head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    head.extend(image.width().to_be_bytes());
    head.extend(image.height().to_be_bytes());
    // The fields are: eight bits, RGB, DEFLATE, the five filters, not interlaced.
    head.extend([8, 2, 0, 0, 0]);
    let sum = crc32fast::hash(&head[12..]);
    head.extend(sum.to_be_bytes());
    head.extend(b"\0\0\0\0IDAT");
    head
}
