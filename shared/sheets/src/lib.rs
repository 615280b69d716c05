//! Reads guest lists and writes result lists: CSV in the forms that agencies really send.
//!
//! [`GuestFile::open`] scans the whole file once without keeping it, to find its kind and its encoding. It then reads
//! the header and becomes an iterator over guests. Memory does not grow with the file, except for about 16 bytes for
//! each e-mail address, external id and row key. That is the price of naming duplicates.
//!
//! One bad row never stops the other rows: it becomes a [`RowProblem`] that names its line, its column and the cure.
//! Only a file that cannot be understood at all is refused as a whole, with a [`CsvError`].
//!
//! ```
//! use herald_sheets::{GuestFile, Options};
//!
//! let file = std::io::Cursor::new("Name;E-mail;Table No.\nAnn Example;ann@example.com;7\n");
//! let guests: Vec<_> = GuestFile::new(file, &Options::default())?.collect();
//! let ann = guests[0].as_ref().expect("the row is good");
//! assert_eq!((ann.name.as_str(), ann.custom["table_no"].as_str()), ("Ann Example", "7"));
//! # Ok::<(), herald_sheets::CsvError>(())
//! ```

mod bare;
mod columns;
mod dialect;
mod email;
mod encoding;
mod escape;
mod export;
mod file_kind;
mod guest;
mod guest_file;
mod headers;
mod phone;
mod problem;
mod records;
mod seen;
mod text;
pub mod workbook;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use bare::Bare;
pub use columns::{ColumnUse, REFUSED_COLUMN};
pub use escape::{escape_cell, unescape_cell};
pub use export::CsvExport;
pub use file_kind::refuse_other_files;
pub use guest::{GuestRow, email_key, find_key, find_last, name_key};
pub use guest_file::GuestFile;
pub use headers::{field_key, is_known_header};
pub use phone::{Phone, normalise_phone};
pub use problem::{CsvError, Place, ProblemKind, RowProblem};

/// The limits on the size of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The size of the whole file, in bytes.
    pub bytes: u64,
    /// The number of guests (rows after the header, without blank ones).
    pub rows: u64,
    /// The number of columns in the header.
    pub columns: usize,
    /// The size of a cell, in bytes of UTF-8.
    pub cell_bytes: usize,
    /// The length of a guest's name, in characters.
    pub name_chars: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes: 256 << 20, rows: 1_000_000, columns: 256, cell_bytes: 64 << 10, name_chars: 200 }
    }
}

/// The options for reading a file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The limits on the size of the file.
    pub limits: Limits,
    /// The calling code for national phone numbers, digits only (`"65"`). Without it these numbers stay as they are.
    pub calling_code: Option<String>,
    /// The encoding, if the caller knows it; otherwise it is detected.
    pub encoding: Option<&'static encoding_rs::Encoding>,
    /// What a person said of columns: by header, the field that its cells become; empty for none.
    pub columns: BTreeMap<String, String>,
    /// Whether a row with an address that is none, or a number that a spreadsheet has rounded, is left out. Otherwise
    /// it is taken in without the one, and with the other.
    pub is_strict: bool,
    /// Whether a person may be there several times, because each row is about something of theirs. Otherwise a second
    /// row of one person is left out, or is another person if only name and phone say who it is.
    pub is_repeating: bool,
    /// Whether the file is a sheet that [`workbook::to_csv`] wrote: UTF-8 with commas, and its rows are counted by
    /// records instead of lines.
    pub is_sheet: bool,
}

impl Options {
    /// The same for a sheet that [`workbook::to_csv`] wrote.
    #[must_use]
    pub fn of_sheet(mut self) -> Self {
        self.is_sheet = true;
        self.limits.bytes = workbook::SHEET_BYTES;
        self
    }

    /// Sets the encoding by its label, such as `windows-1252` or `shift_jis`.
    ///
    /// # Errors
    /// [`CsvError::UnknownEncoding`] when the label is not one of the WHATWG encoding standard.
    pub fn encoding_label(mut self, label: &str) -> Result<Self, CsvError> {
        let found = encoding_rs::Encoding::for_label(label.as_bytes());
        self.encoding = Some(found.ok_or_else(|| CsvError::UnknownEncoding { label: label.to_owned() })?);
        Ok(self)
    }
}
