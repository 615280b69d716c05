//! Every query about schedules.

use std::time::Duration;

use herald_shared::schedules::{self, Change, Missed, NewSchedule, Overlap, ScheduleError};
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::json;

use crate::ground::{self, schedule};

on_both_engines! {
    what_was_made_is_read_back,
    a_name_is_given_once_in_a_workspace,
    everything_wrong_is_said_at_once_and_nothing_is_written,
    only_what_is_named_is_changed,
    schedules_are_listed_newest_first_in_pages,
    the_schedules_due_are_those_not_paused,
    a_workspace_sees_only_its_own,
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
    let made = schedules::create(db, new.clone()).await.unwrap();
    let read = schedules::show(db, workspace, made.id).await.unwrap().unwrap();
    let named = schedules::by_name(db, workspace, &new.name).await.unwrap().unwrap();
    for row in [made, read, named] {
        assert_eq!((row.workspace_id, &row.name, &row.cron), (workspace, &new.name, &new.cron));
        assert_eq!((row.time_zone.as_str(), row.kind.as_str()), ("Europe/Madrid", "template.preview"));
        assert_eq!(row.args.0["fields"], json!({ "name": "Ann Example" }));
        assert_eq!((row.missed.as_str(), row.overlap.as_str(), row.paused), ("all", "skip", false));
        assert_eq!(row.next_run, Some(db.now() + Duration::from_secs(60)));
        assert_eq!((row.last_run, row.last_job_id, row.last_error, row.revision), (None, None, None, 0));
        assert_eq!((row.created_at, row.updated_at), (db.now(), db.now()));
    }
    assert!(schedules::by_name(db, workspace, "nothing").await.unwrap().is_none());
}

async fn a_name_is_given_once_in_a_workspace(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    schedules::create(db, schedule(workspace)).await.unwrap();
    let refused = |error: ScheduleError| {
        let ScheduleError::Flaws(flaws) = error else { panic!("{error}") };
        assert_eq!(flaws.0.len(), 1);
        assert_eq!(flaws.0[0].field, "name");
    };
    refused(schedules::create(db, schedule(workspace)).await.unwrap_err());
    let other = schedules::create(db, NewSchedule { name: "other".to_owned(), ..schedule(workspace) }).await.unwrap();
    let change = Change { name: Some(schedule(workspace).name), ..Change::default() };
    refused(schedules::change(db, workspace, other.id, change).await.unwrap_err());
    let elsewhere = ground::workspace_named(db, "elsewhere").await;
    schedules::create(db, schedule(elsewhere)).await.unwrap();
}

async fn everything_wrong_is_said_at_once_and_nothing_is_written(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let wrong = NewSchedule {
        name: " ".to_owned(),
        cron: "0 0 30 2 *".to_owned(),
        time_zone: "Madrid".to_owned(),
        args: json!({ "template_id": 7 }),
        ..schedule(workspace)
    };
    let ScheduleError::Flaws(flaws) = schedules::create(db, wrong).await.unwrap_err() else { panic!("it was made") };
    let fields: Vec<_> = flaws.0.iter().map(|flaw| flaw.field.as_str()).collect();
    assert_eq!(fields, ["name", "cron", "time_zone", "args.template_id"]);
    assert!(schedules::list(db, workspace, None, 10).await.unwrap().is_empty());
}

async fn only_what_is_named_is_changed(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let made = schedules::create(db, schedule(workspace)).await.unwrap();
    db.clock().advance(Duration::from_secs(600));
    let change = Change { missed: Some(Missed::Skip), name: Some("renamed".to_owned()), ..Change::default() };
    let changed = schedules::change(db, workspace, made.id, change).await.unwrap().unwrap();
    assert_eq!((changed.name.as_str(), changed.missed.as_str()), ("renamed", "skip"));
    assert_eq!((&changed.cron, &changed.args.0), (&made.cron, &made.args.0));
    assert_eq!((changed.next_run, changed.updated_at), (made.next_run, db.now()), "its ticks are not disturbed");
    let change =
        Change { time_zone: Some("Asia/Kolkata".to_owned()), cron: Some("0 9 * * *".to_owned()), ..Change::default() };
    let changed = schedules::change(db, workspace, made.id, change).await.unwrap().unwrap();
    assert_eq!(changed.next_run.unwrap().to_rfc3339(), "2026-03-02T03:30:00+00:00", "it begins anew");
    let wrong = Change { args: Some(json!({})), ..Change::default() };
    assert!(matches!(schedules::change(db, workspace, made.id, wrong).await, Err(ScheduleError::Flaws(_))));
}

async fn schedules_are_listed_newest_first_in_pages(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    for name in ["one", "two", "three"] {
        db.clock().advance(Duration::from_millis(5));
        schedules::create(db, NewSchedule { name: name.to_owned(), ..schedule(workspace) }).await.unwrap();
    }
    let page = schedules::list(db, workspace, None, 2).await.unwrap();
    assert_eq!(page.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["three", "two"]);
    let rest = schedules::list(db, workspace, Some(page[1].id), 2).await.unwrap();
    assert_eq!(rest.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["one"]);
}

async fn the_schedules_due_are_those_not_paused(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    assert_eq!(schedules::next_due(db).await.unwrap(), None);
    let hourly = NewSchedule { name: "hourly".to_owned(), cron: "0 * * * *".to_owned(), ..schedule(workspace) };
    schedules::create(db, hourly).await.unwrap();
    let minutely = schedules::create(db, schedule(workspace)).await.unwrap();
    assert_eq!(schedules::next_due(db).await.unwrap(), minutely.next_run);
    db.clock().advance(Duration::from_secs(3_600));
    let names = async |limit| {
        let due = schedules::due(db, db.now(), limit).await.unwrap();
        due.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert_eq!(names(10).await, [minutely.name.as_str(), "hourly"]);
    assert_eq!(names(1).await, [minutely.name.as_str()]);
    let paused = schedules::pause(db, workspace, minutely.id).await.unwrap().unwrap();
    assert!(paused.paused && paused.next_run == minutely.next_run);
    assert_eq!(names(10).await, ["hourly"]);
    let resumed = schedules::resume(db, workspace, minutely.id).await.unwrap().unwrap();
    let again = schedules::resume(db, workspace, minutely.id).await.unwrap().unwrap();
    assert!(!resumed.paused);
    assert_eq!(again.revision, resumed.revision, "what is so already is no change");
    assert_eq!(names(10).await.len(), 2);
}

async fn a_workspace_sees_only_its_own(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let elsewhere = ground::workspace_named(db, "elsewhere").await;
    let made = schedules::create(db, schedule(workspace)).await.unwrap();
    assert!(schedules::show(db, elsewhere, made.id).await.unwrap().is_none());
    assert!(schedules::by_name(db, elsewhere, &made.name).await.unwrap().is_none());
    assert!(schedules::list(db, elsewhere, None, 10).await.unwrap().is_empty());
    assert!(schedules::pause(db, elsewhere, made.id).await.unwrap().is_none());
    assert!(schedules::change(db, elsewhere, made.id, Change::default()).await.unwrap().is_none());
    assert!(!schedules::remove(db, elsewhere, made.id).await.unwrap());
    assert!(!schedules::show(db, workspace, made.id).await.unwrap().unwrap().paused);
    assert!(schedules::remove(db, workspace, made.id).await.unwrap());
    assert!(schedules::show(db, workspace, made.id).await.unwrap().is_none());
}
