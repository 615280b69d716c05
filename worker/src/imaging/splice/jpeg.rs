//! JPEG: a restart interval is coded without regard to its neighbours, so the template's intervals are kept and only
//! those that changed are coded again.
//!
//! The result is byte for byte what the encoder makes of the whole picture with the same restart interval.

use image::RgbImage;
use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};

use super::changed::changed;
use super::{EncodeError, refused};

/// Side of a minimum coded unit with chroma at half size, in pixels.
const UNIT: usize = 16;
/// Units in a restart interval. Shorter ones leave less to code again; each costs about five bytes.
const INTERVAL: usize = 8;
/// Intervals coded in one go: the picture they are laid out in may be 65,535 pixels high.
const AT_ONCE: usize = 4_000;

/// A template's picture, coded.
pub(super) struct JpegTemplate {
    quality: u8,
    width: usize,
    height: usize,
    /// Units in a row of the picture.
    columns: usize,
    /// Everything before the first interval.
    head: Vec<u8>,
    intervals: Intervals,
}

/// Coded intervals with the restart markers between them.
#[derive(Default)]
struct Intervals {
    bytes: Vec<u8>,
    /// Where each ends, without its marker.
    ends: Vec<usize>,
}

impl JpegTemplate {
    pub(super) fn new(base: &RgbImage, quality: u8) -> Result<Self, EncodeError> {
        let whole = whole(base.as_raw(), base.width() as usize, base.height() as usize, quality)?;
        let head = head_length(&whole).ok_or_else(|| refused("the encoder wrote no scan"))?;
        let (width, height) = (base.width() as usize, base.height() as usize);
        Ok(Self {
            quality,
            width,
            height,
            columns: width.div_ceil(UNIT),
            intervals: Intervals::split(&whole[head..]),
            head: whole[..head].to_vec(),
        })
    }

    /// Whether the format has room for the picture, and there is something to code.
    pub(super) fn takes(base: &RgbImage) -> bool {
        !base.is_empty() && base.width().max(base.height()) <= u32::from(u16::MAX)
    }

    /// Appends the file of `frame`, which differs from `base` in places.
    pub(super) fn encode(&self, base: &RgbImage, frame: &RgbImage, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let units = changed(base, frame, UNIT, UNIT);
        let dirty: Vec<usize> = units
            .chunks(INTERVAL)
            .enumerate()
            .filter(|(_, units)| units.contains(&true))
            .map(|(interval, _)| interval)
            .collect();
        let mut fresh = Vec::with_capacity(dirty.len());
        // The last interval may be shorter than the others and goes by itself.
        let short = !units.len().is_multiple_of(INTERVAL) && dirty.last() == Some(&(self.intervals.ends.len() - 1));
        let (full, last) = dirty.split_at(dirty.len() - usize::from(short));
        for dirty in full.chunks(AT_ONCE) {
            fresh.push(self.code(frame, dirty, INTERVAL)?);
        }
        if !last.is_empty() {
            fresh.push(self.code(frame, last, units.len() % INTERVAL)?);
        }
        out.extend_from_slice(&self.head);
        let mut fresh = fresh.iter().flat_map(Intervals::iter);
        let mut next = 0;
        for interval in dirty {
            // Markers are numbered by place, so stretches that did not change are copied with theirs.
            out.extend_from_slice(self.intervals.stretch(next, interval));
            out.extend_from_slice(fresh.next().ok_or_else(|| refused("the encoder wrote too few intervals"))?);
            if interval + 1 < self.intervals.ends.len() {
                out.extend_from_slice(&[0xff, 0xd0 + (interval % 8) as u8]);
            }
            next = interval + 1;
        }
        out.extend_from_slice(self.intervals.stretch(next, self.intervals.ends.len()));
        out.extend_from_slice(&[0xff, 0xd9]);
        Ok(())
    }

    /// Codes some intervals of `units` units each, laid out one below the other.
    fn code(&self, frame: &RgbImage, intervals: &[usize], units: usize) -> Result<Intervals, EncodeError> {
        let (width, height) = (units * UNIT, intervals.len() * UNIT);
        let mut strip = Vec::with_capacity(width * height * 3);
        for interval in intervals {
            for line in 0..UNIT {
                for unit in (0..units).map(|unit| interval * INTERVAL + unit) {
                    self.push_line(frame, unit % self.columns, unit / self.columns * UNIT + line, &mut strip);
                }
            }
        }
        let coded = whole(&strip, width, height, self.quality)?;
        let head = head_length(&coded).ok_or_else(|| refused("the encoder wrote no scan"))?;
        Ok(Intervals::split(&coded[head..]))
    }

    /// One line of a unit, continued beyond the picture's edges as the encoder does.
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
}

impl Intervals {
    /// Takes apart what follows the scan header.
    fn split(scan: &[u8]) -> Self {
        let mut intervals = Self::default();
        let mut at = 0;
        // Within coded data 0xff is followed by 0; anything else is a marker.
        while at + 1 < scan.len() {
            match (scan[at], scan[at + 1]) {
                (0xff, 0xd0..=0xd7) => {
                    intervals.ends.push(at);
                    at += 2;
                }
                (0xff, 0xd9) => break,
                _ => at += 1,
            }
        }
        intervals.ends.push(at);
        intervals.bytes = scan[..at].to_vec();
        intervals
    }

    fn start(&self, interval: usize) -> usize {
        if interval == 0 { 0 } else { (self.ends[interval - 1] + 2).min(self.bytes.len()) }
    }

    /// The intervals from `first` up to `end`, each with the marker behind it; the very last has none.
    fn stretch(&self, first: usize, end: usize) -> &[u8] {
        if first >= end { &[] } else { &self.bytes[self.start(first)..self.start(end)] }
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).map(|interval| &self.bytes[self.start(interval)..self.ends[interval]])
    }
}

fn whole(pixels: &[u8], width: usize, height: usize, quality: u8) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    let (Ok(width), Ok(height)) = (u16::try_from(width), u16::try_from(height)) else {
        return Err(refused("the picture is too large for JPEG"));
    };
    encoder.set_restart_interval(INTERVAL as u16);
    encoder.encode(pixels, width, height, ColorType::Rgb).map_err(refused)?;
    Ok(out)
}

/// Length of everything up to the end of the scan header.
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
