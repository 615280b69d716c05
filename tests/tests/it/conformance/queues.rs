//! What is in the queues.

use std::time::Duration;

use herald_shared::ledger::{self, NewJob};
use herald_tests::{TestDatabase, on_both_engines};

use crate::ground::{self, enqueue, lease, noop};

on_both_engines! {
    a_ledger_without_jobs_has_no_queues,
    queues_show_what_waits_and_runs_in_the_order_of_their_names,
    pausing_is_kept_and_undone,
    the_job_due_longest_is_told_for_each_queue,
}

async fn a_ledger_without_jobs_has_no_queues(database: &TestDatabase) {
    assert!(ledger::queues(&database.db).await.unwrap().is_empty());
    assert!(ledger::oldest_due(&database.db).await.unwrap().is_empty());
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
    let queues = ledger::queues(db).await.unwrap();
    let names: Vec<_> = queues.iter().map(|queue| queue.name.as_str()).collect();
    assert_eq!(names, ["A-1", "B", "_", "a", "b", "test", "é"]);
    let test = &queues[5];
    assert_eq!((test.ready, test.running, test.paused), (1, 2, false));
}

async fn pausing_is_kept_and_undone(database: &TestDatabase) {
    let db = &database.db;
    for paused in [true, true, false] {
        let mut tx = db.begin().await.unwrap();
        ledger::set_paused(&mut tx, "email", paused).await.unwrap();
        tx.commit().await.unwrap();
        let queues = ledger::queues(db).await.unwrap();
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
    let mut due = ledger::oldest_due(db).await.unwrap();
    due.sort();
    assert_eq!(due, [("other".to_owned(), second), ("test".to_owned(), first)]);
}
