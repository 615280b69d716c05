//! Reading the CRM's list.

use std::time::Duration;

use herald_ledger::schedules;
use herald_tests::{TestDatabase, fakes::Fault, on_both_engines};
use serde_json::json;

use super::{CrmService, FakeCrm, PASSWORD, standing};

on_both_engines! {
    the_list_makes_up_for_every_webhook_that_never_came,
    who_is_off_a_complete_list_is_out_and_comes_back_with_it,
    many_at_once_are_not_believed_until_a_person_has_looked,
    a_list_that_breaks_off_ends_nobody,
    a_reading_goes_on_where_it_was_killed,
    changes_alone_are_read_and_keep_nobody_out,
    it_is_read_every_night_and_a_schedule_that_was_changed_stays,
}

/// Ten people, on pages of three.
async fn ten(database: &TestDatabase) -> CrmService {
    let agency = CrmService::start(database).await;
    for number in 1..=10 {
        agency.crm().add(&format!("guest{number}@example.com"), "seller", PASSWORD);
    }
    agency.crm().set_page(3);
    agency
}

async fn the_list_makes_up_for_every_webhook_that_never_came(database: &TestDatabase) {
    let agency = ten(database).await;
    let done = agency.sync(json!({ "scope": "all" })).await.unwrap();
    assert_eq!(done, json!({ "seen": 10, "changed": 10, "unreadable": 0 }));
    assert_eq!(agency.crm().requests(FakeCrm::USERS), 4);
    database.db.clock().advance(Duration::from_secs(60));
    agency.crm().change(3, Some("new3@example.com"), Some("manager"), None);
    agency.crm().change(4, None, None, Some(false));
    let done = agency.sync(json!({ "scope": "all" })).await.unwrap();
    assert_eq!(done, json!({ "seen": 10, "changed": 2, "unreadable": 0 }));
    assert_eq!(agency.standing("new3@example.com").await, standing("active", "agency"));
    assert_eq!(agency.standing("guest4@example.com").await, standing("deactivated", "staff"));
    let told = agency.service.get("/api/v1/crm/syncs").await.json();
    assert_eq!((&told["items"][0]["state"], &told["items"][0]["pages"]), (&json!("done"), &json!(4)));
}

async fn who_is_off_a_complete_list_is_out_and_comes_back_with_it(database: &TestDatabase) {
    let agency = ten(database).await;
    agency.sync(json!({ "scope": "all" })).await.unwrap();
    let late = agency.crm().event("user_updated", 10);
    database.db.clock().advance(Duration::from_secs(60));
    agency.crm().remove(10);
    agency.sync(json!({ "scope": "all" })).await.unwrap();
    assert_eq!(agency.standing("guest10@example.com").await.0, "deactivated");
    // What was on its way since before that brings nobody back.
    assert!(agency.tell(&late).await.contains("older"));
    assert_eq!(agency.standing("guest10@example.com").await.0, "deactivated");
    // Who came meanwhile by webhook is not missing, although no page had them.
    database.db.clock().advance(Duration::from_secs(60));
    let id = agency.crm().add("guest11@example.com", "seller", PASSWORD);
    agency.tell(&agency.crm().event("user_created", id)).await;
    database.db.clock().advance(Duration::from_secs(60));
    agency.sync(json!({ "scope": "all" })).await.unwrap();
    assert_eq!(agency.standing("guest11@example.com").await.0, "active");
}

async fn many_at_once_are_not_believed_until_a_person_has_looked(database: &TestDatabase) {
    let agency = ten(database).await;
    agency.sync(json!({ "scope": "all" })).await.unwrap();
    database.db.clock().advance(Duration::from_secs(60));
    (1..=3).for_each(|id| agency.crm().remove(id));
    let held = agency.sync(json!({ "scope": "all" })).await.unwrap_err();
    assert!(held.contains("3 of the 10 people") && held.contains("\"allow_missing\": 3"), "{held}");
    assert_eq!(agency.standing("guest1@example.com").await.0, "active");
    assert_eq!(agency.service.get("/api/v1/crm/syncs").await.json()["items"][0]["state"], "held");
    // Fewer allowed than are missing: still held.
    assert!(agency.sync(json!({ "scope": "all", "allow_missing": 2 })).await.is_err());
    agency.sync(json!({ "scope": "all", "allow_missing": 3 })).await.unwrap();
    for number in 1..=3 {
        assert_eq!(agency.standing(&format!("guest{number}@example.com")).await.0, "deactivated");
    }
    assert_eq!(agency.standing("guest4@example.com").await.0, "active");
    // An empty list is no answer at all.
    (4..=10).for_each(|id| agency.crm().remove(id));
    assert!(agency.sync(json!({ "scope": "all" })).await.unwrap_err().contains("7 of the 7"));
    assert_eq!(agency.standing("guest4@example.com").await.0, "active");
}

