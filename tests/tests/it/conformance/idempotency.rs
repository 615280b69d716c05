//! Keys of requests, on both engines.

use std::time::Duration;

use herald_db::Db;
use herald_ledger::idempotency::{self, Begun, Claim, Held, KEPT_FOR, Kept, LEASE, Steps};
use herald_tests::{TestDatabase, on_both_engines};
use uuid::Uuid;

on_both_engines! {
    an_answer_is_kept_for_who_asks_again,
    of_two_that_ask_at_once_one_is_the_first,
    a_process_that_died_locks_no_key_for_ever,
    who_answers_for_long_keeps_the_key,
    what_came_to_nothing_may_be_tried_again,
    answers_are_forgotten_after_a_day,
    a_request_goes_on_behind_its_last_step,
    of_two_processes_with_one_request_one_goes_on,
    steps_are_forgotten_after_a_day,
}

fn answer() -> Kept {
    let headers = [("location".to_owned(), "/api/v1/batches/1".to_owned())].into();
    Kept { status: 202, headers, body: b"{\"a\": \"\\u0000\"}".to_vec() }
}

async fn workspace(database: &TestDatabase) -> Uuid {
    herald_people::ensure_default_workspace(&database.db).await.unwrap()
}

async fn first(db: &Db, workspace: Uuid, key: &str) -> Held {
    match idempotency::claim(db, workspace, key, "request").await.unwrap() {
        Claim::First(held) => held,
        other => panic!("{other:?}"),
    }
}

async fn an_answer_is_kept_for_who_asks_again(database: &TestDatabase) {
    let (db, workspace) = (&database.db, workspace(database).await);
    let claim = async |request: &str| idempotency::claim(db, workspace, "key", request).await.unwrap();
    let held = first(db, workspace, "key").await;
    assert_eq!(claim("request").await, Claim::InProgress);
    assert_eq!(claim("another").await, Claim::AnotherRequest);
    assert!(idempotency::keep(db, &held, &answer()).await.unwrap());
    assert_eq!(claim("request").await, Claim::Answered(answer()));
    assert_eq!(claim("another").await, Claim::AnotherRequest);
    idempotency::release(db, &held).await.unwrap();
    assert_eq!(claim("request").await, Claim::Answered(answer()), "what is done is not given back");
}

async fn of_two_that_ask_at_once_one_is_the_first(database: &TestDatabase) {
    let (db, workspace) = (&database.db, workspace(database).await);
    let claims = (0..6).map(|_| idempotency::claim(db, workspace, "key", "request"));
    let claims = futures::future::try_join_all(claims).await.unwrap();
    let firsts = claims.iter().filter(|claim| matches!(claim, Claim::First(_))).count();
    let waiting = claims.iter().filter(|claim| **claim == Claim::InProgress).count();
    assert_eq!((firsts, waiting), (1, 5));
}

async fn a_process_that_died_locks_no_key_for_ever(database: &TestDatabase) {
    let (db, workspace) = (&database.db, workspace(database).await);
    let dead = first(db, workspace, "key").await;
    db.clock().advance(LEASE.to_std().unwrap());
    let held = first(db, workspace, "key").await;
    assert!(!idempotency::keep(db, &dead, &answer()).await.unwrap(), "it was only slow, and comes too late");
    idempotency::release(db, &dead).await.unwrap();
    assert_eq!(idempotency::claim(db, workspace, "key", "request").await.unwrap(), Claim::InProgress);
    assert!(idempotency::keep(db, &held, &answer()).await.unwrap());
}

async fn who_answers_for_long_keeps_the_key(database: &TestDatabase) {
    let (db, workspace) = (&database.db, workspace(database).await);
    let held = first(db, workspace, "key").await;
    for _ in 0..3 {
        db.clock().advance(LEASE.to_std().unwrap() - Duration::from_secs(1));
        idempotency::renew(db, &held).await.unwrap();
    }
    assert_eq!(idempotency::claim(db, workspace, "key", "request").await.unwrap(), Claim::InProgress);
    assert!(idempotency::keep(db, &held, &answer()).await.unwrap());
}

