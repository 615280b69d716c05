//! Reads a guest list row by row.

use super::{
    CsvError, GuestRow, Options, Place, ProblemKind, RowProblem,
    columns::{ColumnUse, Columns, Meaning},
    dialect,
    email::{self, Cell},
    encoding::{self, Found, Utf8Reader},
    file_kind,
    headers::Role,
    phone::{self, Phone},
    records::{Fault, FaultKind, Record, Records},
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

/// What a spreadsheet shows in the place of a result.
const ERRORS: [&str; 11] = [
    "#REF!",
    "#N/A",
    "#NAME?",
    "#VALUE!",
    "#DIV/0!",
    "#NUM!",
    "#NULL!",
    "#SPILL!",
    "#CALC!",
    "#GETTING_DATA",
    "#FIELD!",
];

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

    fn guest(&mut self) -> Result<GuestRow, RowProblem> {
        self.check_shape()?;
        let mut guest = GuestRow { line: self.record.line, row: self.row, ..GuestRow::default() };
        self.fill(&mut guest);
        self.check_name(&mut guest)?;
        self.read_email(&mut guest)?;
        self.normalise_phone(&mut guest)?;
        self.note_missing(&mut guest);
        self.seen.take_in(&guest).map_err(|(role, kind)| self.problem(self.role_column(role), kind))?;
        self.seen.give_row_key(&mut guest);
        Ok(guest)
    }

    fn check_shape(&self) -> Result<(), RowProblem> {
        if let Some(fault) = self.record.fault {
            let kind = fault_kind(fault, self.options.limits.cell_bytes);
            let mut problem = self.problem(Some(fault.column), kind);
            if fault.kind != FaultKind::TooLong {
                problem.line = fault.line;
            }
            return Err(problem);
        }
        let expected = self.columns.headers.len();
        // Spreadsheets often write separators at the end of a line; these are not cells.
        let extra = self.record.cells().enumerate().skip(expected).find(|(_, cell)| !cell.trim().is_empty());
        if let Some((column, _)) = extra {
            let found = self.record.count;
            return Err(self.problem(Some(column), ProblemKind::TooManyCells { found, expected }));
        }
        match self.record.cells().position(|cell| cell.contains(['\u{fffd}', '\0'])) {
            Some(column) => Err(self.problem(Some(column), ProblemKind::Damaged { encoding: self.encoding })),
            None => Ok(()),
        }
    }

    fn fill(&self, guest: &mut GuestRow) {
        for (column, meaning) in self.columns.meanings.iter().enumerate() {
            let mut cell = text::cell(self.record.cell(column).unwrap_or_default());
            if ERRORS.contains(&cell.as_str()) {
                let header = &self.columns.headers[column];
                guest.notes.push(format!(
                    "line {}, column {} ({header}): {cell} is an error of the spreadsheet, and is read as empty",
                    guest.line,
                    column + 1
                ));
                cell.clear();
            }
            let slot = match meaning {
                Meaning::Known(Role::Name) => {
                    guest.name = text::name(&cell);
                    continue;
                }
                Meaning::Custom(key) => {
                    guest.custom.insert(key.clone(), cell);
                    continue;
                }
                Meaning::Unnamed(key) => {
                    if !cell.is_empty() {
                        guest.custom.insert(key.clone(), cell);
                    }
                    continue;
                }
                Meaning::Known(Role::FirstName) => &mut guest.first_name,
                Meaning::Known(Role::LastName) => &mut guest.last_name,
                // The e-mail is read separately.
                Meaning::Known(Role::Email) | Meaning::Ignored => continue,
                Meaning::Known(Role::Phone) => &mut guest.phone,
                Meaning::Known(Role::ExternalId) => &mut guest.external_id,
                Meaning::Known(Role::Picture) => &mut guest.picture,
            };
            *slot = Some(cell).filter(|cell| !cell.is_empty());
        }
        for part in [&mut guest.first_name, &mut guest.last_name] {
            *part = part.take().map(|part| text::name(&part)).filter(|part| !part.is_empty());
        }
        if guest.name.is_empty() {
            let parts: Vec<&str> =
                [&guest.first_name, &guest.last_name].into_iter().flatten().map(String::as_str).collect();
            guest.name = parts.join(" ");
        }
    }

    fn check_name(&self, guest: &mut GuestRow) -> Result<(), RowProblem> {
        let column =
            || [Role::Name, Role::FirstName, Role::LastName].into_iter().find_map(|role| self.role_column(role));
        let (found, limit) = (guest.name.chars().count(), self.options.limits.name_chars);
        if found == 0 {
            Err(self.problem(column(), ProblemKind::NoName))
        } else if found > limit {
            Err(self.problem(column(), ProblemKind::NameTooLong { found, limit }))
        } else {
            Ok(())
        }
    }

    /// Reads the e-mail. An invitation does not need an address, so a guest with an invalid one still gets an
    /// invitation.
    fn read_email(&self, guest: &mut GuestRow) -> Result<(), RowProblem> {
        let raw = self.role_column(Role::Email).and_then(|column| self.record.cell(column)).unwrap_or_default();
        let (line, given) = (guest.line, text::excerpt(&text::cell(raw)));
        let (email, note) = match email::read(raw) {
            Cell::Empty => (None, None),
            Cell::Bare(email) => (Some(email), None),
            Cell::Wrapped(email, what) => {
                let note = format!("line {line}: the e-mail is read as \"{email}\": {what} removed");
                (Some(email), Some(note))
            }
            Cell::First(email) => {
                let note = format!("line {line}: \"{given}\" holds several e-mails: the first, \"{email}\", is used");
                (Some(email), Some(note))
            }
            Cell::Placeholder => (None, Some(format!("line {line}: \"{given}\" is read as no e-mail"))),
            Cell::Invalid if self.options.is_strict => {
                return Err(self.problem(self.role_column(Role::Email), ProblemKind::InvalidEmail { given }));
            }
            Cell::Invalid => {
                let note = format!(
                    "line {line}: \"{given}\" is not an e-mail address: the guest is invited without one; \
                     correct it or leave the cell empty"
                );
                (None, Some(note))
            }
        };
        guest.email = email;
        guest.notes.extend(note);
        Ok(())
    }

    fn normalise_phone(&self, guest: &mut GuestRow) -> Result<(), RowProblem> {
        let Some(given) = &guest.phone else { return Ok(()) };
        match phone::normalise_phone(given, self.options.calling_code.as_deref()) {
            Phone::International(number) => guest.phone = Some(number),
            rounded if rounded.is_rounded() && self.options.is_strict => {
                let given = text::excerpt(given);
                return Err(self.problem(self.role_column(Role::Phone), ProblemKind::RoundedPhone { given }));
            }
            Phone::AsGiven(why) => {
                let (line, given) = (guest.line, text::excerpt(given));
                guest.notes.push(format!("line {line}: phone \"{given}\" is kept as given: {why}"));
            }
        }
        Ok(())
    }

    fn note_missing(&self, guest: &mut GuestRow) {
        let (found, expected) = (self.record.count, self.columns.headers.len());
        if found < expected {
            let missing = super::problem::quoted(&self.columns.headers[found..]);
            guest.notes.push(format!(
                "line {}: the row has {found} of {expected} cells; read as empty: {missing}",
                guest.line
            ));
        }
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

fn fault_kind(fault: Fault, cell_bytes: usize) -> ProblemKind {
    match fault.kind {
        FaultKind::TooLong => ProblemKind::CellTooLong { limit: cell_bytes },
        FaultKind::StrayQuote => ProblemKind::StrayQuote,
        FaultKind::UnclosedQuote => ProblemKind::UnclosedQuote,
    }
}
