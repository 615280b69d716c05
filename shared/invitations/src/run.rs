//! Runs: a list of guests, a template, and how far making their invitations is.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::run_options::{RunOptions, RunSource};
use crate::jobs::{ContactsImport, ContactsPull, InvitationSummary};
use herald_db::{Db, FromRow, Json, Result, Tx, query};
use herald_ledger as ledger;
use herald_ledger::{
    Callbacks, LedgerError, NewBatch, NewJob, Payload,
    audit::{self, Actor, Entry},
};

/// A run to be started.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The event that the guests are invited to.
    pub event_id: Uuid,
    /// The template of the invitations.
    pub template_id: Uuid,
    /// The source of the guests.
    pub source: RunSource,
    /// The options of the run.
    pub options: RunOptions,
    /// The trace that caused it.
    pub traceparent: Option<String>,
}

herald_base::text_enum! {
    /// The state of a run.
    pub enum RunState, "unknown state of a run {:?}" {
        /// Its guests are being read.
        Importing "importing",
        /// Its guests are read, and some of its invitations have not ended.
        Running "running",
        /// All of its invitations have ended.
        Complete "complete",
        /// A person stopped it.
        Cancelled "cancelled",
        /// Its guests could not be read to the end.
        Failed "failed",
    }
}

/// A run.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct Run {
    /// The id of the run.
    pub id: Uuid,
    /// The event that the guests are invited to.
    pub event_id: Uuid,
    /// The template of the invitations.
    pub template_id: Uuid,
    /// The batch of the run's jobs.
    pub batch_id: Uuid,
    /// The source of the guests.
    #[serde(skip)]
    pub source: Json<RunSource>,
    /// The options of the run.
    #[schema(value_type = RunOptions)]
    pub options: Json<RunOptions>,
    /// `importing`, `running`, `complete`, `cancelled` or `failed`.
    #[schema(value_type = String, pattern = "^(importing|running|complete|cancelled|failed)$")]
    #[sqlx(try_from = "String")]
    pub state: RunState,
    /// Why the run failed, and what to do about it.
    pub reason: Option<String>,
    /// The number of guests accepted from the list so far.
    pub total: i64,
    /// The number of invitations that this run made.
    pub made: i64,
    /// The number of guests who already had an invitation.
    pub already: i64,
    /// The number of guests whose invitation failed.
    pub failed: i64,
    /// The number of rows of the list that were rejected.
    pub rejected: i64,
    /// The number of guests whose invitation was cancelled.
    pub cancelled: i64,
    /// When the run was started.
    pub created_at: DateTime<Utc>,
    /// When the last invitation was made or given up.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Run {
    /// Whether nothing more will happen to it by itself.
    pub fn has_ended(&self) -> bool {
        !matches!(self.state, RunState::Importing | RunState::Running)
    }
}

pub(super) const COLUMNS: &str = "id, event_id, template_id, batch_id, source, options, state, reason, total, made, \
    already, failed, rejected, \
                       cancelled, created_at, finished_at";

/// What [`start_run`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartedRun {
    /// The run.
    pub id: Uuid,
    /// The same run had been started before and was cut off: it goes on.
    pub resumed: bool,
}

/// Which earlier run is taken up instead of starting another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeUp {
    /// A run that has not ended: a person who asks again wants the rest of it.
    Unfinished,
    /// A run whose guests are still being read. A run that has read its guests does not know of later ones.
    Unread,
}

/// Starts a run, or takes up the same run (same event, template, list and options) where it was cut off.
#[boxed]
pub async fn start_run(db: &Db, workspace_id: Uuid, new: NewRun) -> std::result::Result<StartedRun, LedgerError> {
    start_or_take_up(db, workspace_id, new, TakeUp::Unfinished, None).await
}

/// As [`start_run`], when a person or a program asks for it: the audit log says who.
#[boxed]
pub async fn start_run_by(db: &Db, by: &Actor, new: NewRun) -> std::result::Result<StartedRun, LedgerError> {
    start_or_take_up(db, by.workspace_id, new, TakeUp::Unfinished, Some(by)).await
}

