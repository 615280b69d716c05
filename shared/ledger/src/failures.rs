//! Failures grouped by their cause.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use uuid::Uuid;

use super::{JobFilter, fingerprint::cause};
use herald_db::{Bulk, Db, FromRow, Result};

/// The jobs that failed for one cause: those to be retried, and the dead ones.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct FailureGroup {
    /// The fingerprint of the cause, for use in a filter.
    pub fingerprint: String,
    /// The message, with numbers and names replaced.
    pub pattern: String,
    /// The number of unfinished jobs whose last failed attempt had this cause.
    pub jobs: i64,
    /// The number of jobs to be retried.
    pub retrying: i64,
    /// The number of dead jobs, which wait for a person.
    pub dead: i64,
    /// The number of jobs of each kind.
    pub kinds: BTreeMap<String, i64>,
    /// When an attempt of the workspace first failed for this cause, as far as the ledger remembers.
    pub first_seen: Option<DateTime<Utc>>,
    /// When an attempt last failed for this cause.
    pub last_seen: Option<DateTime<Utc>>,
    /// The message of the last failure.
    pub sample: String,
}

#[derive(FromRow)]
struct Count {
    fingerprint: String,
    kind: String,
    jobs: i64,
    dead: i64,
}

/// What the ledger remembers of a cause.
#[derive(FromRow)]
struct Said {
    fingerprint: String,
    first_seen: Option<DateTime<Utc>>,
    last_seen: Option<DateTime<Utc>>,
    message: Option<String>,
}

/// The causes that hold up a workspace's jobs, the one with the most jobs first, at most `limit`.
#[boxed]
pub async fn list_failure_groups(
    db: &Db,
    workspace_id: Uuid,
    filter: &JobFilter,
    limit: usize,
) -> Result<Vec<FailureGroup>> {
    let mut groups = counted(db, workspace_id, filter).await?;
    groups.sort_by(|one, other| other.jobs.cmp(&one.jobs).then_with(|| one.fingerprint.cmp(&other.fingerprint)));
    groups.truncate(limit);
    let causes: Vec<String> = groups.iter().map(|group| group.fingerprint.clone()).collect();
    let mut said: BTreeMap<String, Said> =
        said(db, workspace_id, causes).await?.into_iter().map(|said| (said.fingerprint.clone(), said)).collect();
    for group in &mut groups {
        if let Some(said) = said.remove(&group.fingerprint) {
            group.sample = said.message.unwrap_or_default();
            group.pattern = cause(&group.sample).pattern;
            (group.first_seen, group.last_seen) = (said.first_seen, said.last_seen);
        }
    }
    Ok(groups)
}

/// The causes with the numbers of their jobs, in no order. An index has all that is read, as long as the filter asks
/// for no more than the kind, the state and the cause.
async fn counted(db: &Db, workspace_id: Uuid, filter: &JobFilter) -> Result<Vec<FailureGroup>> {
    let mut wanted = filter.conditions(db.kind(), workspace_id);
    wanted.raw("fingerprint is not null and state in ('ready', 'running', 'dead')");
    let counts: Vec<Count> = wanted
        .select(
            "select fingerprint, kind, count(*) as jobs, count(case when state = 'dead' then 1 end) as dead from jobs",
            "group by fingerprint, kind",
            None,
        )
        .all(db)
        .await?;
    let mut groups: BTreeMap<String, FailureGroup> = BTreeMap::new();
    for Count { fingerprint, kind, jobs, dead } in counts {
        let group = groups.entry(fingerprint.clone()).or_insert_with(|| FailureGroup::of(fingerprint));
        group.jobs += jobs;
        group.dead += dead;
        group.retrying += jobs - dead;
        group.kinds.insert(kind, jobs);
    }
    Ok(groups.into_values().collect())
}

impl FailureGroup {
    /// A cause of which nothing is known yet.
    fn of(fingerprint: String) -> Self {
        Self {
            fingerprint,
            pattern: String::new(),
            jobs: 0,
            retrying: 0,
            dead: 0,
            kinds: BTreeMap::new(),
            first_seen: None,
            last_seen: None,
            sample: String::new(),
        }
    }
}

/// When attempts first and last failed for these causes, and what the last of them said.
async fn said(db: &Db, workspace_id: Uuid, causes: Vec<String>) -> Result<Vec<Said>> {
    if causes.is_empty() {
        return Ok(Vec::new());
    }
    let one = |what: &str, order: &str| {
        format!(
            "(select {what} from job_errors where workspace_id = rows.workspace_id and fingerprint = rows.fingerprint \
             order by at{order} limit 1)"
        )
    };
    Bulk::new(format!(
        "select rows.fingerprint, {} as first_seen, {} as last_seen, {} as message from {{rows}}",
        one("at", ""),
        one("at", " desc"),
        one("message", " desc"),
    ))
    .column("workspace_id", causes.iter().map(|_| workspace_id).collect())
    .column("fingerprint", causes.into_iter().collect())
    .repeatable(db)
    .await
}
