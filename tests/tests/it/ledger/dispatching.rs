//! Rule 2: what is due is leased, most urgent first, each job once.

use std::{collections::HashSet, time::Duration};

use herald_base::{clock::Clock, ids::Ids};
use herald_db::query;
use herald_ledger as ledger;
use herald_ledger::{Demand, NewJob};
use herald_tests::{EngineKind, TestDatabase, on_both_engines, wait_until};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::ground::{self, LEASE, QUEUE, enqueue, enqueue_one, lease, noop, waiting_for_locks};

on_both_engines! {
    a_job_is_leased_when_it_is_due_and_not_before,
    a_lease_says_whose_it_is_and_until_when,
    the_more_urgent_and_then_the_longer_due_go_first,
    a_round_says_when_the_next_job_comes_due,
    a_paused_queue_gives_nothing_until_it_is_resumed,
    no_more_is_leased_than_is_wanted,
    only_wanted_queues_are_leased_from,
    dispatchers_at_the_same_time_never_lease_the_same_job,
}

async fn a_job_is_leased_when_it_is_due_and_not_before(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let due = db.now() + Duration::from_micros(10_000_001);
    let id = enqueue_one(db, NewJob { run_at: Some(due), ..noop(workspace) }).await;
    assert!(lease(db, 10).await.is_empty());
    db.clock().advance(Duration::from_secs(10));
    assert!(lease(db, 10).await.is_empty(), "a microsecond too early");
    db.clock().advance(Duration::from_micros(1));
    let leased = lease(db, 10).await;
    assert_eq!(leased.len(), 1);
    assert_eq!((leased[0].id, leased[0].run_at), (id, due));
    assert!(lease(db, 10).await.is_empty(), "a leased job is not leased again");
}

async fn a_lease_says_whose_it_is_and_until_when(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let given = NewJob { args: serde_json::json!({"a": 1}), traceparent: Some("trace".to_owned()), ..noop(workspace) };
    let (batch, ids) = ground::batch_of(db, workspace, None, vec![given]).await;
    db.clock().advance(Duration::from_secs(3));
    let job = lease(db, 1).await.remove(0);
    assert_eq!(
        (job.id, job.workspace_id, job.kind.as_str(), job.queue.as_str()),
        (ids[0], workspace, "test.noop", QUEUE)
    );
    assert_eq!((job.attempt, job.max_attempts, job.is_last_attempt()), (1, 3, false));
    assert_eq!((job.run_at, job.lease_until), (TestDatabase::start(), db.now() + LEASE));
    assert_eq!(
        (job.batch_id, job.traceparent.as_deref(), job.args.0),
        (Some(batch), Some("trace"), serde_json::json!({"a": 1}))
    );
}

