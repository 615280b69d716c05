//! Reads a guest list row by row.

mod row;

use self::row::fault_kind;
use super::{
    Bare, CsvError, GuestRow, Options, Place, ProblemKind, RowProblem,
    columns::{ColumnUse, Columns, Meaning},
    dialect,
    encoding::{self, Found, Utf8Reader},
    file_kind,
    headers::Role,
    records::{Record, Records},
    seen::Seen,
    text,
};
use std::{
    fs::File,
    io::{Cursor, Read, Seek, SeekFrom},
    path::Path,
};

/// The length of the beginning that is used to find the kind and the separator.
const HEAD: usize = 64 << 10;

/// An open guest list: an iterator over guests and rows with a problem, in the order of the file.
pub struct GuestFile<R> {
    records: Records<Utf8Reader<R>>,
    record: Record,
    /// Whether the first guest was read ahead, to check that the list has one.
    ahead: bool,
    columns: Columns,
    options: Options,
    encoding: &'static str,
    notes: Vec<String>,
    row: u64,
    ended: bool,
    seen: Seen,
}

impl GuestFile<File> {
    /// Opens a file.
    ///
    /// # Errors
    /// [`CsvError`] when the file cannot be read, is too large, is not CSV, or has an invalid header.
    pub fn open(path: impl AsRef<Path>, options: &Options) -> Result<Self, CsvError> {
        Self::new(File::open(path)?, options)
    }
}

impl<'a> GuestFile<Cursor<&'a [u8]>> {
    /// Reads a file from memory.
    ///
    /// # Errors
    /// Like [`GuestFile::open`].
    pub fn from_bytes(bytes: &'a [u8], options: &Options) -> Result<Self, CsvError> {
        Self::new(Cursor::new(bytes), options)
    }
}

impl<R: Read + Seek> GuestFile<R> {
    /// Reads a file from its beginning, at whatever position the reader is.
    ///
    /// # Errors
    /// Like [`GuestFile::open`].
    pub fn new(mut input: R, options: &Options) -> Result<Self, CsvError> {
        let limits = &options.limits;
        let bytes = input.seek(SeekFrom::End(0))?;
        if bytes == 0 {
            return Err(CsvError::Empty);
        }
        let head = read_head(&mut input)?;
        file_kind::refuse_binary(&head)?;
        if bytes > limits.bytes {
            return Err(CsvError::TooLarge { bytes, limit: limits.bytes });
        }
        let found = match options.encoding.or(options.is_sheet.then_some(encoding_rs::UTF_8)) {
            Some(encoding) => {
                let skip = encoding_rs::Encoding::for_bom(&head).filter(|(e, _)| *e == encoding).map_or(0, |(_, n)| n);
                Found { encoding, skip: skip as u64, guessed: false }
            }
            None => encoding::detect(&mut input, &head)?,
        };
        let mut reader = Utf8Reader::new(input, found)?;
        let mut sample = Vec::new();
        reader.by_ref().take(HEAD as u64).read_to_end(&mut sample)?;
        let whole = sample.len() < HEAD;
        let sample = String::from_utf8_lossy(&sample);
        if whole && sample.trim().is_empty() {
            return Err(CsvError::Empty);
        }
        file_kind::refuse_other_text(&sample)?;
        let dialect = if options.is_sheet { dialect::OF_SHEETS } else { dialect::sniff(&sample, whole) };
        let reader = Utf8Reader::new(reader.into_inner(), found)?;
        let mut records = Records::new(reader, dialect.delimiter, limits.columns + 1, limits.cell_bytes);

        if options.is_sheet {
            records.count_records();
        }
        let mut record = Record::default();
        if dialect.sep_line {
            records.read(&mut record)?;
        }
        while records.read(&mut record)? && record.is_blank() {}
        if record.count == 0 || record.is_blank() {
            return Err(CsvError::Empty);
        }
        if let Some(fault) = record.fault {
            let place = Place { column: fault.column + 1, header: String::new() };
            let kind = fault_kind(fault, limits.cell_bytes);
            let (line, guest) = (fault.line, String::new());
            return Err(CsvError::Header(RowProblem { line, row: 0, guest, place: Some(place), kind }));
        }
        let columns = Columns::from_header(&record, limits, &options.columns)?;
        let mut notes = columns.notes.clone();
        if found.guessed {
            notes.insert(
                0,
                format!(
                    "the file does not say its encoding and was read as {}; if names look wrong, \
                     save it as \"CSV UTF-8\" and import it again",
                    found.encoding.name()
                ),
            );
        }
        let mut file = GuestFile {
            records,
            record,
            ahead: false,
            columns,
            options: options.clone(),
            encoding: found.encoding.name(),
            notes,
            row: 0,
            ended: false,
            seen: Seen::default(),
        };
        file.ahead = file.advance()?;
        if file.ahead { Ok(file) } else { Err(CsvError::HeaderOnly) }
    }

