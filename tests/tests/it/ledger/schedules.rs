//! Schedules: each tick once, whatever happens to the schedulers and their clocks.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use herald_base::{clock::Clock, ids::Ids};
use herald_db::{Db, query};
use herald_ledger::{
    schedules::{self, Change, Missed, NewSchedule, Overlap, RunNow, Schedule},
    wire::Wire,
};
use herald_scheduler::{Outlet, Scheduler, fire_due};
use herald_tests::{TestDatabase, on_both_engines, wait_until};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::ground::{self, done, lease_from, number, person, run_sql, schedule};

on_both_engines! {
    each_tick_makes_one_job_however_many_schedulers_run_and_die,
    of_schedulers_that_fire_the_same_tick_one_does,
    a_scheduler_wakes_when_a_schedule_is_made,
    missed_ticks_are_treated_as_the_policy_says,
    ticks_missed_while_paused_are_treated_as_the_policy_says,
    a_tick_older_than_the_last_hundred_is_left_out,
    a_clock_that_is_set_back_fires_nothing_twice,
    a_clock_that_jumps_ahead_and_comes_back_fires_nothing_twice,
    a_job_still_running_holds_up_the_next_only_if_asked_to,
    a_kind_that_must_not_run_beside_itself_does_not,
    a_schedule_changed_meanwhile_is_not_fired_as_it_was,
    running_now_leaves_the_next_tick_where_it_is,
    a_schedule_that_cannot_make_its_job_says_so_and_holds_up_no_other,
    a_removed_schedule_fires_no_more,
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// A scheduler alone, which is killed by aborting its task: no `herald_tests::App`, whose processes have workers.
fn scheduler(db: Db) -> JoinHandle<()> {
    let scheduler = Scheduler {
        db,
        outlet: Outlet::in_process(Wire::in_process(), "a scheduler".to_owned()),
        lease: HOUR,
        tick: HOUR,
        keep: Duration::from_secs(30 * 86_400),
        keep_members: Duration::from_secs(90 * 86_400),
    };
    tokio::spawn(scheduler.run(CancellationToken::new()))
}

async fn made(db: &Db, new: NewSchedule) -> Schedule {
    schedules::create(db, &person(new.workspace_id), new).await.unwrap()
}

async fn now_of(db: &Db, schedule: &Schedule) -> Schedule {
    schedules::find_schedule(db, schedule.workspace_id, schedule.id).await.unwrap().unwrap()
}

async fn jobs(db: &Db) -> i64 {
    number(db, "select count(*) from jobs").await
}

/// The ticks that have a job, oldest first.
async fn ticks(db: &Db) -> Vec<DateTime<Utc>> {
    let keys: Vec<(String,)> = query("select unique_key from jobs").all(db).await.unwrap();
    let mut ticks: Vec<_> = keys
        .iter()
        .map(|(key,)| DateTime::from_timestamp(key.rsplit(':').next().unwrap().parse().unwrap(), 0).unwrap())
        .collect();
    ticks.sort();
    ticks
}

async fn each_tick_makes_one_job_however_many_schedulers_run_and_die(database: &TestDatabase) {
    let db = &database.db;
    let schedule = made(db, schedule(ground::workspace(db).await)).await;
    let mut running = Vec::new();
    for seed in 1..=4 {
        running.push(scheduler(database.connect(db.clock().clone(), Ids::seeded(seed)).await));
    }
    for tick in 1..=12 {
        db.clock().advance(MINUTE);
        if tick % 3 == 0 {
            // Killed in the middle of whatever it does, and replaced.
            running.remove(0).abort();
            running.push(scheduler(database.connect(db.clock().clone(), Ids::seeded(100 + tick)).await));
        }
        wait_until("the tick has fired", async || now_of(db, &schedule).await.next_run > Some(db.now())).await;
    }
    running.iter().for_each(JoinHandle::abort);
    for scheduler in running {
        let _ = scheduler.await;
    }
    let expected: Vec<_> = (1..=12).map(|tick| TestDatabase::start() + MINUTE * tick).collect();
    assert_eq!(ticks(db).await, expected);
}

async fn of_schedulers_that_fire_the_same_tick_one_does(database: &TestDatabase) {
    let db = &database.db;
    made(db, schedule(ground::workspace(db).await)).await;
    db.clock().advance(MINUTE);
    let due = schedules::due(db, db.now(), 10).await.unwrap();
    let mut others = Vec::new();
    for seed in 1..=6 {
        others.push(database.connect(db.clock().clone(), Ids::seeded(seed)).await);
    }
    let fired = join_all(others.iter().map(|other| schedules::fire(other, &due[0], db.now()))).await;
    let moved: Vec<_> = fired.into_iter().map(Result::unwrap).filter(|fired| fired.moved).collect();
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].jobs[0].0, TestDatabase::start() + MINUTE);
    assert_eq!(jobs(db).await, 1);
}

