//! A run's list, read on a thread of its own, with where each guest's picture is.

use std::{collections::HashSet, fs::File};

use herald_sheets::{CsvError, GuestFile, GuestRow, Options, RowProblem};
use tokio::sync::mpsc;

use crate::invitations::pictures::{Pictures, Placed};
use crate::runner::Failure;

/// Rows in a transaction: enough to make its cost small, few enough for progress to be seen.
const CHUNK: usize = 500;

/// A guest of the list.
pub(super) struct Listed {
    pub(super) row: GuestRow,
    /// Where their picture is, if the list names one.
    pub(super) picture: Option<Placed>,
}

pub(super) type Rows = Vec<Result<Listed, RowProblem>>;

/// Which rows of a list are wanted.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// Rows that were taken in before.
    pub(super) skip: u64,
    /// The last row that is wanted.
    pub(super) limit: u64,
}

/// Reads a list; two chunks are read ahead.
pub(super) fn read(
    list: File,
    options: Options,
    pictures: Pictures,
    part: Part,
) -> mpsc::Receiver<Result<Rows, Failure>> {
    let (send, rows) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = send_all(&list, &options, pictures, part, &send) {
            drop(send.blocking_send(Err(Failure::Fail(format!("the list cannot be read: {error}")))));
        }
    });
    rows
}

fn send_all(
    list: &File,
    options: &Options,
    mut pictures: Pictures,
    part: Part,
    send: &mpsc::Sender<Result<Rows, Failure>>,
) -> Result<(), CsvError> {
    let bare = survey(list, options, &mut pictures)?;
    let wanted = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
    let mut rows = GuestFile::new(list, options)?.take(wanted(part.limit)).skip(wanted(part.skip)).peekable();
    while rows.peek().is_some() {
        let chunk = rows.by_ref().take(CHUNK).map(|row| row.map(|row| listed(row, &pictures, &bare))).collect();
        // An error means that nobody listens any more.
        if send.blocking_send(Ok(chunk)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn listed(mut row: GuestRow, pictures: &Pictures, bare: &HashSet<u64>) -> Listed {
    row.row_key_before = row.row_key_before.filter(|key| !bare.contains(&identity(key)));
    let picture = row.picture.as_deref().map(|name| pictures.place(name));
    Listed { row, picture }
}

/// The part of a row key that rows with the same name and phone have in common; 64 bits of it are enough to tell them.
fn identity(row_key: &str) -> u64 {
    row_key.get(..16).and_then(|start| u64::from_str_radix(start, 16).ok()).unwrap_or_default()
}

/// Learns what one row cannot tell: which pictures the others may mean, and who is on the list without e-mail and id.
/// The whole list counts, also what was taken in before and what is over the limit, so that an import that goes on
/// finds the same as one that was never cut off.
fn survey(list: &File, options: &Options, pictures: &mut Pictures) -> Result<HashSet<u64>, CsvError> {
    let mut bare = HashSet::new();
    let file = GuestFile::new(list, options)?;
    let (has_pictures, has_identities) = (file.has_pictures(), file.has_identities());
    if !has_pictures && !has_identities {
        return Ok(bare);
    }
    let mut all_exact = true;
    for row in file.flatten() {
        if has_identities {
            bare.extend(row.row_key.as_deref().map(identity));
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
