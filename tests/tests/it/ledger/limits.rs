//! Rule 8: queues are rows, and their limits hold for the whole fleet because they are kept where rows are leased.

use std::{collections::HashMap, time::Duration};

use herald_base::ids::Ids;
use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{Demand, Finished, Leased, NewJob, Outcome, QueueLimits};
use herald_tests::{TestDatabase, on_both_engines};

use crate::ground::{self, LEASE, QUEUE, commit, done, enqueue, lease, noop, number, run_sql};

on_both_engines! {
    a_rate_holds_over_a_minute_whoever_dispatches,
    a_slow_rate_is_reached_though_it_is_looked_at_late,
    a_burst_is_what_may_go_after_a_pause_and_no_more,
    a_dear_job_takes_as_much_of_the_rate_as_it_costs,
    a_rate_limited_queue_keeps_about_a_second_on_the_wire,
    concurrency_counts_what_runs_anywhere,
    an_end_makes_room_and_wakes_the_dispatcher,
    each_key_has_its_own_concurrency_and_a_full_one_holds_up_nobody_else,
    each_workspace_has_its_own_concurrency_and_a_full_one_holds_up_nobody_else,
    a_provider_that_asks_for_patience_gets_it_from_the_whole_queue,
    a_key_that_must_wait_leaves_the_others_alone,
    a_change_of_limits_holds_from_the_next_lease_on,
}

fn limits() -> QueueLimits {
    QueueLimits { rate_seconds: 1, ..QueueLimits::default() }
}

async fn set(db: &Db, limits: QueueLimits) {
    assert_eq!(limits.check(), []);
    let mut tx = db.begin().await.unwrap();
    ledger::set_limits(&mut tx, QUEUE, &limits).await.unwrap();
    tx.commit().await.unwrap();
}

async fn lease_with(db: &Db, limit: usize, waiting: usize) -> ledger::Dispatched {
    let demand = [Demand { queue: QUEUE.to_owned(), limit, waiting }];
    ledger::dispatch(db, &demand, "a dispatcher", LEASE).await.unwrap()
}

async fn a_rate_holds_over_a_minute_whoever_dispatches(database: &TestDatabase) {
    let db = &database.db;
    let other = database.connect(db.clock().clone(), Ids::seeded(5)).await;
    let workspace = ground::workspace(db).await;
    set(db, QueueLimits { rate: Some(20), ..limits() }).await;
    enqueue(db, vec![noop(workspace); 1_600]).await;
    let mut leased = 0;
    let start = db.now();
    while db.now() - start < chrono::TimeDelta::seconds(60) {
        for dispatcher in [db, &other] {
            let dispatched = lease_with(dispatcher, 1_000, 0).await;
            leased += dispatched.jobs.len();
        }
        let next = lease_with(db, 1_000, 0).await;
        leased += next.jobs.len();
        let wait = next.next_due.expect("more is due, and only time can bring it") - db.now();
        db.clock().advance(wait.to_std().unwrap().max(Duration::from_millis(1)));
    }
    // A tenth of a second's worth went at once.
    assert!((1_196..=1_204).contains(&leased), "{leased}");
}

async fn a_slow_rate_is_reached_though_it_is_looked_at_late(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    set(db, QueueLimits { rate: Some(3), ..limits() }).await;
    enqueue(db, vec![noop(workspace); 300]).await;
    let (mut leased, start) = (0, db.now());
    for wait in [50, 50, 7, 330, 61, 140].into_iter().cycle() {
        leased += lease(db, 10).await.len();
        db.clock().advance(Duration::from_millis(wait));
        if db.now() - start >= chrono::TimeDelta::minutes(1) {
            break;
        }
    }
    // One goes at once.
    assert!((179..=181).contains(&leased), "{leased}");
}

async fn a_burst_is_what_may_go_after_a_pause_and_no_more(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    set(db, QueueLimits { rate: Some(60), rate_seconds: 60, burst: Some(5), ..limits() }).await;
    enqueue(db, vec![noop(workspace); 100]).await;
    assert_eq!(lease(db, 100).await.len(), 5);
    assert_eq!(lease(db, 100).await.len(), 0);
    db.clock().advance(Duration::from_secs(2));
    assert_eq!(lease(db, 100).await.len(), 2);
    db.clock().advance(Duration::from_secs(3_600));
    assert_eq!(lease(db, 100).await.len(), 5, "an hour of rest is worth a burst, not an hour's work");
}

