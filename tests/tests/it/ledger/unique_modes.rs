//! Rule 7, mode by mode: what happens to a second job with the same key, and whose id is returned.

use std::time::Duration;

use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{NewJob, Unique};
use herald_tests::{EngineKind, TestDatabase, on_both_engines, wait_until};
use serde_json::json;
use uuid::Uuid;

use crate::ground::{self, commit, done, enqueue, enqueue_one, job, lease, noop, number, retry, waiting_for_locks};

on_both_engines! {
    until_started_lets_a_second_one_wait_while_the_first_runs,
    a_started_job_that_is_tried_again_stands_beside_the_second,
    a_throttled_key_is_taken_for_its_period_whatever_became_of_the_job,
    a_throttled_job_that_was_rolled_back_has_taken_nothing,
    a_debounced_job_starts_when_it_has_been_quiet_and_with_the_last_arguments,
    a_debounced_job_is_put_off_no_longer_than_its_longest,
    a_replacing_job_takes_the_place_of_the_one_that_waits,
    one_list_may_name_a_key_several_times,
    keys_of_other_workspaces_are_other_keys,
}

fn keyed(workspace: Uuid, unique: Unique, n: i64) -> NewJob {
    NewJob { unique_key: Some("key".to_owned()), unique, args: json!({ "n": n }), ..noop(workspace) }
}

async fn jobs(db: &Db) -> i64 {
    number(db, "select count(*) from jobs").await
}

async fn until_started_lets_a_second_one_wait_while_the_first_runs(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let first = enqueue_one(db, keyed(workspace, Unique::UntilStarted, 1)).await;
    assert_eq!(enqueue_one(db, keyed(workspace, Unique::UntilStarted, 2)).await, first);
    let running = lease(db, 10).await.remove(0);
    let second = enqueue_one(db, keyed(workspace, Unique::UntilStarted, 3)).await;
    assert_ne!(second, first);
    assert_eq!(enqueue_one(db, keyed(workspace, Unique::UntilStarted, 4)).await, second);
    commit(db, vec![done(running)]).await;
    assert_eq!(lease(db, 10).await[0].id, second);
    assert_eq!(jobs(db).await, 2);
}

async fn a_started_job_that_is_tried_again_stands_beside_the_second(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    enqueue_one(db, keyed(workspace, Unique::UntilStarted, 1)).await;
    let running = lease(db, 1).await.remove(0);
    enqueue_one(db, keyed(workspace, Unique::UntilStarted, 2)).await;
    let committed = commit(db, vec![retry(db, running, Duration::ZERO)]).await;
    assert_eq!(committed.written, 1);
    assert_eq!(lease(db, 10).await.len(), 2);
}

async fn a_throttled_key_is_taken_for_its_period_whatever_became_of_the_job(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let throttled = |n| keyed(workspace, Unique::Throttle { period: Duration::from_secs(60) }, n);
    let first = enqueue_one(db, throttled(1)).await;
    let job = lease(db, 1).await.remove(0);
    commit(db, vec![done(job)]).await;
    assert_eq!(enqueue_one(db, throttled(2)).await, first, "it is done, and the minute is not over");
    db.clock().advance(Duration::from_secs(59));
    assert_eq!(ledger::forget_throttles(db).await.unwrap(), 0);
    assert_eq!(enqueue_one(db, throttled(3)).await, first);
    db.clock().advance(Duration::from_secs(1));
    let second = enqueue_one(db, throttled(4)).await;
    assert_ne!(second, first);
    assert_eq!(jobs(db).await, 2);
    db.clock().advance(Duration::from_secs(60));
    assert_eq!(ledger::forget_throttles(db).await.unwrap(), 1);
    // The second still waits; a throttle does not ask about that.
    assert_ne!(enqueue_one(db, throttled(5)).await, second);
}

async fn a_throttled_job_that_was_rolled_back_has_taken_nothing(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let throttled = |n| keyed(workspace, Unique::Throttle { period: Duration::from_secs(60) }, n);
    let mut tx = db.begin().await.unwrap();
    let lost = ledger::enqueue(&mut tx, vec![throttled(1)]).await.unwrap()[0];
    drop(tx);
    let kept = enqueue_one(db, throttled(2)).await;
    assert_ne!(kept, lost);
    assert_eq!(job(db, workspace, kept).await.args.0, json!({ "n": 2 }));
}

fn debounced(workspace: Uuid, n: i64) -> NewJob {
    keyed(workspace, Unique::Debounce { delay: Duration::from_secs(10), longest: Duration::from_secs(25) }, n)
}

