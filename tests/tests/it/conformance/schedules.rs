//! Every query about schedules.

use std::time::Duration;

use herald_db::Db;
use herald_ledger::{
    audit::{self, AuditFilter},
    schedules::{self, Change, Missed, NewSchedule, Overlap, RunNow, ScheduleError},
};
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ground::{self, person, schedule};

on_both_engines! {
    what_was_made_is_read_back,
    a_name_is_given_once_in_a_workspace,
    everything_wrong_is_said_at_once_and_nothing_is_written,
    only_what_is_named_is_changed,
    schedules_are_listed_newest_first_in_pages,
    the_schedules_due_are_those_not_paused,
    a_workspace_sees_only_its_own,
    what_people_do_stands_in_the_audit_log,
    what_did_not_happen_is_not_in_the_audit_log,
}

async fn what_was_made_is_read_back(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let new = NewSchedule {
        time_zone: "Europe/Madrid".to_owned(),
        missed: Missed::All,
        overlap: Overlap::Skip,
        ..schedule(workspace)
    };
    let made = schedules::create(db, &person(workspace), new.clone()).await.unwrap();
    let read = schedules::find_schedule(db, workspace, made.id).await.unwrap().unwrap();
    let named = schedules::find_schedule_named(db, workspace, &new.name).await.unwrap().unwrap();
    for row in [made, read, named] {
        assert_eq!((row.workspace_id, &row.name, &row.cron), (workspace, &new.name, &new.cron));
        assert_eq!((row.time_zone.as_str(), row.kind.as_str()), ("Europe/Madrid", "probe.run"));
        assert_eq!(row.args.0, json!({ "probe": "canary", "number": 0 }));
        assert_eq!((row.made_by.as_deref(), row.lost), (Some("cli:test"), 0));
        assert_eq!((row.missed.as_str(), row.overlap.as_str(), row.paused), ("all", "skip", false));
        assert_eq!(row.next_run, Some(db.now() + Duration::from_secs(60)));
        assert_eq!((row.last_run, row.last_job_id, row.last_error, row.revision), (None, None, None, 0));
        assert_eq!((row.created_at, row.updated_at), (db.now(), db.now()));
    }
    assert!(schedules::find_schedule_named(db, workspace, "nothing").await.unwrap().is_none());
}

async fn a_name_is_given_once_in_a_workspace(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    schedules::create(db, &person(workspace), schedule(workspace)).await.unwrap();
    let refused = |error: ScheduleError| {
        let ScheduleError::Flaws(flaws) = error else { panic!("{error}") };
        assert_eq!(flaws.0.len(), 1);
        assert_eq!(flaws.0[0].field, "name");
    };
    refused(schedules::create(db, &person(workspace), schedule(workspace)).await.unwrap_err());
    let other =
        schedules::create(db, &person(workspace), NewSchedule { name: "other".to_owned(), ..schedule(workspace) })
            .await
            .unwrap();
    let change = Change { name: Some(schedule(workspace).name), ..Change::default() };
    refused(schedules::change(db, &person(workspace), other.id, change).await.unwrap_err());
    let elsewhere = ground::workspace_named(db, "elsewhere").await;
    schedules::create(db, &person(elsewhere), schedule(elsewhere)).await.unwrap();
}

async fn everything_wrong_is_said_at_once_and_nothing_is_written(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let wrong = NewSchedule {
        name: " ".to_owned(),
        cron: "0 0 30 2 *".to_owned(),
        time_zone: "Madrid".to_owned(),
        args: json!({ "probe": 7 }),
        ..schedule(workspace)
    };
    let ScheduleError::Flaws(flaws) = schedules::create(db, &person(workspace), wrong).await.unwrap_err() else {
        panic!("it was made")
    };
    let fields: Vec<_> = flaws.0.iter().map(|flaw| flaw.field.as_str()).collect();
    assert_eq!(fields, ["name", "cron", "time_zone", "args.probe"]);
    assert!(schedules::list_schedules(db, workspace, None, 10).await.unwrap().is_empty());
}