async fn what_came_to_nothing_may_be_tried_again(database: &TestDatabase) {
    let (db, workspace) = (&database.db, workspace(database).await);
    let held = first(db, workspace, "key").await;
    idempotency::release(db, &held).await.unwrap();
    first(db, workspace, "key").await;
}

async fn answers_are_forgotten_after_a_day(database: &TestDatabase) {
    let (db, workspace) = (&database.db, workspace(database).await);
    for key in ["one", "two"] {
        let held = first(db, workspace, key).await;
        idempotency::keep(db, &held, &answer()).await.unwrap();
    }
    db.clock().advance(KEPT_FOR.to_std().unwrap() - Duration::from_secs(1));
    first(db, workspace, "young").await;
    assert_eq!(idempotency::prune(db, 10).await.unwrap(), 0);
    db.clock().advance(Duration::from_secs(1));
    assert_eq!(idempotency::prune(db, 1).await.unwrap(), 1);
    let again = first(db, workspace, "two").await;
    assert!(idempotency::keep(db, &again, &answer()).await.unwrap(), "its row may be there still, or not");
    idempotency::prune(db, 10).await.unwrap();
    assert!(matches!(idempotency::claim(db, workspace, "two", "request").await.unwrap(), Claim::Answered(_)));
}

async fn steps(db: &Db, workspace: Uuid, body: &str) -> Option<Steps> {
    match idempotency::begun(db, workspace, "orders", "key", body).await.unwrap() {
        Begun::Here(steps) => Some(steps),
        Begun::AnotherBody => None,
    }
}

/// Notes a step in a transaction of its own, and commits it if it may go on.
async fn note(db: &Db, steps: &mut Steps, noted: &str) -> bool {
    let mut tx = db.begin().await.unwrap();
    let goes_on = steps.note(&mut tx, noted.into()).await.unwrap();
    if goes_on {
        tx.commit().await.unwrap();
    }
    goes_on
}

async fn a_request_goes_on_behind_its_last_step(database: &TestDatabase) {
    let (db, workspace) = (&database.db, workspace(database).await);
    let mut begun = steps(db, workspace, "body").await.unwrap();
    assert_eq!(begun.noted, None);
    assert!(note(db, &mut begun, "1").await && note(db, &mut begun, "2").await);
    // One that is rolled back was not.
    let mut tx = db.begin().await.unwrap();
    assert!(begun.note(&mut tx, b"3".to_vec()).await.unwrap());
    drop(tx);
    let mut again = steps(db, workspace, "body").await.unwrap();
    assert_eq!(again.noted.as_deref(), Some(&b"2"[..]));
    assert!(note(db, &mut again, "3").await);
    assert_eq!(steps(db, workspace, "another").await, None, "the key is bound to the body");
    // A client's key of the same letters is another.
    assert!(matches!(idempotency::claim(db, workspace, "key", "request").await.unwrap(), Claim::First(_)));
}

async fn of_two_processes_with_one_request_one_goes_on(database: &TestDatabase) {
    let (db, workspace) = (&database.db, workspace(database).await);
    let mut one = steps(db, workspace, "body").await.unwrap();
    let mut two = steps(db, workspace, "body").await.unwrap();
    assert!(note(db, &mut one, "1").await);
    assert!(!note(db, &mut two, "1").await);
    let mut two = steps(db, workspace, "body").await.unwrap();
    assert!(note(db, &mut two, "2").await);
    assert!(!note(db, &mut one, "2").await);
}

async fn steps_are_forgotten_after_a_day(database: &TestDatabase) {
    let (db, workspace) = (&database.db, workspace(database).await);
    assert!(note(db, &mut steps(db, workspace, "body").await.unwrap(), "1").await);
    db.clock().advance(KEPT_FOR.to_std().unwrap());
    let mut later = steps(db, workspace, "another").await.unwrap();
    assert_eq!(later.noted, None);
    assert!(note(db, &mut later, "1").await);
    db.clock().advance(KEPT_FOR.to_std().unwrap());
    assert_eq!(idempotency::prune(db, 10).await.unwrap(), 1);
}
