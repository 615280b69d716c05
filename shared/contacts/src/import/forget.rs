//! Removes the files of an import and what an undoing needs, once it cannot be undone any more. Its counts stay.

use chrono::TimeDelta;
use herald_base::boxed;
use thiserror::Error;
use uuid::Uuid;

use super::{ImportState, find_import};
use crate::{enqueue, jobs::ImportForget};
use herald_db::{Db, DbError, query};
use herald_ledger::Payload as _;
use herald_providers::files::{Files, FilesError};

/// Why an import was not forgotten; it can be tried again.
#[derive(Debug, Error)]
pub enum ForgetError {
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The file store did not answer.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A step of it failed.
    #[error(transparent)]
    Contact(#[from] crate::ContactError),
}

/// Removes what only an undoing needs; while the import can still be undone, a later job does so. Whether it is gone.
///
/// # Errors
/// [`ForgetError`].
#[boxed]
pub async fn forget_import(db: &Db, files: &Files, workspace_id: Uuid, id: Uuid) -> Result<bool, ForgetError> {
    let Some(import) = find_import(db, workspace_id, id).await? else { return Ok(true) };
    let now = db.now();
    // It was started long after it was uploaded, or is being undone at this moment.
    let is_undoing = import.state == ImportState::Undoing;
    if let Some(until) = import.undo_until.filter(|until| is_undoing || *until > now) {
        let mut later = ImportForget { import_id: id }.job(workspace_id);
        later.run_at = Some(until.max(now) + TimeDelta::days(1));
        let mut tx = db.begin().await?;
        enqueue(&mut tx, vec![later]).await?;
        tx.commit().await?;
        return Ok(false);
    }
    for key in [import.file(workspace_id), import.sheet_file(workspace_id), import.refused_file(workspace_id)] {
        files.delete(&key).await?;
    }
    let mut tx = db.begin().await?;
    query("delete from import_chunks where workspace_id = $1 and import_id = $2")
        .bind(workspace_id)
        .bind(id)
        .execute(&mut tx)
        .await?;
    // One that was never started cannot be started any more: its list is gone.
    query(
        "update imports set state = 'cancelled', finished_at = coalesce(finished_at, $3)
         where workspace_id = $1 and id = $2 and state in ('checking', 'checked')",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(now)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(true)
}
