//! `results.csv`: what became of each guest of a run.

use std::io::{self, Write};

use thiserror::Error;
use uuid::Uuid;

use crate as domain;
use crate::{InvitationRow, InvitationState, Run};
use herald_db::{Db, DbError};
use herald_providers::files::{Files, Key};
use herald_sheets::CsvExport;

/// Guests read at once.
const PAGE: usize = 1_000;
/// Rows of the list that were no guests, listed at most.
const PROBLEMS: usize = 100_000;

/// Why the table could not be written.
#[derive(Debug, Error)]
pub enum ResultsError {
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The file could not be written.
    #[error("results cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// Where a run's table is in the file store.
pub fn key(workspace_id: Uuid, run_id: Uuid) -> Key {
    Key::results(workspace_id, run_id)
}

/// What a person should know about an invitation, in one line.
pub fn note(row: &InvitationRow) -> String {
    row.reason.iter().chain(&row.portrait_notes.0).chain(&row.render_notes.0).cloned().collect::<Vec<_>>().join("; ")
}

/// Writes the table: a row for each guest in the order of the list, then the rows that were no guests.
pub async fn write<W: Write>(
    db: &Db,
    files: &Files,
    workspace_id: Uuid,
    run: &Run,
    into: W,
) -> Result<W, ResultsError> {
    let mut table = CsvExport::new(into, ["guest", "lucky_number", "link", "status", "note", "file"])?;
    let mut after = None;
    loop {
        let page = domain::run_guests(db, workspace_id, run.id, None, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.position);
        for row in &page {
            let made = row.state == InvitationState::Made;
            let file = row.file.as_ref().filter(|_| made).map_or_else(String::new, |key| files.place(key));
            let link = if made { row.outside_link.as_deref().unwrap_or(&row.link) } else { "" };
            let status = if row.had_one && made { "already had one" } else { row.state.as_str() };
            table.row([row.name.as_str(), &row.lucky_number, link, status, &note(row), &file])?;
        }
    }
    for problem in domain::refused_rows(db, workspace_id, run.id, PROBLEMS).await? {
        table.row([problem.guest.as_str(), "", "", "rejected", &problem.message, ""])?;
    }
    Ok(table.finish()?)
}
