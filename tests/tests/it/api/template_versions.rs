//! Versions of a template: stored one after the other, and an earlier one made the current one again.

use std::time::Duration;

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Answer, Form, Service,
    service::{BACKGROUND, MANIFEST},
};

on_both_engines! {
    a_new_version_has_the_files_of_the_one_before,
    a_save_that_was_overtaken_stores_nothing,
    of_two_saves_at_once_one_is_overtaken,
    an_earlier_version_becomes_the_current_one_and_a_run_keeps_its_own,
    an_earlier_version_that_is_uploaded_again_is_the_current_one,
    a_new_file_comes_along_and_must_be_named,
    a_wrong_version_is_refused,
}

fn url(template: Uuid) -> String {
    format!("/api/v1/templates/{template}/versions")
}

/// The manifest with letters of another size.
fn sized(size: u32) -> String {
    MANIFEST.replace("size = 30", &format!("size = {size}"))
}

async fn save(service: &Service, base: Uuid, size: u32, after: Uuid) -> Answer {
    let form = Form::default().text("manifest", &sized(size)).text("after", &after.to_string());
    service.post_form(&url(base), form).await
}

/// Stores another version, a moment later.
async fn saved(service: &Service, base: Uuid, size: u32, after: Uuid) -> Uuid {
    service.db.clock().advance(Duration::from_millis(5));
    let made = save(service, base, size, after).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()["id"].as_str().unwrap().parse().unwrap()
}

async fn versions(service: &Service, template: Uuid) -> Vec<Value> {
    service.get(&url(template)).await.json()["items"].as_array().unwrap().clone()
}

/// The numbers of the versions, and of the current ones.
async fn numbers(service: &Service, template: Uuid) -> (Vec<i64>, Vec<i64>) {
    let all = versions(service, template).await;
    let number = |one: &Value| one["number"].as_i64().unwrap();
    let current = all.iter().filter(|one| one["is_current"] == true);
    (all.iter().map(number).collect(), current.map(number).collect())
}

/// The version that a run gets that names the template.
async fn of_a_run(service: &Service, event: &str) -> Value {
    let form = Form::of(event, "gala", "name,table\nAna Example,1\n");
    service.post_form("/api/v1/invitation-runs", form).await.json()["template_id"].clone()
}

async fn a_new_version_has_the_files_of_the_one_before(database: &TestDatabase) {
    let service = Service::start(database).await;
    let first = service.template().await;
    let second = saved(&service, first, 31, first).await;
    let shown = service.get(&format!("/api/v1/templates/{second}")).await.json();
    assert_eq!((&shown["name"], &shown["files"]), (&json!("gala"), &json!(["back.png"])));
    assert_eq!(shown["manifest"], sized(31));
    assert_eq!(numbers(&service, first).await, (vec![2, 1], vec![2]));
    let all = versions(&service, second).await;
    assert!(all[0]["made_by"].as_str().unwrap().starts_with("key:"), "{all:?}");
    assert_eq!((&all[0]["id"], &all[0]["runs"]), (&json!(second), &json!(0)));
    let current = service.get("/api/v1/templates?current=true").await.json();
    assert_eq!(current["items"].as_array().unwrap().len(), 1);
    assert_eq!(current["items"][0]["id"], json!(second));
    let page = service.get(&format!("{}?limit=1", url(first))).await.json();
    let next = page["next_cursor"].as_str().unwrap();
    assert_eq!(service.get(&format!("{}?cursor={next}", url(first))).await.json()["items"][0]["number"], 1);
}

async fn a_save_that_was_overtaken_stores_nothing(database: &TestDatabase) {
    let service = Service::start(database).await;
    let first = service.template().await;
    let second = saved(&service, first, 31, first).await;
    let late = save(&service, first, 32, first).await;
    assert!(late.problem(412, "precondition-failed").contains("another version"));
    assert_eq!(numbers(&service, first).await, (vec![2, 1], vec![2]));
    // An editor of an older version who has seen the current one may save.
    let third = saved(&service, first, 32, second).await;
    assert_eq!(numbers(&service, third).await, (vec![3, 2, 1], vec![3]));
    let odd = service.post_form(&url(first), Form::default().text("manifest", MANIFEST).text("after", "x")).await;
    assert!(odd.problem(422, "invalid-field").contains("after"));
}

