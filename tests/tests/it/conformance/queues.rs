//! What is in the queues.

use std::time::Duration;

use herald_ledger as ledger;
use herald_ledger::{Load, NewJob};
use herald_tests::{TestDatabase, on_both_engines};

use crate::ground::{self, commit, dead, done, enqueue, lease, noop};

on_both_engines! {
    a_ledger_without_jobs_has_no_queues,
    queues_show_what_waits_and_runs_in_the_order_of_their_names,
    a_queue_says_since_when_its_jobs_wait_and_how_many_end,
    counts_of_many_jobs_stand_for_a_second,
    pausing_is_kept_and_undone,
    the_job_due_longest_is_told_for_each_queue,
    the_load_of_a_queue_is_what_waits_what_runs_and_whether_it_is_paused,
}

async fn a_ledger_without_jobs_has_no_queues(database: &TestDatabase) {
    assert!(ledger::list_queues(&database.db).await.unwrap().is_empty());
    assert!(ledger::load(&database.db).await.unwrap().is_empty());
    assert_eq!(ledger::running_batches(&database.db).await.unwrap(), 0);
}

async fn queues_show_what_waits_and_runs_in_the_order_of_their_names(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    // Names that a locale sorts otherwise than bytes do.
    for queue in ["b", "B", "a", "_", "A-1", "é"] {
        enqueue(db, vec![NewJob { queue: queue.to_owned(), ..noop(workspace) }]).await;
    }
    enqueue(db, vec![noop(workspace); 3]).await;
    assert_eq!(lease(db, 2).await.len(), 2);
    let queues = ledger::list_queues(db).await.unwrap();
    let names: Vec<_> = queues.iter().map(|queue| queue.name.as_str()).collect();
    assert_eq!(names, ["A-1", "B", "_", "a", "b", "test", "é"]);
    let test = &queues[5];
    assert_eq!((test.ready, test.running, test.paused), (1, 2, false));
}

async fn a_queue_says_since_when_its_jobs_wait_and_how_many_end(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let began = db.now();
    enqueue(db, vec![noop(workspace); 5]).await;
    let mut leased = lease(db, 4).await;
    // One ends, and two much later.
    commit(db, leased.drain(..1).map(done).collect()).await;
    db.clock().advance(Duration::from_secs(50));
    commit(db, leased.drain(..2).map(dead).collect()).await;
    let test = async || ledger::list_queues(db).await.unwrap().remove(0);
    assert_eq!((test().await.oldest_due, test().await.ended_per_minute), (Some(began), 3));
    db.clock().advance(Duration::from_secs(11));
    assert_eq!(test().await.ended_per_minute, 2);
    assert_eq!(lease(db, 1).await.len(), 1);
    assert_eq!(test().await.oldest_due, None, "none waits");
}

/// Few jobs are counted whenever somebody looks, many once a second.
async fn counts_of_many_jobs_stand_for_a_second(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let counts = ledger::QueueCounts::default();
    let ready = async || ledger::list_queues_with(db, &counts).await.unwrap()[0].ready;
    for expected in [1, 2] {
        enqueue(db, vec![noop(workspace)]).await;
        assert_eq!(ready().await, expected);
    }
    for _ in 0..10 {
        enqueue(db, vec![noop(workspace); 1_000]).await;
    }
    assert_eq!(ready().await, 10_002);
    enqueue(db, vec![noop(workspace)]).await;
    assert_eq!(ready().await, 10_002, "counted a moment ago");
    assert_eq!(ledger::list_queues(db).await.unwrap()[0].ready, 10_003, "whoever shares no counts");
    // Only counts may be old. Everything else is read each time.
    let mut tx = db.begin().await.unwrap();
    ledger::set_paused(&mut tx, "test", true).await.unwrap();
    tx.commit().await.unwrap();
    assert!(ledger::list_queues_with(db, &counts).await.unwrap().iter().any(|queue| queue.paused));
    db.clock().advance(Duration::from_secs(1));
    assert_eq!(ready().await, 10_003);
}

async fn pausing_is_kept_and_undone(database: &TestDatabase) {
    let db = &database.db;
    for paused in [true, true, false] {
        let mut tx = db.begin().await.unwrap();
        ledger::set_paused(&mut tx, "email", paused).await.unwrap();
        tx.commit().await.unwrap();
        let queues = ledger::list_queues(db).await.unwrap();
        assert_eq!(queues.len(), 1);
        assert_eq!((queues[0].name.as_str(), queues[0].paused), ("email", paused));
        assert_eq!((queues[0].ready, queues[0].running), (0, 0));
    }
}

async fn the_job_due_longest_is_told_for_each_queue(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let first = db.now();
    enqueue(db, vec![noop(workspace)]).await;
    db.clock().advance(Duration::from_micros(500));
    let second = db.now();
    let later = Some(second + Duration::from_secs(1));
    enqueue(
        db,
        vec![
            noop(workspace),
            NewJob { queue: "other".to_owned(), ..noop(workspace) },
            NewJob { queue: "future".to_owned(), run_at: later, ..noop(workspace) },
        ],
    )
    .await;
    let due: Vec<_> = ledger::load(db).await.unwrap().into_iter().map(|load| (load.name, load.oldest_due)).collect();
    assert_eq!(
        due,
        [("future".to_owned(), None), ("other".to_owned(), Some(second)), ("test".to_owned(), Some(first))]
    );
}

async fn the_load_of_a_queue_is_what_waits_what_runs_and_whether_it_is_paused(database: &TestDatabase) {
    let db = &database.db;
    let (one, two) = (ground::workspace(db).await, ground::workspace_named(db, "two").await);
    let first = db.now();
    // Two workspaces and two priorities: four lanes, of which the least urgent has waited longest.
    enqueue(db, vec![NewJob { priority: 9, ..noop(two) }]).await;
    db.clock().advance(Duration::from_secs(1));
    enqueue(db, vec![noop(one), noop(one), NewJob { priority: 9, ..noop(one) }, noop(two)]).await;
    ground::batch_of(db, one, None, vec![NewJob { queue: "batched".to_owned(), ..noop(one) }]).await;
    assert_eq!(ledger::running_batches(db).await.unwrap(), 1);
    assert_eq!(lease(db, 2).await.len(), 2);
    let mut tx = db.begin().await.unwrap();
    ledger::set_paused(&mut tx, "test", true).await.unwrap();
    ledger::set_paused(&mut tx, "empty", false).await.unwrap();
    tx.commit().await.unwrap();
    let loads = ledger::load(db).await.unwrap();
    let names: Vec<_> = loads.iter().map(|load| load.name.as_str()).collect();
    assert_eq!(names, ["batched", "empty", "test"]);
    assert_eq!(loads[1], Load { name: "empty".to_owned(), ..Load::default() });
    let test = Load {
        name: "test".to_owned(),
        paused: true,
        ready: 3,
        running: 2,
        oldest_due: Some(first),
        ..Load::default()
    };
    assert_eq!(loads[2], test);
}
