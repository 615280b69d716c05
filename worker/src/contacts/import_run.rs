//! `import.run`: takes the rows of a list in, chunk by chunk.
//!
//! Safe to run twice: the transaction that takes a chunk in also moves the import's cursor, so each chunk is taken in
//! once. The file of the rows that are left out is made of what these transactions wrote.

use std::{sync::Arc, time::Duration};

use herald_app::jobs::ImportRun;
use herald_contacts::{
    Import, ImportChunk, ImportPiece, ImportState, ImportWhat, find_import, import_ended, take_import_chunk,
};
use herald_leads::take_lead_chunk;

use super::{refused, rows};
use crate::{
    jobs::{Context, Task},
    runner::{Done, Failure},
};

/// How long an overtaken attempt waits. The attempt that overtook it may still be running.
const OVERTAKEN: Duration = Duration::from_secs(1);

pub(crate) async fn run(context: Arc<Context>, task: Task<ImportRun>) -> Result<Done, Failure> {
    let (db, workspace) = (&context.db, task.workspace_id);
    let Some(import) = find_import(db, workspace, task.args.import_id).await? else {
        return Err(Failure::Fail("its import does not exist any more".to_owned()));
    };
    if import.state != ImportState::Importing {
        return Ok(Done::default());
    }
    let mut cursor = import.cursor_row;
    let mut pieces = rows(&context, workspace, &import, (cursor.unsigned_abs(), false)).await?;
    while let Some(piece) = pieces.recv().await {
        if task.cancelled.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let piece = piece.map_err(|error| Failure::Fail(format!("the list cannot be read: {error}")))?;
        let ImportPiece::Rows(found) = piece else { continue };
        let to = cursor + i64::try_from(found.len()).unwrap_or(i64::MAX);
        let rows: Vec<_> = found.into_iter().flatten().collect();
        let refused = to - cursor - i64::try_from(rows.len()).unwrap_or(i64::MAX);
        take_in(&context, &task, &import, ImportChunk { from: cursor, to, rows, refused }).await?;
        cursor = to;
    }
    // Before the end is written: until then the import goes on after a kill, and the file is written again.
    refused::complete(&context, &task, &import).await?;
    let mut tx = db.begin().await?;
    import_ended(&mut tx, workspace, import.id).await?;
    tx.commit().await?;
    Ok(Done::default())
}

async fn take_in(
    context: &Context,
    task: &Task<ImportRun>,
    import: &Import,
    chunk: ImportChunk,
) -> Result<(), Failure> {
    let mut tx = context.db.begin().await?;
    let is_taken = match import.what {
        ImportWhat::Contacts => take_import_chunk(&mut tx, task.workspace_id, import, chunk).await?,
        ImportWhat::Leads => take_lead_chunk(&mut tx, task.workspace_id, import, chunk).await?,
    };
    if is_taken {
        tx.commit().await?;
        return Ok(());
    }
    drop(tx);
    // If the import has ended, a person has stopped it. Otherwise another worker, which was believed dead, took the
    // chunk in, and the next attempt goes on from the new cursor.
    let now = find_import(&context.db, task.workspace_id, import.id).await?;
    let goes_on = now.is_some_and(|now| now.state == ImportState::Importing);
    Err(if goes_on { Failure::Snooze(OVERTAKEN) } else { Failure::Cancelled })
}
