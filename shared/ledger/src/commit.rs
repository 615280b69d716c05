//! Group commit: many attempts' outcomes, what they changed, follow-up jobs and batch counters in one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Change, End, Finished, JobKey, JobState, Leased, LedgerError, NewJob, Outcome, batch, block, changes_on, effect,
    enqueue, fingerprint::cause, kinds, policy,
};
use herald_base::{
    boxed,
    telemetry::catalog::{JOBS, QUEUE_BLOCKS, SCHEDULE_FIRED, SCHEDULE_MISSED, SCHEDULE_OVERLAPPED},
};
use herald_db::{Bulk, Column, Db, DbError, FromRow, Tx};

/// What a commit did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Outcomes written.
    pub written: usize,
    /// Outcomes that came too late: the attempt had lost its lease. They changed nothing.
    pub stale: usize,
}

#[derive(FromRow)]
struct Written {
    id: Uuid,
    attempt: i64,
    #[sqlx(try_from = "String")]
    state: JobState,
}

/// Writes the outcomes of attempts, each only if its attempt still holds its job. All of them or none.
#[boxed]
pub async fn commit(db: &Db, finished: &[Finished]) -> Result<Committed, LedgerError> {
    if finished.is_empty() {
        return Ok(Committed::default());
    }
    let mut tx = db.begin().await?;
    let now = db.now();
    // An attempt has one outcome: given twice, the first one counts.
    let mut seen = HashSet::new();
    let first: Vec<&Finished> = finished.iter().filter(|finished| seen.insert(finished.job.key())).collect();
    let states = write_outcomes(&mut tx, &first, now).await?;
    let mut follow_ups = Vec::new();
    let mut changes: Vec<(Uuid, Change)> = Vec::new();
    let mut errors = Vec::new();
    let mut limited = Limited::default();
    let mut counts = batch::Ends::new();
    for finished in first {
        let Some(state) = states.get(&finished.job.key()) else { continue };
        // Whatever its arguments name: a job changes its own workspace.
        let workspace_id = finished.job.workspace_id;
        if let Some(batch) = finished.job.batch_id {
            counts.entry((workspace_id, batch)).or_default().add(*state);
        }
        match &finished.outcome {
            Outcome::Done { changes: changed, then, .. } => {
                changes.extend(changed.iter().map(|change| (workspace_id, change.clone())));
                follow_ups.extend(then.iter().map(|job| inherit(job, finished)));
            }
            Outcome::Dead { error } => {
                let died = changes_on(&finished.job.kind, &finished.job.args.0, End::Dead(error));
                changes.extend(died.into_iter().map(|change| (workspace_id, change)));
                errors.push((finished, error.clone()));
            }
            Outcome::Retry { error, .. } => errors.push((finished, error.clone())),
            Outcome::Limited { error, until } => {
                errors.push((finished, error.clone()));
                limited.add(&finished.job, *until, error);
            }
            Outcome::Expired => errors.push((finished, finished.job.expiry())),
            Outcome::Snooze { .. } | Outcome::Cancelled => {}
        }
        if *state == JobState::Cancelled {
            let cancelled = changes_on(&finished.job.kind, &finished.job.args.0, End::Cancelled);
            changes.extend(cancelled.into_iter().map(|change| (workspace_id, change)));
        }
    }
    write_errors(&mut tx, &errors, now).await?;
    effect::write(&mut tx, &changes).await?;
    enqueue(&mut tx, follow_ups).await?;
    let on_complete = batch::count(&mut tx, counts, now).await?;
    enqueue(&mut tx, on_complete).await?;
    limited.block(&mut tx).await?;
    if states.values().any(|state| *state == JobState::Ready) || finished.iter().any(|finished| finished.job.makes_room)
    {
        // The dispatcher learns when a retry comes due, and that a queue with a limit has room again.
        tx.nudge_on_commit();
    }
    tx.commit().await?;
    count_attempts(finished, &states);
    Ok(Committed { written: states.len(), stale: finished.len() - states.len() })
}

/// Counts an ended attempt where its outcome is written: in its worker, or in the scheduler that missed the worker.
fn count_attempts(finished: &[Finished], states: &HashMap<JobKey, JobState>) {
    let mut counts: HashMap<(&str, &str), u64> = HashMap::new();
    let mut left = states.clone();
    for finished in finished {
        let Some(state) = left.remove(&finished.job.key()) else { continue };
        let outcome = match (&finished.outcome, state) {
            (Outcome::Expired, _) => "expired",
            (_, JobState::Cancelled) => "cancelled",
            (Outcome::Limited { .. }, _) => "limited",
            (Outcome::Snooze { .. }, _) => "snooze",
            (_, JobState::Ready | JobState::Running) => "retry",
            (_, JobState::Dead) => "dead",
            (_, JobState::Succeeded) => "done",
        };
        *counts.entry((kind_label(&finished.job.kind), outcome)).or_default() += 1;
    }
    for ((kind, outcome), attempts) in counts {
        JOBS.add([kind, outcome], attempts);
    }
}

