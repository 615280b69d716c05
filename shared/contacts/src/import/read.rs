//! Reads the rows of a list on a thread of its own, a chunk at a time.

mod more;

use std::{collections::BTreeMap, fs::File, sync::Arc};

use herald_sheets::{CsvError, GuestFile, Options, Place, RowProblem};
use tokio::sync::mpsc;

use self::more::Taker;
pub use self::more::{MoreColumns, RowCheck, RowRefusal};
use super::{CONTACT_ID, ImportColumn, ImportRow, import_row, row::words_of_contacts, typed::Typed};
use crate::ContactField;

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
        /// The fields with a type that the list has.
        fields: Vec<ContactField>,
    },
    /// Rows.
    Rows(Vec<Result<ImportRow, RefusedRow>>),
}

/// Which rows of a list are read, and how.
#[derive(Default)]
pub struct ReadImport {
    /// The number of rows at the beginning that are left away: they are taken in already.
    pub skip: u64,
    /// Whether the cells of rows that are left out are wanted.
    pub with_cells: bool,
    /// The columns that another domain takes.
    pub more: Option<MoreColumns>,
    /// The workspace's fields with a type.
    pub fields: Vec<ContactField>,
}

/// Reads a list.
pub fn read_import(list: File, options: Options, how: ReadImport) -> mpsc::Receiver<Result<ImportPiece, CsvError>> {
    let (send, pieces) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = send_all(&list, &options, how, &send) {
            // Nobody listens any more if the import was stopped.
            let _ = send.blocking_send(Err(error));
        }
    });
    pieces
}

fn send_all(
    list: &File,
    options: &Options,
    how: ReadImport,
    send: &mpsc::Sender<Result<ImportPiece, CsvError>>,
) -> Result<(), CsvError> {
    let ReadImport { skip, with_cells, more, fields } = how;
    let bare = GuestFile::new(list, options)?.bare();
    let typed = Typed::of(list, options, &fields)?;
    let mut file = GuestFile::new(list, options)?;
    let mut taker = more.map(|more| Taker::new(more, file.columns(), &options.columns, |column| typed.has(column)));
    if send.blocking_send(Ok(head(list, options, taker.as_ref(), &typed)?)).is_err() {
        return Ok(());
    }
    let places = Arc::new(places(&file, taker.as_ref()));
    let mut skipped = 0;
    loop {
        let mut rows = Vec::with_capacity(CHUNK);
        while rows.len() < CHUNK {
            let Some(row) = file.next() else { break };
            if skipped < skip {
                skipped += 1;
                // What is remembered of earlier rows must not depend on where an import was cut off.
                if let (Some(taker), Ok(row)) = (&mut taker, row) {
                    let _ = taker.read(row, &places);
                }
                continue;
            }
            let cells = |file: &GuestFile<&File>| file.cells().map(str::to_owned).collect();
            let read = row.and_then(|mut row| {
                bare.settle(&mut row);
                match &mut taker {
                    Some(taker) => taker.read(row, &places),
                    None => Ok(import_row(row)),
                }
            });
            rows.push(match read {
                Ok(mut row) => {
                    typed.fit(&mut row);
                    // Of the others it is certain that they are taken in.
                    if with_cells && (row.person.contact_id.is_some() || taker.is_some()) {
                        row.cells = cells(&file);
                    }
                    Ok(row)
                }
                Err(problem) => Err(RefusedRow { problem, cells: if with_cells { cells(&file) } else { Vec::new() } }),
            });
        }
        if rows.is_empty() || send.blocking_send(Ok(ImportPiece::Rows(rows))).is_err() {
            return Ok(());
        }
    }
}

/// Where columns are, by the fields that they become.
fn places(file: &GuestFile<&File>, taker: Option<&Taker>) -> BTreeMap<String, Place> {
    let place = |(at, column): (usize, herald_sheets::ColumnUse<'_>)| {
        let field = taker.and_then(|taker| taker.field_of(column.field)).unwrap_or(column.field);
        (field.to_owned(), Place { column: at + 1, header: column.header.to_owned() })
    };
    file.columns().enumerate().map(place).collect()
}

/// The columns with examples of what is in them.
fn head(list: &File, options: &Options, taker: Option<&Taker>, typed: &Typed) -> Result<ImportPiece, CsvError> {
    let mut file = GuestFile::new(list, options)?;
    let keys: Vec<String> = file.columns().map(|column| column.field.to_owned()).collect();
    let of_contacts: BTreeMap<&str, &str> = words_of_contacts(|word| keys.iter().any(|key| key == word)).collect();
    let column = |one: herald_sheets::ColumnUse<'_>| {
        let is_left_out = taker.is_some_and(|taker| taker.leaves_out(one.field));
        let of_more = taker.and_then(|taker| taker.field_of(one.field));
        let known = of_more.or_else(|| of_contacts.get(one.field).copied());
        ImportColumn {
            header: one.header.to_owned(),
            field: if is_left_out { "" } else { known.unwrap_or(one.field) }.to_owned(),
            is_known: one.is_known || known.is_some() || one.field == CONTACT_ID || typed.has(one.field),
            examples: Vec::new(),
        }
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
    Ok(ImportPiece::Head {
        headers: file.headers().to_vec(),
        columns,
        notes: file.notes().to_vec(),
        fields: typed.fields(),
    })
}
