//! JPEG: a restart interval is encoded independently of its neighbours. So the template's intervals are kept, and only
//! changed intervals are encoded again.
//!
//! The result equals, byte for byte, the encoder's output for the whole picture with the same restart interval.

use image::RgbImage;
use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};

use super::super::encode::EncodeError;
use super::refused;
use crate::touched::{CELL, Touched};

/// The side of a minimum coded unit with chroma at half size, in pixels.
const UNIT: usize = 16;
/// The number of units in a restart interval. With shorter intervals fewer units are encoded again, but each interval
/// costs about five bytes.
const INTERVAL: usize = 4;
/// The number of intervals that are encoded at once: the picture that holds them may be 65,535 pixels high.
const AT_ONCE: usize = 4_000;

const _: () = assert!(UNIT == CELL, "a unit's bits are those of its rows");

/// An encoded template picture.
pub(super) struct JpegTemplate {
    quality: u8,
    width: usize,
    height: usize,
    /// The number of units in a row of the picture.
    columns: usize,
    /// The total number of units.
    units: usize,
    /// All bytes before the first interval.
    head: Vec<u8>,
    intervals: Intervals,
}

/// Encoded intervals with the restart markers between them.
#[derive(Default)]
struct Intervals {
    bytes: Vec<u8>,
    /// The end of each interval, without its marker.
    ends: Vec<usize>,
}

/// Buffers that are reused from one file to the next, as large as the touched parts.
#[derive(Default)]
pub(super) struct Scratch {
    dirty: Vec<usize>,
    strip: Vec<u8>,
    coded: Vec<u8>,
    fresh: Intervals,
}

impl JpegTemplate {
    /// Encodes `base`.
    pub(super) fn new(base: &RgbImage, quality: u8) -> Result<Self, EncodeError> {
        let whole = encode_whole(base, quality)?;
        let head = head_length(&whole).ok_or_else(|| refused("the encoder wrote no scan"))?;
        let (width, height) = (base.width() as usize, base.height() as usize);
        let columns = width.div_ceil(UNIT);
        let mut intervals = Intervals::default();
        intervals.append(&whole[head..]);
        let head = whole[..head].to_vec();
        Ok(Self { quality, width, height, columns, units: columns * height.div_ceil(UNIT), head, intervals })
    }

    /// Encodes `frame`, which differs from the template's picture only where it was touched.
    pub(super) fn encode(
        &self,
        frame: &RgbImage,
        touched: &Touched,
        scratch: &mut Scratch,
    ) -> Result<Vec<u8>, EncodeError> {
        let Scratch { dirty, strip, coded, fresh } = scratch;
        self.find_dirty(touched, dirty);
        fresh.bytes.clear();
        fresh.ends.clear();
        // The last interval may be shorter than the others and is encoded separately.
        let short = !self.units.is_multiple_of(INTERVAL) && dirty.last() == Some(&(self.intervals.ends.len() - 1));
        let (full, last) = dirty.split_at(dirty.len() - usize::from(short));
        for (dirty, units) in full.chunks(AT_ONCE).map(|dirty| (dirty, INTERVAL)).chain([(last, self.units % INTERVAL)])
        {
            if dirty.is_empty() {
                continue;
            }
            self.lay_out(frame, dirty, units, strip);
            encode_pixels(strip, units * UNIT, dirty.len() * UNIT, self.quality, coded)?;
            let head = head_length(coded).ok_or_else(|| refused("the encoder wrote no scan"))?;
            fresh.append(&coded[head..]);
        }
        if fresh.ends.len() != dirty.len() {
            return Err(refused("the encoder wrote another number of intervals"));
        }
        Ok(self.join(dirty, fresh))
    }

    /// Finds the intervals with a touched unit, in order.
    fn find_dirty(&self, touched: &Touched, dirty: &mut Vec<usize>) {
        dirty.clear();
        for (row, first) in (0..self.height).step_by(UNIT).zip((0..).step_by(self.columns)) {
            let lines = row..(row + UNIT).min(self.height);
            for at in 0..touched.row(row).len() {
                let mut bits = lines.clone().fold(0, |bits, line| bits | touched.row(line)[at]);
                while bits != 0 {
                    let interval = (first + at * 64 + bits.trailing_zeros() as usize) / INTERVAL;
                    if dirty.last() != Some(&interval) {
                        dirty.push(interval);
                    }
                    bits &= bits - 1;
                }
            }
        }
    }

