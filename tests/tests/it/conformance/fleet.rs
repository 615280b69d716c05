//! Workers and claims.

use std::{collections::BTreeMap, time::Duration};

use chrono::TimeDelta;
use herald_base::{clock::Clock, ids::Ids};
use herald_db::{Db, DbConfig, EngineKind, Json, query};
use herald_ledger as ledger;
use herald_ledger::{Capacity, Demand, JobKey, Leased, ON_THE_WIRE, WorkerRow, WorkerState};
use herald_tests::{TestDatabase, on_both_engines};

use crate::ground::{self, LEASE, QUEUE, enqueue, noop};

on_both_engines! {
    a_worker_is_listed_from_its_first_word_to_its_last,
    what_the_workers_have_room_for_is_added_up_by_queue,
    asking_a_worker_to_be_quiet_reaches_it_with_its_next_word,
    a_claim_tells_what_was_taken_from_what_was_lost_on_the_way,
    a_renewal_under_a_name_tells_as_much,
    old_claims_are_forgotten,
}

fn worker(database: &TestDatabase, name: &str, queues: &[(&str, usize, usize)]) -> WorkerRow {
    let db = &database.db;
    let queues: BTreeMap<String, Capacity> = queues
        .iter()
        .map(|(queue, concurrency, prefetch)| {
            ((*queue).to_owned(), Capacity { concurrency: *concurrency, prefetch: *prefetch })
        })
        .collect();
    WorkerRow {
        id: db.new_id(),
        name: name.to_owned(),
        version: "1.2.3".to_owned(),
        state: WorkerState::Running,
        quiet_asked: false,
        queues: Json(queues),
        running: 0,
        started_at: db.now(),
        seen_at: db.now(),
    }
}

async fn a_worker_is_listed_from_its_first_word_to_its_last(database: &TestDatabase) {
    let db = &database.db;
    let mut row = worker(database, "host:1", &[("cpu", 2, 8)]);
    assert!(!ledger::worker_seen(db, &row).await.unwrap());
    db.clock().advance(Duration::from_secs(60));
    row.state = WorkerState::Stopping;
    row.running = 2;
    row.seen_at = db.now();
    ledger::worker_seen(db, &row).await.unwrap();
    let listed = ledger::list_workers(db, db.now()).await.unwrap();
    assert_eq!(serde_json::to_value(&listed).unwrap(), serde_json::to_value([&row]).unwrap());
    assert!(ledger::list_workers(db, db.now() + TimeDelta::seconds(1)).await.unwrap().is_empty());
    ledger::worker_left(db, row.id).await.unwrap();
    assert!(ledger::list_workers(db, TestDatabase::start()).await.unwrap().is_empty());
}

async fn what_the_workers_have_room_for_is_added_up_by_queue(database: &TestDatabase) {
    let db = &database.db;
    let one = worker(database, "one", &[("cpu", 2, 8), ("sync", 4, 16)]);
    let two = worker(database, "two", &[("cpu", 1, 5)]);
    let quiet = WorkerRow { state: WorkerState::Quiet, ..worker(database, "quiet", &[("cpu", 100, 100)]) };
    let gone =
        WorkerRow { seen_at: db.now() - TimeDelta::minutes(1), ..worker(database, "gone", &[("cpu", 100, 100)]) };
    for row in [&one, &two, &quiet, &gone] {
        ledger::worker_seen(db, row).await.unwrap();
    }
    let room = ledger::capacity(db, db.now() - TimeDelta::seconds(8)).await.unwrap();
    assert_eq!(room, BTreeMap::from([("cpu".to_owned(), 13), ("sync".to_owned(), 16)]));
    assert_eq!(ledger::forget_workers(db, db.now() - TimeDelta::seconds(30)).await.unwrap(), 1);
    assert_eq!(ledger::list_workers(db, TestDatabase::start() - TimeDelta::hours(1)).await.unwrap().len(), 3);
}