async fn a_scheduler_wakes_when_a_schedule_is_made(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    // It would look by itself only in an hour.
    let running = scheduler(db.clone());
    let made = made(db, schedule(workspace)).await;
    db.clock().advance(MINUTE);
    wait_until("the new schedule has fired", async || jobs(db).await == 1).await;
    // And when a tick is moved nearer.
    let hourly = Change { cron: Some("0 * * * *".to_owned()), ..Change::default() };
    schedules::change(db, &person(workspace), made.id, hourly).await.unwrap();
    let often = Change { cron: Some("*/10 * * * * *".to_owned()), ..Change::default() };
    schedules::change(db, &person(workspace), made.id, often).await.unwrap();
    db.clock().advance(Duration::from_secs(10));
    wait_until("the changed schedule has fired", async || jobs(db).await == 2).await;
    running.abort();
}

/// What fires of an hourly schedule after a pause of three hours and a half.
async fn caught_up(database: &TestDatabase, missed: Missed, paused: bool) -> (Vec<DateTime<Utc>>, Schedule) {
    let db = &database.db;
    run_sql(db, "delete from jobs").await;
    run_sql(db, "delete from schedules").await;
    let workspace = ground::workspace(db).await;
    let made = made(db, NewSchedule { cron: "0 * * * *".to_owned(), missed, ..schedule(workspace) }).await;
    if paused {
        schedules::pause(db, &person(workspace), made.id).await.unwrap();
    }
    db.clock().advance(HOUR * 7 / 2);
    if paused {
        assert_eq!(fire_due(db).await.unwrap(), None);
        assert_eq!(jobs(db).await, 0);
        schedules::resume(db, &person(workspace), made.id).await.unwrap();
    }
    fire_due(db).await.unwrap();
    fire_due(db).await.unwrap();
    let result = (ticks(db).await, now_of(db, &made).await);
    // Back to a whole hour.
    db.clock().advance(HOUR / 2);
    result
}

async fn hold_to_policies(database: &TestDatabase, paused: bool) {
    for (missed, left) in [(Missed::Skip, 0), (Missed::Once, 1), (Missed::All, 3)] {
        let start = database.db.now();
        let (ticks, schedule) = caught_up(database, missed, paused).await;
        let expected: Vec<_> = (4 - left..=3).map(|hour| start + HOUR * hour).collect();
        assert_eq!(ticks, expected, "{missed}");
        assert_eq!(schedule.next_run, Some(start + HOUR * 4), "{missed}");
    }
}

async fn missed_ticks_are_treated_as_the_policy_says(database: &TestDatabase) {
    hold_to_policies(database, false).await;
}

async fn ticks_missed_while_paused_are_treated_as_the_policy_says(database: &TestDatabase) {
    hold_to_policies(database, true).await;
}

async fn a_tick_older_than_the_last_hundred_is_left_out(database: &TestDatabase) {
    let db = &database.db;
    made(db, NewSchedule { missed: Missed::All, ..schedule(ground::workspace(db).await) }).await;
    db.clock().advance(MINUTE * 130);
    let due = schedules::due(db, db.now(), 10).await.unwrap();
    let fired = schedules::fire(db, &due[0], db.now()).await.unwrap();
    assert_eq!((fired.jobs.len(), fired.missed), (100, 30));
    assert_eq!(ticks(db).await[0], TestDatabase::start() + MINUTE * 31);
}

async fn a_clock_that_is_set_back_fires_nothing_twice(database: &TestDatabase) {
    let db = &database.db;
    let schedule = made(db, schedule(ground::workspace(db).await)).await;
    let behind = database.connect(Clock::manual(TestDatabase::start() + MINUTE * 3), Ids::seeded(9)).await;
    for _ in 0..5 {
        db.clock().advance(MINUTE);
        fire_due(db).await.unwrap();
    }
    for _ in 0..2 {
        fire_due(&behind).await.unwrap();
        behind.clock().advance(MINUTE);
    }
    assert_eq!(jobs(db).await, 5);
    assert_eq!(now_of(db, &schedule).await.next_run, Some(TestDatabase::start() + MINUTE * 6));
    // Once it has caught up it goes on without a gap.
    behind.clock().advance(MINUTE);
    fire_due(&behind).await.unwrap();
    assert_eq!(jobs(db).await, 6);
}

async fn a_clock_that_jumps_ahead_and_comes_back_fires_nothing_twice(database: &TestDatabase) {
    let db = &database.db;
    made(db, NewSchedule { missed: Missed::All, ..schedule(ground::workspace(db).await) }).await;
    let ahead = database.connect(Clock::manual(TestDatabase::start() + MINUTE * 10), Ids::seeded(9)).await;
    fire_due(&ahead).await.unwrap();
    for _ in 0..12 {
        db.clock().advance(MINUTE);
        fire_due(db).await.unwrap();
    }
    let expected: Vec<_> = (1..=12).map(|tick| TestDatabase::start() + MINUTE * tick).collect();
    assert_eq!(ticks(db).await, expected);
}

