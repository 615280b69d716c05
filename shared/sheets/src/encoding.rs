//! Converts a spreadsheet's file from any encoding to UTF-8, one buffer at a time.

use super::{file_kind, problem::CsvError};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    Decoder, Encoding, ISO_8859_2, MACINTOSH, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1250, WINDOWS_1252, WINDOWS_1254,
    WINDOWS_1257,
};
use std::io::{self, BufRead, Read, Seek, SeekFrom};

const BUFFER: usize = 64 << 10;
/// The largest amount of non-ASCII text that the detector of legacy encodings gets, in bytes.
const DETECT: usize = 1 << 20;

/// The encodings that the detector may report for Latin text from a Macintosh.
const LATIN: [&Encoding; 5] = [WINDOWS_1252, WINDOWS_1250, WINDOWS_1254, WINDOWS_1257, ISO_8859_2];

/// The encoding of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// The encoding.
    pub encoding: &'static Encoding,
    /// The length of the byte order mark to skip, in bytes.
    pub skip: u64,
    /// Whether the encoding is a guess, so that the admin should be informed.
    pub guessed: bool,
}

/// Finds the encoding: by the byte order mark, then by the NUL pattern of UTF-16. Then it is UTF-8 if the whole file is
/// (nearly) valid, else the most likely legacy encoding. It reads the file once and leaves it at an arbitrary position.
pub(super) fn detect<R: Read + Seek>(input: &mut R, head: &[u8]) -> Result<Found, CsvError> {
    if let Some((encoding, mark)) = Encoding::for_bom(head) {
        return Ok(Found { encoding, skip: mark as u64, guessed: false });
    }
    if let Some(encoding) = utf16_by_nuls(head) {
        return Ok(Found { encoding, skip: 0, guessed: true });
    }
    let survey = survey(input)?;
    if survey.nul {
        return Err(file_kind::binary());
    }
    // A UTF-8 file with a few broken cells stays UTF-8: problems name those rows, and the other rows keep their
    // accents.
    if survey.invalid == 0 || survey.multibyte >= 4 * survey.invalid {
        return Ok(Found { encoding: UTF_8, skip: 0, guessed: false });
    }
    let encoding = legacy(input)?;
    // Only Macintosh programs end lines with a carriage return alone. They use the Macintosh encoding, not the one of
    // Windows.
    let is_macintosh = LATIN.contains(&encoding) && head.contains(&b'\r') && !head.contains(&b'\n');
    Ok(Found { encoding: if is_macintosh { MACINTOSH } else { encoding }, skip: 0, guessed: true })
}

/// Recognises UTF-16 without a mark: separators, digits and line ends put a NUL into every pair, always on the same
/// side.
fn utf16_by_nuls(head: &[u8]) -> Option<&'static Encoding> {
    let pairs = head.len() / 2;
    let even = head.chunks_exact(2).filter(|p| p[0] == 0).count();
    let odd = head.chunks_exact(2).filter(|p| p[1] == 0).count();
    let clear = |this: usize, other: usize| this * 20 >= pairs && this >= 2 && this >= 8 * other;
    let encoding = match (clear(odd, even), clear(even, odd)) {
        (true, false) => UTF_16LE,
        (false, true) => UTF_16BE,
        _ => return None,
    };
    let (text, _) = encoding.decode_without_bom_handling(&head[..pairs * 2]);
    (!text.contains('\0')).then_some(encoding)
}

struct Survey {
    /// The number of well-formed characters of two bytes and more.
    multibyte: u64,
    /// The number of places that are not UTF-8.
    invalid: u64,
    nul: bool,
}

fn survey<R: Read + Seek>(input: &mut R) -> io::Result<Survey> {
    let mut seen = Survey { multibyte: 0, invalid: 0, nul: false };
    let mut buffer = vec![0; BUFFER];
    let mut kept = 0;
    input.seek(SeekFrom::Start(0))?;
    loop {
        let read = input.read(&mut buffer[kept..])?;
        let filled = kept + read;
        seen.nul |= buffer[kept..filled].contains(&0);
        if read == 0 || seen.nul {
            seen.invalid += u64::from(kept > 0);
            return Ok(seen);
        }
        let mut rest = &buffer[..filled];
        while !rest.is_empty() {
            let (valid, bad) = match std::str::from_utf8(rest) {
                Ok(text) => (text.len(), None),
                Err(error) => (error.valid_up_to(), Some(error.error_len())),
            };
            if !rest[..valid].is_ascii() {
                seen.multibyte += rest[..valid].iter().filter(|b| **b >= 0xC0).count() as u64;
            }
            rest = &rest[valid..];
            match bad {
                Some(Some(length)) => {
                    seen.invalid += 1;
                    rest = &rest[length..];
                }
                // A character that the end of the buffer splits waits for the next buffer.
                _ => break,
            }
        }
        kept = rest.len();
        buffer.copy_within(filled - kept..filled, 0);
    }
}

fn legacy<R: Read + Seek>(input: &mut R) -> io::Result<&'static Encoding> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let mut buffer = vec![0; BUFFER];
    let mut shown = 0;
    input.seek(SeekFrom::Start(0))?;
    loop {
        let read = input.read(&mut buffer)?;
        if read == 0 || shown >= DETECT {
            detector.feed(&[], true);
            return Ok(detector.guess(None, Utf8Detection::Deny));
        }
        if !buffer[..read].is_ascii() {
            detector.feed(&buffer[..read], false);
            shown += read;
        }
    }
}

/// Reads any encoding as UTF-8. Invalid bytes become U+FFFD, which the row reader reports.
pub(super) struct Utf8Reader<R> {
    inner: R,
    decoder: Decoder,
    raw: Vec<u8>,
    raw_from: usize,
    raw_to: usize,
    text: Vec<u8>,
    text_from: usize,
    text_to: usize,
    done: bool,
}

impl<R: Read + Seek> Utf8Reader<R> {
    /// Starts after the byte order mark.
    pub(super) fn new(mut inner: R, found: Found) -> io::Result<Self> {
        inner.seek(SeekFrom::Start(found.skip))?;
        Ok(Utf8Reader {
            inner,
            decoder: found.encoding.new_decoder_without_bom_handling(),
            raw: vec![0; BUFFER],
            raw_from: 0,
            raw_to: 0,
            text: vec![0; BUFFER],
            text_from: 0,
            text_to: 0,
            done: false,
        })
    }

    /// Returns the input, at an arbitrary position.
    pub(super) fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: Read> BufRead for Utf8Reader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.text_from == self.text_to && !self.done {
            if self.raw_from == self.raw_to {
                self.raw_from = 0;
                self.raw_to = self.inner.read(&mut self.raw)?;
            }
            let last = self.raw_to == 0;
            let raw = &self.raw[self.raw_from..self.raw_to];
            let (result, read, written, _) = self.decoder.decode_to_utf8(raw, &mut self.text, last);
            self.raw_from += read;
            self.text_from = 0;
            self.text_to = written;
            self.done = last && result == encoding_rs::CoderResult::InputEmpty;
        }
        Ok(&self.text[self.text_from..self.text_to])
    }

    fn consume(&mut self, amount: usize) {
        self.text_from += amount;
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let take = ready.len().min(into.len());
        into[..take].copy_from_slice(&ready[..take]);
        self.consume(take);
        Ok(take)
    }
}
