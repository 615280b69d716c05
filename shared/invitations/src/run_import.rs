//! How far the list of a run is taken in: the cursor that lets an import go on where it was cut off.

use herald_base::boxed;
use uuid::Uuid;

use super::{
    prepare,
    run::{Tally, count},
};
use herald_db::{Db, Result, Tx, query};

/// How many rows of its list a run has taken in: where an import that was cut off goes on.
#[boxed]
pub async fn import_cursor(db: &Db, workspace_id: Uuid, run_id: Uuid) -> Result<i64> {
    let (cursor,): (i64,) = query("select cursor_row from invitation_runs where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(run_id)
        .one(db)
        .await?;
    Ok(cursor)
}

/// Moves the import's cursor over a chunk, and adds the chunk's counts to the run's. False if the cursor is no longer
/// at `from`, or the run has been cancelled. Another worker took the chunk in then, so the caller must drop the
/// transaction.
#[boxed]
pub async fn take_chunk(
    tx: &mut Tx,
    workspace_id: Uuid,
    run_id: Uuid,
    (from, to): (i64, i64),
    prepared: prepare::Prepared,
    rejected: i64,
) -> Result<bool> {
    let moved = query(
        "update invitation_runs set cursor_row = $3
             where workspace_id = $4 and id = $1 and cursor_row = $2 and state = 'importing'",
    )
    .bind(run_id)
    .bind(from)
    .bind(to)
    .bind(workspace_id)
    .execute(tx)
    .await?;
    if moved == 0 {
        return Ok(false);
    }
    let tally =
        Tally { total: prepared.pending + prepared.already, already: prepared.already, rejected, ..Default::default() };
    count(tx, workspace_id, run_id, tally).await?;
    Ok(true)
}

/// Marks the list as read to its end.
#[boxed]
pub async fn import_finished(tx: &mut Tx, workspace_id: Uuid, run_id: Uuid) -> Result<()> {
    query(
        "update invitation_runs set imported = true, state = 'running'
         where workspace_id = $2 and id = $1 and state = 'importing'",
    )
    .bind(run_id)
    .bind(workspace_id)
    .execute(tx)
    .await?;
    count(tx, workspace_id, run_id, Tally::default()).await
}
