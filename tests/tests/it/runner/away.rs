//! A database that goes away for a while delays outcomes and loses none.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use herald_base::{clock::Clock, ids::Ids};
use herald_db::{Db, query};
use herald_ledger as ledger;
use herald_ledger::NewJob;
use herald_tests::{EngineKind, TestDatabase, wait_until};
use herald_worker::runner::Done;
use serde_json::json;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{does_nothing, handler, working};
use crate::ground::{self, batch_of, counters, enqueue, noop, number, waiting_for_locks};

/// The committer's transaction is held up by a lock and its connection ended in the middle, several times over.
#[tokio::test]
async fn outcomes_are_written_when_the_connection_broke_while_they_were() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (started, may_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let process = working(&database, {
        let (started, may_end) = (started.clone(), may_end.clone());
        handler(move |_| {
            let (started, may_end) = (started.clone(), may_end.clone());
            async move {
                started.notify_one();
                may_end.notified().await;
                Ok(Done { then: Vec::new(), ..Done::default() })
            }
        })
    })
    .await;
    let (batch, ids) = batch_of(db, workspace, None, vec![noop(workspace)]).await;
    started.notified().await;
    let server = database.connect(Clock::system(), Ids::seeded(1)).await;
    let mut held = server.begin().await.unwrap();
    query("select id from jobs where id = $1 for update").bind(ids[0]).all::<(Uuid,)>(&mut held).await.unwrap();
    may_end.notify_one();
    for _ in 0..3 {
        wait_until("the outcome is being written", async || {
            db.clock().advance(Duration::from_millis(50));
            waiting_for_locks(&server).await == 1
        })
        .await;
        end_waiting_connections(&server).await;
    }
    drop(held);
    wait_until("the outcome is written", async || {
        db.clock().advance(Duration::from_millis(50));
        ground::job(&server, workspace, ids[0]).await.state.as_str() == "succeeded"
    })
    .await;
    process.stop().await;
    let batch = ground::batch(&server, workspace, batch).await;
    assert_eq!((batch.state.as_str(), counters(&batch)), ("complete", (1, 1, 0, 0)));
    database.end().await;
}

async fn end_waiting_connections(server: &Db) {
    query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() \
         and wait_event_type = 'Lock'",
    )
    .all::<(bool,)>(server)
    .await
    .unwrap();
}

/// Every connection is ended again and again while the fleet works.
#[tokio::test]
async fn a_fleet_survives_a_server_that_drops_its_connections() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, _) = batch_of(db, workspace, None, vec![NewJob { max_attempts: 100, ..noop(workspace) }; 400]).await;
    let server = database.connect(Clock::system(), Ids::seeded(1)).await;
    let process = working(&database, does_nothing()).await;
    let mut done = 0;
    for _ in 0..10 {
        query(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() \
            and pid <> pg_backend_pid()",
        )
        .all::<(bool,)>(&server)
        .await
        .unwrap();
        wait_until("it goes on", async || {
            db.clock().advance(Duration::from_millis(50));
            let now_done = number(&server, "select count(*) from jobs where state = 'succeeded'").await;
            std::mem::replace(&mut done, now_done) < now_done || now_done == 400
        })
        .await;
    }
    wait_until("the batch is complete", async || {
        // Slowly: what a broken connection left behind comes back when its lease runs out.
        db.clock().advance(Duration::from_secs(1));
        ground::batch(&server, workspace, batch).await.state.as_str() == "complete"
    })
    .await;
    process.stop().await;
    assert_eq!(counters(&ground::batch(&server, workspace, batch).await), (400, 400, 0, 0));
    database.end().await;
}

/// Another process holds the file's one writer for a while: the outcome waits for it.
#[tokio::test]
async fn outcomes_wait_for_another_process_that_writes_to_the_file() {
    let database = TestDatabase::new(EngineKind::Sqlite).await;
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (started, may_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let process = working(&database, {
        let (started, may_end) = (started.clone(), may_end.clone());
        handler(move |_| {
            let (started, may_end) = (started.clone(), may_end.clone());
            async move {
                started.notify_one();
                may_end.notified().await;
                Ok(Done::default())
            }
        })
    })
    .await;
    let ids = enqueue(db, vec![noop(workspace)]).await;
    started.notified().await;
    let other = database.connect(Clock::system(), Ids::seeded(1)).await;
    let writing = other.begin().await.unwrap();
    may_end.notify_one();
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ground::job(db, workspace, ids[0]).await.state.as_str(), "running");
    writing.commit().await.unwrap();
    wait_until("the outcome is written", async || {
        ground::job(db, workspace, ids[0]).await.state.as_str() == "succeeded"
    })
    .await;
    process.stop().await;
    database.end().await;
}

/// The disk under the file is full for a while: the outcome waits for room and no try is lost. `max_page_count` makes
/// SQLite answer as it does on a full disk.
#[tokio::test]
async fn outcomes_wait_for_room_on_a_full_disk() {
    let database = TestDatabase::new(EngineKind::Sqlite).await;
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let attempts = Arc::new(AtomicUsize::new(0));
    let ids = enqueue(db, vec![noop(workspace)]).await;
    let pages = number(db, "select page_count from pragma_page_count").await;
    ground::run_sql(db, &format!("pragma max_page_count = {}", pages + 2)).await;
    let process = working(&database, {
        let attempts = attempts.clone();
        handler(move |_| {
            attempts.fetch_add(1, Ordering::Relaxed);
            async { Ok(Done { result: Some(json!({ "large": "x".repeat(100_000) })), ..Done::default() }) }
        })
    })
    .await;
    wait_until("the job has run", async || attempts.load(Ordering::Relaxed) == 1).await;
    for _ in 0..20 {
        db.clock().advance(Duration::from_secs(5));
        assert_eq!(ground::job(db, workspace, ids[0]).await.state.as_str(), "running");
    }
    ground::run_sql(db, "pragma max_page_count = 100000").await;
    wait_until("the outcome is written", async || {
        db.clock().advance(Duration::from_secs(1));
        ground::job(db, workspace, ids[0]).await.state.as_str() == "succeeded"
    })
    .await;
    process.stop().await;
    assert_eq!(attempts.load(Ordering::Relaxed), 1);
    assert_eq!(number(db, "select count(*) from job_errors").await, 0);
    database.end().await;
}

#[tokio::test]
async fn a_job_that_finds_the_disk_full_is_refused_with_what_to_do() {
    let database = TestDatabase::new(EngineKind::Sqlite).await;
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let pages = number(db, "select page_count from pragma_page_count").await;
    ground::run_sql(db, &format!("pragma max_page_count = {pages}")).await;
    let mut tx = db.begin().await.unwrap();
    let jobs = vec![NewJob { args: json!({ "large": "x".repeat(50_000) }), ..noop(workspace) }; 20];
    let refused = ledger::enqueue(&mut tx, jobs).await.unwrap_err().to_string();
    assert!(refused.contains("the disk that holds the database is full: free some space"), "{refused}");
    drop(tx);
    ground::run_sql(db, "pragma max_page_count = 100000").await;
    assert_eq!(number(db, "select count(*) from jobs").await, 0);
}