async fn a_dear_job_takes_as_much_of_the_rate_as_it_costs(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    set(db, QueueLimits { rate: Some(10), burst: Some(10), ..limits() }).await;
    enqueue(db, vec![NewJob { cost: 5, ..noop(workspace) }; 20]).await;
    assert_eq!(lease(db, 100).await.len(), 2);
    db.clock().advance(Duration::from_millis(499));
    assert_eq!(lease(db, 100).await.len(), 1, "what has gathered is enough to begin, and the rest is owed");
    db.clock().advance(Duration::from_secs(10));
    assert_eq!(lease(db, 100).await.len(), 2);
}

async fn a_rate_limited_queue_keeps_about_a_second_on_the_wire(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    set(db, QueueLimits { rate: Some(100), burst: Some(100), ..limits() }).await;
    enqueue(db, vec![noop(workspace); 1_000]).await;
    assert_eq!(lease_with(db, 500, 100).await.jobs.len(), 0);
    assert_eq!(lease_with(db, 500, 80).await.jobs.len(), 20);
    assert_eq!(lease_with(db, 500, 0).await.jobs.len(), 80);
}

async fn concurrency_counts_what_runs_anywhere(database: &TestDatabase) {
    let db = &database.db;
    let other = database.connect(db.clock().clone(), Ids::seeded(5)).await;
    let workspace = ground::workspace(db).await;
    set(db, QueueLimits { concurrency: Some(3), ..limits() }).await;
    enqueue(db, vec![noop(workspace); 50]).await;
    let (one, two) = tokio::join!(lease(db, 10), lease(&other, 10));
    assert_eq!(one.len() + two.len(), 3);
    assert!(lease(db, 10).await.is_empty());
    let first = one.into_iter().chain(two).next().unwrap();
    commit(db, vec![done(first)]).await;
    assert_eq!(lease(db, 10).await.len(), 1);
    assert_eq!(number(db, "select count(*) from jobs where state = 'running'").await, 3);
}

async fn an_end_makes_room_and_wakes_the_dispatcher(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    enqueue(db, vec![noop(workspace); 3]).await;
    let unlimited = lease(db, 1).await.remove(0);
    set(db, QueueLimits { concurrency: Some(2), ..limits() }).await;
    let limited = lease(db, 1).await.remove(0);
    assert_eq!((unlimited.makes_room, limited.makes_room), (false, true));
    // The bell that the enqueueing rang.
    db.nudged().await;
    commit(db, vec![done(limited)]).await;
    tokio::time::timeout(Duration::from_secs(30), db.nudged()).await.expect("the dispatcher is woken");
}