/// As [`start_run`], taking up only such a run.
pub(super) async fn start_or_take_up(
    db: &Db,
    workspace_id: Uuid,
    new: NewRun,
    take_up: TakeUp,
    by: Option<&Actor>,
) -> std::result::Result<StartedRun, LedgerError> {
    let fingerprint = fingerprint(&new);
    let mut tx = db.begin().await?;
    let unfinished: Option<(Uuid,)> = query(
        "select id from invitation_runs where workspace_id = $1 and fingerprint = $2
           and (state = 'importing' or (state = 'running' and $3)) order by created_at limit 1",
    )
    .bind(workspace_id)
    .bind(fingerprint.as_str())
    .bind(take_up == TakeUp::Unfinished)
    .optional(&mut tx)
    .await?;
    if let Some((id,)) = unfinished {
        return Ok(StartedRun { id, resumed: true });
    }
    let id = db.new_id();
    let batch_id = ledger::create_batch(
        &mut tx,
        NewBatch {
            workspace_id,
            name: "invitations".to_owned(),
            callbacks: Callbacks {
                on_complete: Some(InvitationSummary { run_id: id }.job(workspace_id)),
                ..Callbacks::default()
            },
        },
    )
    .await?;
    query(
        "insert into invitation_runs (id, workspace_id, event_id, template_id, batch_id, fingerprint, source, options, \
         state, imported,
                                      cursor_row, total, made, already, failed, rejected, cancelled, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'importing', false, 0, 0, 0, 0, 0, 0, 0, $9)",
    )
    .bind(id)
    .bind(workspace_id)
    .bind(new.event_id)
    .bind(new.template_id)
    .bind(batch_id)
    .bind(fingerprint)
    .bind(serde_json::to_value(&new.source).expect("a source is plain data"))
    .bind(serde_json::to_value(&new.options).expect("options are plain data"))
    .bind(db.now())
    .execute(&mut tx)
    .await?;
    let mut import = import_job(workspace_id, id, &new.source, &new.options);
    import.batch_id = Some(batch_id);
    import.traceparent = new.traceparent;
    ledger::enqueue(&mut tx, vec![import]).await?;
    if let Some(by) = by {
        let detail = serde_json::json!({ "event": new.event_id, "template": new.template_id });
        audit::record(&mut tx, by, Entry::of("run.start", id).with(detail)).await?;
    }
    tx.commit().await?;
    Ok(StartedRun { id, resumed: false })
}

/// The job that reads a run's guests: a list is read where there is a processor for it, an outside system at the pace
/// it bears.
pub(super) fn import_job(workspace_id: Uuid, run_id: Uuid, source: &RunSource, options: &RunOptions) -> NewJob {
    match source {
        RunSource::Mautic(source) => ContactsPull { run_id, connection_id: source.connection_id }.job(workspace_id),
        RunSource::Csv { .. } | RunSource::Contacts { .. } | RunSource::Segment { .. } => {
            ContactsImport { run_id, account: options.destination.account() }.job(workspace_id)
        }
    }
}

fn fingerprint(new: &NewRun) -> String {
    let mut source = serde_json::to_value(&new.source).expect("a source is plain data");
    if let Some(source) = source.as_object_mut() {
        // The same list under another name is the same list.
        source.remove("name");
    }
    let options = serde_json::to_value(&new.options).expect("options are plain data");
    let what = serde_json::json!([new.event_id, new.template_id, source, options]);
    hex::encode(Sha256::digest(what.to_string()))
}

/// A run of a workspace.
#[boxed]
pub async fn find_run(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Run>> {
    query(&format!("select {COLUMNS} from invitation_runs where workspace_id = $1 and id = $2"))
        .bind(workspace_id)
        .bind(id)
        .optional(db)
        .await
}

/// A run in a list.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct ListedRun {
    /// The run.
    #[sqlx(flatten)]
    #[serde(flatten)]
    pub run: Run,
    /// The name of the event.
    pub event_name: Option<String>,
    /// The name of the template.
    pub template_name: Option<String>,
}

