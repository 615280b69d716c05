//! Takes in one chunk of a list of leads: their people, and the leads.

use herald_base::boxed;
use herald_contacts::{Import, ImportChunk, ImportRow, WouldDo, write_people};
use herald_db::{Db, Tx};
use herald_ledger::quotas::lock_workspace;
use uuid::Uuid;

use super::{decide::decide, write::write};
use crate::Result;

/// What rows would become. Nothing is written.
///
/// # Errors
/// [`LeadError::Db`](crate::LeadError::Db).
#[boxed]
pub async fn would_do_leads(db: &Db, workspace_id: Uuid, import: &Import, rows: Vec<ImportRow>) -> Result<WouldDo> {
    let mut tx = db.begin().await?;
    let decided = decide(&mut tx, workspace_id, import, rows, false).await?;
    Ok(WouldDo { tally: decided.tally, notes: decided.notes, refused: decided.refused })
}

/// Takes a chunk in, its people and its leads, as a whole or not at all. False if the cursor is no longer where the
/// chunk begins, or the import was stopped: the caller drops the transaction.
///
/// Imports of one workspace take turns, chunk by chunk, so that two of the same list find each other's leads.
///
/// # Errors
/// [`LeadError::Db`](crate::LeadError::Db).
#[boxed]
pub async fn take_lead_chunk(tx: &mut Tx, workspace_id: Uuid, import: &Import, mut chunk: ImportChunk) -> Result<bool> {
    lock_workspace(&mut *tx, workspace_id).await?;
    let rows = std::mem::take(&mut chunk.rows);
    let decided = decide(&mut *tx, workspace_id, import, rows, true).await?;
    chunk.rows = decided.rows;
    let refused = decided.refused.into_iter().map(|(_, problem)| problem).collect();
    let counts = (decided.tally, refused);
    // Of the others the timeline tells that they were on a list.
    let people = decided.people.people().into_iter().filter(|person| person.is_new || person.has_changed);
    let noted = people.filter_map(|person| person.contact_id).collect();
    if !write_people(&mut *tx, workspace_id, import, &chunk, decided.people, counts).await? {
        return Ok(false);
    }
    write(tx, workspace_id, (import, chunk.from), decided.touched, &decided.statuses, &noted).await?;
    Ok(true)
}
