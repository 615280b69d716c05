//! What a list would do, found by reading it to its end as a run does: guests, rows that are left out, and remarks.

use std::fs::File;

use herald_base::boxed;
use herald_contacts::Person;
use herald_sheets::{CsvError, GuestFile, Options, RowProblem};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Listed, Part, Pictures, guest, read};

/// The rows of each sort that are named; the others are counted.
const NAMED: usize = 200;
/// The longest text that is kept of a row, in characters.
const LONGEST: usize = 300;

/// What a list would do.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The rows that are guests.
    pub guests: u64,
    /// Whether all of them were counted.
    pub is_counted: bool,
    /// The rows that are left out.
    pub rejected: u64,
    /// The remarks about guests.
    pub remarked: u64,
    /// The first rows that are left out.
    pub problems: Vec<Flaw>,
    /// The first remarks about guests.
    pub remarks: Vec<Flaw>,
    /// Remarks about the list as a whole.
    pub notes: Vec<String>,
    /// The columns, in their order.
    pub columns: Vec<Column>,
    /// The first guests.
    pub first: Vec<Person>,
}

impl Default for Findings {
    fn default() -> Self {
        Self {
            guests: 0,
            is_counted: true,
            rejected: 0,
            remarked: 0,
            problems: Vec::new(),
            remarks: Vec::new(),
            notes: Vec::new(),
            columns: Vec::new(),
            first: Vec::new(),
        }
    }
}

/// A row that is left out, or a remark about a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ListFlaw)]
pub struct Flaw {
    /// The 1-based line where the row begins.
    pub line: u64,
    /// The 1-based column, if one cell is the cause.
    pub column: Option<u64>,
    /// The header of the column.
    pub header: Option<String>,
    /// The guest's name, if the row has a name.
    pub guest: String,
    /// What is wrong and what to do about it.
    pub message: String,
}

/// A column of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ListColumn)]
pub struct Column {
    /// The header as written; empty if the column has none.
    pub header: String,
    /// The field of the guest that its cells become.
    pub field: String,
    /// Whether Herald knows what the column means. Otherwise it is a field of the list's own.
    pub is_known: bool,
    /// Whether the invitation is made with it.
    pub is_used: bool,
}

/// Reads a list as a run would that takes its first `limit` rows. Of its guests it keeps the first `samples`.
///
/// # Errors
/// If the list cannot be read at all.
#[boxed]
pub async fn find(
    list: File,
    options: Options,
    pictures: Pictures,
    limit: u64,
    samples: usize,
) -> Result<Findings, CsvError> {
    let (head, of_head) = (list.try_clone()?, options.clone());
    let opened = tokio::task::spawn_blocking(move || GuestFile::new(&head, &of_head).map(|file| of_header(&file)));
    let mut found = opened.await.map_err(std::io::Error::other)??;
    let mut rows = read(list, options, pictures, Part { skip: 0, limit });
    while let Some(chunk) = rows.recv().await {
        for row in chunk? {
            match row {
                Ok(listed) => found.take(listed, samples),
                Err(problem) => found.refuse(problem),
            }
        }
    }
    Ok(found)
}

fn of_header<R: std::io::Read + std::io::Seek>(file: &GuestFile<R>) -> Findings {
    let columns = file.columns().map(|column| Column {
        header: column.header.to_owned(),
        field: column.field.to_owned(),
        is_known: column.is_known,
        is_used: column.is_known,
    });
    Findings { columns: columns.collect(), notes: file.notes().to_vec(), ..Findings::default() }
}

impl Findings {
    fn take(&mut self, listed: Listed, samples: usize) {
        let Listed { row, picture } = listed;
        self.guests += 1;
        // A picture that cannot be used says why in its place.
        let unusable = picture.as_ref().and_then(|picture| picture.place.strip_prefix("none:"));
        let of_picture = picture.as_ref().and_then(|picture| picture.note.as_deref()).or(unusable);
        let line = format!("line {}: ", row.line);
        for note in row.notes.iter().map(String::as_str).chain(of_picture) {
            self.remarked += 1;
            if self.remarks.len() < NAMED {
                let (guest, message) = (short(&row.name), short(note.strip_prefix(&line).unwrap_or(note)));
                self.remarks.push(Flaw { line: row.line, column: None, header: None, guest, message });
            }
        }
        if self.first.len() < samples {
            self.first.push(guest(row, Uuid::nil(), picture.map(|picture| picture.place)));
        }
    }

    fn refuse(&mut self, problem: RowProblem) {
        self.rejected += 1;
        if self.problems.len() < NAMED {
            let message = problem.kind.to_string();
            let (column, header) = problem.place.map(|place| (place.column as u64, short(&place.header))).unzip();
            self.problems.push(Flaw { line: problem.line, column, header, guest: short(&problem.guest), message });
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}
