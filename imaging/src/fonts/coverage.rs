//! The characters that a font file covers, read from its character map alone.
//!
//! A search for a rare character must consult every font of the machine. Reading whole fonts for that would cost
//! hundreds of megabytes; the character maps cost a few.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use harfrust::Tag;
use harfrust::font::{Blob, Font, TableFunction};

/// The largest size of a table; a larger one is not a useful character map.
const MAX_TABLE: u32 = 8 << 20;

/// The largest number of entries: Unicode has no more characters.
const MAX_CHARACTERS: usize = 0x11_0000;

/// The characters of one face, as sorted, disjoint, inclusive ranges.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    ranges: Vec<(u32, u32)>,
}

impl Coverage {
    /// Reads the coverage of face `index` of a font file; empty if the file cannot be read.
    pub(super) fn of_file(path: &Path, index: u32) -> Self {
        let Some(tables) = tables(path, index) else { return Self::default() };
        let path = path.to_owned();
        let read = move |tag: Tag| -> Option<Blob> {
            // Outlines and layout tables are never requested here, and are refused.
            let &(offset, length) = tables.get(&tag.to_be_bytes()).filter(|&&(_, length)| length <= MAX_TABLE)?;
            let mut file = File::open(&path).ok()?;
            file.seek(SeekFrom::Start(offset.into())).ok()?;
            let mut bytes = vec![0; usize::try_from(length).ok()?];
            file.read_exact(&mut bytes).ok()?;
            Some(bytes.into())
        };
        let source: Arc<dyn Fn(Tag) -> Option<Blob> + Send + Sync> = Arc::new(read);
        let Some(font) = Font::new(TableFunction::new(source), 0) else { return Self::default() };
        Self::of_characters(font.charmap().unicodes().filter(|(_, glyph)| glyph.to_u32() != 0).map(|(c, _)| c))
    }

    fn of_characters(characters: impl Iterator<Item = u32>) -> Self {
        // A broken map may claim every number, many times over.
        let mut all: Vec<u32> = characters.take(MAX_CHARACTERS).collect();
        all.sort_unstable();
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for c in all {
            match ranges.last_mut() {
                Some((_, last)) if c <= last.saturating_add(1) => *last = c.max(*last),
                _ => ranges.push((c, c)),
            }
        }
        ranges.shrink_to_fit();
        Self { ranges }
    }

    /// Whether the face has a glyph for the character.
    pub(super) fn contains(&self, c: char) -> bool {
        let c = u32::from(c);
        let at = self.ranges.partition_point(|&(first, _)| first <= c);
        at.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|&(_, last)| c <= last)
    }
}

/// Reads the table directory of face `index`: tag → (offset, length).
fn tables(path: &Path, index: u32) -> Option<HashMap<[u8; 4], (u32, u32)>> {
    let mut file = File::open(path).ok()?;
    let mut start = 0u32;
    let mut tag = [0; 4];
    file.read_exact(&mut tag).ok()?;
    if &tag == b"ttcf" {
        file.seek(SeekFrom::Start(12 + u64::from(index) * 4)).ok()?;
        start = read_u32(&mut file)?;
    }
    file.seek(SeekFrom::Start(u64::from(start) + 4)).ok()?;
    let mut header = [0; 8];
    file.read_exact(&mut header).ok()?;
    let count = u16::from_be_bytes([header[0], header[1]]);
    let mut tables = HashMap::with_capacity(count.into());
    for _ in 0..count {
        file.read_exact(&mut tag).ok()?;
        let _checksum = read_u32(&mut file)?;
        let offset = read_u32(&mut file)?;
        let length = read_u32(&mut file)?;
        tables.insert(tag, (offset, length));
    }
    Some(tables)
}

fn read_u32(file: &mut File) -> Option<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes).ok()?;
    Some(u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_knows_its_ranges_and_nothing_else() {
        let coverage = Coverage::of_characters([0x61, 0x62, 0x63, 0x63, 0x41, 0x1F600].into_iter());
        for c in ['a', 'c', 'A', '😀'] {
            assert!(coverage.contains(c), "{c}");
        }
        for c in ['@', 'B', '`', 'd', '😁', '\0'] {
            assert!(!coverage.contains(c), "{c}");
        }
    }

    #[test]
    fn a_file_that_is_no_font_covers_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("broken.ttf");
        for bytes in [&b""[..], b"ttcf", b"ttcf\0\0\0\0\xff\xff\xff\xff", b"\0\x01\0\0\xff\xff\0\0\0\0\0\0cmap"] {
            std::fs::write(&path, bytes).unwrap();
            assert!(!Coverage::of_file(&path, 0).contains('a'));
        }
        assert!(!Coverage::of_file(&dir.path().join("missing.ttf"), 0).contains('a'));
    }

    #[test]
    fn a_map_that_never_ends_is_read_up_to_a_bound() {
        assert!(Coverage::of_characters((0u32..0x61).cycle()).contains('A'));
    }

    #[test]
    fn the_coverage_of_a_file_is_that_of_its_face() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sans.ttf");
        std::fs::write(&path, dejavu::sans::regular()).unwrap();
        let coverage = Coverage::of_file(&path, 0);
        let face = super::super::Face::new(dejavu::sans::regular().into(), 0).unwrap();
        for c in (0..0x1_F700).filter_map(char::from_u32) {
            assert_eq!(coverage.contains(c), face.covers(c), "U+{:04X}", u32::from(c));
        }
    }
}