    /// Lays out some intervals of `units` units each, one below the other.
    fn lay_out(&self, frame: &RgbImage, intervals: &[usize], units: usize, strip: &mut Vec<u8>) {
        strip.clear();
        for interval in intervals {
            for line in 0..UNIT {
                for unit in (0..units).map(|unit| interval * INTERVAL + unit) {
                    self.push_line(frame, unit % self.columns, unit / self.columns * UNIT + line, strip);
                }
            }
        }
    }

    /// Appends one line of a unit, continued beyond the picture's edges as the encoder does.
    fn push_line(&self, frame: &RgbImage, column: usize, y: usize, strip: &mut Vec<u8>) {
        let line = self.width * 3;
        let row = &frame.as_raw()[y.min(self.height - 1) * line..][..line];
        let from = column * UNIT * 3;
        let part = &row[from..line.min(from + UNIT * 3)];
        strip.extend_from_slice(part);
        for _ in part.len() / 3..UNIT {
            strip.extend_from_slice(&row[line - 3..]);
        }
    }

    /// Builds the file with the intervals `dirty` replaced by `fresh`.
    fn join(&self, dirty: &[usize], fresh: &Intervals) -> Vec<u8> {
        let (old, last) = (&self.intervals, self.intervals.ends.len());
        let mut out = Vec::with_capacity(self.head.len() + old.bytes.len() + fresh.bytes.len() + 2);
        out.extend_from_slice(&self.head);
        let mut next = 0;
        for (at, interval) in dirty.iter().copied().enumerate() {
            // Markers are numbered by position, so unchanged stretches are copied with their markers.
            out.extend_from_slice(old.stretch(next, interval));
            out.extend_from_slice(fresh.interval(at));
            if interval + 1 < last {
                out.extend_from_slice(&[0xff, 0xd0 + (interval % 8) as u8]);
            }
            next = interval + 1;
        }
        out.extend_from_slice(old.stretch(next, last));
        out.extend_from_slice(&[0xff, 0xd9]);
        out
    }
}

impl Intervals {
    /// Splits the data after a scan header into intervals, and appends them.
    fn append(&mut self, scan: &[u8]) {
        if !self.ends.is_empty() {
            // This reserves space for the missing marker between two scans.
            self.bytes.extend_from_slice(&[0xff, 0xd0]);
        }
        let start = self.bytes.len();
        let mut at = 0;
        // Within encoded data, 0xff is followed by 0; any other byte makes it a marker.
        while let Some(found) = scan[at..].iter().position(|byte| *byte == 0xff) {
            at += found;
            match scan.get(at + 1) {
                Some(0xd0..=0xd7) => {
                    self.ends.push(start + at);
                    at += 2;
                }
                Some(0) => at += 2,
                _ => break,
            }
        }
        self.ends.push(start + at);
        self.bytes.extend_from_slice(&scan[..at]);
    }

    fn start(&self, interval: usize) -> usize {
        if interval == 0 { 0 } else { (self.ends[interval - 1] + 2).min(self.bytes.len()) }
    }

    fn interval(&self, interval: usize) -> &[u8] {
        &self.bytes[self.start(interval)..self.ends[interval]]
    }

    /// Returns the intervals from `first` up to `end`, each with the marker after it; the very last one has none.
    fn stretch(&self, first: usize, end: usize) -> &[u8] {
        if first >= end { &[] } else { &self.bytes[self.start(first)..self.start(end)] }
    }
}

/// Encodes a whole picture with the restart intervals that splicing uses.
pub(crate) fn encode_whole(image: &RgbImage, quality: u8) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    encode_pixels(image.as_raw(), image.width() as usize, image.height() as usize, quality, &mut out)?;
    Ok(out)
}

fn encode_pixels(
    pixels: &[u8],
    width: usize,
    height: usize,
    quality: u8,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    out.clear();
    let mut encoder = Encoder::new(out, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    let (Ok(width), Ok(height)) = (u16::try_from(width), u16::try_from(height)) else {
        return Err(refused("the picture is too large for JPEG"));
    };
    encoder.set_restart_interval(INTERVAL as u16);
    encoder.encode(pixels, width, height, ColorType::Rgb).map_err(refused)
}

/// Returns the length of the file up to the end of the scan header.
fn head_length(file: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        let (marker, length) = (file.get(at..at + 2)?, file.get(at + 2..at + 4)?);
        at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
        if marker == [0xff, 0xda] {
            return Some(at);
        }
    }
}
