//! Writes a ZIP archive (APPNOTE 6.3.10) front to back: the bytes of each entry are known before it, so every reader
//! can read it as a stream. Entries are stored as they are, because pictures do not get smaller.
//!
//! The directory at the end waits in a temporary file. So memory does not grow with the number of entries, and Zip64
//! lifts the limits of 65,535 entries and 4 GB.

use std::{
    fs::File,
    io::{BufWriter, IntoInnerError, Result, Seek, Write},
};

use chrono::{DateTime, Datelike, Timelike, Utc};

/// The value that says "look into the Zip64 field".
const FULL: u32 = u32::MAX;
/// Names are UTF-8.
const UTF_8: u16 = 1 << 11;
/// The versions of the format that a reader must know: directories of stored files, and Zip64.
const PLAIN: u16 = 20;
const ZIP64: u16 = 45;
/// A file that its owner may write and all others may read, on Unix.
const MODE: u32 = 0o100_644 << 16;
const UNIX: u16 = 3 << 8;

/// An archive that is being written.
pub(super) struct Zip {
    /// The bytes written so far.
    offset: u64,
    entries: u64,
    directory: BufWriter<File>,
    directory_bytes: u64,
    /// The time of all entries, in the form of MS-DOS.
    time: [u8; 4],
}

impl Zip {
    pub(super) fn new(at: DateTime<Utc>) -> Result<Self> {
        let year = u16::try_from(at.year() - 1980).unwrap_or(0).min(127);
        let part = |value: u32| u16::try_from(value).unwrap_or(0);
        let time = part(at.hour()) << 11 | part(at.minute()) << 5 | part(at.second() / 2);
        let date = year << 9 | part(at.month()) << 5 | part(at.day());
        let directory = BufWriter::new(tempfile::tempfile()?);
        let time = [time.to_le_bytes(), date.to_le_bytes()].concat().try_into().unwrap_or_default();
        Ok(Self { offset: 0, entries: 0, directory, directory_bytes: 0, time })
    }

    /// Begins an entry of less than 4 GB. Returns the bytes that come before its content.
    pub(super) fn entry(&mut self, name: &str, crc: u32, size: u32) -> Result<Vec<u8>> {
        let length = u16::try_from(name.len()).map_err(std::io::Error::other)?;
        // What both headers have in common.
        let mut facts = Vec::with_capacity(26);
        facts.extend(UTF_8.to_le_bytes());
        facts.extend(0_u16.to_le_bytes());
        facts.extend(self.time);
        facts.extend(crc.to_le_bytes());
        facts.extend(size.to_le_bytes());
        facts.extend(size.to_le_bytes());
        facts.extend(length.to_le_bytes());
        let head = [b"PK\x03\x04", &PLAIN.to_le_bytes()[..], &facts, &[0; 2], name.as_bytes()].concat();
        let is_far = self.offset >= u64::from(FULL);
        let (version, place) = (if is_far { ZIP64 } else { PLAIN }, if is_far { FULL } else { self.offset as u32 });
        let far = match is_far {
            true => [&1_u16.to_le_bytes()[..], &8_u16.to_le_bytes(), &self.offset.to_le_bytes()].concat(),
            false => Vec::new(),
        };
        let listed = [
            b"PK\x01\x02",
            &(UNIX | ZIP64).to_le_bytes()[..],
            &version.to_le_bytes(),
            &facts,
            &u16::try_from(far.len()).unwrap_or(0).to_le_bytes(),
            // No comment, the first disk, no inner attributes.
            &[0; 6],
            &MODE.to_le_bytes(),
            &place.to_le_bytes(),
            name.as_bytes(),
            &far,
        ]
        .concat();
        self.directory.write_all(&listed)?;
        self.directory_bytes += listed.len() as u64;
        self.entries += 1;
        self.offset += head.len() as u64 + u64::from(size);
        Ok(head)
    }

    /// Ends the archive. Returns the directory, and the bytes after it.
    pub(super) fn end(self) -> Result<(File, Vec<u8>)> {
        let mut directory = self.directory.into_inner().map_err(IntoInnerError::into_error)?;
        directory.rewind()?;
        let (entries, bytes, place) = (self.entries, self.directory_bytes, self.offset);
        let mut tail = Vec::new();
        if entries > u64::from(u16::MAX - 1) || bytes.max(place) >= u64::from(FULL) {
            tail.extend(b"PK\x06\x06");
            tail.extend(44_u64.to_le_bytes());
            tail.extend((UNIX | ZIP64).to_le_bytes());
            tail.extend(ZIP64.to_le_bytes());
            tail.extend([0; 8]);
            for number in [entries, entries, bytes, place] {
                tail.extend(number.to_le_bytes());
            }
            tail.extend(b"PK\x06\x07");
            tail.extend([0; 4]);
            tail.extend((place + bytes).to_le_bytes());
            tail.extend(1_u32.to_le_bytes());
        }
        let few = u16::try_from(entries).unwrap_or(u16::MAX);
        let near = |number: u64| u32::try_from(number).unwrap_or(FULL);
        tail.extend(b"PK\x05\x06");
        tail.extend([0; 4]);
        tail.extend(few.to_le_bytes());
        tail.extend(few.to_le_bytes());
        tail.extend(near(bytes).to_le_bytes());
        tail.extend(near(place).to_le_bytes());
        tail.extend([0; 2]);
        Ok((directory, tail))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    fn at() -> DateTime<Utc> {
        "2026-03-01T12:34:56Z".parse().unwrap()
    }

    fn written(names: impl Iterator<Item = String>, content: &[u8]) -> Vec<u8> {
        let mut zip = Zip::new(at()).unwrap();
        let mut all = Vec::new();
        for name in names {
            all.extend(zip.entry(&name, crc32fast::hash(content), content.len() as u32).unwrap());
            all.extend(content);
        }
        let (mut directory, tail) = zip.end().unwrap();
        directory.read_to_end(&mut all).unwrap();
        all.extend(tail);
        all
    }

    #[test]
    fn another_reader_reads_names_content_and_time() {
        let bytes = written(["0001 Amélie.jpg", "index.csv"].map(str::to_owned).into_iter(), b"content");
        let mut read = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        assert_eq!(read.len(), 2);
        let mut first = read.by_name("0001 Amélie.jpg").unwrap();
        let mut content = String::new();
        first.read_to_string(&mut content).unwrap();
        assert_eq!(content, "content");
        let modified = first.last_modified().unwrap();
        assert_eq!((modified.year(), modified.hour(), modified.minute(), modified.second()), (2026, 12, 34, 56));
    }

    #[test]
    fn more_entries_than_the_old_format_counts_are_read() {
        let bytes = written((0..70_000).map(|at| format!("{at}.jpg")), b"");
        let mut read = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        assert_eq!(read.len(), 70_000);
        assert!(read.by_name("69999.jpg").is_ok());
    }

    #[test]
    fn an_entry_behind_four_gigabytes_says_where_it_is() {
        let mut zip = Zip::new(at()).unwrap();
        zip.entry("one", 0, u32::MAX - 1).unwrap();
        zip.entry("two", 0, 5).unwrap();
        zip.entry("three", 0, 5).unwrap();
        let third = u64::from(u32::MAX) - 1 + 33 + 5 + 33;
        let (mut directory, tail) = zip.end().unwrap();
        let mut listed = Vec::new();
        directory.read_to_end(&mut listed).unwrap();
        assert!(listed.ends_with(&third.to_le_bytes()));
        assert!(tail.starts_with(b"PK\x06\x06"));
    }
}
