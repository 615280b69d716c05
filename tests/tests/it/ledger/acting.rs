//! Acting on many jobs at once: retrying, cancelling, deleting what a filter finds.

use std::time::Duration;

use herald_base::{clock::Clock, ids::Ids};
use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{
    Act, Acting, Finished, JobFilter, JobState, Outcome, act_on_next,
    audit::{self, Actor, AuditFilter},
};
use herald_tests::{TestDatabase, on_both_engines};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::finding::found;
use crate::ground::{self, batch_of, commit, counters, dead, done, enqueue, enqueue_one, lease, noop};

on_both_engines! {
    many_dead_jobs_are_retried_and_their_batch_goes_on,
    many_jobs_are_cancelled_and_their_batch_ends,
    only_ended_jobs_are_deleted_and_their_counts_stay,
    an_act_goes_on_where_it_was_cut_off_and_leaves_newer_jobs_alone,
    acting_beside_working_processes_keeps_the_counters_true,
}

/// Runs an act to its end. Returns how far it came and which jobs were asked to stop.
async fn act(db: &Db, workspace: Uuid, act: Act, filter: &JobFilter) -> (Acting, Vec<Uuid>) {
    let actor = Actor::cli(workspace, "test");
    let mut acting = Acting::begin(db, workspace, act, filter, db.now()).await.unwrap();
    let mut running = Vec::new();
    while !acting.finished {
        let mut tx = db.begin().await.unwrap();
        let acted = act_on_next(&mut tx, &actor, act, filter, &acting).await.unwrap();
        tx.commit().await.unwrap();
        acting = acted.acting;
        running.extend(acted.running);
    }
    (acting, running)
}

async fn many_dead_jobs_are_retried_and_their_batch_goes_on(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 2_300]).await;
    let jobs = lease(db, 5_000).await;
    commit(db, jobs.into_iter().map(dead).collect()).await;
    let filter = JobFilter { state: Some(JobState::Dead), batch_id: Some(batch), ..JobFilter::default() };
    assert_eq!(ledger::matching(db, workspace, Act::Retry, &filter).await.unwrap().count, 2_300);
    let (acting, _) = act(db, workspace, Act::Retry, &filter).await;
    assert_eq!((acting.of, acting.seen, acting.changed, acting.skipped()), (2_300, 2_300, 2_300, 0));
    let shown = ground::batch(db, workspace, batch).await;
    assert_eq!((shown.state.as_str(), counters(&shown)), ("running", (2_300, 0, 0, 0)));
    let rows = audit::log(db, workspace, &AuditFilter::default(), 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.affected.unwrap()).collect::<Vec<_>>(), [300, 1_000, 1_000]);
    assert!(rows.iter().all(|row| row.action == "jobs.retry" && row.who == "cli:test"));
    let jobs = lease(db, 5_000).await;
    assert_eq!(jobs.len(), 2_300);
    commit(db, jobs.into_iter().map(done).collect()).await;
    let shown = ground::batch(db, workspace, batch).await;
    assert_eq!((shown.state.as_str(), counters(&shown)), ("complete", (2_300, 2_300, 0, 0)));
}

async fn many_jobs_are_cancelled_and_their_batch_ends(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 5]).await;
    let other = enqueue_one(db, noop(workspace)).await;
    let started = lease(db, 100).await;
    let (running, handed_back): (Vec<_>, Vec<_>) = started.into_iter().partition(|job| job.batch_id.is_some());
    let back = |job| Finished { job, outcome: Outcome::Snooze { run_at: db.now() } };
    let (running, more): (Vec<_>, Vec<_>) = (running[..2].to_vec(), running[2..].to_vec());
    commit(db, handed_back.into_iter().chain(more).map(back).collect()).await;

    let filter = JobFilter { batch_id: Some(batch), ..JobFilter::default() };
    let (acting, mut asked) = act(db, workspace, Act::Cancel, &filter).await;
    assert_eq!((acting.changed, acting.asked), (3, 2));
    asked.sort_unstable();
    let mut expected: Vec<Uuid> = running.iter().map(|job| job.id).collect();
    expected.sort_unstable();
    assert_eq!(asked, expected);
    assert_eq!(counters(&ground::batch(db, workspace, batch).await), (5, 0, 0, 3));
    commit(db, running.into_iter().map(|job| Finished { job, outcome: Outcome::Cancelled }).collect()).await;
    let shown = ground::batch(db, workspace, batch).await;
    assert_eq!((shown.finished_at, counters(&shown)), (Some(db.now()), (5, 0, 0, 5)));
    assert_eq!(
        ground::job(db, workspace, other).await.state.as_str(),
        "ready",
        "a job of no batch is none of its business"
    );
}