async fn the_more_urgent_and_then_the_longer_due_go_first(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let mut expected = Vec::new();
    for (priority, due) in [(5, 0), (-3, 0), (0, 2), (0, 1), (i64::MIN, 3), (i64::MAX, 0), (0, 0)] {
        let run_at = Some(db.now() + Duration::from_millis(due * 500));
        let id = enqueue_one(db, NewJob { priority, run_at, ..noop(workspace) }).await;
        expected.push(((priority, due), id));
    }
    expected.sort();
    db.clock().advance(Duration::from_secs(60));
    let mut order = Vec::new();
    for demand in [1, 3, 2, 5] {
        order.extend(lease(db, demand).await.iter().map(|job| job.id));
    }
    assert_eq!(order, expected.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
}

async fn a_round_says_when_the_next_job_comes_due(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let demand = [Demand { queue: QUEUE.to_owned(), limit: 10, waiting: 0 }];
    let round = async || ledger::dispatch(db, &demand, "x", LEASE).await.unwrap();
    assert_eq!(round().await.next_due, None);
    let at = |seconds| Some(db.now() + Duration::from_secs(seconds));
    let later = |seconds, priority| NewJob { run_at: at(seconds), priority, ..noop(workspace) };
    enqueue(db, vec![later(90, 0), later(60, 1), later(30, 2)]).await;
    enqueue(db, vec![NewJob { queue: "unwanted".to_owned(), ..later(5, 0) }]).await;
    let dispatched = round().await;
    assert_eq!((dispatched.jobs.len(), dispatched.next_due), (0, at(30)));
}

async fn a_paused_queue_gives_nothing_until_it_is_resumed(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    enqueue(db, vec![noop(workspace), NewJob { queue: "other".to_owned(), ..noop(workspace) }]).await;
    let pause = async |paused| {
        let mut tx = db.begin().await.unwrap();
        ledger::set_paused(&mut tx, QUEUE, paused).await.unwrap();
        tx.commit().await.unwrap();
    };
    pause(true).await;
    let demand = [QUEUE, "other"].map(|queue| Demand { queue: queue.to_owned(), limit: 10, waiting: 0 });
    let leased = ledger::dispatch(db, &demand, "x", LEASE).await.unwrap().jobs;
    assert_eq!(leased.iter().map(|job| job.queue.as_str()).collect::<Vec<_>>(), ["other"]);
    pause(false).await;
    assert_eq!(lease(db, 10).await.len(), 1);
}

async fn no_more_is_leased_than_is_wanted(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let other = ground::workspace_named(db, "other").await;
    enqueue(db, vec![noop(workspace); 50]).await;
    enqueue(db, (0..50).map(|n| NewJob { priority: n % 5, ..noop(other) }).collect()).await;
    for limit in [0, 1, 2, 7] {
        assert_eq!(lease(db, limit).await.len(), limit);
    }
    assert_eq!(lease(db, 1_000).await.len(), 90);
}

async fn only_wanted_queues_are_leased_from(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    enqueue(db, ["a", "b", "c"].map(|queue| NewJob { queue: queue.to_owned(), ..noop(workspace) }).to_vec()).await;
    let demand = [("a", 5), ("b", 0), ("nothing here", 5)].map(|(queue, limit)| Demand {
        queue: queue.to_owned(),
        limit,
        waiting: 0,
    });
    let leased = ledger::dispatch(db, &demand, "x", LEASE).await.unwrap().jobs;
    assert_eq!(leased.iter().map(|job| job.queue.as_str()).collect::<Vec<_>>(), ["a"]);
    assert!(ledger::dispatch(db, &[], "x", LEASE).await.unwrap().jobs.is_empty());
}

async fn dispatchers_at_the_same_time_never_lease_the_same_job(database: &TestDatabase) {
    let workspace = ground::workspace(&database.db).await;
    let made: HashSet<Uuid> = enqueue(&database.db, vec![noop(workspace); 600]).await.into_iter().collect();
    let mut dispatchers = JoinSet::new();
    for seed in 1..=4 {
        let db = database.connect(Clock::manual(database.db.now()), Ids::seeded(seed)).await;
        dispatchers.spawn(async move {
            let mut leased = Vec::new();
            loop {
                let round = lease(&db, 7).await;
                if round.is_empty()
                    && crate::ground::number(&db, "select count(*) from jobs where state = 'ready'").await == 0
                {
                    return leased;
                }
                leased.extend(round.into_iter().map(|job| (job.id, job.attempt)));
            }
        });
    }
    let leased: Vec<_> = dispatchers.join_all().await.concat();
    assert_eq!(leased.len(), 600);
    assert!(leased.iter().all(|(_, attempt)| *attempt == 1));
    assert_eq!(leased.into_iter().map(|(id, _)| id).collect::<HashSet<_>>(), made);
}

/// Another dispatcher's locked rows are stepped over, not waited for.
#[tokio::test]
async fn a_dispatcher_does_not_wait_for_another() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let ids = enqueue(db, vec![noop(workspace); 4]).await;
    let mut other = db.begin().await.unwrap();
    query("select id from jobs where id = $1 for update").bind(ids[0]).all::<(Uuid,)>(&mut other).await.unwrap();
    let leased: HashSet<Uuid> = lease(db, 10).await.into_iter().map(|job| job.id).collect();
    assert_eq!(leased, ids[1..].iter().copied().collect());
    // The server hears of the rollback a moment later.
    drop(other);
    wait_until("the job that was locked is leased", async || lease(db, 10).await.len() == 1).await;
}

/// A job that another transaction changes while it is looked at is not leased on what it was before.
#[tokio::test]
async fn a_job_cancelled_while_it_is_dispatched_is_not_leased() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let id = enqueue_one(db, noop(workspace)).await;
    let mut dispatching = db.begin().await.unwrap();
    query("select id from jobs where id = $1 for update").bind(id).all::<(Uuid,)>(&mut dispatching).await.unwrap();
    let cancelling = tokio::spawn({
        let db = db.clone();
        async move { ledger::cancel_job(&db, workspace, id).await.unwrap() }
    });
    wait_until("the cancelling waits for the dispatch", async || waiting_for_locks(db).await == 1).await;
    query("update jobs set state = 'running', attempt = 1 where id = $1")
        .bind(id)
        .execute(&mut dispatching)
        .await
        .unwrap();
    dispatching.commit().await.unwrap();
    assert_eq!(cancelling.await.unwrap(), ledger::Cancelled::Asked);
}
