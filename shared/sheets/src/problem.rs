//! The problems of a file, and of one of its rows, in words that let an agency's admin act.

use std::{fmt, io};

/// Why a whole file is refused. No row of it was imported.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// The file could not be read.
    #[error("cannot read the file: {0}")]
    Io(#[from] io::Error),
    /// The file is larger than [`Limits::bytes`](super::Limits::bytes). It was refused before reading.
    #[error("the file has {}, the limit is {}; split it, or raise the import size limit", size(*bytes), size(*limit))]
    TooLarge {
        /// The file's size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file is empty, or contains only white space.
    #[error("the file is empty; it needs a line that names the columns and a line per guest")]
    Empty,
    /// The file has a header but no rows.
    #[error("the file has a header but no guests; add a line per guest below it")]
    HeaderOnly,
    /// The file is not text with separators.
    #[error("this is {what}, not a CSV file; {way_out}")]
    NotCsv {
        /// The kind of the file, with its article.
        what: &'static str,
        /// The cure.
        way_out: &'static str,
    },
    /// No column contains the names of guests.
    #[error(
        "no column holds the guests' names; the columns are {}; rename one to \"name\" (or two to \"first name\" \
         and \"last name\")",
        quoted(found)
    )]
    NoNameColumn {
        /// The header as written.
        found: Vec<String>,
    },
    /// The file has no name column, and its first line looks like a guest.
    #[error("line {line} should name the columns but looks like a guest; add a first line such as name,email,phone")]
    NoHeader {
        /// The line, 1-based.
        line: u64,
    },
    /// Two columns have the same header.
    #[error("columns {first} and {second} are both called \"{header}\"; rename one")]
    DuplicateHeader {
        /// The header of the second column.
        header: String,
        /// The first column, 1-based.
        first: usize,
        /// The second column, 1-based.
        second: usize,
    },
    /// The names of two custom columns become the same field.
    #[error("columns \"{first}\" and \"{second}\" would both become the field \"{field}\"; rename one")]
    FieldCollision {
        /// The header of the first column.
        first: String,
        /// The header of the second column.
        second: String,
        /// The field that both columns would become.
        field: String,
    },
    /// The file has more columns than [`Limits::columns`](super::Limits::columns).
    #[error("the header has {found} columns, the limit is {limit}; remove the columns that are not needed")]
    TooManyColumns {
        /// The number of columns in the file.
        found: usize,
        /// The largest number of columns.
        limit: usize,
    },
    /// The header itself cannot be read.
    #[error("the header cannot be read: {0}")]
    Header(RowProblem),
    /// [`Options::encoding_label`](super::Options::encoding_label) got an unknown label.
    #[error("\"{label}\" is not an encoding; try utf-8, utf-16le or windows-1252")]
    UnknownEncoding {
        /// The unknown label.
        label: String,
    },
}

/// A cell's column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The column, 1-based.
    pub column: usize,
    /// The header of the column; empty if it has none.
    pub header: String,
}

/// A row that was not imported, and the reason. The rows after it are read, unless [`RowProblem::ends_file`] is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// The 1-based line of the file on which the row starts; for an unclosed quote, the line of the quote.
    pub line: u64,
    /// The 1-based number of the guest in the file, without blank lines; 0 for the header.
    pub row: u64,
    /// The guest's name, if the row contains it.
    pub guest: String,
    /// The cell, if a single cell is the cause.
    pub place: Option<Place>,
    /// The kind of the problem.
    pub kind: ProblemKind,
}

/// The problems that a row can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The name is empty.
    #[error("the guest has no name; fill it in")]
    NoName,
    /// The name is longer than a name can be.
    #[error("the name has {found} characters, the limit is {limit}; shorten it")]
    NameTooLong {
        /// The number of characters in the name.
        found: usize,
        /// The largest number of characters.
        limit: usize,
    },
    /// The row has cells beyond the last header.
    #[error(
        "the row has {found} cells but the header has {expected}; put quotes around a cell that contains the separator"
    )]
    TooManyCells {
        /// The number of cells in the row.
        found: usize,
        /// The number of columns in the header.
        expected: usize,
    },
    /// An earlier row has the same name and address, and no ids distinguish the two.
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
    /// The cell is larger than [`Limits::cell_bytes`](super::Limits::cell_bytes).
    #[error("the cell is larger than {}; shorten it", size(*limit as u64))]
    CellTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A closing quote is followed by text. Usually a quote was never closed, and the next quote ended it.
    #[error("the quotes of this cell do not match; close the quote, or double the quotes inside it (\"\")")]
    StrayQuote,
    /// A quote is still open at the end of the file.
    #[error("the quote opened here is never closed, so nothing after it was read; close it and import again")]
    UnclosedQuote,
    /// The cell has bytes that are invalid in the file's encoding.
    #[error("the cell has characters that cannot be read as {encoding}; correct them and save the file as UTF-8")]
    Damaged {
        /// The encoding of the file.
        encoding: &'static str,
    },
    /// The e-mail address is none.
    #[error("\"{given}\" is not an e-mail address; correct it or leave the cell empty")]
    InvalidEmail {
        /// The cell.
        given: String,
    },
    /// A spreadsheet has rounded the phone number.
    #[error(
        "the spreadsheet rounded the phone number \"{given}\"; format the column as text, type the number again, and \
         save the file anew"
    )]
    RoundedPhone {
        /// The cell.
        given: String,
    },
    /// A reader of the list, who knows what is there already, refuses the row.
    #[error("{why}")]
    Refused {
        /// What is wrong, and what to do.
        why: String,
    },
    /// The file has more rows than [`Limits::rows`](super::Limits::rows).
    #[error("the file has more than {limit} guests, and nothing from here on was read; split it")]
    TooManyRows {
        /// The largest number of guests.
        limit: u64,
    },
    /// The disk or the network failed during reading.
    #[error("the file could not be read further: {reason}")]
    Read {
        /// The error of the operating system.
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

/// Joins `["a", "b"]` as `"a", "b"`.
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