async fn only_what_is_named_is_changed(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let made = schedules::create(db, &person(workspace), schedule(workspace)).await.unwrap();
    db.clock().advance(Duration::from_secs(600));
    let change = Change { missed: Some(Missed::Skip), name: Some("renamed".to_owned()), ..Change::default() };
    let changed = schedules::change(db, &person(workspace), made.id, change).await.unwrap().unwrap();
    assert_eq!((changed.name.as_str(), changed.missed.as_str()), ("renamed", "skip"));
    assert_eq!((&changed.cron, &changed.args.0), (&made.cron, &made.args.0));
    assert_eq!((changed.next_run, changed.updated_at), (made.next_run, db.now()), "its ticks are not disturbed");
    let change =
        Change { time_zone: Some("Asia/Kolkata".to_owned()), cron: Some("0 9 * * *".to_owned()), ..Change::default() };
    let changed = schedules::change(db, &person(workspace), made.id, change).await.unwrap().unwrap();
    assert_eq!(changed.next_run.unwrap().to_rfc3339(), "2026-03-02T03:30:00+00:00", "it begins anew");
    let wrong = Change { args: Some(json!({})), ..Change::default() };
    assert!(matches!(schedules::change(db, &person(workspace), made.id, wrong).await, Err(ScheduleError::Flaws(_))));
}

async fn schedules_are_listed_newest_first_in_pages(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    for name in ["one", "two", "three"] {
        db.clock().advance(Duration::from_millis(5));
        schedules::create(db, &person(workspace), NewSchedule { name: name.to_owned(), ..schedule(workspace) })
            .await
            .unwrap();
    }
    let page = schedules::list_schedules(db, workspace, None, 2).await.unwrap();
    assert_eq!(page.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["three", "two"]);
    let rest = schedules::list_schedules(db, workspace, Some(page[1].id), 2).await.unwrap();
    assert_eq!(rest.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["one"]);
}