    /// Returns notes for the admin about the whole file: a guessed encoding, renamed columns.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the headers as written, trimmed.
    pub fn headers(&self) -> &[String] {
        &self.columns.headers
    }

    /// Returns the keys of the custom fields, in the order of the columns.
    pub fn custom_fields(&self) -> impl Iterator<Item = &str> {
        self.columns.meanings.iter().filter_map(|meaning| match meaning {
            Meaning::Custom(key) => Some(key.as_str()),
            Meaning::Known(_) | Meaning::Unnamed(_) | Meaning::Ignored => None,
        })
    }

    /// Returns what each column is read as, in their order.
    pub fn columns(&self) -> impl Iterator<Item = ColumnUse<'_>> {
        self.columns.headers.iter().zip(&self.columns.meanings).map(|(header, meaning)| {
            let (field, is_known) = match meaning {
                Meaning::Known(role) => (role.name(), true),
                Meaning::Custom(key) | Meaning::Unnamed(key) => (key.as_str(), false),
                Meaning::Ignored => ("", false),
            };
            ColumnUse { header, field, is_known }
        })
    }

    /// Returns the cells of the row that was read last, as they are written.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        self.record.cells()
    }

    /// Whether the list has a column for e-mails or external ids, so that guests may have them.
    pub fn has_identities(&self) -> bool {
        [Role::Email, Role::ExternalId].into_iter().any(|role| self.role_column(role).is_some())
    }

    /// Reads the list to its end, and finds the people who have neither e-mail nor id beside others who have one. A row
    /// with one is not read further, so this takes a part of the time of reading the list.
    pub fn bare(mut self) -> Bare {
        let mut bare = Bare::default();
        if !self.has_identities() {
            return bare;
        }
        let mut more = self.ahead;
        while more && self.row < self.options.limits.rows {
            self.row += 1;
            if !self.is_identified()
                && let Ok(row) = self.guest()
            {
                bare.add(&row);
            }
            more = self.advance().unwrap_or(false);
        }
        bare
    }

    /// Whether a column holds pictures.
    pub fn has_pictures(&self) -> bool {
        self.role_column(Role::Picture).is_some()
    }

    /// Returns the name of the file's encoding, such as `UTF-8` or `windows-1252`.
    pub fn encoding(&self) -> &'static str {
        self.encoding
    }

    /// Moves to the next row that is not blank.
    fn advance(&mut self) -> std::io::Result<bool> {
        while self.records.read(&mut self.record)? {
            if !self.record.is_blank() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn problem(&self, column: Option<usize>, kind: ProblemKind) -> RowProblem {
        let place = column.map(|column| Place {
            column: column + 1,
            header: self.columns.headers.get(column).cloned().unwrap_or_default(),
        });
        RowProblem { line: self.record.line, row: self.row, guest: self.name_if_any(), place, kind }
    }

    /// Returns the name in a row that may be damaged elsewhere.
    fn name_if_any(&self) -> String {
        let cell = |role| {
            let cell = self.role_column(role).and_then(|column| self.record.cell(column));
            text::name(&text::cell(cell.unwrap_or_default()))
        };
        let whole = Some(cell(Role::Name)).filter(|name| !name.is_empty());
        let name = whole.unwrap_or_else(|| {
            let parts = [cell(Role::FirstName), cell(Role::LastName)];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
        });
        name.chars().take(self.options.limits.name_chars).collect()
    }

    fn role_column(&self, role: Role) -> Option<usize> {
        self.columns.meanings.iter().position(|meaning| *meaning == Meaning::Known(role))
    }
}

impl<R: Read + Seek> Iterator for GuestFile<R> {
    type Item = Result<GuestRow, RowProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if !std::mem::take(&mut self.ahead) {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => {
                    self.ended = true;
                    return None;
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(self.problem(None, ProblemKind::Read { reason: error.to_string() })));
                }
            }
        }
        self.row += 1;
        let limit = self.options.limits.rows;
        let item =
            if self.row > limit { Err(self.problem(None, ProblemKind::TooManyRows { limit })) } else { self.guest() };
        self.ended = item.as_ref().is_err_and(RowProblem::ends_file);
        Some(item)
    }
}

fn read_head<R: Read + Seek>(input: &mut R) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    input.seek(SeekFrom::Start(0))?;
    input.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}
