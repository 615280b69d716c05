//! The snapshots of segments that runs took: their members are needed until the run has read them.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use herald_contacts::{ContactError, SnapshotUse, thin_snapshot};
use uuid::Uuid;

use herald_db::{Db, query};

/// Removes at most `most` members of a snapshot whose run ended before `before`, and returns their number. Zero: there
/// are no such members. Safe to run again and beside others.
///
/// A run that has not read its snapshot to the end keeps the members, also when it failed or was cancelled: a person
/// may take it up again, and it reads on. One that has read it never reads it again.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn thin_snapshots(db: &Db, before: DateTime<Utc>, most: usize) -> Result<u64, ContactError> {
    loop {
        let found: Option<(Uuid, Uuid)> = query(
            "select s.workspace_id, s.id from segment_snapshots as s
             join invitation_runs as r on r.workspace_id = s.workspace_id and r.id = s.used_by
             where s.has_members and s.used_for = $1 and r.imported and r.state in ('complete', 'cancelled')
               and r.finished_at < $2
             order by s.id limit 1",
        )
        .bind(SnapshotUse::Run.as_str())
        .bind(before)
        .optional(db)
        .await?;
        let Some((workspace_id, id)) = found else { return Ok(0) };
        // Zero: the last of them went before, and the next snapshot is looked for.
        let removed = thin_snapshot(db, workspace_id, id, most).await?;
        if removed > 0 {
            return Ok(removed);
        }
    }
}
