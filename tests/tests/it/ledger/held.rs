//! Schedules that hold themselves up: their maker may no longer start their job, or their job ends whoever runs it.

use std::time::Duration;

use herald_db::Db;
use herald_ledger::{
    Leased,
    audit::{self, AuditFilter},
    schedules::{self, Schedule, ScheduleError},
};
use herald_scheduler::{fire_due, rescue_all};
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::json;
use uuid::Uuid;

use crate::ground::{self, done, lease_from, person, retry, run_sql, schedule};

on_both_engines! {
    a_schedule_whose_job_ends_its_process_twice_in_a_row_is_held_up,
    lost_attempts_that_are_not_in_a_row_do_not_add_up,
    a_job_lost_on_the_wire_counts_for_nothing,
    a_schedule_of_an_older_version_counts_as_made_by_staff,
}

const MINUTE: Duration = Duration::from_secs(60);

async fn made(db: &Db) -> Schedule {
    let workspace = ground::workspace(db).await;
    schedules::create(db, &person(workspace), schedule(workspace)).await.unwrap()
}

async fn now_of(db: &Db, schedule: &Schedule) -> Schedule {
    schedules::find_schedule(db, schedule.workspace_id, schedule.id).await.unwrap().unwrap()
}

async fn leased(db: &Db) -> Leased {
    lease_from(db, "sync", 1).await.remove(0)
}

/// The next tick's job, given to a process.
async fn fired(db: &Db) -> Leased {
    db.clock().advance(MINUTE);
    fire_due(db).await.unwrap();
    leased(db).await
}

/// The process that ran the job dies, and what it held is brought back.
async fn crash(db: &Db) {
    assert_eq!(rescue_all(db).await.unwrap(), 1);
    // The second time a job waits before Herald will retry.
    db.clock().advance(Duration::from_secs(15));
}

async fn state(db: &Db, workspace: Uuid, job: Uuid) -> String {
    ground::job(db, workspace, job).await.state.to_string()
}

async fn a_schedule_whose_job_ends_its_process_twice_in_a_row_is_held_up(database: &TestDatabase) {
    let db = &database.db;
    let schedule = made(db).await;
    let job = fired(db).await;
    crash(db).await;
    let once = now_of(db, &schedule).await;
    assert_eq!((once.paused, once.lost), (false, 1));
    assert_eq!(leased(db).await.id, job.id, "Herald will retry");
    crash(db).await;
    let held = now_of(db, &schedule).await;
    let reason = held.last_error.clone().unwrap();
    assert!(held.paused && reason.contains("ended the process that ran it 2 times in a row"), "{reason}");
    assert!(reason.contains(&job.id.to_string()), "{reason}");
    assert_eq!(state(db, schedule.workspace_id, job.id).await, "dead", "or it would end the next process, too");
    db.clock().advance(MINUTE * 5);
    assert_eq!(fire_due(db).await.unwrap(), None);
    assert!(lease_from(db, "sync", 1).await.is_empty());
    let log = audit::log(db, schedule.workspace_id, &AuditFilter::default(), 1).await.unwrap();
    assert_eq!((log[0].action.as_str(), log[0].who.as_str()), ("schedule.hold_up", "schedule"));
    // A person who has looked lets it go on, and it begins from nothing.
    let resumed = schedules::resume(db, &person(schedule.workspace_id), schedule.id).await.unwrap().unwrap();
    assert_eq!((resumed.paused, resumed.lost, resumed.last_error), (false, 0, None));
    fired(db).await;
    crash(db).await;
    assert!(!now_of(db, &schedule).await.paused);
}

async fn lost_attempts_that_are_not_in_a_row_do_not_add_up(database: &TestDatabase) {
    let db = &database.db;
    let schedule = made(db).await;
    fired(db).await;
    crash(db).await;
    // The second attempt fails by itself, and the third is lost.
    let second = leased(db).await;
    ground::commit(db, vec![retry(db, second, Duration::ZERO)]).await;
    let third = leased(db).await;
    crash(db).await;
    let now = now_of(db, &schedule).await;
    assert_eq!((now.paused, now.lost, third.attempt), (false, 1, 3));
    // It went well, so what the next job loses is the first.
    let fourth = leased(db).await;
    ground::commit(db, vec![done(fourth)]).await;
    fired(db).await;
    crash(db).await;
    let now = now_of(db, &schedule).await;
    assert_eq!((now.paused, now.lost), (false, 1));
}

async fn a_job_lost_on_the_wire_counts_for_nothing(database: &TestDatabase) {
    let db = &database.db;
    let schedule = made(db).await;
    for _ in 0..3 {
        fired(db).await;
        run_sql(db, "update jobs set worker = 'wire' where state = 'running'").await;
        assert_eq!(rescue_all(db).await.unwrap(), 1);
        let job = leased(db).await;
        ground::commit(db, vec![done(job)]).await;
    }
    assert_eq!(now_of(db, &schedule).await.lost, 0);
}

async fn a_schedule_of_an_older_version_counts_as_made_by_staff(database: &TestDatabase) {
    let db = &database.db;
    let canary = made(db).await;
    let plan = json!({ "event": "Gala", "template": "gala", "source": { "kind": "mautic", "form": 3 } });
    let nightly = schedules::NewSchedule {
        name: "nightly".to_owned(),
        kind: "invitation.start".to_owned(),
        args: plan,
        ..schedule(canary.workspace_id)
    };
    let nightly = schedules::create(db, &person(canary.workspace_id), nightly).await.unwrap();
    run_sql(db, "update schedules set made_by = null").await;
    db.clock().advance(MINUTE);
    fire_due(db).await.unwrap();
    let (canary, nightly) = (now_of(db, &canary).await, now_of(db, &nightly).await);
    let reason = canary.last_error.clone().unwrap();
    assert!(canary.paused && reason.contains("only its administrators can start them"), "{reason}");
    assert!(!nightly.paused && nightly.last_job_id.is_some(), "{:?}", nightly.last_error);
    // Somebody who is nobody there does not get it going again.
    let stranger =
        audit::Actor { who: "user:0199a0a0-0000-7000-8000-000000000000".to_owned(), ..person(canary.workspace_id) };
    let refused = schedules::resume(db, &stranger, canary.id).await;
    assert!(matches!(refused, Err(ScheduleError::Refused(_))), "{refused:?}");
    assert!(now_of(db, &canary).await.paused);
}
