//! That an import made a contact stands in the contact's own row, and reads like any other entry of its timeline.

use std::time::Duration;

use herald_db::query;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    Service,
    imports::{act, contact, contacts, import, list, now},
    worker::work,
};

on_both_engines! {
    an_import_is_the_first_entry_of_whom_it_made,
    segments_count_entries_wherever_they_stand,
    the_entry_goes_with_a_merge_and_comes_back,
    an_export_has_the_entry_and_an_erasure_takes_the_person_out_of_the_import,
    an_undoing_removes_whom_nobody_worked_with,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ROWS: &str = "name,email,seats\nAnn Example,ann@example.com,4\nBo Example,bo@example.com,2\n";
/// As [`ROWS`], but for Ann's seats.
const LATER: &str = "name,email,seats\nAnn Example,ann@example.com,5\nBo Example,bo@example.com,2\n";

fn path(contact: &Value) -> String {
    format!("/api/v1/contacts/{}", contact["id"].as_str().unwrap())
}

async fn note(service: &Service, contact: &Value, text: &str) {
    let noted = service.post_json(&format!("{}/notes", path(contact)), json!({ "text": text })).await;
    assert_eq!(noted.status, StatusCode::NO_CONTENT, "{}", noted.text());
}

async fn take_in(service: &Service, rows: &str) -> Value {
    let done = import(service, list(rows).text("mode", "overwrite")).await;
    service.db.clock().advance(Duration::from_secs(1));
    done
}

async fn timeline(service: &Service, contact: &Value) -> Vec<Value> {
    service.get(&format!("{}/activities", path(contact))).await.json()["items"].as_array().unwrap().clone()
}

fn kinds(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["kind"].as_str().unwrap()).collect()
}

/// The rows of the timelines of a workspace about imports.
async fn rows(service: &Service) -> i64 {
    let (count,): (i64,) =
        query("select count(*) from activities where workspace_id = $1 and kind = 'contact.imported'")
            .bind(service.workspace)
            .one(&service.db)
            .await
            .unwrap();
    count
}

/// The first names of whom a rule means.
async fn meant(service: &Service, rule: Value) -> Vec<String> {
    let found = service.post_json("/api/v1/segments/preview", json!({ "rule": rule })).await;
    assert_eq!(found.status, StatusCode::OK, "{}", found.text());
    let found = found.json();
    let name = |one: &Value| one["name"].as_str().unwrap().split(' ').next().unwrap().to_owned();
    let mut names: Vec<String> = found["sample"].as_array().unwrap().iter().map(name).collect();
    assert_eq!(found["contacts"], json!(names.len()));
    names.sort();
    names
}

async fn merge(service: &Service, survivor: &Value, other: &Value) -> Value {
    let body = json!({ "contact_id": other["id"] });
    let merged = service.post_json(&format!("{}/merge", path(survivor)), body).await;
    assert_eq!(merged.status, StatusCode::OK, "{}", merged.text());
    service.db.clock().advance(Duration::from_secs(1));
    merged.json()["merge"]["id"].clone()
}

async fn undo_merge(service: &Service, survivor: &Value, merge: &Value) {
    let at = format!("{}/merges/{}/undo", path(survivor), merge.as_str().unwrap());
    let undone = service.post_json(&at, json!({})).await;
    assert_eq!(undone.status, StatusCode::OK, "{}", undone.text());
}