async fn a_list_that_breaks_off_ends_nobody(database: &TestDatabase) {
    let agency = ten(database).await;
    agency.sync(json!({ "scope": "all" })).await.unwrap();
    let faults = [(10, Fault::Server(500)), (9, Fault::CutBody), (8, Fault::TooMany { retry_after: Some(1) })];
    for (number, fault) in faults {
        let email = format!("guest{number}@example.com");
        database.db.clock().advance(Duration::from_secs(60));
        agency.crm().remove(number);
        agency.crm().fail_next(FakeCrm::USERS, fault, 1);
        let told = agency.sync(json!({ "scope": "all" })).await.unwrap_err();
        assert!(told.contains("CRM"), "{told}");
        assert_eq!(agency.standing(&email).await.0, "active");
        // The job is tried again by itself.
        assert!(agency.work().await.remove(0).is_ok());
        assert_eq!(agency.standing(&email).await.0, "deactivated");
    }
}

async fn a_reading_goes_on_where_it_was_killed(database: &TestDatabase) {
    let agency = ten(database).await;
    let begun = agency.service.post_json("/api/v1/crm/syncs", json!({ "scope": "all" })).await;
    assert_eq!(begun.status, 202);
    let meter = herald_providers::Meter::free();
    let people = &agency.service.people;
    let job_id = begun.json()["job_id"].as_str().unwrap().parse().unwrap();
    let sync = people.begin_crm_sync(job_id, herald_people::SyncScope::All).await.unwrap();
    let page = people.crm().unwrap().users(None, None, &meter).await.unwrap();
    let sync = people.take_crm_page(&sync, &page, database.db.now()).await.unwrap();
    assert_eq!((sync.pages, sync.seen, sync.read_all), (1, 3, false));
    // Here its worker is killed; another takes the job.
    let done = agency.work().await.remove(0).unwrap();
    assert_eq!(done, json!({ "seen": 10, "changed": 10, "unreadable": 0 }));
    assert_eq!(agency.crm().requests(FakeCrm::USERS), 4);
    // And killed once more, when all was done and nobody knew: nothing is counted anew.
    let sync = people.begin_crm_sync(job_id, herald_people::SyncScope::All).await.unwrap();
    assert_eq!(people.end_crm_sync(&sync, None).await.unwrap(), herald_people::SyncEnd::Done);
    assert_eq!((sync.state.as_str(), sync.seen, sync.changed), ("done", 10, 10));
}

async fn changes_alone_are_read_and_keep_nobody_out(database: &TestDatabase) {
    let agency = ten(database).await;
    database.db.clock().advance(Duration::from_secs(3_600));
    agency.sync(json!({ "scope": "all" })).await.unwrap();
    database.db.clock().advance(Duration::from_secs(3_600));
    agency.crm().change(2, None, Some("manager"), None);
    agency.crm().remove(9);
    let done = agency.sync(json!({ "scope": "changes" })).await.unwrap();
    assert_eq!(done, json!({ "seen": 1, "changed": 1, "unreadable": 0 }));
    assert_eq!(agency.standing("guest2@example.com").await, standing("active", "agency"));
    assert_eq!(agency.standing("guest9@example.com").await.0, "active");
}

async fn it_is_read_every_night_and_a_schedule_that_was_changed_stays(database: &TestDatabase) {
    let agency = ten(database).await;
    let (db, workspace) = (&database.db, agency.service.workspace);
    agency.service.people.schedule_crm().await.unwrap();
    let made = schedules::list_schedules(db, workspace, None, 10).await.unwrap();
    let mut names: Vec<_> = made.iter().map(|made| (made.name.as_str(), made.cron.as_str())).collect();
    names.sort_unstable();
    assert_eq!(names, [("CRM: changes", "20 * * * *"), ("CRM: everybody", "0 3 * * *")]);
    let body = json!({ "paused": true });
    let path = format!("/api/v1/schedules/{}/pause", made[0].id);
    assert!(agency.service.post_json(&path, body).await.status.is_success());
    agency.service.people.schedule_crm().await.unwrap();
    let after = schedules::list_schedules(db, workspace, None, 10).await.unwrap();
    assert_eq!((after.len(), after.iter().filter(|one| one.paused).count()), (2, 1));
}