/// What the label `kind` is for jobs of kinds that this version does not know: labels must stay few.
const OTHER_KIND: &str = "other";
/// What the label `outcome` of `herald_jobs_total` can be.
const OUTCOMES: &[&str] = &["done", "retry", "snooze", "limited", "dead", "cancelled", "expired"];

/// What the label `kind` is for a job of this kind.
pub fn kind_label(kind: &str) -> &'static str {
    policy(kind).map_or(OTHER_KIND, |policy| policy.name)
}

/// A counter that appears with its first event has no zero before it, so Prometheus would not see it grow: the first
/// dead job would raise no alert.
pub fn count_from_zero() {
    for kind in kinds().iter().map(|kind| kind.policy.name).chain([OTHER_KIND]) {
        OUTCOMES.iter().for_each(|outcome| JOBS.add([kind, outcome], 0));
    }
    for policy in kinds().iter().map(|kind| &kind.policy) {
        [&SCHEDULE_FIRED, &SCHEDULE_MISSED, &SCHEDULE_OVERLAPPED]
            .iter()
            .for_each(|counter| counter.add([policy.name], 0));
        QUEUE_BLOCKS.add([policy.queue], 0);
    }
}

/// A follow-up belongs to its cause's batch and trace unless it says otherwise.
fn inherit(job: &NewJob, cause: &Finished) -> NewJob {
    let mut job = job.clone();
    job.batch_id = job.batch_id.or(cause.job.batch_id);
    job.traceparent = job.traceparent.or_else(|| cause.job.traceparent.clone());
    job
}

async fn write_outcomes(
    tx: &mut Tx,
    finished: &[&Finished],
    now: DateTime<Utc>,
) -> Result<HashMap<JobKey, JobState>, DbError> {
    let mut order = finished.to_vec();
    // Every statement that locks many rows takes them in this order.
    order.sort_unstable_by_key(|finished| finished.job.id);
    let column =
        |of: fn(&Finished) -> Option<DateTime<Utc>>| order.iter().map(|finished| of(finished)).collect::<Column>();
    // The state is compared in a way that no index helps with: PostgreSQL would else read every running job there is to
    // find these.
    let written: Vec<Written> = Bulk::new(
        // A retry of a job that someone asked to cancel becomes the cancellation.
        "update jobs set
           state = case when rows.state = 'ready' and jobs.cancel_requested then 'cancelled' else rows.state end,
           run_at = coalesce(rows.run_at, jobs.run_at),
           max_attempts = jobs.max_attempts + rows.more_attempts,
           result = rows.result,
           lease_until = null,
           finished_at = case when rows.state = 'ready' and not jobs.cancel_requested then null else rows.at end
         from {rows}
         where jobs.id = rows.id and jobs.workspace_id = rows.workspace_id and jobs.attempt = rows.attempt
           and jobs.state || '' = 'running'
         returning jobs.id, jobs.attempt, jobs.state",
    )
    .column("id", order.iter().map(|finished| finished.job.id).collect())
    .column("workspace_id", order.iter().map(|finished| finished.job.workspace_id).collect())
    .column("attempt", order.iter().map(|finished| finished.job.attempt).collect())
    .column("state", order.iter().map(|finished| state_of(&finished.outcome).as_str().to_owned()).collect())
    .column(
        "run_at",
        column(|finished| match &finished.outcome {
            Outcome::Retry { run_at, .. } | Outcome::Snooze { run_at } | Outcome::Limited { until: run_at, .. } => {
                Some(*run_at)
            }
            _ => None,
        }),
    )
    // A snooze does not count; the attempt number still goes up, because it fences off a stale worker.
    .column(
        "more_attempts",
        order
            .iter()
            .map(|finished| i64::from(matches!(finished.outcome, Outcome::Snooze { .. } | Outcome::Limited { .. })))
            .collect(),
    )
    .column(
        "result",
        Column::Json(
            order
                .iter()
                .map(|finished| match &finished.outcome {
                    Outcome::Done { result, .. } => result.clone(),
                    _ => None,
                })
                .collect(),
        ),
    )
    .column("at", order.iter().map(|_| now).collect())
    .all(tx)
    .await?;
    Ok(written.into_iter().map(|row| (JobKey { id: row.id, attempt: row.attempt }, row.state)).collect())
}

fn state_of(outcome: &Outcome) -> JobState {
    match outcome {
        Outcome::Done { .. } => JobState::Succeeded,
        Outcome::Retry { .. } | Outcome::Snooze { .. } | Outcome::Limited { .. } => JobState::Ready,
        Outcome::Dead { .. } => JobState::Dead,
        Outcome::Cancelled | Outcome::Expired => JobState::Cancelled,
    }
}

/// The queues and keys that providers asked to leave alone, each with the longest wish.
#[derive(Default)]
struct Limited(BTreeMap<(String, Option<String>), (DateTime<Utc>, String)>);

impl Limited {
    fn add(&mut self, job: &Leased, until: DateTime<Utc>, reason: &str) {
        let asked = self.0.entry((job.queue.clone(), job.limit_key.clone())).or_insert((until, clip(reason)));
        if asked.0 < until {
            *asked = (until, clip(reason));
        }
    }

