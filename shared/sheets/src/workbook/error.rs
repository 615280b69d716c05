//! Why a workbook is refused, in words that let an agency's admin act.

use std::io;

use thiserror::Error;

/// Why a workbook cannot be read.
#[derive(Debug, Error)]
pub enum WorkbookError {
    /// The file could not be read or written.
    #[error("cannot read the workbook: {0}")]
    Io(#[from] io::Error),
    /// The file is something else.
    #[error("this is {what}, not an Excel workbook; {way_out}")]
    NotWorkbook {
        /// What it is, with its article.
        what: &'static str,
        /// The cure.
        way_out: &'static str,
    },
    /// A part of the file is not as it should be.
    #[error("the workbook is damaged: {0}; open it, save it as a new .xlsx file, and choose that one")]
    Damaged(String),
    /// A cell of a sheet is not as it should be.
    #[error(
        "sheet \"{sheet}\", cell {cell}: {what}; open the workbook, save it as a new .xlsx file, and choose that one"
    )]
    Cell {
        /// The name of the sheet.
        sheet: String,
        /// The cell, such as `B7`.
        cell: String,
        /// What is wrong.
        what: String,
    },
    /// The workbook is larger than it looks.
    #[error("{0}; save the sheet with the people as CSV, and choose that file")]
    TooLarge(String),
    /// There is no sheet with cells.
    #[error("the workbook has no sheet with cells; choose another file")]
    NoSheets,
    /// There is no sheet of this name.
    #[error("the workbook has no sheet \"{wanted}\"; its sheets are {}", crate::problem::quoted(sheets))]
    UnknownSheet {
        /// The name that was asked for.
        wanted: String,
        /// The names that there are.
        sheets: Vec<String>,
    },
}

impl WorkbookError {
    pub(super) fn damaged(part: &str, what: impl std::fmt::Display) -> Self {
        Self::Damaged(format!("{part}: {what}"))
    }
}

impl From<csv::Error> for WorkbookError {
    fn from(error: csv::Error) -> Self {
        Self::Io(io::Error::other(error))
    }
}