async fn a_job_still_running_holds_up_the_next_only_if_asked_to(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let skips = NewSchedule { name: "skips".to_owned(), overlap: Overlap::Skip, ..schedule(workspace) };
    let skips = made(db, skips).await;
    made(db, schedule(workspace)).await;
    for _ in 0..3 {
        db.clock().advance(MINUTE);
        fire_due(db).await.unwrap();
    }
    // Three of the one, one of the other, which has moved on all the same.
    assert_eq!(jobs(db).await, 4);
    assert_eq!(now_of(db, &skips).await.next_run, Some(db.now() + MINUTE));
    let Ok(RunNow::Unfinished(job)) = schedules::run_now(db, &person(workspace), skips.id).await else {
        panic!("it was run beside itself")
    };
    assert_eq!(Some(job), now_of(db, &skips).await.last_job_id);
    for job in lease_from(db, "sync", 10).await {
        ground::commit(db, vec![done(job)]).await;
    }
    db.clock().advance(MINUTE);
    fire_due(db).await.unwrap();
    assert_eq!(jobs(db).await, 6);
}

async fn a_kind_that_must_not_run_beside_itself_does_not(database: &TestDatabase) {
    let db = &database.db;
    let new = NewSchedule {
        kind: "crm.sync".to_owned(),
        args: serde_json::json!({ "scope": "changes" }),
        ..schedule(ground::workspace(db).await)
    };
    made(db, new).await;
    for _ in 0..3 {
        db.clock().advance(MINUTE);
        fire_due(db).await.unwrap();
    }
    assert_eq!(jobs(db).await, 1);
}

async fn a_schedule_changed_meanwhile_is_not_fired_as_it_was(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let schedule = made(db, schedule(workspace)).await;
    db.clock().advance(MINUTE);
    let due = schedules::due(db, db.now(), 10).await.unwrap();
    schedules::pause(db, &person(workspace), schedule.id).await.unwrap();
    assert!(!schedules::fire(db, &due[0], db.now()).await.unwrap().moved);
    assert_eq!(jobs(db).await, 0);
}

async fn running_now_leaves_the_next_tick_where_it_is(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let schedule = made(db, NewSchedule { paused: true, ..schedule(workspace) }).await;
    db.clock().advance(Duration::from_secs(30));
    for run in 1..=2 {
        let Ok(RunNow::Job(job)) = schedules::run_now(db, &person(workspace), schedule.id).await else {
            panic!("no job")
        };
        let now = now_of(db, &schedule).await;
        assert_eq!((now.next_run, now.last_run, now.last_job_id), (schedule.next_run, Some(db.now()), Some(job)));
        assert_eq!(jobs(db).await, run);
    }
    let elsewhere = ground::workspace_named(db, "elsewhere").await;
    assert_eq!(schedules::run_now(db, &person(elsewhere), schedule.id).await.unwrap(), RunNow::Unknown);
}

async fn a_schedule_that_cannot_make_its_job_says_so_and_holds_up_no_other(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let no_kind = made(db, NewSchedule { name: "no kind".to_owned(), ..schedule(workspace) }).await;
    let no_zone = made(db, NewSchedule { name: "no zone".to_owned(), ..schedule(workspace) }).await;
    made(db, schedule(workspace)).await;
    // As an older version may have left them.
    run_sql(db, "update schedules set kind = 'no.such' where name = 'no kind'").await;
    run_sql(db, "update schedules set time_zone = 'Mars/Olympus' where name = 'no zone'").await;
    db.clock().advance(MINUTE);
    assert_eq!(fire_due(db).await.unwrap(), Some(db.now() + MINUTE));
    assert_eq!(jobs(db).await, 1);
    let (kind, zone) = (now_of(db, &no_kind).await, now_of(db, &no_zone).await);
    assert!(kind.last_error.unwrap().starts_with("kind: there is no kind of job \"no.such\""));
    assert_eq!(kind.next_run, Some(db.now() + MINUTE));
    assert!(zone.last_error.unwrap().starts_with("time_zone: there is no time zone"));
    assert_eq!(zone.next_run, None);
    // A person mends it.
    let mended = Change { time_zone: Some("UTC".to_owned()), ..Change::default() };
    let mended = schedules::change(db, &person(workspace), zone.id, mended).await.unwrap().unwrap();
    assert_eq!((mended.last_error, mended.next_run), (None, Some(db.now() + MINUTE)));
}

async fn a_removed_schedule_fires_no_more(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let schedule = made(db, schedule(workspace)).await;
    db.clock().advance(MINUTE);
    fire_due(db).await.unwrap();
    let due = now_of(db, &schedule).await;
    assert!(schedules::remove(db, &person(workspace), schedule.id).await.unwrap());
    db.clock().advance(MINUTE);
    assert_eq!(fire_due(db).await.unwrap(), None);
    assert!(!schedules::fire(db, &due, db.now()).await.unwrap().moved);
    assert_eq!(jobs(db).await, 1, "what it made stays");
}
