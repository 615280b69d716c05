//! Trying again what failed of a run, or was cancelled with it.

use herald_base::boxed;
use uuid::Uuid;

use super::{
    prepare,
    run::{COLUMNS, Run, import_job},
    run_guests::UNKNOWN_CAUSE,
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

/// What of a run is tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Again {
    /// Everything that failed or was cancelled, and the import, if that did not end.
    #[default]
    All,
    /// The guests whose invitations failed for this cause.
    OfCause(String),
}

/// Tries the failed and cancelled invitations of a run again, and its import if that failed. Returns how many jobs were
/// enqueued; `None` if the workspace has no such run.
#[boxed]
pub async fn retry_failed(db: &Db, workspace_id: Uuid, id: Uuid) -> std::result::Result<Option<usize>, LedgerError> {
    retry(db, workspace_id, id, &Again::All, None).await
}

/// As [`retry_failed`], when a person or a program asks for it, for all or for one cause: the audit log says who.
#[boxed]
pub async fn retry_failed_by(
    db: &Db,
    by: &Actor,
    id: Uuid,
    again: &Again,
) -> std::result::Result<Option<usize>, LedgerError> {
    retry(db, by.workspace_id, id, again, Some(by)).await
}

async fn retry(
    db: &Db,
    workspace_id: Uuid,
    id: Uuid,
    what: &Again,
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
    let cause = match what {
        Again::All => None,
        Again::OfCause(cause) => Some(cause.as_str()),
    };
    let again: Vec<Retried> = query(
        "select i.id, c.picture from invitations as i
         join contacts as c on c.workspace_id = i.workspace_id and c.id = i.contact_id
         where i.workspace_id = $2 and i.run_id = $1 and i.state in ('failed', 'cancelled')
           and ($3 is null or (i.state = 'failed' and coalesce(i.cause, $4) = $3))",
    )
    .bind(id)
    .bind(workspace_id)
    .bind(cause)
    .bind(UNKNOWN_CAUSE)
    .all(&mut tx)
    .await?;
    let taken_up = query(
        "update invitations set state = 'pending', reason = null, updated_at = $2,
           step = case when exists (select 1 from contacts as c where c.workspace_id = invitations.workspace_id
                                      and c.id = invitations.contact_id and c.picture is not null)
                       then 'picture' else 'render' end
         where workspace_id = $3 and run_id = $1 and state in ('failed', 'cancelled')
           and ($4 is null or (state = 'failed' and coalesce(cause, $5) = $4))",
    )
    .bind(id)
    .bind(db.now())
    .bind(workspace_id)
    .bind(cause)
    .bind(UNKNOWN_CAUSE)
    .execute(&mut tx)
    .await?;
    let mut jobs: Vec<_> = again
        .iter()
        .map(|guest| prepare::first_step(workspace_id, guest.id, guest.picture.as_deref(), run.batch_id))
        .collect();
    // Only an import that did not reach the end of its list is run again; it goes on where it stopped.
    let unread = cause.is_none() && run.finished_at.is_some() && !is_imported(&mut tx, workspace_id, id).await?;
    if unread {
        let mut import = import_job(workspace_id, id, &run.source.0, &run.options.0);
        import.batch_id = Some(run.batch_id);
        jobs.push(import);
    }
    let enqueued = jobs.len();
    query(
        "update invitation_runs set failed = case when $5 then failed - $6 else 0 end,
           cancelled = case when $5 then cancelled else 0 end, reason = case when $5 then reason end,
           state = case when $2 then 'importing' when $3 and state <> 'importing' then 'running' else state end,
           finished_at = case when $2 or $3 then null else finished_at end
         where workspace_id = $4 and id = $1",
    )
    .bind(id)
    .bind(unread)
    .bind(enqueued > 0)
    .bind(workspace_id)
    .bind(cause.is_some())
    .bind(i64::try_from(taken_up).unwrap_or(i64::MAX))
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