async fn a_debounced_job_starts_when_it_has_been_quiet_and_with_the_last_arguments(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let first = enqueue_one(db, debounced(workspace, 1)).await;
    db.clock().advance(Duration::from_secs(8));
    assert_eq!(enqueue_one(db, debounced(workspace, 2)).await, first);
    db.clock().advance(Duration::from_secs(9));
    assert!(lease(db, 1).await.is_empty());
    db.clock().advance(Duration::from_secs(1));
    let started = lease(db, 10).await;
    assert_eq!((started.len(), &started[0].args.0), (1, &json!({ "n": 2 })));
    assert_ne!(enqueue_one(db, debounced(workspace, 3)).await, first, "what comes while it runs is for the next one");
}

async fn a_debounced_job_is_put_off_no_longer_than_its_longest(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let first = enqueue_one(db, debounced(workspace, 0)).await;
    for n in 1..5 {
        db.clock().advance(Duration::from_secs(6));
        assert_eq!(enqueue_one(db, debounced(workspace, n)).await, first);
    }
    assert!(lease(db, 1).await.is_empty());
    db.clock().advance(Duration::from_secs(1));
    assert_eq!(lease(db, 10).await.len(), 1, "25 seconds after the first, however often it was asked for");
}

async fn a_replacing_job_takes_the_place_of_the_one_that_waits(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let later = Some(db.now() + Duration::from_secs(600));
    let first = enqueue_one(db, NewJob { run_at: later, ..keyed(workspace, Unique::Replace, 1) }).await;
    let second = NewJob { priority: -3, ..keyed(workspace, Unique::Replace, 2) };
    assert_eq!(enqueue_one(db, second).await, first);
    let row = job(db, workspace, first).await;
    assert_eq!((row.args.0, row.priority, row.run_at), (json!({ "n": 2 }), -3, db.now()));
    assert_eq!(lease(db, 10).await.len(), 1);
    assert_ne!(enqueue_one(db, keyed(workspace, Unique::Replace, 3)).await, first);
}

async fn one_list_may_name_a_key_several_times(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    for (unique, last) in [
        (Unique::UntilDone, 1),
        (Unique::UntilStarted, 1),
        (Unique::Throttle { period: Duration::from_secs(60) }, 1),
        (Unique::Debounce { delay: Duration::ZERO, longest: Duration::ZERO }, 3),
        (Unique::Replace, 3),
    ] {
        let key = format!("{unique:?}");
        let list = (1..=3).map(|n| NewJob { unique_key: Some(key.clone()), ..keyed(workspace, unique, n) }).collect();
        let ids = enqueue(db, list).await;
        assert_eq!(ids, [ids[0]; 3], "{unique:?}");
        assert_eq!(job(db, workspace, ids[0]).await.args.0, json!({ "n": last }), "{unique:?}");
    }
    assert_eq!(jobs(db).await, 5);
}

async fn keys_of_other_workspaces_are_other_keys(database: &TestDatabase) {
    let db = &database.db;
    let (one, other) = (ground::workspace(db).await, ground::workspace_named(db, "other").await);
    for unique in [Unique::UntilStarted, Unique::Throttle { period: Duration::from_secs(60) }, Unique::Replace] {
        let of = |workspace| NewJob { unique_key: Some(format!("{unique:?}")), ..keyed(workspace, unique, 1) };
        let ids = enqueue(db, vec![of(one), of(other)]).await;
        assert_ne!(ids[0], ids[1]);
    }
    assert_eq!(jobs(db).await, 6);
}

/// SQLite has one writer, so only PostgreSQL's transactions meet.
#[tokio::test]
async fn a_job_that_starts_while_it_is_to_be_replaced_is_followed_instead() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let first = enqueue_one(db, keyed(workspace, Unique::Replace, 1)).await;
    let mut starting = db.begin().await.unwrap();
    herald_db::query("update jobs set state = 'running', unique_key = null where id = $1")
        .bind(first)
        .execute(&mut starting)
        .await
        .unwrap();
    let replacing = tokio::spawn({
        let (db, job) = (db.clone(), keyed(workspace, Unique::Replace, 2));
        async move { enqueue_one(&db, job).await }
    });
    wait_until("the second waits for the first to start", async || waiting_for_locks(db).await == 1).await;
    starting.commit().await.unwrap();
    let second = replacing.await.unwrap();
    assert_ne!(second, first);
    assert_eq!(job(db, workspace, first).await.args.0, json!({ "n": 1 }));
}