/// A workspace's runs, newest first, at most `limit`, only those older than `before`, and of `template` if it is given.
#[boxed]
pub async fn list_runs(
    db: &Db,
    workspace_id: Uuid,
    template: Option<Uuid>,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<ListedRun>> {
    let of_template = if template.is_some() { "and template_id = $4" } else { "and $4 is null" };
    query(&format!(
        "select {COLUMNS},
           (select name from events as e where e.workspace_id = r.workspace_id and e.id = r.event_id) as event_name,
           (select name from templates as t where t.workspace_id = r.workspace_id and t.id = r.template_id)
             as template_name
         from invitation_runs as r
         where workspace_id = $1 and ($2 is null or id < $2) {of_template} order by id desc limit $3"
    ))
    .bind(workspace_id)
    .bind(before)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind(template)
    .all(db)
    .await
}

/// Numbers to be added to a run's counters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) total: i64,
    pub(crate) made: i64,
    pub(crate) already: i64,
    pub(crate) failed: i64,
    pub(crate) rejected: i64,
    pub(crate) cancelled: i64,
}

/// Adds to a run's counters, and ends the run when its list is read and nobody of it is left waiting.
pub(crate) async fn count(tx: &mut Tx, workspace_id: Uuid, run_id: Uuid, tally: Tally) -> Result<()> {
    let now = tx.db().now();
    query(
        "update invitation_runs set total = total + $2, made = made + $3, already = already + $4, failed = failed + $5,
           rejected = rejected + $6, cancelled = cancelled + $7,
           state = case when state = 'running' and total + $2 <= made + $3 + already + $4 + failed + $5 + cancelled + $7
                        then 'complete' else state end,
           finished_at = case when state = 'running' and total + $2 <= made + $3 + already + $4 + failed + $5 + \
           cancelled + $7
                              then $8 else finished_at end
         where workspace_id = $9 and id = $1",
    )
    .bind(run_id)
    .bind(tally.total)
    .bind(tally.made)
    .bind(tally.already)
    .bind(tally.failed)
    .bind(tally.rejected)
    .bind(tally.cancelled)
    .bind(now)
    .bind(workspace_id)
    .execute(tx)
    .await?;
    Ok(())
}

/// Cancels a run: nothing of it starts any more. Returns the ids of its running jobs, which have been asked to stop;
/// `None` if the workspace has no such run or it has ended.
#[boxed]
pub async fn cancel_run(db: &Db, workspace_id: Uuid, id: Uuid) -> std::result::Result<Option<Vec<Uuid>>, LedgerError> {
    cancel(db, workspace_id, id, None).await
}

/// As [`cancel_run`], when a person or a program asks for it: the audit log says who.
#[boxed]
pub async fn cancel_run_by(db: &Db, by: &Actor, id: Uuid) -> std::result::Result<Option<Vec<Uuid>>, LedgerError> {
    cancel(db, by.workspace_id, id, Some(by)).await
}

async fn cancel(
    db: &Db,
    workspace_id: Uuid,
    id: Uuid,
    by: Option<&Actor>,
) -> std::result::Result<Option<Vec<Uuid>>, LedgerError> {
    let mut tx = db.begin().await?;
    let now = db.now();
    let cancelled: Option<(Uuid,)> = query(
        "update invitation_runs set state = 'cancelled', finished_at = $3
         where workspace_id = $1 and id = $2 and state in ('importing', 'running') returning batch_id",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(now)
    .optional(&mut tx)
    .await?;
    let Some((batch_id,)) = cancelled else { return Ok(None) };
    let running = ledger::cancel_batch(&mut tx, workspace_id, batch_id).await?.unwrap_or_default();
    // What runs is asked to stop; its invitation is cancelled here, and a late outcome changes nothing.
    let stopped = query(
        "update invitations set state = 'cancelled', updated_at = $2
         where workspace_id = $3 and run_id = $1 and state = 'pending'",
    )
    .bind(id)
    .bind(now)
    .bind(workspace_id)
    .execute(&mut tx)
    .await?;
    let cancelled = i64::try_from(stopped).unwrap_or(i64::MAX);
    count(&mut tx, workspace_id, id, Tally { cancelled, ..Default::default() }).await?;
    if let Some(by) = by {
        audit::record(&mut tx, by, Entry::of("run.cancel", id).affecting(stopped)).await?;
    }
    tx.commit().await?;
    Ok(Some(running))
}