async fn each_key_has_its_own_concurrency_and_a_full_one_holds_up_nobody_else(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    set(db, QueueLimits { key_concurrency: Some(2), ..limits() }).await;
    let of = |key: &str| NewJob { limit_key: Some(key.to_owned()), ..noop(workspace) };
    enqueue(db, vec![of("slow.example"); 500]).await;
    db.clock().advance(Duration::from_secs(1));
    enqueue(db, [vec![of("fast.example"); 5], vec![noop(workspace); 4]].concat()).await;
    let leased = lease(db, 100).await;
    assert_eq!(by_key(&leased), HashMap::from([(Some("slow.example"), 2), (Some("fast.example"), 2), (None, 4)]));
    let slow = leased.iter().find(|job| job.limit_key.as_deref() == Some("slow.example")).unwrap().clone();
    commit(db, vec![done(slow)]).await;
    assert_eq!(by_key(&lease(db, 100).await), HashMap::from([(Some("slow.example"), 1)]));

    let mut tx = db.begin().await.unwrap();
    ledger::set_key_concurrency(&mut tx, QUEUE, "slow.example", Some(7)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(by_key(&lease(db, 100).await), HashMap::from([(Some("slow.example"), 5)]));
    assert_eq!(ledger::queue_keys(db, QUEUE).await.unwrap()[0].concurrency, Some(7));
}

async fn each_workspace_has_its_own_concurrency_and_a_full_one_holds_up_nobody_else(database: &TestDatabase) {
    let db = &database.db;
    let (many, few) = (ground::workspace(db).await, ground::workspace_named(db, "few").await);
    set(db, QueueLimits { workspace_concurrency: Some(3), ..limits() }).await;
    // However many keys and batches they are spread over.
    let keyed = (0..50).map(|key| NewJob { limit_key: Some(format!("host{key}.example")), ..noop(many) });
    enqueue(db, keyed.collect()).await;
    db.clock().advance(Duration::from_secs(1));
    enqueue(db, vec![noop(few); 2]).await;
    let leased = lease(db, 100).await;
    let of = |jobs: &[Leased], workspace| jobs.iter().filter(|job| job.workspace_id == workspace).count();
    assert_eq!((of(&leased, many), of(&leased, few)), (3, 2));
    assert!(leased.iter().all(|job| job.makes_room));
    assert_eq!(lease(db, 100).await.len(), 0);
    let ended = leased.into_iter().find(|job| job.workspace_id == many).unwrap();
    commit(db, vec![done(ended)]).await;
    let next = lease(db, 100).await;
    assert_eq!((next.len(), of(&next, many)), (1, 1));
}

fn by_key(jobs: &[Leased]) -> HashMap<Option<&str>, usize> {
    jobs.iter().fold(HashMap::new(), |mut counts, job| {
        *counts.entry(job.limit_key.as_deref()).or_default() += 1;
        counts
    })
}

async fn a_provider_that_asks_for_patience_gets_it_from_the_whole_queue(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let ids = enqueue(db, vec![NewJob { max_attempts: 1, ..noop(workspace) }; 3]).await;
    let job = lease(db, 1).await.remove(0);
    let (id, until) = (job.id, db.now() + Duration::from_secs(30));
    let answer = Outcome::Limited { error: "429 Too Many Requests, Retry-After: 30".to_owned(), until };
    commit(db, vec![Finished { job, outcome: answer }]).await;

    let waiting = lease_with(db, 10, 0).await;
    assert_eq!((waiting.jobs.len(), waiting.next_due), (0, Some(until)));
    let queue = ledger::list_queues(db).await.unwrap().remove(0);
    assert_eq!(queue.blocked_until, Some(until));
    assert!(queue.blocked_reason.unwrap().starts_with("429"));
    let row = ground::job(db, workspace, id).await;
    assert_eq!((row.state.as_str(), row.max_attempts), ("ready", 2), "it has lost no try");
    assert_eq!(ledger::list_job_errors(db, workspace, id).await.unwrap().len(), 1);

    db.clock().advance(Duration::from_secs(30));
    assert_eq!(lease(db, 10).await.len(), ids.len());

    let again = Outcome::Limited { error: "429".to_owned(), until: db.now() + Duration::from_secs(3_600) };
    enqueue(db, vec![noop(workspace)]).await;
    let job = lease(db, 1).await.remove(0);
    commit(db, vec![Finished { job, outcome: again }]).await;
    db.clock().advance(Duration::from_secs(1));
    enqueue(db, vec![noop(workspace)]).await;
    assert!(lease(db, 10).await.is_empty());
    let mut tx = db.begin().await.unwrap();
    ledger::unblock(&mut tx, QUEUE).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(lease(db, 10).await.len(), 1, "a person knew better");
}

async fn a_key_that_must_wait_leaves_the_others_alone(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let of = |key: &str| NewJob { limit_key: Some(key.to_owned()), ..noop(workspace) };
    enqueue(db, vec![of("a.example"); 3]).await;
    let job = lease(db, 1).await.remove(0);
    let until = db.now() + Duration::from_secs(30);
    commit(db, vec![Finished { job, outcome: Outcome::Limited { error: "slow down".to_owned(), until } }]).await;
    enqueue(db, vec![of("b.example"); 2]).await;
    let dispatched = lease_with(db, 10, 0).await;
    assert_eq!(by_key(&dispatched.jobs), HashMap::from([(Some("b.example"), 2)]));
    assert_eq!(dispatched.next_due, Some(until));
    db.clock().advance(Duration::from_secs(30));
    assert_eq!(by_key(&lease(db, 10).await), HashMap::from([(Some("a.example"), 3)]));
}

async fn a_change_of_limits_holds_from_the_next_lease_on(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    enqueue(db, vec![noop(workspace); 100]).await;
    set(db, QueueLimits { rate: Some(1), rate_seconds: 3_600, ..limits() }).await;
    assert_eq!(lease(db, 10).await.len(), 1);
    assert_eq!(lease(db, 10).await.len(), 0);
    set(db, limits()).await;
    assert_eq!(lease(db, 10).await.len(), 10);
    run_sql(db, "update queues set paused = true").await;
    assert_eq!(lease(db, 10).await.len(), 0);
}

#[test]
fn limits_that_cannot_be_are_named() {
    let bad = QueueLimits {
        rate: Some(0),
        rate_seconds: 0,
        burst: Some(-1),
        concurrency: Some(0),
        key_concurrency: Some(0),
        workspace_concurrency: Some(0),
    };
    let fields: Vec<_> = bad.check().iter().map(|bad| bad.field).collect();
    assert_eq!(fields, ["rate", "rate_seconds", "burst", "concurrency", "key_concurrency", "workspace_concurrency"]);
    assert_eq!(limits().check(), []);
}
