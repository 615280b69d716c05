//! A table that is written row by row, as CSV or as a workbook.

use std::{
    fs::File,
    io::{BufWriter, Seek},
};

use herald_contacts::ExportFormat;
use herald_sheets::CsvExport;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};

use crate::runner::Failure;

/// Rows of a sheet, its head included.
const SHEET_ROWS: u32 = 1_048_576;
/// Characters of a cell of a workbook.
const CELL: usize = 32_767;

/// A cell.
pub(super) enum Cell {
    Text(String),
    /// A number, as it is written.
    Number(String),
    /// A day, written like 2026-03-01.
    Day(String),
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.unwrap_or_default())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

pub(super) struct Table {
    rows: i64,
    out: Out,
}

enum Out {
    Csv(Box<CsvExport<BufWriter<File>>>),
    Sheets(Box<Sheets>),
}

struct Sheets {
    book: Workbook,
    name: &'static str,
    head: Vec<String>,
    heading: Format,
    day: Format,
    count: usize,
    /// The next row of the last sheet.
    row: u32,
}

impl Table {
    pub(super) fn new(format: ExportFormat, name: &'static str, head: Vec<String>) -> Result<Self, Failure> {
        let out = match format {
            ExportFormat::Csv => Out::Csv(Box::new(CsvExport::new(BufWriter::new(tempfile::tempfile()?), &head)?)),
            ExportFormat::Xlsx => {
                let mut book = Workbook::new();
                book.set_properties(&DocProperties::new().set_title(name).set_author("Herald"));
                let heading = Format::new().set_bold();
                let day = Format::new().set_num_format("yyyy-mm-dd");
                let mut sheets = Sheets { book, name, head, heading, day, count: 0, row: SHEET_ROWS };
                sheets.begin()?;
                Out::Sheets(Box::new(sheets))
            }
        };
        Ok(Self { rows: 0, out })
    }

    /// The number of rows that are written.
    pub(super) fn rows(&self) -> i64 {
        self.rows
    }

    pub(super) fn add(&mut self, cells: Vec<Cell>) -> Result<(), Failure> {
        self.rows += 1;
        match &mut self.out {
            Out::Csv(csv) => csv.row(cells.into_iter().map(|cell| match cell {
                Cell::Text(text) | Cell::Number(text) | Cell::Day(text) => text,
            }))?,
            Out::Sheets(sheets) => sheets.add(cells)?,
        }
        Ok(())
    }

    /// The finished file at its beginning, and its size.
    pub(super) async fn finish(self) -> Result<(File, i64), Failure> {
        let written = tokio::task::spawn_blocking(move || -> std::io::Result<File> {
            let mut file = match self.out {
                Out::Csv(csv) => csv.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?,
                Out::Sheets(mut sheets) => {
                    let mut file = tempfile::tempfile()?;
                    sheets.book.save_to_writer(&mut file).map_err(std::io::Error::other)?;
                    file
                }
            };
            file.rewind()?;
            Ok(file)
        });
        let file = written.await??;
        let bytes = i64::try_from(file.metadata()?.len()).unwrap_or(i64::MAX);
        Ok((file, bytes))
    }
}

impl Sheets {
    /// Begins a sheet: the first one, or one more when a sheet is full.
    fn begin(&mut self) -> Result<(), XlsxError> {
        self.count += 1;
        let name = if self.count == 1 { self.name.to_owned() } else { format!("{} {}", self.name, self.count) };
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        for (column, heading) in (0..).zip(&self.head) {
            sheet.write_string_with_format(0, column, short(heading), &self.heading)?;
        }
        sheet.set_freeze_panes(1, 0)?;
        self.row = 1;
        Ok(())
    }

    fn add(&mut self, cells: Vec<Cell>) -> Result<(), XlsxError> {
        if self.row == SHEET_ROWS {
            self.begin()?;
        }
        let sheet = self.book.worksheet_from_index(self.count - 1)?;
        for (column, cell) in (0..).zip(cells) {
            match cell {
                Cell::Text(text) if text.is_empty() => {}
                // Always as text: a name that begins with = is no formula.
                Cell::Text(text) => drop(sheet.write_string(self.row, column, short(&text))?),
                Cell::Number(number) => match as_number(&number) {
                    Some(value) => drop(sheet.write_number(self.row, column, value)?),
                    None => drop(sheet.write_string(self.row, column, number)?),
                },
                Cell::Day(day) => match ExcelDateTime::parse_from_str(&day) {
                    Ok(value) => drop(sheet.write_datetime_with_format(self.row, column, &value, &self.day)?),
                    // Before 1900 a sheet has no days.
                    Err(_) => drop(sheet.write_string(self.row, column, day)?),
                },
            }
        }
        self.row += 1;
        Ok(())
    }
}

/// A number that a cell can hold: of more digits a sheet loses some.
fn as_number(text: &str) -> Option<f64> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.parse().ok().filter(|_| digits <= 15)
}

/// As much as a cell can hold.
fn short(text: &str) -> &str {
    let mut units = 0;
    let end = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > CELL
    });
    end.map_or(text, |(end, _)| &text[..end])
}
