//! Rule 13: finished jobs go after a while, their counts stay, the dead wait for a person.

use std::time::Duration;

use herald_base::{clock::Clock, ids::Ids};
use herald_db::{Db, query};
use herald_ledger as ledger;
use herald_ledger::{NewJob, Pruned};
use herald_tests::{TestDatabase, on_both_engines};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::ground::{self, commit, dead, done, enqueue, lease, noop, number, retry};

on_both_engines! {
    what_ended_long_ago_goes_and_its_count_stays,
    the_dead_and_the_living_stay,
    a_pruned_jobs_errors_go_with_it,
    pruning_goes_in_steps_and_adds_up,
    pruners_at_the_same_time_count_each_job_once,
}

const DAY: Duration = Duration::from_secs(86_400);

async fn counts(db: &Db, workspace: Uuid) -> Vec<(String, String, String, i64)> {
    query("select day, kind, state, jobs from job_counts where workspace_id = $1 order by day, kind, state")
        .bind(workspace)
        .all(db)
        .await
        .unwrap()
}

fn count(day: &str, kind: &str, state: &str, jobs: i64) -> (String, String, String, i64) {
    (day.to_owned(), kind.to_owned(), state.to_owned(), jobs)
}

async fn finish(db: &Db, jobs: Vec<NewJob>) {
    let number = jobs.len();
    enqueue(db, jobs).await;
    let finished: Vec<_> = lease(db, number).await.into_iter().map(done).collect();
    assert_eq!(commit(db, finished).await.written, number);
}

async fn what_ended_long_ago_goes_and_its_count_stays(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let other = ground::workspace_named(db, "other").await;
    finish(db, vec![noop(workspace); 3]).await;
    finish(db, vec![NewJob { kind: "test.other".to_owned(), ..noop(workspace) }]).await;
    finish(db, vec![noop(other); 2]).await;
    let waiting = enqueue(db, vec![noop(workspace)]).await[0];
    ledger::cancel_job(db, workspace, waiting).await.unwrap();
    db.clock().advance(DAY);
    finish(db, vec![noop(workspace)]).await;
    assert_eq!(ledger::prune(db, TestDatabase::start(), 100).await.unwrap(), Pruned { jobs: 0 });
    assert_eq!(ledger::prune(db, db.now(), 100).await.unwrap(), Pruned { jobs: 7 });
    let expected = [
        count("2026-03-01", "test.noop", "cancelled", 1),
        count("2026-03-01", "test.noop", "succeeded", 3),
        count("2026-03-01", "test.other", "succeeded", 1),
    ];
    assert_eq!(counts(db, workspace).await, expected);
    assert_eq!(counts(db, other).await, [count("2026-03-01", "test.noop", "succeeded", 2)]);
    assert_eq!(number(db, "select count(*) from jobs").await, 1);
}

async fn the_dead_and_the_living_stay(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    enqueue(db, vec![noop(workspace); 3]).await;
    let jobs = lease(db, 2).await;
    commit(db, vec![dead(jobs[0].clone())]).await;
    db.clock().advance(DAY * 365);
    assert_eq!(ledger::prune(db, db.now(), 100).await.unwrap(), Pruned { jobs: 0 });
    assert_eq!(number(db, "select count(*) from jobs").await, 3);
    assert!(ledger::retry_job(db, workspace, jobs[0].id, 1).await.unwrap());
}

async fn a_pruned_jobs_errors_go_with_it(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    enqueue(db, vec![noop(workspace); 2]).await;
    let jobs = lease(db, 2).await;
    commit(db, vec![retry(db, jobs[0].clone(), Duration::ZERO), dead(jobs[1].clone())]).await;
    let again = lease(db, 1).await.remove(0);
    commit(db, vec![done(again)]).await;
    db.clock().advance(DAY);
    assert_eq!(ledger::prune(db, db.now(), 100).await.unwrap(), Pruned { jobs: 1 });
    assert!(ledger::list_job_errors(db, workspace, jobs[0].id).await.unwrap().is_empty());
    assert_eq!(ledger::list_job_errors(db, workspace, jobs[1].id).await.unwrap().len(), 1);
}

async fn pruning_goes_in_steps_and_adds_up(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    finish(db, vec![noop(workspace); 25]).await;
    db.clock().advance(DAY);
    for expected in [10, 10, 5, 0] {
        assert_eq!(ledger::prune(db, db.now(), 10).await.unwrap(), Pruned { jobs: expected });
    }
    assert_eq!(counts(db, workspace).await, [count("2026-03-01", "test.noop", "succeeded", 25)]);
}

async fn pruners_at_the_same_time_count_each_job_once(database: &TestDatabase) {
    let workspace = ground::workspace(&database.db).await;
    finish(&database.db, vec![noop(workspace); 200]).await;
    database.db.clock().advance(DAY);
    let mut pruning = JoinSet::new();
    for seed in 1..=4 {
        let db = database.connect(Clock::manual(database.db.now()), Ids::seeded(seed)).await;
        pruning.spawn(async move { while ledger::prune(&db, db.now(), 20).await.unwrap().jobs > 0 {} });
    }
    pruning.join_all().await;
    // Who found only what another had just removed has stopped early.
    while ledger::prune(&database.db, database.db.now(), 100).await.unwrap().jobs > 0 {}
    assert_eq!(counts(&database.db, workspace).await, [count("2026-03-01", "test.noop", "succeeded", 200)]);
    assert_eq!(number(&database.db, "select count(*) from jobs").await, 0);
}