async fn asking_a_worker_to_be_quiet_reaches_it_with_its_next_word(database: &TestDatabase) {
    let db = &database.db;
    let (one, two) = (worker(database, "one", &[]), worker(database, "two", &[]));
    for row in [&one, &two] {
        ledger::worker_seen(db, row).await.unwrap();
    }
    assert_eq!(ledger::ask_quiet(db, Some("nobody"), true).await.unwrap(), 0);
    assert_eq!(ledger::ask_quiet(db, Some("two"), true).await.unwrap(), 1);
    assert!(!ledger::worker_seen(db, &one).await.unwrap());
    assert!(ledger::worker_seen(db, &two).await.unwrap());
    assert_eq!(ledger::ask_quiet(db, None, false).await.unwrap(), 2);
    assert!(!ledger::worker_seen(db, &two).await.unwrap());
}

async fn on_the_wire(database: &TestDatabase, jobs: usize) -> Vec<Leased> {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    enqueue(db, vec![noop(workspace); jobs]).await;
    let demand = [Demand { queue: QUEUE.to_owned(), limit: jobs, waiting: 0 }];
    ledger::dispatch(db, &demand, ON_THE_WIRE, LEASE).await.unwrap().jobs
}

/// Who had each of these, once their leases have run out.
async fn holders(db: &Db, keys: &[JobKey]) -> Vec<Option<String>> {
    let lost = ledger::lost_jobs(db, db.now() + LEASE * 10, 100).await.unwrap();
    let holders = ledger::holders(db, &lost).await.unwrap();
    keys.iter().map(|key| holders.get(key).cloned()).collect()
}

async fn a_claim_tells_what_was_taken_from_what_was_lost_on_the_way(database: &TestDatabase) {
    let db = &database.db;
    let keys: Vec<JobKey> = on_the_wire(database, 4).await.iter().map(Leased::key).collect();
    assert_eq!(holders(db, &keys).await, vec![None; 4]);
    let known = worker(database, "host:1", &[]);
    ledger::worker_seen(db, &known).await.unwrap();
    ledger::claim(db, known.id, &keys[..1]).await.unwrap();
    ledger::claim(db, db.new_id(), &[JobKey { attempt: 7, ..keys[1] }]).await.unwrap();
    let forgotten = db.new_id();
    ledger::claim(db, forgotten, &keys[3..]).await.unwrap();
    let found = holders(db, &keys).await;
    assert_eq!(found, [Some("host:1".to_owned()), None, None, Some(forgotten.to_string())]);
    assert!(ledger::holders(db, &[]).await.unwrap().is_empty());
}

async fn a_renewal_under_a_name_tells_as_much(database: &TestDatabase) {
    let db = &database.db;
    let keys: Vec<JobKey> = on_the_wire(database, 2).await.iter().map(Leased::key).collect();
    ledger::renew(db, &keys, LEASE).await.unwrap();
    assert_eq!(holders(db, &keys).await, [None, None], "a scheduler renews what waits");
    ledger::renew_as(db, Some("host:1"), &keys[..1], LEASE).await.unwrap();
    assert_eq!(holders(db, &keys).await, [Some("host:1".to_owned()), None]);
}

async fn old_claims_are_forgotten(database: &TestDatabase) {
    let db = &database.db;
    let keys: Vec<JobKey> = on_the_wire(database, 1).await.iter().map(Leased::key).collect();
    ledger::claim(db, db.new_id(), &keys).await.unwrap();
    let made = db.now();
    db.clock().advance(Duration::from_secs(1));
    assert_eq!(ledger::forget_claims(db, made).await.unwrap(), 0);
    assert_eq!(ledger::forget_claims(db, db.now()).await.unwrap(), 1);
    assert_eq!(holders(db, &keys).await, [None]);
}

/// A claim does not wait for the disk. What is written next over the same connection must, or outcomes could be lost
/// with the server.
#[tokio::test]
async fn after_a_claim_the_connection_waits_for_the_disk_again() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let DbConfig::Postgres { url, .. } = database.config() else { unreachable!("the engine was chosen") };
    let alone = DbConfig::Postgres { url: url.clone(), max_connections: 1 };
    let db = Db::connect(&alone, Clock::system(), Ids::random()).await.unwrap();
    let key = JobKey { id: db.new_id(), attempt: 1 };
    ledger::claim(&db, db.new_id(), &[key]).await.unwrap();
    let (now,): (String,) = query("select current_setting('synchronous_commit') from claims").one(&db).await.unwrap();
    assert_eq!(now, "on");
}
