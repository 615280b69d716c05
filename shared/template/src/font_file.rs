//! Checks the structure of a font file before a font library reads it.
//!
//! A font is a table of tables, and a collection is a table of fonts. A file of 531 bytes that claims to contain four
//! thousand million fonts would keep a library busy for hours. So every count and every position is first compared with
//! the file's length.

use std::ops::Range;

/// The largest number of fonts in a collection: the largest families in use have about forty.
pub const MAX_FACES: u32 = 64;
/// The largest number of tables in a font: the formats define fewer than a hundred.
const MAX_TABLES: u16 = 256;
/// The size of a font's header, and of each table's entry after it, in bytes.
const HEADER: usize = 12;
const ENTRY: usize = 16;

/// Why a file cannot be used as a font.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FontFlaw {
    /// The file is a compressed web font.
    #[error("it is a web font (WOFF); convert it to TTF or OTF")]
    WebFont,
    /// The file is not a font.
    #[error("it is not a TrueType or OpenType font; give a .ttf, .otf or .ttc file")]
    NotAFont,
    /// The collection has too many fonts.
    #[error(
        "it claims to hold {0} fonts, at most {MAX_FACES} are allowed; take the ones you need out of the collection"
    )]
    TooManyFaces(u32),
    /// The font has no tables, or too many.
    #[error("it claims to have {0} tables, which no font has; it is damaged: export or download it again")]
    Tables(u16),
    /// A required part lies beyond the end of the file.
    #[error("it ends before its {0}; it is damaged: export or download it again")]
    Short(&'static str),
}

/// Checks a font's structure: its kind, the number of its fonts, and that all tables lie within the file. It takes
/// microseconds.
///
/// # Errors
/// The first [`FontFlaw`] of the file.
pub fn check_font(file: &[u8]) -> Result<(), FontFlaw> {
    match file.get(..4) {
        Some(b"wOFF" | b"wOF2") => Err(FontFlaw::WebFont),
        Some(b"ttcf") => {
            let faces = u32_at(file, 8).ok_or(FontFlaw::Short("list of fonts"))?;
            if faces == 0 || faces > MAX_FACES {
                return Err(FontFlaw::TooManyFaces(faces));
            }
            for face in 0..faces as usize {
                let at = u32_at(file, HEADER + 4 * face).ok_or(FontFlaw::Short("list of fonts"))?;
                let at = usize::try_from(at).map_err(|_| FontFlaw::Short("fonts"))?;
                check_face(file, at)?;
            }
            Ok(())
        }
        Some(_) => check_face(file, 0),
        None => Err(FontFlaw::NotAFont),
    }
}

fn check_face(file: &[u8], at: usize) -> Result<(), FontFlaw> {
    match slice(file, at, 4).ok_or(FontFlaw::Short("fonts"))? {
        [0, 1, 0, 0] | b"OTTO" | b"true" | b"typ1" => {}
        _ => return Err(FontFlaw::NotAFont),
    }
    let count = slice(file, at + 4, 2).and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes);
    let count = count.ok_or(FontFlaw::Short("list of tables"))?;
    if count == 0 || count > MAX_TABLES {
        return Err(FontFlaw::Tables(count));
    }
    for table in 0..usize::from(count) {
        let entry = at + HEADER + table * ENTRY;
        let place = |at| u32_at(file, at).and_then(|place| usize::try_from(place).ok());
        let (Some(start), Some(length)) = (place(entry + 8), place(entry + 12)) else {
            return Err(FontFlaw::Short("list of tables"));
        };
        if slice(file, start, length).is_none() {
            return Err(FontFlaw::Short("tables"));
        }
    }
    Ok(())
}

fn slice(file: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    let range: Range<usize> = at..at.checked_add(length)?;
    file.get(range)
}

fn u32_at(file: &[u8], at: usize) -> Option<u32> {
    slice(file, at, 4)?.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds a font with these tables: tag, start and length.
    fn font(tables: &[(&[u8; 4], u32, u32)], length: usize) -> Vec<u8> {
        let mut file = vec![0, 1, 0, 0];
        file.extend(u16::try_from(tables.len()).unwrap().to_be_bytes());
        file.extend([0; 6]);
        for (tag, start, length) in tables {
            file.extend(*tag);
            file.extend([0; 4]);
            file.extend(start.to_be_bytes());
            file.extend(length.to_be_bytes());
        }
        file.resize(length.max(file.len()), 0);
        file
    }

    fn collection(claimed: u32, places: &[u32], length: usize) -> Vec<u8> {
        let mut file = b"ttcf\0\x01\0\0".to_vec();
        file.extend(claimed.to_be_bytes());
        places.iter().for_each(|place| file.extend(place.to_be_bytes()));
        file.resize(length.max(file.len()), 0);
        file
    }

    #[test]
    fn a_collection_that_claims_more_fonts_than_it_can_hold_is_refused() {
        assert_eq!(check_font(&collection(u32::MAX, &[12], 531)), Err(FontFlaw::TooManyFaces(u32::MAX)));
        assert_eq!(check_font(&collection(0, &[], 531)), Err(FontFlaw::TooManyFaces(0)));
        assert_eq!(check_font(&collection(3, &[], 16)), Err(FontFlaw::NotAFont));
        assert_eq!(check_font(&collection(1, &[u32::MAX], 531)), Err(FontFlaw::Short("fonts")));
        assert_eq!(check_font(&collection(1, &[], 12)), Err(FontFlaw::Short("list of fonts")));
        // The fonts of this collection are the collection itself.
        assert_eq!(check_font(&collection(2, &[0, 0], 64)), Err(FontFlaw::NotAFont));
    }

    #[test]
    fn a_font_whose_tables_lie_outside_is_refused() {
        assert_eq!(check_font(&font(&[(b"cmap", 28, 4)], 32)), Ok(()));
        assert_eq!(check_font(&font(&[(b"cmap", 28, 5)], 32)), Err(FontFlaw::Short("tables")));
        assert_eq!(check_font(&font(&[(b"cmap", u32::MAX, u32::MAX)], 32)), Err(FontFlaw::Short("tables")));
        assert_eq!(check_font(&font(&[], 32)), Err(FontFlaw::Tables(0)));
        let mut crowded = font(&[(b"cmap", 28, 4)], 32);
        crowded[4..6].copy_from_slice(&[0xFF, 0xFF]);
        assert_eq!(check_font(&crowded), Err(FontFlaw::Tables(0xFFFF)));
        crowded[4..6].copy_from_slice(&[0, 2]);
        assert_eq!(check_font(&crowded), Err(FontFlaw::Short("list of tables")));
    }

    #[test]
    fn what_is_no_font_is_named() {
        assert_eq!(check_font(b"wOF2...."), Err(FontFlaw::WebFont));
        for bytes in [&b""[..], b"tt", b"PK\x03\x04 and more", b"\x89PNG\r\n\x1a\n"] {
            assert_eq!(check_font(bytes), Err(FontFlaw::NotAFont));
        }
    }
}
