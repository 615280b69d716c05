//! Reads a list of guests on a separate thread, and adds the place of each guest's picture. A run reads its list here,
//! and so does the check before it: both see the same guests and refuse the same rows.

mod findings;
mod pictures;

use std::fs::File;

use herald_contacts::Person;
use herald_sheets::{Bare, CsvError, GuestFile, GuestRow, Options, RowProblem, email_key};
use tokio::sync::mpsc;
use uuid::Uuid;

pub use self::findings::{Column, Findings, Flaw, find};
pub use self::pictures::{Pictures, Placed, address};

/// The number of rows in a chunk, which an import takes in with one transaction. It is large enough to keep the cost
/// small, and small enough to show progress.
const CHUNK: usize = 500;

/// A guest of the list.
pub struct Listed {
    /// The row.
    pub row: GuestRow,
    /// The place of the guest's picture, if the list names one.
    pub picture: Option<Placed>,
}

/// The rows of a chunk: guests, and rows that cannot be guests.
pub type Rows = Vec<Result<Listed, RowProblem>>;

/// The part of a list to read.
#[derive(Clone, Copy)]
pub struct Part {
    /// The number of rows that were imported before.
    pub skip: u64,
    /// The number of the last row to read.
    pub limit: u64,
}

/// Reads a list. Two chunks are read ahead.
pub fn read(list: File, options: Options, pictures: Pictures, part: Part) -> mpsc::Receiver<Result<Rows, CsvError>> {
    let (send, rows) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = send_all(&list, &options, pictures, part, &send) {
            drop(send.blocking_send(Err(error)));
        }
    });
    rows
}

/// The guest of a row of a list for an event.
pub fn guest(row: GuestRow, event_id: Uuid, picture: Option<String>) -> Person {
    let mut fields = row.custom;
    for (field, value) in [("first_name", row.first_name), ("last_name", row.last_name)] {
        if let Some(value) = value {
            fields.insert(field.to_owned(), value);
        }
    }
    Person {
        // Without an id or an address, a row is only known within its event. The same name on another list may be
        // another person.
        row_key: format!("{event_id}:{}", row.row_key.unwrap_or_default()),
        row_key_before: row.row_key_before.map(|key| format!("{event_id}:{key}")),
        external_id: row.external_id,
        email: row.email.as_deref().map(email_key),
        phone: row.phone,
        name: row.name,
        picture,
        fields,
        ..Person::default()
    }
}

fn send_all(
    list: &File,
    options: &Options,
    mut pictures: Pictures,
    part: Part,
    send: &mpsc::Sender<Result<Rows, CsvError>>,
) -> Result<(), CsvError> {
    let bare = survey(list, options, &mut pictures)?;
    let wanted = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
    let mut rows = GuestFile::new(list, options)?.take(wanted(part.limit)).skip(wanted(part.skip)).peekable();
    while rows.peek().is_some() {
        let chunk = rows.by_ref().take(CHUNK).map(|row| row.map(|row| listed(row, &pictures, &bare))).collect();
        // The receiver is closed, so the rows are no longer needed.
        if send.blocking_send(Ok(chunk)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn listed(mut row: GuestRow, pictures: &Pictures, bare: &Bare) -> Listed {
    bare.settle(&mut row);
    let picture = row.picture.as_deref().map(|name| pictures.place(name));
    Listed { row, picture }
}

/// Reads the whole list for two things that one row cannot show. These are the pictures that other rows may mean, and
/// the guests without e-mail and id. Rows that were imported before, or are over the limit, count, too. So an import
/// that continues gives the same result as one that was never interrupted.
fn survey(list: &File, options: &Options, pictures: &mut Pictures) -> Result<Bare, CsvError> {
    let mut bare = Bare::default();
    let file = GuestFile::new(list, options)?;
    let (has_pictures, has_identities) = (file.has_pictures(), file.has_identities());
    if !has_pictures {
        return Ok(file.bare());
    }
    let mut all_exact = true;
    for row in file.flatten() {
        if has_identities {
            bare.add(&row);
        }
        all_exact &= row.picture.is_none_or(|name| pictures.look(&name));
    }
    if !all_exact {
        for row in GuestFile::new(list, options)?.flatten() {
            if let Some(name) = row.picture {
                pictures.claim(&name, row.line);
            }
        }
    }
    Ok(bare)
}
