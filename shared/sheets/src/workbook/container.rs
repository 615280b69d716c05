//! The archive that a workbook is, with limits that are counted while it is unpacked: what the archive says of its
//! sizes may be a lie.

use std::{
    cell::Cell,
    collections::HashMap,
    io::{self, BufReader, Read, Seek, SeekFrom},
    rc::Rc,
};

use zip::{ZipArchive, read::ZipFile};

use super::WorkbookError;

/// Parts that a workbook has at most. Each picture in it is one.
const PARTS: usize = 20_000;
/// All parts together, unpacked.
const UNPACKED: u64 = 2 << 30;
/// From this size on a part may not be larger than [`RATIO`] times what it takes in the archive.
const LARGE: u64 = 64 << 20;
const RATIO: u64 = 200;

const OLD_OFFICE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
const SAVE_AS: &str = "open it and save it as \"Excel workbook (.xlsx)\"";

/// An archive, and how much of it may still be unpacked.
pub(super) struct Container<R> {
    archive: ZipArchive<R>,
    /// By name: lower case, with `/`.
    names: HashMap<String, usize>,
    left: Rc<Cell<u64>>,
}

impl<R: Read + Seek> Container<R> {
    pub(super) fn open(mut input: R) -> Result<Self, WorkbookError> {
        refuse_others(&mut input)?;
        let archive = ZipArchive::new(input).map_err(|error| WorkbookError::Damaged(error.to_string()))?;
        if archive.len() > PARTS {
            return Err(WorkbookError::TooLarge(format!("the workbook has {} parts", archive.len())));
        }
        let mut names = HashMap::new();
        for (index, name) in archive.file_names_raw().enumerate() {
            names.insert(plain(&String::from_utf8_lossy(name)), index);
        }
        let mut container = Self { archive, names, left: Rc::new(Cell::new(UNPACKED)) };
        container.refuse_other_archives()?;
        Ok(container)
    }

    /// Opens a part; `None` if there is none of this name.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<Part<'_, R>>, WorkbookError> {
        let Some(index) = self.names.get(&plain(name)) else { return Ok(None) };
        let file = self.archive.by_index(*index).map_err(|error| WorkbookError::damaged(name, error))?;
        let most = file.compressed_size().saturating_mul(RATIO).max(LARGE);
        Ok(Some(BufReader::with_capacity(64 << 10, Counted { file, read: 0, most, left: self.left.clone() })))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    fn refuse_other_archives(&mut self) -> Result<(), WorkbookError> {
        let no = |what| Err(WorkbookError::NotWorkbook { what, way_out: SAVE_AS });
        if self.has("xl/workbook.bin") {
            return no("a binary workbook (.xlsb)");
        }
        if self.has("mimetype") && self.has("content.xml") {
            return no("an OpenDocument file (.ods)");
        }
        if self.has("word/document.xml") {
            return no("a Word document");
        }
        if self.has("ppt/presentation.xml") {
            return no("a PowerPoint presentation");
        }
        if !self.has("[content_types].xml") {
            let way_out = "unpack it and choose the file inside";
            return Err(WorkbookError::NotWorkbook { what: "a ZIP archive", way_out });
        }
        Ok(())
    }
}

/// A part, as it is read.
pub(super) type Part<'a, R> = BufReader<Counted<'a, R>>;

/// Counts what comes out of the archive.
pub(super) struct Counted<'a, R: Read> {
    file: ZipFile<'a, R>,
    read: u64,
    most: u64,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        self.read += count as u64;
        let left = self.left.get().checked_sub(count as u64).filter(|_| self.read <= self.most);
        let Some(left) = left else {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it unpacks to far more than its size"));
        };
        self.left.set(left);
        Ok(count)
    }
}

fn plain(name: &str) -> String {
    name.replace('\\', "/").trim_start_matches('/').to_ascii_lowercase()
}

fn refuse_others<R: Read + Seek>(input: &mut R) -> Result<(), WorkbookError> {
    let mut head = Vec::new();
    input.seek(SeekFrom::Start(0))?;
    input.by_ref().take(64 << 10).read_to_end(&mut head)?;
    input.seek(SeekFrom::Start(0))?;
    if !head.starts_with(OLD_OFFICE) {
        return match head.starts_with(b"PK") {
            true => Ok(()),
            false => Err(WorkbookError::NotWorkbook { what: "another kind of file", way_out: SAVE_AS }),
        };
    }
    // A workbook with a password lies in a container of the old format, under this name in UTF-16.
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut rest = Vec::new();
    input.by_ref().take(16 << 20).read_to_end(&mut rest)?;
    if rest.windows(name.len()).any(|part| part == name) {
        let way_out = "open it, remove the password, and save it again";
        return Err(WorkbookError::NotWorkbook { what: "a workbook with a password", way_out });
    }
    Err(WorkbookError::NotWorkbook { what: "an old Excel workbook (.xls)", way_out: SAVE_AS })
}