async fn of_two_saves_at_once_one_is_overtaken(database: &TestDatabase) {
    let service = Service::start(database).await;
    let first = service.template().await;
    service.db.clock().advance(Duration::from_millis(5));
    let (one, other) = tokio::join!(save(&service, first, 31, first), save(&service, first, 32, first));
    let mut ends = [one.status.as_u16(), other.status.as_u16()];
    ends.sort_unstable();
    assert_eq!(ends, [201, 412], "{} {}", one.text(), other.text());
    assert_eq!(versions(&service, first).await.len(), 2);
}

async fn an_earlier_version_becomes_the_current_one_and_a_run_keeps_its_own(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["contacts.import"]);
    let first = service.template().await;
    let second = saved(&service, first, 31, first).await;
    assert_eq!(of_a_run(&service, "Gala").await, json!(second));
    service.db.clock().advance(Duration::from_millis(5));
    let restored = service.post(&format!("/api/v1/templates/{first}/restore")).await;
    assert_eq!((restored.status, &restored.json()["id"]), (StatusCode::OK, &json!(first)));
    assert_eq!(of_a_run(&service, "Ball").await, json!(first));
    assert_eq!(numbers(&service, first).await, (vec![2, 1], vec![1]));
    let all = versions(&service, first).await;
    assert_eq!((&all[0]["runs"], &all[1]["runs"]), (&json!(1), &json!(1)));
    assert!(all[1]["chosen_by"].as_str().unwrap().starts_with("key:") && all[0]["chosen_at"].is_null());
    let runs = service.get("/api/v1/invitation-runs").await.json();
    assert_eq!((&runs["items"][1]["template_id"], &runs["items"][0]["template_id"]), (&json!(second), &json!(first)));
    let unknown = service.db.new_id();
    service.post(&format!("/api/v1/templates/{unknown}/restore")).await.problem(404, "not-found");
}

async fn an_earlier_version_that_is_uploaded_again_is_the_current_one(database: &TestDatabase) {
    let service = Service::start(database).await;
    let first = service.template().await;
    saved(&service, first, 31, first).await;
    service.db.clock().advance(Duration::from_millis(5));
    assert_eq!(service.template().await, first);
    assert_eq!(numbers(&service, first).await, (vec![2, 1], vec![1]));
}

async fn a_new_file_comes_along_and_must_be_named(database: &TestDatabase) {
    let service = Service::start(database).await;
    let first = service.template().await;
    let with = |manifest: &str| Form::default().text("manifest", manifest).file("files", "new.png", BACKGROUND);
    let stray = service.post_form(&url(first), with(MANIFEST)).await;
    assert!(stray.problem(422, "invalid-template").contains("does not name new.png"));
    let renamed = MANIFEST.replace("back.png", "new.png");
    // The name in the manifest is not the template's name any more: it has one.
    let made = service.post_form(&url(first), with(&renamed.replace("\"gala\"", "\"other\""))).await.json();
    assert_eq!((&made["files"], &made["name"]), (&json!(["new.png"]), &json!("gala")));
    let missing = service.post_form(&url(first), Form::default().text("manifest", &renamed)).await;
    assert!(missing.problem(422, "invalid-template").contains("there is no file \"new.png\""));
    let manifest = service.post_form(&url(first), with(MANIFEST).file("files", "template.toml", MANIFEST)).await;
    assert!(manifest.problem(422, "invalid-field").contains("manifest"));
}

async fn a_wrong_version_is_refused(database: &TestDatabase) {
    let service = Service::start(database).await;
    let first = service.template().await;
    let wrong = MANIFEST.replace("[10, 10, 380, 60]", "[10, 10, 900, 60]");
    let refused = service.post_form(&url(first), Form::default().text("manifest", &wrong)).await;
    refused.problem(422, "invalid-template");
    assert_eq!(refused.json()["errors"][0]["line"], 8);
    let bare = service.post_form(&url(first), Form::default()).await;
    assert!(bare.problem(422, "invalid-field").contains("no manifest"));
    let long = format!("{MANIFEST}#{}", "x".repeat(600 << 10));
    service.post_form(&url(first), Form::default().text("manifest", &long)).await.problem(422, "invalid-field");
    let unknown = service.db.new_id();
    service.post_form(&url(unknown), Form::default().text("manifest", MANIFEST)).await.problem(404, "not-found");
    assert_eq!(versions(&service, first).await.len(), 1);
}
