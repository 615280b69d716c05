//! The progress that a running job notes: for people, and for itself when it runs again.

use herald_base::boxed;
use uuid::Uuid;

use super::JobKey;
use herald_db::{Db, Json, Result, Tx, query};

/// Notes how far an attempt is, in the transaction that brought it there. False if the attempt no longer holds its job.
/// Another attempt does the same work then, so the caller must drop the transaction. Call it as the last statement
/// before the commit.
#[boxed]
pub async fn keep_progress(tx: &mut Tx, workspace_id: Uuid, key: JobKey, progress: serde_json::Value) -> Result<bool> {
    let touched = query(
        "update jobs set progress = $3 where workspace_id = $4 and id = $1 and attempt = $2 and state = 'running'",
    )
    .bind(key.id)
    .bind(key.attempt)
    .bind(progress)
    .bind(workspace_id)
    .execute(tx)
    .await?;
    Ok(touched == 1)
}

/// The progress that a job noted last.
#[boxed]
pub async fn kept_progress(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<serde_json::Value>> {
    let row: Option<(Option<Json<serde_json::Value>>,)> =
        query("select progress from jobs where workspace_id = $1 and id = $2")
            .bind(workspace_id)
            .bind(id)
            .optional(db)
            .await?;
    Ok(row.and_then(|(progress,)| progress).map(|Json(progress)| progress))
}
