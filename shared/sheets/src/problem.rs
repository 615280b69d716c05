//! What can be wrong with a file, and with one row of it, in words an agency's admin can act on.

use std::{fmt, io};

/// Why a whole file is refused. Nothing of it was imported.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// The file could not be read.
    #[error("cannot read the file: {0}")]
    Io(#[from] io::Error),
    /// Larger than [`Limits::bytes`](super::Limits::bytes); refused before reading.
    #[error("the file has {}, the limit is {}; split it, or raise the import size limit", size(*bytes), size(*limit))]
    TooLarge {
        /// The file's size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// No bytes, or nothing but white space.
    #[error("the file is empty; it needs a line that names the columns and a line per guest")]
    Empty,
    /// A header and nothing after it.
    #[error("the file has a header but no guests; add a line per guest below it")]
    HeaderOnly,
    /// Something else than text with separators.
    #[error("this is {what}, not a CSV file; {way_out}")]
    NotCsv {
        /// What it is, with its article.
        what: &'static str,
        /// What to do instead.
        way_out: &'static str,
    },
    /// Nothing says who the guests are.
    #[error(
        "no column holds the guests' names; the columns are {}; rename one to \"name\" (or two to \"first name\" \
         and \"last name\")",
        quoted(found)
    )]
    NoNameColumn {
        /// The header as found.
        found: Vec<String>,
    },
    /// No name column, and the first line looks like a guest.
    #[error("line {line} should name the columns but looks like a guest; add a first line such as name,email,phone")]
    NoHeader {
        /// The line, 1-based.
        line: u64,
    },
    /// Two columns with the same header.
    #[error("columns {first} and {second} are both called \"{header}\"; rename one")]
    DuplicateHeader {
        /// The header of the second.
        header: String,
        /// 1-based.
        first: usize,
        /// 1-based.
        second: usize,
    },
    /// Two custom columns whose names become the same field.
    #[error("columns \"{first}\" and \"{second}\" would both become the field \"{field}\"; rename one")]
    FieldCollision {
        /// The header of the first.
        first: String,
        /// The header of the second.
        second: String,
        /// The field both become.
        field: String,
    },
    /// More columns than [`Limits::columns`](super::Limits::columns).
    #[error("the header has {found} columns, the limit is {limit}; remove the columns that are not needed")]
    TooManyColumns {
        /// Columns found.
        found: usize,
        /// Columns allowed.
        limit: usize,
    },
    /// The header itself cannot be read.
    #[error("the header cannot be read: {0}")]
    Header(RowProblem),
    /// [`Options::encoding_label`](super::Options::encoding_label) got a name nobody knows.
    #[error("\"{label}\" is not an encoding; try utf-8, utf-16le or windows-1252")]
    UnknownEncoding {
        /// The label as given.
        label: String,
    },
}

/// A cell's column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// 1-based.
    pub column: usize,
    /// The header above it, empty when it has none.
    pub header: String,
}

/// One row that was not imported, and why. The rows after it go on, unless [`RowProblem::ends_file`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// The 1-based line of the file on which the row starts; for an unclosed quote, the line of the quote.
    pub line: u64,
    /// The 1-based number of the guest in the file, blank lines not counted; 0 for the header.
    pub row: u64,
    /// The guest's name, as far as the row tells it.
    pub guest: String,
    /// The cell, when one cell is to blame.
    pub place: Option<Place>,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The name is empty.
    #[error("the guest has no name; fill it in")]
    NoName,
    /// The name is longer than a name can be.
    #[error("the name has {found} characters, the limit is {limit}; shorten it")]
    NameTooLong {
        /// Characters found.
        found: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// Cells beyond the last header.
    #[error(
        "the row has {found} cells but the header has {expected}; put quotes around a cell that contains the separator"
    )]
    TooManyCells {
        /// Cells found.
        found: usize,
        /// Columns of the header.
        expected: usize,
    },
    /// An earlier row has the same name and address, and no ids tell the two apart.
    #[error("same name and e-mail as line {first_line}; remove one of the two, or give each an id")]
    DuplicateGuest {
        /// The line of the row that was kept.
        first_line: u64,
    },
    /// An earlier row has the same external id.
    #[error("same id as line {first_line}; remove one of the two")]
    DuplicateExternalId {
        /// The line of the row that was kept.
        first_line: u64,
    },
    /// A cell larger than [`Limits::cell_bytes`](super::Limits::cell_bytes).
    #[error("the cell is larger than {}; shorten it", size(*limit as u64))]
    CellTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// Text after a closing quote: usually a quote that was never closed and met the next one.
    #[error("the quotes of this cell do not match; close the quote, or double the quotes inside it (\"\")")]
    StrayQuote,
    /// A quote that is still open at the end of the file.
    #[error("the quote opened here is never closed, so nothing after it was read; close it and import again")]
    UnclosedQuote,
    /// Bytes that mean nothing in the file's encoding.
    #[error("the cell has characters that cannot be read as {encoding}; correct them and save the file as UTF-8")]
    Damaged {
        /// The encoding the file was read in.
        encoding: &'static str,
    },
    /// More rows than [`Limits::rows`](super::Limits::rows).
    #[error("the file has more than {limit} guests, and nothing from here on was read; split it")]
    TooManyRows {
        /// Guests allowed.
        limit: u64,
    },
    /// The disk or the network let us down in the middle.
    #[error("the file could not be read further: {reason}")]
    Read {
        /// The operating system's words.
        reason: String,
    },
}

impl RowProblem {
    /// Whether nothing after this row was read.
    pub fn ends_file(&self) -> bool {
        use ProblemKind::{Read, TooManyRows, UnclosedQuote};
        matches!(self.kind, UnclosedQuote | TooManyRows { .. } | Read { .. })
    }
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        match &self.place {
            Some(Place { column, header }) if header.is_empty() => write!(f, ", column {column}")?,
            Some(Place { column, header }) => write!(f, ", column {column} ({header})")?,
            None => {}
        }
        write!(f, ": {}", self.kind)
    }
}

impl std::error::Error for RowProblem {}

/// `["a", "b"]` as `"a", "b"`.
pub(super) fn quoted(words: &[String]) -> String {
    words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ")
}

fn size(bytes: u64) -> String {
    match bytes {
        b if b >= 1 << 30 && b % (1 << 30) == 0 => format!("{} GiB", b >> 30),
        b if b >= 1 << 30 => format!("{:.1} GiB", b as f64 / (1u64 << 30) as f64),
        b if b >= 1 << 20 => format!("{} MiB", b >> 20),
        b if b >= 1 << 10 => format!("{} KiB", b >> 10),
        b => format!("{b} bytes"),
    }
}