    async fn block(self, tx: &mut Tx) -> Result<(), DbError> {
        for ((queue, key), (until, reason)) in self.0 {
            tracing::warn!(queue, %until, reason, "a provider asks for patience: the queue waits");
            QUEUE_BLOCKS.add([&queue], 1);
            block::block(tx, &queue, key.as_deref(), until, &reason).await?;
        }
        Ok(())
    }
}

async fn write_errors(tx: &mut Tx, errors: &[(&Finished, String)], now: DateTime<Utc>) -> Result<(), DbError> {
    if errors.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = errors.iter().map(|_| tx.db().new_id()).collect();
    let messages: Vec<String> = errors.iter().map(|(_, error)| clip(error)).collect();
    let causes: Vec<String> = messages.iter().map(|message| cause(message).fingerprint).collect();
    Bulk::new(
        "insert into job_errors (id, workspace_id, job_id, attempt, message, at, fingerprint)
         select id, workspace_id, job_id, attempt, message, at, fingerprint from {rows}",
    )
    .column("id", ids.into_iter().collect())
    .column("workspace_id", errors.iter().map(|(finished, _)| finished.job.workspace_id).collect())
    .column("job_id", errors.iter().map(|(finished, _)| finished.job.id).collect())
    .column("attempt", errors.iter().map(|(finished, _)| finished.job.attempt).collect())
    .column("message", messages.into_iter().collect())
    .column("at", errors.iter().map(|_| now).collect())
    .column("fingerprint", causes.iter().cloned().collect())
    .execute(tx)
    .await?;
    // A statement of its own, so that outcomes without an error do not pay for it.
    Bulk::new(
        "update jobs set fingerprint = rows.fingerprint from {rows}
         where jobs.id = rows.id and jobs.workspace_id = rows.workspace_id",
    )
    .column("id", errors.iter().map(|(finished, _)| finished.job.id).collect())
    .column("workspace_id", errors.iter().map(|(finished, _)| finished.job.workspace_id).collect())
    .column("fingerprint", causes.into_iter().collect())
    .execute(tx)
    .await
}

/// An error message can hold a provider's whole answer; a row keeps its beginning.
fn clip(message: &str) -> String {
    message.chars().filter(|c| *c != '\0').take(2_000).collect()
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::{Kind, Payload, Policy, Standing, install};

    #[derive(serde::Serialize, serde::Deserialize)]
    struct FaceCrop {}

    impl Payload for FaceCrop {
        const POLICY: Policy = Policy::new("face.crop", "cpu");
    }

    static KINDS: &[Kind] = &[Kind::of::<FaceCrop>()];

    fn finished(id: u128, kind: &str, outcome: Outcome) -> Finished {
        let job = serde_json::json!({
            "id": Uuid::from_u128(id), "workspace_id": Uuid::nil(), "kind": kind, "queue": "cpu", "args": {},
            "attempt": 1, "max_attempts": 3, "run_at": DateTime::UNIX_EPOCH, "lease_until": DateTime::UNIX_EPOCH,
            "batch_id": null, "traceparent": null,
        });
        let job = serde_json::from_value(job).unwrap();
        Finished { job, outcome }
    }

    #[test]
    fn attempts_are_counted_as_they_were_written_and_stale_ones_are_not() {
        install(KINDS, |_, _, _| Box::pin(async { Ok(Standing::operator()) }));
        let dead = || Outcome::Dead { error: String::new() };
        let at = DateTime::UNIX_EPOCH;
        let group = [
            finished(1, "face.crop", dead()),
            finished(1, "face.crop", Outcome::Cancelled),
            finished(2, "face.crop", dead()),
            finished(3, "made.up", Outcome::Snooze { run_at: at }),
            finished(4, "face.crop", Outcome::Retry { error: String::new(), run_at: at }),
            // A person had asked to cancel it.
            finished(5, "face.crop", Outcome::Retry { error: String::new(), run_at: at }),
            finished(6, "face.crop", dead()),
            finished(7, "face.crop", Outcome::Expired),
        ];
        let states = [
            (1, JobState::Dead),
            (2, JobState::Dead),
            (3, JobState::Ready),
            (4, JobState::Ready),
            (5, JobState::Cancelled),
            (7, JobState::Cancelled),
        ];
        let states = states.map(|(id, state)| (JobKey { id: Uuid::from_u128(id), attempt: 1 }, state)).into();
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || count_attempts(&group, &states));
        let text = recorder.handle().render();
        let mut lines: Vec<_> = text.lines().filter(|line| line.starts_with("herald_jobs_total")).collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "herald_jobs_total{kind=\"face.crop\",outcome=\"cancelled\"} 1",
                "herald_jobs_total{kind=\"face.crop\",outcome=\"dead\"} 2",
                "herald_jobs_total{kind=\"face.crop\",outcome=\"expired\"} 1",
                "herald_jobs_total{kind=\"face.crop\",outcome=\"retry\"} 1",
                "herald_jobs_total{kind=\"other\",outcome=\"snooze\"} 1",
            ]
        );
    }
}