async fn the_schedules_due_are_those_not_paused(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    assert_eq!(schedules::next_due(db).await.unwrap(), None);
    let hourly = NewSchedule { name: "hourly".to_owned(), cron: "0 * * * *".to_owned(), ..schedule(workspace) };
    schedules::create(db, &person(workspace), hourly).await.unwrap();
    let minutely = schedules::create(db, &person(workspace), schedule(workspace)).await.unwrap();
    assert_eq!(schedules::next_due(db).await.unwrap(), minutely.next_run);
    db.clock().advance(Duration::from_secs(3_600));
    let names = async |limit| {
        let due = schedules::due(db, db.now(), limit).await.unwrap();
        due.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert_eq!(names(10).await, [minutely.name.as_str(), "hourly"]);
    assert_eq!(names(1).await, [minutely.name.as_str()]);
    let paused = schedules::pause(db, &person(workspace), minutely.id).await.unwrap().unwrap();
    assert!(paused.paused && paused.next_run == minutely.next_run);
    assert_eq!(names(10).await, ["hourly"]);
    let resumed = schedules::resume(db, &person(workspace), minutely.id).await.unwrap().unwrap();
    let again = schedules::resume(db, &person(workspace), minutely.id).await.unwrap().unwrap();
    assert!(!resumed.paused);
    assert_eq!(again.revision, resumed.revision, "what is so already is no change");
    assert_eq!(names(10).await.len(), 2);
}

async fn a_workspace_sees_only_its_own(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let elsewhere = ground::workspace_named(db, "elsewhere").await;
    let made = schedules::create(db, &person(workspace), schedule(workspace)).await.unwrap();
    assert!(schedules::find_schedule(db, elsewhere, made.id).await.unwrap().is_none());
    assert!(schedules::find_schedule_named(db, elsewhere, &made.name).await.unwrap().is_none());
    assert!(schedules::list_schedules(db, elsewhere, None, 10).await.unwrap().is_empty());
    assert!(schedules::pause(db, &person(elsewhere), made.id).await.unwrap().is_none());
    assert!(schedules::change(db, &person(elsewhere), made.id, Change::default()).await.unwrap().is_none());
    assert!(!schedules::remove(db, &person(elsewhere), made.id).await.unwrap());
    assert!(!schedules::find_schedule(db, workspace, made.id).await.unwrap().unwrap().paused);
    assert!(schedules::remove(db, &person(workspace), made.id).await.unwrap());
    assert!(schedules::find_schedule(db, workspace, made.id).await.unwrap().is_none());
}

/// The log, oldest first: what was done, to how many, and what else is told.
async fn log(db: &Db, workspace: Uuid) -> Vec<(String, Option<i64>, Value)> {
    let mut rows = audit::log(db, workspace, &AuditFilter::default(), 100).await.unwrap();
    assert_eq!(audit::verify(db, workspace, None).await.unwrap().broken, None);
    rows.reverse();
    rows.into_iter().map(|row| (row.action, row.affected, serde_json::from_str(&row.detail).unwrap())).collect()
}

async fn what_people_do_stands_in_the_audit_log(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let me = person(workspace);
    let made = schedules::create(db, &me, schedule(workspace)).await.unwrap();
    let args = json!({ "probe": "Bo Example", "number": 0 });
    let change = Change {
        name: Some("each hour".to_owned()),
        cron: Some("@hourly".to_owned()),
        args: Some(args),
        ..Change::default()
    };
    schedules::change(db, &me, made.id, change).await.unwrap().unwrap();
    schedules::pause(db, &me, made.id).await.unwrap();
    schedules::pause(db, &me, made.id).await.unwrap();
    schedules::resume(db, &me, made.id).await.unwrap();
    let RunNow::Job(job) = schedules::run_now(db, &me, made.id).await.unwrap() else { panic!("no job") };
    assert!(schedules::remove(db, &me, made.id).await.unwrap());

    let name = json!({ "name": "each hour" });
    let changed = json!({
        "name": { "from": "every minute", "to": "each hour" },
        "cron": { "from": "* * * * *", "to": "@hourly" },
        "args": "changed",
    });
    let created = json!({
        "name": "every minute", "cron": "* * * * *", "time_zone": "UTC", "kind": "probe.run", "missed": "once",
        "overlap": "allow", "paused": false,
    });
    let expected = [
        ("schedule.create", 1, created),
        ("schedule.change", 1, json!({ "name": "each hour", "changed": changed })),
        ("schedule.pause", 1, name.clone()),
        ("schedule.pause", 0, name.clone()),
        ("schedule.resume", 1, name.clone()),
        ("schedule.run", 1, json!({ "name": "each hour", "job": job })),
        ("schedule.delete", 1, name),
    ];
    let log = log(db, workspace).await;
    assert_eq!(log, expected.map(|(action, affected, detail)| (action.to_owned(), Some(affected), detail)));
    let rows = audit::log(db, workspace, &AuditFilter::default(), 100).await.unwrap();
    assert!(rows.iter().all(|row| row.who == "cli:test" && row.target == made.id.to_string()));
    assert!(rows.iter().all(|row| !row.detail.contains("Example")), "guests are not named");
}

async fn what_did_not_happen_is_not_in_the_audit_log(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let elsewhere = ground::workspace_named(db, "elsewhere").await;
    let skips = NewSchedule { overlap: Overlap::Skip, ..schedule(workspace) };
    let made = schedules::create(db, &person(workspace), skips.clone()).await.unwrap();
    schedules::run_now(db, &person(workspace), made.id).await.unwrap();

    schedules::create(db, &person(workspace), skips).await.unwrap_err();
    let wrong = Change { cron: Some("every day".to_owned()), ..Change::default() };
    schedules::change(db, &person(workspace), made.id, wrong).await.unwrap_err();
    assert!(matches!(schedules::run_now(db, &person(workspace), made.id).await, Ok(RunNow::Unfinished(_))));
    let stranger = person(elsewhere);
    assert!(schedules::change(db, &stranger, made.id, Change::default()).await.unwrap().is_none());
    assert!(schedules::pause(db, &stranger, made.id).await.unwrap().is_none());
    assert!(schedules::resume(db, &stranger, made.id).await.unwrap().is_none());
    assert_eq!(schedules::run_now(db, &stranger, made.id).await.unwrap(), RunNow::Unknown);
    assert!(!schedules::remove(db, &stranger, made.id).await.unwrap());

    let actions: Vec<String> = log(db, workspace).await.into_iter().map(|(action, ..)| action).collect();
    assert_eq!(actions, ["schedule.create", "schedule.run"]);
    assert!(log(db, elsewhere).await.is_empty());
}
