//! Reads Excel workbooks (`.xlsx`, `.xlsm`) row by row, as a person sees them.
//!
//! [`Workbook::open`] reads what is small: the names of the sheets, the formats of numbers, and the texts that cells
//! share. [`Workbook::rows`] then streams one sheet. [`to_csv`] does both, and writes what [`GuestFile`](crate::GuestFile)
//! reads.
//!
//! A stranger's workbook may need any amount of memory and time: read it in a process of its own that has limits.

mod cells;
mod container;
mod error;
mod format;
mod number;
mod parts;
mod serial;
mod strings;
mod styles;
mod xml;

#[cfg(test)]
mod tests;

use std::io::{Read, Seek, Write};

use serde::{Deserialize, Serialize};

use self::{container::Container, parts::Parts, strings::Strings, styles::Styles};

pub use self::{cells::SheetFacts, error::WorkbookError};

/// Whether a file is a workbook, perhaps of an old or locked kind, by its first bytes: eight are enough. Other archives
/// are told apart when it is opened.
pub fn may_be_workbook(head: &[u8]) -> bool {
    head.starts_with(b"PK") || head.starts_with(b"\xd0\xcf\x11\xe0")
}

/// The largest CSV of a sheet, in bytes. It may be larger than a list may be: a workbook is packed.
pub const SHEET_BYTES: u64 = 2 << 30;

/// A sheet of a workbook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// Its name.
    pub name: String,
    /// Whether a person who opens the workbook does not see it.
    pub is_hidden: bool,
    #[serde(skip)]
    part: String,
}

/// What is done with a row: its number from 1 on, and its cells.
pub type EachRow<'a> = &'a mut dyn FnMut(u32, &[String]) -> Result<(), WorkbookError>;

/// An open workbook.
pub struct Workbook<R> {
    container: Container<R>,
    sheets: Vec<Sheet>,
    strings: Strings,
    styles: Styles,
    is_1904: bool,
}

impl<R: Read + Seek> Workbook<R> {
    /// Opens a workbook.
    ///
    /// # Errors
    /// [`WorkbookError`]: what the file is instead, or where it is damaged, and what to do.
    pub fn open(input: R) -> Result<Self, WorkbookError> {
        let mut container = Container::open(input)?;
        let parts = Parts::read(&mut container)?;
        let styles = match &parts.styles {
            Some(part) => Styles::read(&mut container, part)?,
            None => Styles::default(),
        };
        let strings = match &parts.strings {
            Some(part) => Strings::read(&mut container, part)?,
            None => Strings::default(),
        };
        Ok(Self { container, sheets: parts.sheets, strings, styles, is_1904: parts.is_1904 })
    }

    /// The sheets in their order.
    pub fn sheets(&self) -> &[Sheet] {
        &self.sheets
    }

    /// Reads the rows of a sheet, each with its number from 1 on and its cells; rows without cells may be left out.
    ///
    /// # Errors
    /// [`WorkbookError`], and whatever `each` returns.
    pub fn rows(&mut self, sheet: usize, each: EachRow<'_>) -> Result<SheetFacts, WorkbookError> {
        let Some(sheet) = self.sheets.get(sheet) else { return Err(WorkbookError::NoSheets) };
        let reader = cells::Cells::new(&sheet.name, &self.strings, &self.styles, self.is_1904);
        reader.read(&mut self.container, &sheet.part, each)
    }
}

/// What became of a workbook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Converted {
    /// The sheets of the workbook.
    pub sheets: Vec<Sheet>,
    /// The name of the sheet that was read.
    pub sheet: String,
    /// What a person should know of it.
    pub notes: Vec<String>,
}

/// Writes a sheet as CSV: the one with the name, or the first that is not hidden. Each row of the sheet is one record,
/// blank ones too, so that the number of a record is the number of its row.
///
/// # Errors
/// [`WorkbookError`].
pub fn to_csv<R: Read + Seek>(input: R, sheet: Option<&str>, out: impl Write) -> Result<Converted, WorkbookError> {
    let mut workbook = Workbook::open(input)?;
    let chosen = match sheet {
        Some(name) => workbook.sheets.iter().position(|sheet| sheet.name == name).ok_or_else(|| {
            let sheets = workbook.sheets.iter().map(|sheet| sheet.name.clone()).collect();
            WorkbookError::UnknownSheet { wanted: name.to_owned(), sheets }
        })?,
        None => workbook.sheets.iter().position(|sheet| !sheet.is_hidden).unwrap_or_default(),
    };
    let mut csv = csv::WriterBuilder::new().flexible(true).from_writer(out);
    let (mut written, mut width) = (0, 0);
    let facts = workbook.rows(chosen, &mut |row, cells| {
        for _ in written + 1..row {
            csv.write_record([""])?;
        }
        written = row;
        let filled = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        // The first row that has something names the columns. A sheet has no cell where nothing was written.
        width = if width == 0 { filled } else { width };
        let blank = std::iter::repeat_n("", width.max(1).saturating_sub(filled));
        Ok(csv.write_record(cells[..filled].iter().map(String::as_str).chain(blank))?)
    })?;
    csv.flush()?;
    let sheet = workbook.sheets[chosen].name.clone();
    let mut notes = Vec::new();
    let others: Vec<&str> =
        workbook.sheets.iter().enumerate().filter(|(at, _)| *at != chosen).map(|(_, one)| one.name.as_str()).collect();
    if !others.is_empty() {
        notes.push(format!("the sheet \"{sheet}\" is read, and not {}", quoted(&others)));
    }
    if facts.hidden_rows > 0 {
        notes.push(format!("{} rows of the sheet are hidden, and are read as well", facts.hidden_rows));
    }
    if facts.merged > 0 {
        notes.push(format!("{} groups of cells are merged: only the first cell of each has a value", facts.merged));
    }
    Ok(Converted { sheets: workbook.sheets, sheet, notes })
}

/// Names of sheets for a sentence; of many the first ten.
fn quoted(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(10).map(|name| format!("\"{name}\"")).collect();
    match names.len().checked_sub(shown.len()) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}
