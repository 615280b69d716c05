//! Retrying, cancelling and deleting many jobs at once.
//!
//! An act goes through its jobs from the newest to the oldest, a thousand a transaction. So it locks little, and can be
//! stopped between any two transactions. Its caller keeps its progress ([`Acting`]) in the same transaction, and an
//! interrupted act continues there. It leaves alone the jobs that are enqueued after it began. It meets no job twice,
//! whatever becomes of the job.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    JobFilter, JobState, LedgerError,
    audit::{self, Actor, Entry},
    cancel::cancel_jobs,
    retention::{Gone, remember},
    retry::retry_jobs,
    search::Conditions,
};
use herald_db::{Bulk, Db, EngineKind, Result, Tx};

/// The kind of the job that acts.
pub const ACTS: &str = "jobs.act";
/// Jobs a transaction acts on.
pub const CHUNK: usize = 1_000;
/// Number of example ids in the answer to a dry run.
const SAMPLE: usize = 10;

/// An action on many jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// Retries dead and cancelled jobs.
    Retry,
    /// Cancels waiting jobs and asks running jobs to stop.
    Cancel,
    /// Deletes ended jobs with their errors. The counts of their batches and days stay.
    Delete,
}

impl Act {
    /// Its name in commands, paths and the audit log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Cancel => "cancel",
            Self::Delete => "delete",
        }
    }

    /// The states it is for.
    pub fn states(self) -> &'static [JobState] {
        match self {
            Self::Retry => &[JobState::Dead, JobState::Cancelled],
            Self::Cancel => &[JobState::Ready, JobState::Running],
            Self::Delete => &[JobState::Succeeded, JobState::Dead, JobState::Cancelled],
        }
    }

    /// Why a filter cannot be acted on, if it cannot: it names a state the act is not for, or nothing at all, and `all`
    /// was not said.
    pub fn check(self, filter: &JobFilter, all: bool) -> std::result::Result<(), String> {
        if filter.is_empty() && !all {
            return Err(format!("this would {self} every job: give a filter, or confirm that you mean all jobs"));
        }
        match filter.state {
            Some(state) if !self.states().contains(&state) => {
                let states: Vec<&str> = self.states().iter().map(|state| state.as_str()).collect();
                Err(format!("{self} does not apply to {state} jobs: it applies to {} jobs", states.join(", ")))
            }
            _ => Ok(()),
        }
    }

    fn conditions(self, engine: EngineKind, workspace_id: Uuid, filter: &JobFilter) -> Conditions {
        let mut wanted = filter.conditions(engine, workspace_id);
        let states: Vec<String> = self.states().iter().map(|state| format!("'{state}'")).collect();
        if filter.state.is_none() {
            wanted.raw(&format!("state in ({})", states.join(", ")));
        }
        if filter.kind.as_deref() != Some(ACTS) {
            // An act does not end itself, nor does it set off acts of the past.
            wanted.and("kind <> ?", ACTS);
        }
        wanted
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Act {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        [Self::Retry, Self::Cancel, Self::Delete]
            .into_iter()
            .find(|act| act.name() == name)
            .ok_or_else(|| format!("unknown action {name:?}: use retry, cancel or delete"))
    }
}

/// The jobs that an action would change.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Match {
    /// The number of jobs that the filter finds and the action applies to.
    pub count: i64,
    /// The newest of these jobs.
    pub sample: Vec<Uuid>,
}

/// The jobs on which an act would work: the dry run.
#[boxed]
pub async fn matching(db: &Db, workspace_id: Uuid, act: Act, filter: &JobFilter) -> Result<Match> {
    let wanted = || act.conditions(db.kind(), workspace_id, filter);
    let (count,): (i64,) = wanted().select("select count(*) from jobs", "", None).one(db).await?;
    let sample: Vec<(Uuid,)> = wanted().select("select id from jobs", "order by id desc", Some(SAMPLE)).all(db).await?;
    Ok(Match { count, sample: sample.into_iter().map(|(id,)| id).collect() })
}

/// How far an act is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acting {
    /// Jobs enqueued later are left alone.
    pub began_at: DateTime<Utc>,
    /// Jobs there were when it began.
    pub of: i64,
    /// Jobs it has been through.
    pub seen: i64,
    /// Jobs it retried, cancelled at once, or deleted.
    pub changed: i64,
    /// Running jobs it asked to stop.
    pub asked: i64,
    /// Whether it has been through all of them.
    pub finished: bool,
    /// The last job it has been through.
    cursor: Option<Uuid>,
}

