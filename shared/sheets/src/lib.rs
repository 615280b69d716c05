//! Guest lists in, result lists out: CSV as agencies really send it.
//!
//! [`GuestFile::open`] looks at the whole file once without keeping it (what it is, its encoding), reads the header,
//! and then is an iterator of guests. Memory does not grow with the file, except for 16 bytes or so for each of a
//! guest's e-mail address, external id and row key: the price of naming duplicates.
//!
//! One bad row never stops the others: it comes out as a [`RowProblem`] that names its line, its column and the way
//! out. Only a file that cannot be understood at all is refused whole, with a [`CsvError`].
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

#[cfg(test)]
mod tests;

pub use escape::{escape_cell, unescape_cell};
pub use export::CsvExport;
pub use guest::{GuestRow, email_key, name_key};
pub use guest_file::GuestFile;
pub use problem::{CsvError, Place, ProblemKind, RowProblem};

/// How much of a file Herald is willing to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The whole file, in bytes.
    pub bytes: u64,
    /// Guests (rows after the header, blank ones not counted).
    pub rows: u64,
    /// Columns of the header.
    pub columns: usize,
    /// One cell, in bytes of UTF-8.
    pub cell_bytes: usize,
    /// A guest's name, in characters.
    pub name_chars: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes: 256 << 20, rows: 1_000_000, columns: 256, cell_bytes: 64 << 10, name_chars: 200 }
    }
}

/// What a caller may say about a file before it is read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How much is read.
    pub limits: Limits,
    /// The calling code for national phone numbers, digits only (`"65"`); without it they are kept as given.
    pub calling_code: Option<String>,
    /// The encoding, when the caller knows better than detection.
    pub encoding: Option<&'static encoding_rs::Encoding>,
}

impl Options {
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
