//! What queues' limits keep, and what their keys do.

use herald_ledger as ledger;
use herald_ledger::QueueLimits;
use herald_tests::{TestDatabase, on_both_engines};

on_both_engines! {
    limits_are_kept_changed_and_taken_away,
    keys_are_listed_by_name_and_keep_what_they_were_given,
    unblocking_what_is_not_blocked_is_no_error,
}

async fn limits_are_kept_changed_and_taken_away(database: &TestDatabase) {
    let db = &database.db;
    let all = QueueLimits {
        rate: Some(500),
        rate_seconds: 60,
        burst: Some(7),
        concurrency: Some(9),
        key_concurrency: Some(2),
        workspace_concurrency: Some(3),
    };
    let none = QueueLimits { rate_seconds: 1, ..QueueLimits::default() };
    for limits in [all, none] {
        let mut tx = db.begin().await.unwrap();
        ledger::set_limits(&mut tx, "email", &limits).await.unwrap();
        tx.commit().await.unwrap();
        let queues = ledger::list_queues(db).await.unwrap();
        assert_eq!(queues.len(), 1);
        assert_eq!((queues[0].name.as_str(), queues[0].paused, &queues[0].limits), ("email", false, &limits));
        assert_eq!((queues[0].blocked_until, queues[0].blocked_reason.as_deref()), (None, None));
    }
}

async fn keys_are_listed_by_name_and_keep_what_they_were_given(database: &TestDatabase) {
    let db = &database.db;
    for (key, concurrency) in [("b", Some(1)), ("B", None), ("a", Some(3)), ("b", Some(2))] {
        let mut tx = db.begin().await.unwrap();
        ledger::set_key_concurrency(&mut tx, "sync", key, concurrency).await.unwrap();
        tx.commit().await.unwrap();
    }
    let keys = ledger::queue_keys(db, "sync").await.unwrap();
    let kept: Vec<_> = keys.iter().map(|key| (key.limit_key.as_str(), key.concurrency)).collect();
    assert_eq!(kept, [("B", None), ("a", Some(3)), ("b", Some(2))]);
    assert!(ledger::queue_keys(db, "other").await.unwrap().is_empty());
}

async fn unblocking_what_is_not_blocked_is_no_error(database: &TestDatabase) {
    let db = &database.db;
    let mut tx = db.begin().await.unwrap();
    ledger::unblock(&mut tx, "never seen").await.unwrap();
    tx.commit().await.unwrap();
    assert!(ledger::list_queues(db).await.unwrap().is_empty());
}
