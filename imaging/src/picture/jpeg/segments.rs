//! The outline of a JPEG file: its segments, without decoding a pixel (ITU-T T.81, annex B).

use super::corrupt;
use crate::picture::{PictureError, PictureFormat};

/// The facts from the segments.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    /// The number of components: 1 gray, 3 colour, 4 CMYK or YCCK.
    pub(super) components: u8,
    pub(super) coding: Coding,
    pub(super) scans: u32,
    /// Whether Adobe's marker is present, which inverts CMYK values.
    pub(super) adobe: bool,
    /// The TIFF structure of the EXIF segment.
    pub(super) exif: Option<&'a [u8]>,
}

impl Outline<'_> {
    pub(super) fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Sequential,
    Progressive,
}

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const APP1: u8 = 0xe1;
const APP14: u8 = 0xee;

/// Reads the segments up to the end marker. Later bytes are ignored, because phones append data there.
pub(super) fn walk(bytes: &[u8]) -> Result<Outline<'_>, PictureError> {
    let mut frame = None;
    let (mut scans, mut adobe, mut exif) = (0, false, None);
    let mut at = 2;
    loop {
        let marker = next_marker(bytes, &mut at)?;
        match marker {
            EOI => break,
            // These markers have no body.
            0x01 | SOI | 0xd0..=0xd7 => continue,
            _ => {}
        }
        let body = body(bytes, &mut at)?;
        match marker {
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let found = read_frame(marker, body)?;
                if frame.replace(found).is_some() {
                    return Err(corrupt("it has two frames"));
                }
            }
            SOS => {
                scans += 1;
                skip_entropy_coded(bytes, &mut at)?;
            }
            APP1 if exif.is_none() => exif = body.strip_prefix(b"Exif\0\0"),
            APP14 if body.starts_with(b"Adobe") => adobe = true,
            _ => {}
        }
    }
    let (width, height, components, coding) = frame.ok_or_else(|| corrupt("it has no frame"))?;
    if scans == 0 {
        return Err(corrupt("it has no image data"));
    }
    Ok(Outline { width, height, components, coding, scans, adobe, exif })
}

fn read_frame(marker: u8, body: &[u8]) -> Result<(u32, u32, u8, Coding), PictureError> {
    let coding = match marker {
        0xc0 | 0xc1 => Coding::Sequential,
        0xc2 => Coding::Progressive,
        0xc3 | 0xc7 | 0xcb | 0xcf => return Err(other_kind("a lossless JPEG")),
        0xc9 | 0xca | 0xcd | 0xce => return Err(other_kind("an arithmetic-coded JPEG")),
        _ => return Err(other_kind("a hierarchical JPEG")),
    };
    let [precision, h1, h0, w1, w0, components, ..] = *body else {
        return Err(corrupt("its frame header is too short"));
    };
    if precision != 8 {
        return Err(other_kind("a JPEG with more than 8 bits a channel"));
    }
    if !matches!(components, 1 | 3 | 4) {
        return Err(corrupt(format!("it has {components} channels")));
    }
    let width = u32::from(u16::from_be_bytes([w1, w0]));
    let height = u32::from(u16::from_be_bytes([h1, h0]));
    if width == 0 || height == 0 {
        return Err(corrupt("it states no size"));
    }
    Ok((width, height, components, coding))
}

fn next_marker(bytes: &[u8], at: &mut usize) -> Result<u8, PictureError> {
    // Stray bytes between segments are so common that every decoder skips them.
    let rest = bytes.get(*at..).unwrap_or_default();
    let mut start = rest.iter().position(|byte| *byte == 0xff).ok_or_else(truncated)?;
    while rest.get(start) == Some(&0xff) {
        start += 1;
    }
    let marker = *rest.get(start).ok_or_else(truncated)?;
    *at += start + 1;
    if marker == 0 {
        // This is a stuffed byte outside a scan, not a marker.
        return next_marker_after_stuffing(bytes, at);
    }
    Ok(marker)
}

/// Continues after stray stuffed bytes, without recursion: a hostile file may consist of them.
fn next_marker_after_stuffing(bytes: &[u8], at: &mut usize) -> Result<u8, PictureError> {
    skip_entropy_coded(bytes, at)?;
    let marker = bytes[*at + 1];
    *at += 2;
    Ok(marker)
}

fn body<'a>(bytes: &'a [u8], at: &mut usize) -> Result<&'a [u8], PictureError> {
    let [high, low] = *bytes.get(*at..*at + 2).and_then(|length| length.first_chunk()).ok_or_else(truncated)?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length < 2 {
        return Err(corrupt("a segment has an impossible length"));
    }
    let body = bytes.get(*at + 2..*at + length).ok_or_else(truncated)?;
    *at += length;
    Ok(body)
}

/// Moves `at` to the 0xff of the first marker that is neither a stuffed byte nor a restart.
fn skip_entropy_coded(bytes: &[u8], at: &mut usize) -> Result<(), PictureError> {
    loop {
        let rest = bytes.get(*at..).unwrap_or_default();
        *at += rest.iter().position(|byte| *byte == 0xff).ok_or_else(truncated)?;
        match bytes.get(*at + 1).ok_or_else(truncated)? {
            0x00 | 0xd0..=0xd7 => *at += 2,
            // This is a fill byte: the marker may begin at the next byte.
            0xff => *at += 1,
            _ => return Ok(()),
        }
    }
}

fn other_kind(found: &'static str) -> PictureError {
    PictureError::NotAPicture { found }
}

fn truncated() -> PictureError {
    PictureError::Truncated { format: PictureFormat::Jpeg }
}
