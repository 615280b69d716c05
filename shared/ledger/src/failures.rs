//! Failures grouped by their cause.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{JobFilter, fingerprint::cause};
use herald_db::{Db, FromRow, Result, query};

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
struct Group {
    fingerprint: String,
    jobs: i64,
    dead: i64,
}

#[derive(FromRow)]
struct Said {
    message: String,
    at: DateTime<Utc>,
}

/// The causes that hold up a workspace's jobs, the one with the most jobs first, at most `limit`.
pub async fn list_failure_groups(
    db: &Db,
    workspace_id: Uuid,
    filter: &JobFilter,
    limit: usize,
) -> Result<Vec<FailureGroup>> {
    let held_up = |filter: &JobFilter| {
        let mut wanted = filter.conditions(db.kind(), workspace_id);
        wanted.raw("fingerprint is not null and state in ('ready', 'running', 'dead')");
        wanted
    };
    let groups: Vec<Group> = held_up(filter)
        .select(
            "select fingerprint, count(*) as jobs, count(case when state = 'dead' then 1 end) as dead from jobs",
            "group by fingerprint order by jobs desc, fingerprint",
            Some(limit),
        )
        .all(db)
        .await?;
    let mut told = Vec::with_capacity(groups.len());
    for Group { fingerprint, jobs, dead } in groups {
        let of_cause = JobFilter { fingerprint: Some(fingerprint.clone()), ..filter.clone() };
        let kinds: Vec<(String, i64)> =
            held_up(&of_cause).select("select kind, count(*) from jobs", "group by kind", None).all(db).await?;
        let first = said(db, workspace_id, &fingerprint, "at").await?;
        let last = said(db, workspace_id, &fingerprint, "at desc").await?;
        let sample = last.as_ref().map(|last| last.message.clone()).unwrap_or_default();
        told.push(FailureGroup {
            pattern: cause(&sample).pattern,
            jobs,
            retrying: jobs - dead,
            dead,
            kinds: kinds.into_iter().collect(),
            first_seen: first.map(|first| first.at),
            last_seen: last.map(|last| last.at),
            sample,
            fingerprint,
        });
    }
    Ok(told)
}

/// The first error of a cause in an order.
async fn said(db: &Db, workspace_id: Uuid, fingerprint: &str, order: &'static str) -> Result<Option<Said>> {
    query(&format!(
        "select message, at from job_errors where workspace_id = $1 and fingerprint = $2 order by {order} limit 1"
    ))
    .bind(workspace_id)
    .bind(fingerprint)
    .optional(db)
    .await
}