async fn an_import_is_the_first_entry_of_whom_it_made(database: &TestDatabase) {
    let service = Service::start(database).await;
    let made = take_in(&service, ROWS).await;
    assert_eq!(rows(&service).await, 0);
    let ann = contact(&service, "Ann Example").await;
    note(&service, &ann, "Called.").await;
    service.db.clock().advance(Duration::from_secs(1));
    let changed = take_in(&service, LATER).await;
    assert_eq!(rows(&service).await, 1);
    let entries = timeline(&service, &ann).await;
    assert_eq!(kinds(&entries), ["contact.imported", "note.added", "contact.imported"]);
    assert_eq!((&entries[0]["subject_id"], &entries[2]["subject_id"]), (&changed["id"], &made["id"]));
    let expected = json!({ "id": ann["id"], "kind": "contact.imported", "subject_id": made["id"], "detail": {},
        "who": made["created_by"], "at": ann["created_at"] });
    assert_eq!(entries[2], expected);
    assert_eq!(entries[0]["who"], entries[2]["who"]);
    // Page by page it is the same.
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = service.get(&format!("{}/activities?limit=1{cursor}", path(&ann))).await.json();
        paged.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, entries);
    assert_eq!(kinds(&timeline(&service, &contact(&service, "Bo Example").await).await), ["contact.imported"]);
}

async fn segments_count_entries_wherever_they_stand(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.post_json("/api/v1/contacts", json!({ "name": "Cy Example", "email": "cy@example.com" })).await;
    let of = |within: Option<u32>, at_least: u32| {
        let mut rule = json!({ "kind": "contact.imported", "at_least": at_least });
        if let Some(days) = within {
            rule["within_days"] = json!(days);
        }
        json!({ "activity": rule })
    };
    take_in(&service, ROWS).await;
    service.db.clock().advance(10 * DAY);
    take_in(&service, LATER).await;
    take_in(&service, "name,email,seats\nCy Example,cy@example.com,6\n").await;
    // Ann was made and changed, Bo made, and Cy changed.
    for (within, at_least, names) in [
        (None, 1, vec!["Ann", "Bo", "Cy"]),
        (None, 2, vec!["Ann"]),
        (None, 3, vec![]),
        (Some(5), 1, vec!["Ann", "Cy"]),
        (Some(5), 2, vec![]),
        (Some(20), 1, vec!["Ann", "Bo", "Cy"]),
        (Some(20), 2, vec!["Ann"]),
    ] {
        assert_eq!(meant(&service, of(within, at_least)).await, names, "{within:?} {at_least}");
    }
    service.db.clock().advance(DAY);
    take_in(&service, ROWS).await;
    assert_eq!(meant(&service, of(None, 3)).await, ["Ann"]);
    assert_eq!(meant(&service, json!({ "not": of(None, 2) })).await, ["Bo", "Cy"]);
    let bo = json!({ "field": { "name": "email", "is": "begins", "value": "bo" } });
    assert_eq!(meant(&service, json!({ "not": of(Some(5), 1) })).await, ["Bo"]);
    assert_eq!(meant(&service, json!({ "all": [of(None, 1), { "not": { "tag": "vip" } }, bo] })).await, ["Bo"]);
    assert_eq!(meant(&service, json!({ "any": [of(None, 2), { "tag": "vip" }, bo] })).await, ["Ann", "Bo"]);
}

