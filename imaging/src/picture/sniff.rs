//! Recognises the kind of a file by its first bytes.

use super::{PictureError, PictureFormat};

/// The length of a text file's beginning that is searched for its root element.
const TEXT_WINDOW: usize = 1024;

/// Returns the picture format of `bytes`, or an error that names their kind.
pub(super) fn sniff(bytes: &[u8]) -> Result<PictureFormat, PictureError> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Ok(PictureFormat::Jpeg),
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Ok(PictureFormat::Png),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(PictureFormat::WebP),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(PictureFormat::Gif),
        _ => Err(PictureError::NotAPicture { found: name_of_other(bytes) }),
    }
}

/// Reads width and height from a PNG's first chunk.
pub(super) fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    Some((number(16)?, number(20)?))
}

/// Whether a WebP file is shorter than its RIFF header declares.
pub(super) fn webp_is_cut(bytes: &[u8]) -> bool {
    let declared = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    (bytes.len() as u64) < u64::from(declared) + 8
}

fn name_of_other(bytes: &[u8]) -> &'static str {
    match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', rest @ ..] => name_of_brand(rest),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => "a TIFF or camera raw file",
        [b'%', b'P', b'D', b'F', ..] => "a PDF document",
        [b'%', b'!', b'P', b'S', ..] => "a PostScript file",
        [b'8', b'B', b'P', b'S', ..] => "a Photoshop file",
        [b'P', b'K', 3, 4, ..] => "a ZIP archive or an Office document",
        [0, 0, 1, 0, ..] => "an icon (ICO) file",
        [0xff, 0x0a, ..] | [0, 0, 0, 0x0c, b'J', b'X', b'L', b' ', ..] => "a JPEG XL picture",
        [0, 0, 0, 0x0c, b'j', b'P', b' ', b' ', ..] => "a JPEG 2000 picture",
        [b'B', b'M', ..] if is_bmp(bytes) => "a BMP picture",
        [0x1f, 0x8b, ..] => "a gzip archive",
        _ => name_of_text(bytes),
    }
}

/// Names the kind of an ISO base media file; `rest` starts at its major brand.
fn name_of_brand(rest: &[u8]) -> &'static str {
    match rest.get(..4) {
        Some(b"avif" | b"avis") => "an AVIF picture",
        Some(b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1") => {
            "a HEIC picture (the iPhone's format)"
        }
        Some(b"crx ") => "a camera raw file",
        _ => "a video file",
    }
}

fn is_bmp(bytes: &[u8]) -> bool {
    // Two letters are weak evidence; the four reserved bytes are zero in every real file.
    bytes.get(6..10) == Some(&[0; 4])
}

fn name_of_text(bytes: &[u8]) -> &'static str {
    let window = &bytes[..bytes.len().min(TEXT_WINDOW)];
    // UTF-16 text reads as ASCII after its zero bytes are removed.
    let text: String =
        window.iter().filter(|byte| **byte != 0).map(|byte| char::from(byte.to_ascii_lowercase())).collect();
    if text.contains("<svg") {
        return "an SVG file";
    }
    if text.contains("<!doctype html") || text.contains("<html") || text.contains("<head") {
        return "an HTML page, perhaps a sign-in page instead of the picture";
    }
    if text.contains("<?xml") {
        return "an XML file";
    }
    if std::str::from_utf8(window).is_ok_and(|text| !text.contains('\0')) {
        return "a text file";
    }
    "a file of an unknown kind"
}
