//! Reads the rows of a list on a thread of its own, a chunk at a time.

use std::fs::File;

use herald_sheets::{CsvError, GuestFile, Options, RowProblem};
use tokio::sync::mpsc;

use super::{CONTACT_ID, ImportColumn, ImportRow, fields_of_imports, import_row};

/// Rows of a chunk, which one transaction takes in: large enough to keep its cost small, and small enough that other
/// writers wait for a fraction of a second.
const CHUNK: usize = 2_500;
/// The rows of which columns show examples, and the examples of each.
const SHOWN: usize = 200;
const EXAMPLES: usize = 3;
const LONGEST: usize = 60;

/// A row that is left out.
#[derive(Clone, Debug)]
pub struct RefusedRow {
    /// Why.
    pub problem: RowProblem,
    /// Its cells as they are written, if they were asked for.
    pub cells: Vec<String>,
}

/// What comes of a list, piece by piece.
#[derive(Clone, Debug)]
pub enum ImportPiece {
    /// Its headers, columns, and remarks about it as a whole: the first piece.
    Head {
        /// As they are written.
        headers: Vec<String>,
        /// What they are read as.
        columns: Vec<ImportColumn>,
        /// Remarks.
        notes: Vec<String>,
    },
    /// Rows.
    Rows(Vec<Result<ImportRow, RefusedRow>>),
}

/// Reads a list, without its first `skip` rows. `with_cells`: with the cells of rows that are left out.
pub fn read_import(
    list: File,
    options: Options,
    skip: u64,
    with_cells: bool,
) -> mpsc::Receiver<Result<ImportPiece, CsvError>> {
    let (send, pieces) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = send_all(&list, &options, skip, with_cells, &send) {
            // Nobody listens any more if the import was stopped.
            let _ = send.blocking_send(Err(error));
        }
    });
    pieces
}

fn send_all(
    list: &File,
    options: &Options,
    skip: u64,
    with_cells: bool,
    send: &mpsc::Sender<Result<ImportPiece, CsvError>>,
) -> Result<(), CsvError> {
    let bare = GuestFile::new(list, options)?.bare();
    if send.blocking_send(Ok(head(list, options)?)).is_err() {
        return Ok(());
    }
    let mut file = GuestFile::new(list, options)?;
    for _ in 0..skip {
        if file.next().is_none() {
            return Ok(());
        }
    }
    loop {
        let mut rows = Vec::with_capacity(CHUNK);
        while rows.len() < CHUNK {
            match file.next() {
                None => break,
                Some(Ok(mut row)) => {
                    bare.settle(&mut row);
                    let mut row = import_row(row);
                    // Of the others it is certain that they name one person.
                    if with_cells && row.person.contact_id.is_some() {
                        row.cells = file.cells().map(str::to_owned).collect();
                    }
                    rows.push(Ok(row));
                }
                Some(Err(problem)) => {
                    let cells = if with_cells { file.cells().map(str::to_owned).collect() } else { Vec::new() };
                    rows.push(Err(RefusedRow { problem, cells }));
                }
            }
        }
        if rows.is_empty() || send.blocking_send(Ok(ImportPiece::Rows(rows))).is_err() {
            return Ok(());
        }
    }
}

/// The columns with examples of what is in them.
fn head(list: &File, options: &Options) -> Result<ImportPiece, CsvError> {
    let mut file = GuestFile::new(list, options)?;
    let column = |one: herald_sheets::ColumnUse<'_>| ImportColumn {
        header: one.header.to_owned(),
        field: one.field.to_owned(),
        is_known: one.is_known || one.field == CONTACT_ID || fields_of_imports().any(|known| known == one.field),
        examples: Vec::new(),
    };
    let mut columns: Vec<ImportColumn> = file.columns().map(column).collect();
    for _ in 0..SHOWN {
        if file.next().is_none() {
            break;
        }
        for (column, cell) in columns.iter_mut().zip(file.cells()) {
            let cell: String = cell.trim().chars().take(LONGEST).collect();
            if !cell.is_empty() && column.examples.len() < EXAMPLES && !column.examples.contains(&cell) {
                column.examples.push(cell);
            }
        }
    }
    Ok(ImportPiece::Head { headers: file.headers().to_vec(), columns, notes: file.notes().to_vec() })
}
