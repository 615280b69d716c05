//! The audit log as a table. It is read page by page, so only a small part of a long log is in memory.

use std::io;

use uuid::Uuid;

use herald_db::Db;
use herald_invitations::results::ResultsError;
use herald_ledger::audit::{self, AuditFilter, AuditRow};
use herald_sheets::CsvExport;

/// The number of rows to read at once.
const PAGE: usize = 1_000;
const HEADER: &[&str] =
    &["seq", "at", "who", "origin", "action", "target", "dry_run", "affected", "detail", "previous_hash", "hash"];

/// Returns the next part of a workspace's table, newest rows first, and the position in the chain where the following
/// part continues. Returns `None` after the end. The first part, at `None`, begins with the header.
///
/// # Errors
/// If the database fails.
pub(super) async fn table_part(
    db: &Db,
    workspace_id: Uuid,
    before: Option<i64>,
) -> Result<Option<(Vec<u8>, i64)>, ResultsError> {
    let filter = AuditFilter { before, ..AuditFilter::default() };
    let rows = audit::log(db, workspace_id, &filter, PAGE).await?;
    let Some(last) = rows.last().map(|row| row.seq) else {
        // The table of an empty log is only the header.
        return Ok(before.is_none().then(|| write(&[])).transpose()?.map(|part| (part, 0)));
    };
    let part = write(&rows)?;
    let header =
        if before.is_none() { 0 } else { part.windows(2).position(|two| two == b"\r\n").map_or(0, |at| at + 2) };
    Ok(Some((part[header..].to_vec(), last)))
}

fn write(rows: &[AuditRow]) -> io::Result<Vec<u8>> {
    let mut table = CsvExport::new(Vec::new(), HEADER)?;
    for row in rows {
        let affected = row.affected.map_or_else(String::new, |affected| affected.to_string());
        table.row([
            row.seq.to_string().as_str(),
            &row.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
            &row.who,
            row.origin.as_deref().unwrap_or_default(),
            &row.action,
            &row.target,
            if row.dry_run { "yes" } else { "no" },
            &affected,
            &row.detail,
            &row.previous_hash,
            &row.hash,
        ])?;
    }
    table.finish()
}
