//! Trying again what failed of a run, or was cancelled with it.

use uuid::Uuid;

use super::{
    prepare,
    run::{COLUMNS, Run, import_job},
};
use herald_db::{Db, FromRow, Result, Tx, query};
use herald_ledger as ledger;
use herald_ledger::{
    LedgerError,
    audit::{self, Actor, Entry},
};

#[derive(FromRow)]
struct Retried {
    id: Uuid,
    picture: Option<String>,
}

/// Tries the failed and cancelled invitations of a run again, and its import if that failed. Returns how many jobs were
/// enqueued; `None` if the workspace has no such run.
pub async fn retry_failed(db: &Db, workspace_id: Uuid, id: Uuid) -> std::result::Result<Option<usize>, LedgerError> {
    retry(db, workspace_id, id, None).await
}

/// As [`retry_failed`], when a person or a program asks for it: the audit log says who.
pub async fn retry_failed_by(db: &Db, by: &Actor, id: Uuid) -> std::result::Result<Option<usize>, LedgerError> {
    retry(db, by.workspace_id, id, Some(by)).await
}

async fn retry(
    db: &Db,
    workspace_id: Uuid,
    id: Uuid,
    by: Option<&Actor>,
) -> std::result::Result<Option<usize>, LedgerError> {
    let mut tx = db.begin().await?;
    let found: Option<Run> =
        query(&format!("select {COLUMNS} from invitation_runs where workspace_id = $1 and id = $2"))
            .bind(workspace_id)
            .bind(id)
            .optional(&mut tx)
            .await?;
    let Some(run) = found else { return Ok(None) };
    // Locked before its jobs are, as everywhere. It is open again only if there is something to do: a batch without
    // live jobs would stay open.
    query("update batches set sweeping = sweeping where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(run.batch_id)
        .execute(&mut tx)
        .await?;
    let again: Vec<Retried> = query(
        "select i.id, c.picture from invitations as i
         join contacts as c on c.workspace_id = i.workspace_id and c.id = i.contact_id
         where i.workspace_id = $2 and i.run_id = $1 and i.state in ('failed', 'cancelled')",
    )
    .bind(id)
    .bind(workspace_id)
    .all(&mut tx)
    .await?;
    query(
        "update invitations set state = 'pending', reason = null, updated_at = $2,
           step = case when exists (select 1 from contacts as c where c.workspace_id = invitations.workspace_id
                                      and c.id = invitations.contact_id and c.picture is not null)
                       then 'picture' else 'render' end
         where workspace_id = $3 and run_id = $1 and state in ('failed', 'cancelled')",
    )
    .bind(id)
    .bind(db.now())
    .bind(workspace_id)
    .execute(&mut tx)
    .await?;
    let mut jobs: Vec<_> = again
        .iter()
        .map(|guest| prepare::first_step(workspace_id, guest.id, guest.picture.as_deref(), run.batch_id))
        .collect();
    // Only an import that did not reach the end of its list is run again; it goes on where it stopped.
    let unread = run.finished_at.is_some() && !is_imported(&mut tx, workspace_id, id).await?;
    if unread {
        let mut import = import_job(workspace_id, id, &run.source.0, &run.options.0);
        import.batch_id = Some(run.batch_id);
        jobs.push(import);
    }
    let enqueued = jobs.len();
    query(
        "update invitation_runs set failed = 0, cancelled = 0, reason = null,
           state = case when $2 then 'importing' when $3 and state <> 'importing' then 'running' else state end,
           finished_at = case when $2 or $3 then null else finished_at end
         where workspace_id = $4 and id = $1",
    )
    .bind(id)
    .bind(unread)
    .bind(enqueued > 0)
    .bind(workspace_id)
    .execute(&mut tx)
    .await?;
    if enqueued > 0 {
        query(
            "update batches set state = 'running', sweeping = false, finished_at = null where workspace_id = $1 \
            and id = $2",
        )
        .bind(workspace_id)
        .bind(run.batch_id)
        .execute(&mut tx)
        .await?;
    }
    ledger::enqueue(&mut tx, jobs).await?;
    if let Some(by) = by {
        audit::record(&mut tx, by, Entry::of("run.retry", id).affecting(enqueued)).await?;
    }
    tx.commit().await?;
    Ok(Some(enqueued))
}

async fn is_imported(tx: &mut Tx, workspace_id: Uuid, run_id: Uuid) -> Result<bool> {
    let (imported,): (bool,) = query("select imported from invitation_runs where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(run_id)
        .one(tx)
        .await?;
    Ok(imported)
}
