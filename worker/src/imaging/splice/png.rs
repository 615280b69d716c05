//! PNG: one DEFLATE block with one code for the template and all its guests, in which the bits of a piece of a row
//! depend on the pixels in and beside it alone. The pieces that did not change are copied as bits.

use image::RgbImage;

use super::bits::Bits;
use super::changed::changed;
use super::huffman::{self, Code, END, LONGEST, SYMBOLS};

/// Pixels in a piece of a row. Shorter ones leave less to code again; each costs a little of the runs.
const PIECE: usize = 64;
const PIECE_BYTES: usize = PIECE * 3;
/// PNG's name for predicting a byte from those to the left, above and above left.
const PAETH: u8 = 4;
/// Runs shorter than this are cheaper as what they are.
const SHORTEST_RUN: usize = 5;

/// A template's picture, coded.
pub(super) struct PngTemplate {
    height: usize,
    /// Pieces in a row.
    columns: usize,
    code: Code,
    /// Signature, IHDR and the head of IDAT with its length to be filled in.
    head: Vec<u8>,
    /// From the zlib header on, with every piece but without the end of the block.
    stream: Vec<u8>,
    /// Where each piece begins in `stream`, in bits, and where the last one ends.
    starts: Vec<usize>,
    /// Of each piece's filtered bytes.
    sums: Vec<Adler>,
    /// Of each row's.
    row_sums: Vec<Adler>,
}

impl PngTemplate {
    pub(super) fn new(base: &RgbImage) -> Self {
        let (width, height) = (base.width() as usize, base.height() as usize);
        let columns = width.div_ceil(PIECE);
        let mut filtered = Vec::with_capacity(PIECE_BYTES + 1);
        let mut counts = [0; SYMBOLS];
        for row in 0..height {
            for column in 0..columns {
                filter(base, row, column, &mut filtered);
                tokens(&filtered, |token| match token {
                    Token::Literal(byte) => counts[usize::from(byte)] += 1,
                    Token::Run(length) => counts[huffman::length_symbol(length).0] += 1,
                });
            }
        }
        counts[END] = 1;
        // Guests bring bytes the template has few of: rare ones shall not become too dear.
        let share = counts.iter().sum::<u64>() / 8_192;
        let code = Code::new(&counts.map(|count| count + share));

        // zlib: DEFLATE with a window of 32 KiB, fastest; see RFC 1950.
        let mut bits = Bits::after(vec![0x78, 0x01]);
        code.write_head(&mut bits);
        let mut template = Self {
            height,
            columns,
            code,
            head: head(base),
            stream: Vec::new(),
            starts: Vec::with_capacity(columns * height + 1),
            sums: Vec::with_capacity(columns * height),
            row_sums: Vec::with_capacity(height),
        };
        for row in 0..height {
            let mut row_sum = Adler::NONE;
            for column in 0..columns {
                filter(base, row, column, &mut filtered);
                template.starts.push(bits.len());
                template.write(&filtered, &mut bits);
                let sum = Adler::of(&filtered);
                template.sums.push(sum);
                row_sum = row_sum.then(sum);
            }
            template.row_sums.push(row_sum);
        }
        template.starts.push(bits.len());
        template.stream = bits.finish();
        template
    }

    /// Appends the file of `frame`, which differs from `base` in places.
    pub(super) fn encode(&self, base: &RgbImage, frame: &RgbImage, out: &mut Vec<u8>) {
        out.reserve(self.head.len() + self.stream.len() * 9 / 8);
        out.extend_from_slice(&self.head);
        let data = out.len();
        let mut bits = Bits::after(std::mem::take(out));
        let changed = changed(base, frame, PIECE, 1);
        let mut sum = Adler::NONE;
        let mut filtered = Vec::with_capacity(PIECE_BYTES + 1);
        let mut copied = 0;
        for row in 0..self.height {
            let here = &changed[row * self.columns..][..self.columns];
            let above = if row == 0 { &[] } else { &changed[(row - 1) * self.columns..][..self.columns] };
            if !here.contains(&true) && !above.contains(&true) {
                sum = sum.then(self.row_sums[row]);
                continue;
            }
            for column in 0..self.columns {
                let index = row * self.columns + column;
                // A byte is predicted from the pixels to its left, above, and above to its left.
                let near = |tiles: &[bool]| tiles[column.saturating_sub(1)..=column].contains(&true);
                if !(near(here) || row > 0 && near(above)) {
                    sum = sum.then(self.sums[index]);
                    continue;
                }
                bits.copy(&self.stream, copied, self.starts[index]);
                copied = self.starts[index + 1];
                filter(frame, row, column, &mut filtered);
                self.write(&filtered, &mut bits);
                sum = sum.then(Adler::of(&filtered));
            }
        }
        bits.copy(&self.stream, copied, self.starts[self.starts.len() - 1]);
        let (end, count) = self.code.symbol(END);
        bits.push(u32::from(end), u32::from(count));
        *out = bits.finish();
        out.extend_from_slice(&sum.value().to_be_bytes());
        finish_chunk(out, data);
        out.extend_from_slice(b"\0\0\0\0IEND\xae\x42\x60\x82");
    }