async fn only_ended_jobs_are_deleted_and_their_counts_stay(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let other = ground::workspace_named(db, "other").await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 4]).await;
    enqueue_one(db, noop(other)).await;
    let mut jobs = lease(db, 10).await;
    let at = jobs.iter().position(|job| job.workspace_id == other).unwrap();
    let stranger = jobs.remove(at);
    let strange = stranger.id;
    let running = jobs.pop().unwrap();
    commit(db, vec![dead(jobs.remove(0)), done(jobs.remove(0)), done(stranger)]).await;
    commit(db, vec![Finished { job: jobs.remove(0), outcome: Outcome::Snooze { run_at: db.now() } }]).await;

    let (acting, _) = act(db, workspace, Act::Delete, &JobFilter::default()).await;
    assert_eq!(acting.changed, 2);
    let left = found(db, workspace, &JobFilter::default()).await;
    assert_eq!(left.len(), 2);
    assert!(left.contains(&running.id));
    assert_eq!(ground::job(db, other, strange).await.state.as_str(), "succeeded");
    assert_eq!(counters(&ground::batch(db, workspace, batch).await), (4, 1, 1, 0));
    assert_eq!(ground::number(db, "select cast(sum(jobs) as bigint) from job_counts").await, 2);
    assert_eq!(ground::number(db, "select count(*) from job_errors").await, 0);
    let mut tx = db.begin().await.unwrap();
    assert!(!ledger::delete_job_in(&mut tx, workspace, running.id).await.unwrap(), "it lives");
    assert!(!ledger::delete_job_in(&mut tx, workspace, strange).await.unwrap(), "it is another workspace's");
    assert!(ledger::delete_job_in(&mut tx, other, strange).await.unwrap());
    tx.commit().await.unwrap();
}

async fn an_act_goes_on_where_it_was_cut_off_and_leaves_newer_jobs_alone(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    enqueue(db, vec![noop(workspace); 1_500]).await;
    let (actor, filter) = (Actor::cli(workspace, "test"), JobFilter::default());
    let acting = Acting::begin(db, workspace, Act::Cancel, &filter, db.now()).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let first = act_on_next(&mut tx, &actor, Act::Cancel, &filter, &acting).await.unwrap();
    drop(tx);
    assert_eq!(ledger::matching(db, workspace, Act::Cancel, &filter).await.unwrap().count, 1_500, "nothing happened");
    assert!(audit::log(db, workspace, &AuditFilter::default(), 9).await.unwrap().is_empty(), "nor is it told");
    let mut tx = db.begin().await.unwrap();
    let again = act_on_next(&mut tx, &actor, Act::Cancel, &filter, &acting).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((again.acting.seen, &again.acting), (1_000, &first.acting));
    db.clock().advance(Duration::from_secs(1));
    enqueue(db, vec![noop(workspace); 10]).await;
    // As it is kept between two attempts.
    let kept: Acting = serde_json::from_value(serde_json::to_value(&again.acting).unwrap()).unwrap();
    let mut tx = db.begin().await.unwrap();
    let last = act_on_next(&mut tx, &actor, Act::Cancel, &filter, &kept).await.unwrap();
    tx.commit().await.unwrap();
    assert!(last.acting.finished);
    assert_eq!(last.acting.changed, 1_500);
    assert_eq!(ledger::matching(db, workspace, Act::Cancel, &filter).await.unwrap().count, 10);
}

async fn acting_beside_working_processes_keeps_the_counters_true(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    const JOBS: usize = 600;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); JOBS]).await;
    let mut working = JoinSet::new();
    for seed in 1..=3 {
        let db = database.connect(Clock::manual(db.now()), Ids::seeded(seed)).await;
        working.spawn(async move {
            for round in 0..40 {
                let Ok(dispatched) = ledger::dispatch(
                    &db,
                    &[ledger::Demand { queue: ground::QUEUE.to_owned(), limit: 20, waiting: 0 }],
                    "a worker",
                    ground::LEASE,
                )
                .await
                else {
                    continue;
                };
                let finished: Vec<Finished> = dispatched
                    .jobs
                    .into_iter()
                    .enumerate()
                    .map(|(at, job)| if (at + round) % 3 == 0 { dead(job) } else { done(job) })
                    .collect();
                // Two transactions may meet; the one that gives way is tried again, as the committer does.
                while let Err(error) = ledger::commit(&db, &finished).await {
                    assert!(matches!(&error, ledger::LedgerError::Db(error) if error.is_transient()), "{error}");
                }
            }
        });
    }
    for seed in 10..=12 {
        let db = database.connect(Clock::manual(db.now()), Ids::seeded(seed)).await;
        working.spawn(async move {
            let filter = JobFilter { batch_id: Some(batch), ..JobFilter::default() };
            let actor = Actor::cli(workspace, "test");
            for round in 0..6 {
                let act = if round % 2 == 0 { Act::Retry } else { Act::Cancel };
                let acting = Acting::begin(&db, workspace, act, &filter, db.now()).await.unwrap();
                loop {
                    let mut tx = db.begin().await.unwrap();
                    match act_on_next(&mut tx, &actor, act, &filter, &acting).await {
                        Ok(_) => match tx.commit().await {
                            Ok(()) => break,
                            Err(error) => assert!(error.is_transient(), "{error}"),
                        },
                        Err(ledger::LedgerError::Db(error)) => assert!(error.is_transient(), "{error}"),
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        });
    }
    working.join_all().await;
    let shown = ground::batch(db, workspace, batch).await;
    for (state, counted) in [("succeeded", shown.succeeded), ("dead", shown.dead), ("cancelled", shown.cancelled)] {
        let there = ground::number(db, &format!("select count(*) from jobs where state = '{state}'")).await;
        assert_eq!(counted, there, "{state}");
    }
    assert_eq!(shown.total, JOBS as i64);
    assert_eq!(audit::verify(db, workspace, None).await.unwrap().broken, None);
}
