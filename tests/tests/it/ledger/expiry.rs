//! Rule 12: a job past its time is dropped and says so; one whose recipient's hours are closed waits for them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{NewJob, OpenHours};
use herald_tests::{TestDatabase, on_both_engines};
use uuid::Uuid;

use crate::ground::{self, QUEUE, batch, batch_of, counters, enqueue_one, job, lease, noop};

on_both_engines! {
    a_job_past_its_time_is_dropped_with_the_reason,
    what_nobody_comes_to_is_dropped_all_the_same,
    a_dropped_job_ends_in_its_batch,
    closed_hours_put_a_job_off_and_cost_it_no_try,
    a_job_made_at_night_is_due_in_the_morning,
    what_would_open_too_late_is_dropped_at_once,
}

fn seconds(db: &Db, seconds: u64) -> DateTime<Utc> {
    db.now() + Duration::from_secs(seconds)
}

async fn reason(db: &Db, workspace: Uuid, id: Uuid) -> String {
    let mut errors = ledger::list_job_errors(db, workspace, id).await.unwrap();
    assert_eq!(errors.len(), 1);
    errors.remove(0).message
}

async fn a_job_past_its_time_is_dropped_with_the_reason(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let late = enqueue_one(db, NewJob { expires_at: Some(seconds(db, 10)), ..noop(workspace) }).await;
    let in_time = enqueue_one(db, NewJob { expires_at: Some(seconds(db, 11)), ..noop(workspace) }).await;
    db.clock().advance(Duration::from_secs(10));
    let leased = lease(db, 10).await;
    assert_eq!(leased.iter().map(|job| job.id).collect::<Vec<_>>(), [in_time]);
    assert_eq!(job(db, workspace, late).await.state.as_str(), "cancelled");
    assert_eq!(
        reason(db, workspace, late).await,
        "the job could not run before its deadline 2026-03-01 09:00:10 UTC: dropped"
    );
}

async fn what_nobody_comes_to_is_dropped_all_the_same(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let mut tx = db.begin().await.unwrap();
    ledger::set_paused(&mut tx, QUEUE, true).await.unwrap();
    tx.commit().await.unwrap();
    let late = enqueue_one(db, NewJob { expires_at: Some(seconds(db, 10)), ..noop(workspace) }).await;
    let other = enqueue_one(db, noop(workspace)).await;
    assert_eq!(ledger::drop_expired(db).await.unwrap(), 0);
    db.clock().advance(Duration::from_secs(10));
    assert_eq!(ledger::drop_expired(db).await.unwrap(), 1);
    assert_eq!(ledger::drop_expired(db).await.unwrap(), 0);
    assert_eq!(job(db, workspace, late).await.state.as_str(), "cancelled");
    assert!(reason(db, workspace, late).await.contains("dropped"));
    assert_eq!(job(db, workspace, other).await.state.as_str(), "ready");
}

async fn a_dropped_job_ends_in_its_batch(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let end = NewJob { queue: "end".to_owned(), ..noop(workspace) };
    let expiring = NewJob { expires_at: Some(seconds(db, 1)), ..noop(workspace) };
    let (id, _) = batch_of(db, workspace, Some(end), vec![expiring; 2]).await;
    db.clock().advance(Duration::from_secs(1));
    assert!(lease(db, 1).await.is_empty());
    assert_eq!(ledger::drop_expired(db).await.unwrap(), 1);
    let batch = batch(db, workspace, id).await;
    assert_eq!((counters(&batch), batch.state.as_str()), ((2, 0, 0, 2), "complete"));
    assert_eq!(ground::lease_from(db, "end", 10).await.len(), 1);
}

fn nine_to_five() -> OpenHours {
    OpenHours::new("America/New_York", "09:00", "17:00").unwrap()
}

/// It is 09:00 UTC: four in the night in New York, which opens at 14:00 UTC.
async fn a_job_made_at_night_is_due_in_the_morning(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let id = enqueue_one(db, NewJob { open_hours: Some(nine_to_five()), ..noop(workspace) }).await;
    assert_eq!(job(db, workspace, id).await.run_at, seconds(db, 5 * 3_600));
    assert!(lease(db, 10).await.is_empty());
    db.clock().advance(Duration::from_secs(5 * 3_600));
    assert_eq!(lease(db, 10).await.len(), 1);
}

async fn closed_hours_put_a_job_off_and_cost_it_no_try(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let id = enqueue_one(db, NewJob { open_hours: Some(nine_to_five()), max_attempts: 1, ..noop(workspace) }).await;
    // Nobody had time for it all day: 22:00 UTC is five in the afternoon.
    db.clock().advance(Duration::from_secs(13 * 3_600));
    let demand = [ledger::Demand { queue: QUEUE.to_owned(), limit: 10, waiting: 0 }];
    let dispatched = ledger::dispatch(db, &demand, "a dispatcher", ground::LEASE).await.unwrap();
    assert_eq!((dispatched.jobs.len(), dispatched.untimely), (0, 1));
    let row = job(db, workspace, id).await;
    assert_eq!((row.state.as_str(), row.run_at), ("ready", seconds(db, 16 * 3_600)), "until nine the next morning");
    db.clock().advance(Duration::from_secs(16 * 3_600));
    let leased = lease(db, 10).await.remove(0);
    assert!(leased.attempt <= leased.max_attempts);
}

async fn what_would_open_too_late_is_dropped_at_once(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let closing = seconds(db, 14 * 3_600);
    let id = enqueue_one(db, NewJob { open_hours: Some(nine_to_five()), expires_at: Some(closing), ..noop(workspace) })
        .await;
    db.clock().advance(Duration::from_secs(13 * 3_600));
    assert!(lease(db, 10).await.is_empty());
    assert_eq!(job(db, workspace, id).await.state.as_str(), "cancelled");
}