    fn write(&self, filtered: &[u8], bits: &mut Bits) {
        tokens(filtered, |token| match token {
            Token::Literal(byte) => {
                let (value, count) = self.code.symbol(usize::from(byte));
                bits.push(u32::from(value), u32::from(count));
            }
            Token::Run(length) => {
                let (value, count) = self.code.run(length);
                bits.push(value, u32::from(count));
            }
        });
    }
}

enum Token {
    Literal(u8),
    /// The last byte again, so many times, 3 to 258.
    Run(usize),
}

/// Bytes and runs of a piece. A run never reaches into the next piece.
#[inline]
fn tokens(filtered: &[u8], mut each: impl FnMut(Token)) {
    let mut at = 0;
    while let Some(&byte) = filtered.get(at) {
        each(Token::Literal(byte));
        at += 1;
        if filtered.get(at) != Some(&byte) {
            continue;
        }
        let same = filtered[at..].iter().take_while(|next| **next == byte).count();
        if same >= SHORTEST_RUN {
            let run = same.min(LONGEST);
            each(Token::Run(run));
            at += run;
        } else {
            (0..same).for_each(|_| each(Token::Literal(byte)));
            at += same;
        }
    }
}

/// Filters one piece of a row, behind the filter's name if it is the first.
fn filter(image: &RgbImage, row: usize, column: usize, filtered: &mut Vec<u8>) {
    let line = image.width() as usize * 3;
    let from = column * PIECE_BYTES;
    let to = line.min(from + PIECE_BYTES);
    let pixels = image.as_raw();
    let here = &pixels[row * line..][..line];
    filtered.clear();
    if column == 0 {
        filtered.push(PAETH);
    }
    if row == 0 {
        // Nothing above: the prediction is the pixel to the left.
        filtered.extend((from..to).map(|at| here[at].wrapping_sub(if at < 3 { 0 } else { here[at - 3] })));
        return;
    }
    let above = &pixels[(row - 1) * line..][..line];
    let mut from = from;
    if from == 0 {
        filtered.extend((0..3).map(|at| here[at].wrapping_sub(above[at])));
        from = 3;
    }
    let bytes = here[from..to].iter().zip(&here[from - 3..]).zip(above[from..to].iter().zip(&above[from - 3..]));
    filtered.extend(bytes.map(|((byte, left), (above, corner))| byte.wrapping_sub(paeth(*left, *above, *corner))));
}

/// PNG's predictor (specification, 9.4).
#[inline]
fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(above), i16::from(corner));
    let (to_left, to_above, to_corner) = ((b - c).abs(), (a - c).abs(), (a + b - c - c).abs());
    // Written without branches, which lets the compiler take many bytes at once.
    let nearer = if to_above <= to_corner { above } else { corner };
    if to_left <= to_above && to_left <= to_corner { left } else { nearer }
}

/// Signature and IHDR, and the name of IDAT behind four bytes for its length.
fn head(image: &RgbImage) -> Vec<u8> {
    let mut head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    head.extend(image.width().to_be_bytes());
    head.extend(image.height().to_be_bytes());
    // Eight bits, RGB, DEFLATE, the five filters, not interlaced.
    head.extend([8, 2, 0, 0, 0]);
    let sum = crc32fast::hash(&head[12..]);
    head.extend(sum.to_be_bytes());
    head.extend(b"\0\0\0\0IDAT");
    head
}

/// Fills in the length of the chunk whose data begin at `data` and end with the file, and appends its checksum.
fn finish_chunk(file: &mut Vec<u8>, data: usize) {
    let length = (file.len() - data) as u32;
    file[data - 8..data - 4].copy_from_slice(&length.to_be_bytes());
    let sum = crc32fast::hash(&file[data - 4..]);
    file.extend(sum.to_be_bytes());
}

/// zlib's checksum of a stretch of bytes, to be joined with that of the next.
#[derive(Clone, Copy)]
struct Adler {
    low: u32,
    high: u32,
    length: u32,
}

impl Adler {
    const NONE: Self = Self { low: 1, high: 0, length: 0 };
    const MODULUS: u32 = 65_521;

    fn of(bytes: &[u8]) -> Self {
        let mut sum = simd_adler32::Adler32::new();
        sum.write(bytes);
        let sum = sum.finish();
        Self { low: sum & 0xffff, high: sum >> 16, length: bytes.len() as u32 % Self::MODULUS }
    }

    /// The checksum of both stretches, one behind the other.
    #[inline]
    fn then(self, next: Self) -> Self {
        let modulus = u64::from(Self::MODULUS);
        let low = u64::from(self.low) + u64::from(next.low) + modulus - 1;
        let carried = u64::from(next.length) * (u64::from(self.low) + modulus - 1);
        let high = u64::from(self.high) + u64::from(next.high) + carried;
        Self {
            low: (low % modulus) as u32,
            high: (high % modulus) as u32,
            length: (self.length + next.length) % Self::MODULUS,
        }
    }

    fn value(self) -> u32 {
        self.high << 16 | self.low
    }
}