impl Acting {
    /// An act that has done nothing yet, on the jobs there are at `began_at`.
    #[boxed]
    pub async fn begin(
        db: &Db,
        workspace_id: Uuid,
        act: Act,
        filter: &JobFilter,
        began_at: DateTime<Utc>,
    ) -> Result<Self> {
        let of = matching(db, workspace_id, act, filter).await?.count;
        Ok(Self { began_at, of, seen: 0, changed: 0, asked: 0, finished: false, cursor: None })
    }

    /// Jobs it left as they were: their state had changed, or a live job does the same work.
    pub fn skipped(&self) -> i64 {
        self.seen - self.changed - self.asked
    }
}

/// What one transaction of an act did.
#[derive(Clone, Debug)]
pub struct Acted {
    /// How far the act is once the transaction is committed.
    pub acting: Acting,
    /// Running jobs that were asked to stop: the caller rings the wire for them after the commit.
    pub running: Vec<Uuid>,
}

/// Acts on the next [`CHUNK`] jobs, and records it in the audit log.
///
/// # Errors
/// When the database refuses; the transaction is then to be dropped, and can be begun again from the same `acting`.
#[boxed]
pub async fn act_on_next(
    tx: &mut Tx,
    actor: &Actor,
    act: Act,
    filter: &JobFilter,
    acting: &Acting,
) -> std::result::Result<Acted, LedgerError> {
    let workspace_id = actor.workspace_id;
    let filter = JobFilter { before: acting.cursor, ..filter.clone() };
    let mut wanted = act.conditions(tx.engine(), workspace_id, &filter);
    wanted.and("created_at <= ?", acting.began_at);
    let found: Vec<(Uuid,)> =
        wanted.select("select id from jobs", "order by id desc", Some(CHUNK)).all(&mut *tx).await?;
    let ids: Vec<Uuid> = found.into_iter().map(|(id,)| id).collect();
    let (changed, running) = match act {
        Act::Retry => (retry_jobs(tx, workspace_id, &ids).await?, Vec::new()),
        Act::Cancel => cancel_jobs(tx, workspace_id, &ids).await?,
        Act::Delete => (delete_jobs(tx, workspace_id, &ids).await?, Vec::new()),
    };
    let mut now = acting.clone();
    now.seen += count(ids.len());
    now.changed += count(changed);
    now.asked += count(running.len());
    now.cursor = ids.last().copied().or(acting.cursor);
    now.finished = ids.len() < CHUNK;
    if !ids.is_empty() || acting.seen == 0 {
        let entry = Entry::of(&format!("jobs.{act}"), &filter).affecting(count(changed) + count(running.len())).with(
            serde_json::json!({ "seen": ids.len(), "asked_to_stop": running.len(), "changed_so_far": now.changed }),
        );
        audit::record(tx, actor, entry).await?;
    }
    Ok(Acted { acting: now, running })
}

fn count(jobs: usize) -> i64 {
    i64::try_from(jobs).unwrap_or(i64::MAX)
}

/// Deletes a job that has ended. False if the workspace has no such job, or it lives.
#[boxed]
pub async fn delete_job_in(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<bool> {
    let mut wanted = Conditions::in_workspace(workspace_id);
    wanted.and("id = ?", id);
    let found: Vec<(Uuid,)> = wanted.select("select id from jobs", "", None).all(&mut *tx).await?;
    let ids: Vec<Uuid> = found.into_iter().map(|(id,)| id).collect();
    Ok(delete_jobs(tx, workspace_id, &ids).await? > 0)
}

/// Deletes those of these jobs that have ended.
async fn delete_jobs(tx: &mut Tx, workspace_id: Uuid, ids: &[Uuid]) -> Result<usize> {
    let mut ids = ids.to_vec();
    // Every statement that locks many rows takes them in this order.
    ids.sort_unstable();
    let gone: Vec<Gone> = Bulk::new(
        "delete from jobs where (workspace_id, id) in (select workspace_id, id from {rows})
           and state in ('succeeded', 'dead', 'cancelled')
         returning id, workspace_id, kind, state, finished_at",
    )
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .column("id", ids.into_iter().collect())
    .all(&mut *tx)
    .await?;
    remember(tx, &gone).await?;
    Ok(gone.len())
}