async fn the_entry_goes_with_a_merge_and_comes_back(database: &TestDatabase) {
    let service = Service::start(database).await;
    let done = take_in(&service, ROWS).await;
    let (ann, bo) = (contact(&service, "Ann Example").await, contact(&service, "Bo Example").await);
    note(&service, &bo, "Called.").await;
    service.db.clock().advance(Duration::from_secs(1));
    let (of_ann, of_bo) = (timeline(&service, &ann).await, timeline(&service, &bo).await);
    let twice = json!({ "activity": { "kind": "contact.imported", "at_least": 2 } });
    assert!(meant(&service, twice.clone()).await.is_empty());
    let merged = merge(&service, &ann, &bo).await;
    let both = timeline(&service, &ann).await;
    assert_eq!(kinds(&both), ["contact.merged", "note.added", "contact.imported", "contact.imported"]);
    assert!(of_ann.iter().chain(&of_bo).all(|entry| both.contains(entry)), "{both:#?}");
    assert_eq!(kinds(&timeline(&service, &bo).await), ["contact.merged_into"]);
    assert_eq!(meant(&service, twice.clone()).await, ["Ann"]);
    undo_merge(&service, &ann, &merged).await;
    let after = async |contact: &Value| {
        let mut entries = timeline(&service, contact).await;
        entries.retain(|entry| !entry["kind"].as_str().unwrap().contains("merged"));
        entries
    };
    assert_eq!((after(&ann).await, after(&bo).await), (of_ann.clone(), of_bo.clone()));
    assert!(meant(&service, twice.clone()).await.is_empty());
    // The other way round, the entry that is a row by now stays where it is.
    service.db.clock().advance(Duration::from_secs(1));
    let merged = merge(&service, &bo, &ann).await;
    assert_eq!(meant(&service, twice).await, ["Bo"]);
    undo_merge(&service, &bo, &merged).await;
    assert_eq!((after(&ann).await, after(&bo).await), (of_ann, of_bo));
    assert_eq!(meant(&service, json!({ "activity": { "kind": "contact.imported" } })).await, ["Ann", "Bo"]);
    // They were worked with, so they stay when the import is taken back.
    assert_eq!(act(&service, &done, "undo").await.status, StatusCode::OK);
    work(&service).await;
    assert_eq!((now(&service, &done).await["kept"].clone(), contacts(&service).await.len()), (json!(2), 2));
}

async fn an_export_has_the_entry_and_an_erasure_takes_the_person_out_of_the_import(database: &TestDatabase) {
    let service = Service::start(database).await;
    let done = take_in(&service, ROWS).await;
    let ann = contact(&service, "Ann Example").await;
    note(&service, &ann, "Called.").await;
    let export = service.get(&format!("{}/export", path(&ann))).await.json();
    let mut told = export["records"]["timeline"].as_array().unwrap().clone();
    assert_eq!(kinds(&told), ["contact.imported", "note.added"]);
    told.reverse();
    assert_eq!(told, timeline(&service, &ann).await);
    let held = service.get(&format!("{}/held", path(&ann))).await.json();
    assert_eq!(held["records"]["timeline"], 2);
    assert!(held["elsewhere"].to_string().contains("people.csv"), "{held}");
    assert_eq!(now(&service, &done).await["report"]["columns"][2]["examples"], json!(["4", "2"]));
    let erased = service.post_json(&format!("{}/erase", path(&ann)), json!({ "records": held["total"] })).await;
    assert!(erased.status.is_success(), "{}", erased.text());
    work(&service).await;
    assert_eq!(now(&service, &done).await["report"]["columns"][2]["examples"], json!([]));
    assert_eq!(contacts(&service).await.len(), 1);
    // Whoever comes back has an entry that says so, once.
    take_in(&service, ROWS).await;
    let entries = timeline(&service, &contact(&service, "Ann Example").await).await;
    assert_eq!(kinds(&entries), ["contact.imported"]);
    assert!(entries[0]["detail"]["erased_before"].is_string(), "{entries:?}");
}

async fn an_undoing_removes_whom_nobody_worked_with(database: &TestDatabase) {
    let service = Service::start(database).await;
    let done = take_in(&service, ROWS).await;
    let bo = contact(&service, "Bo Example").await;
    note(&service, &bo, "Called.").await;
    assert_eq!(act(&service, &done, "undo").await.status, StatusCode::OK);
    work(&service).await;
    assert_eq!(now(&service, &done).await["kept"], 1);
    assert_eq!(contacts(&service).await.len(), 1);
    assert_eq!(kinds(&timeline(&service, &bo).await), ["note.added", "contact.imported"]);
    // The removal of example people leaves whom an import made.
    let imported = import(&service, list("name,email\nDi Example,di@example.com\n")).await;
    assert_eq!(imported["created"], 1);
    let di = contact(&service, "Di Example").await;
    let mut tx = service.db.begin().await.unwrap();
    let ids = vec![di["id"].as_str().unwrap().parse().unwrap()];
    herald_contacts::remove_contacts(&mut tx, service.workspace, ids).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(contacts(&service).await.len(), 2);
}
