//! Segments over HTTP: rules as data, asked anew each time, with the same answers on both engines.

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, Service};

on_both_engines! {
    every_rule_means_the_same_people,
    members_are_always_those_of_now,
    a_segment_is_made_changed_and_deleted,
    segments_stand_for_their_rules_within_others,
    what_cannot_be_asked_is_refused_with_its_cure,
    a_segment_belongs_to_its_workspace,
}

const SEGMENTS: &str = "/api/v1/segments";

async fn contact(service: &Service, body: Value) -> String {
    let made = service.post_json("/api/v1/contacts", body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn people(service: &Service) -> Vec<String> {
    let mut ids = Vec::new();
    for body in [
        json!({ "name": "Amélie Example", "email": "amelie@example.com", "country": "FR", "locale": "fr-FR",
            "tags": ["VIP", "press"], "fields": { "Seats": "12", "Joined": "2025-11-02" } }),
        json!({ "name": "Bo Example", "email": "bo@example.com", "phone": "+12025550144", "country": "US",
            "tags": ["vip"], "fields": { "Seats": "3.5", "Joined": "2026-01-15" } }),
        json!({ "name": "山田 太郎", "country": "JP", "fields": { "Seats": "many" } }),
        json!({ "name": "Gone Example", "country": "FR" }),
    ] {
        ids.push(contact(service, body).await);
    }
    let gone = Answer::to(service.request(Method::DELETE, &format!("/api/v1/contacts/{}", ids[3]))).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    ids
}

async fn preview(service: &Service, rule: Value) -> Value {
    let found = service.post_json(&format!("{SEGMENTS}/preview"), json!({ "rule": rule })).await;
    assert_eq!(found.status, StatusCode::OK, "{rule}: {}", found.text());
    found.json()
}

/// The first names of whom a rule means, in their order.
async fn meant(service: &Service, rule: Value) -> Vec<String> {
    let found = preview(service, rule.clone()).await;
    let sample = found["sample"].as_array().unwrap();
    assert_eq!(found["contacts"], json!(sample.len()), "{rule}");
    let mut names: Vec<String> =
        sample.iter().map(|one| one["name"].as_str().unwrap().split(' ').next().unwrap().to_owned()).collect();
    names.sort();
    names
}

async fn every_rule_means_the_same_people(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ids = people(&service).await;
    let consent = json!({ "channel": "email", "given": true, "wording": "Yes, write to me.", "source": "form" });
    let path = |id: &str| format!("/api/v1/contacts/{id}/consents");
    assert_eq!(service.post_json(&path(&ids[0]), consent.clone()).await.status, StatusCode::CREATED);
    assert_eq!(service.post_json(&path(&ids[1]), consent).await.status, StatusCode::CREATED);
    service.db.clock().advance(std::time::Duration::from_millis(10));
    let back = json!({ "channel": "email", "given": false, "wording": "Stop.", "source": "mail" });
    assert_eq!(service.post_json(&path(&ids[1]), back).await.status, StatusCode::CREATED);
    let lead = json!({ "contact_id": ids[1], "lead": { "need": "Dinner for 40", "status": "Contacted" } });
    assert_eq!(service.post_json("/api/v1/leads", lead).await.status, StatusCode::CREATED);
    let field = |name: &str, is: &str, value: &str| json!({ "field": { "name": name, "is": is, "value": value } });
    for (rule, names) in [
        (json!({ "all": [] }), vec!["Amélie", "Bo", "山田"]),
        (json!({ "any": [] }), vec![]),
        (field("country", "equal", "fr"), vec!["Amélie"]),
        (field("email", "equal", "BO@example.com"), vec!["Bo"]),
        (field("email", "contains", "example.com"), vec!["Amélie", "Bo"]),
        (field("phone", "equal", "+1 202 555 0144"), vec!["Bo"]),
        (field("name", "equal", "amelie EXAMPLE"), vec!["Amélie"]),
        (field("name", "begins", "amél"), vec!["Amélie"]),
        (field("name", "contains", "example"), vec!["Amélie", "Bo"]),
        (field("name", "begins", "山"), vec!["山田"]),
        (field("locale", "begins", "fr"), vec!["Amélie"]),
        (json!({ "field": { "name": "email", "is": "empty" } }), vec!["山田"]),
        (json!({ "field": { "name": "phone", "is": "filled" } }), vec!["Bo"]),
        (field("Seats", "equal", "12"), vec!["Amélie"]),
        (field("Seats", "at_least", "3.5"), vec!["Amélie", "Bo"]),
        (field("Seats", "at_most", "4"), vec!["Bo"]),
        (field("Joined", "before", "2026-01-01"), vec!["Amélie"]),
        (field("Joined", "after", "2025-11-02"), vec!["Bo"]),
        (json!({ "field": { "name": "Joined", "is": "empty" } }), vec!["山田"]),
        (field("created_at", "equal", "2026-03-01"), vec!["Amélie", "Bo", "山田"]),
        (field("created_at", "before", "2026-03-01"), vec![]),
        (json!({ "tag": "vip" }), vec!["Amélie", "Bo"]),
        (json!({ "not": { "tag": "Press" } }), vec!["Bo", "山田"]),
        (json!({ "consent": { "channel": "email" } }), vec!["Amélie"]),
        (json!({ "consent": { "channel": "email", "given": false } }), vec!["Bo"]),
        (json!({ "consent": { "channel": "phone" } }), vec![]),
        (json!({ "activity": { "kind": "contact.created" } }), vec!["Amélie", "Bo", "山田"]),
        (json!({ "activity": { "kind": "lead.created", "within_days": 3 } }), vec!["Bo"]),
        (json!({ "activity": { "kind": "contact.created", "at_least": 2 } }), vec![]),
        (json!({ "lead": {} }), vec!["Bo"]),
        (json!({ "lead": { "status": "contacted", "stands_for": "open" } }), vec!["Bo"]),
        (json!({ "lead": { "stands_for": "won" } }), vec![]),
        (
            json!({ "any": [{ "tag": "press" }, { "all": [field("country", "equal", "US"), { "tag": "vip" }] }] }),
            vec!["Amélie", "Bo"],
        ),
    ] {
        assert_eq!(meant(&service, rule.clone()).await, names, "{rule}");
    }
}

async fn make(service: &Service, name: &str, rule: Value) -> Value {
    let made = service.post_json(SEGMENTS, json!({ "name": name, "rule": rule })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    assert_eq!(made.header("location"), format!("{SEGMENTS}/{}", made.json()["id"].as_str().unwrap()));
    made.json()
}

fn path(segment: &Value) -> String {
    format!("{SEGMENTS}/{}", segment["id"].as_str().unwrap())
}

async fn members_are_always_those_of_now(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ids = people(&service).await;
    let vip = make(&service, "VIP", json!({ "tag": "vip" })).await;
    let listed = format!("/api/v1/contacts?segment={}", vip["id"].as_str().unwrap());
    let count = async || service.get(&format!("{}/members", path(&vip))).await.json()["contacts"].clone();
    assert_eq!((count().await, service.get(&listed).await.json()["items"].as_array().unwrap().len()), (json!(2), 2));
    let change = json!({ "tags": [] });
    let changed =
        Answer::to(service.request(Method::PATCH, &format!("/api/v1/contacts/{}", ids[1])).json(&change)).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    assert_eq!(count().await, json!(1));
    let rule = json!({ "rule": { "not": { "tag": "vip" } } });
    assert_eq!(Answer::to(service.request(Method::PATCH, &path(&vip)).json(&rule)).await.status, StatusCode::OK);
    assert_eq!(count().await, json!(2));
    // The list is filtered by both.
    let both = service.get(&format!("{listed}&country=US")).await.json();
    assert_eq!(both["items"].as_array().unwrap().len(), 1);
    service.get("/api/v1/contacts?segment=x").await.problem(422, "invalid-field");
}

async fn a_segment_is_made_changed_and_deleted(database: &TestDatabase) {
    let service = Service::start(database).await;
    let vip = make(&service, "  VIP  guests ", json!({ "tag": "vip" })).await;
    assert_eq!(vip["name"], "VIP guests");
    let same = json!({ "name": "vip guests", "rule": { "all": [] } });
    service.post_json(SEGMENTS, same).await.problem(409, "wrong-state");
    let seen = service.get(&path(&vip)).await;
    let version = seen.header("etag").to_owned();
    let renamed = json!({ "name": "Very important" });
    let patch =
        |tag: &str| service.request(Method::PATCH, &path(&vip)).header("if-match", tag.to_owned()).json(&renamed);
    assert_eq!(Answer::to(patch(&version)).await.json()["name"], "Very important");
    Answer::to(patch("\"another\"")).await.problem(412, "precondition-failed");
    let listed = service.get(SEGMENTS).await.json();
    assert_eq!(listed["items"][0]["rule"], json!({ "tag": "vip" }));
    assert_eq!(Answer::to(service.request(Method::DELETE, &path(&vip))).await.status, StatusCode::NO_CONTENT);
    service.get(&path(&vip)).await.problem(404, "not-found");
}

async fn segments_stand_for_their_rules_within_others(database: &TestDatabase) {
    let service = Service::start(database).await;
    people(&service).await;
    let vip = make(&service, "VIP", json!({ "tag": "vip" })).await;
    let others = make(&service, "Others", json!({ "not": { "segment": vip["id"] } })).await;
    assert_eq!(meant(&service, json!({ "segment": others["id"] })).await, ["山田"]);
    let circle = json!({ "rule": { "any": [{ "tag": "vip" }, { "segment": others["id"] }] } });
    let refused = Answer::to(service.request(Method::PATCH, &path(&vip)).json(&circle)).await;
    assert!(refused.problem(422, "invalid-field").contains("belong to itself"));
    let used = Answer::to(service.request(Method::DELETE, &path(&vip))).await;
    assert!(used.problem(409, "wrong-state").contains("\"Others\""));
}

async fn what_cannot_be_asked_is_refused_with_its_cure(database: &TestDatabase) {
    let service = Service::start(database).await;
    for (rule, part) in [
        (json!({ "field": { "name": "age", "is": "at_least", "value": "ten" } }), "not a number"),
        (json!({ "field": { "name": "country", "is": "equal" } }), "needs a value"),
        (json!({ "segment": "00000000-0000-7000-8000-000000000000" }), "no segment"),
    ] {
        let refused = service.post_json(SEGMENTS, json!({ "name": "X", "rule": rule })).await;
        let said = refused.problem(422, "invalid-field");
        assert!(said.contains(part), "{said}");
    }
    service.post_json(SEGMENTS, json!({ "name": "X", "rule": { "tags": "vip" } })).await.problem(422, "invalid-field");
    service.post_json(SEGMENTS, json!({ "name": " ", "rule": { "all": [] } })).await.problem(422, "invalid-field");
}

async fn a_segment_belongs_to_its_workspace(database: &TestDatabase) {
    let service = Service::start(database).await;
    people(&service).await;
    let vip = make(&service, "VIP", json!({ "tag": "vip" })).await;
    let other = service.other_workspace().await;
    for (method, path) in
        [(Method::GET, path(&vip)), (Method::DELETE, path(&vip)), (Method::GET, format!("{}/members", path(&vip)))]
    {
        Answer::to(service.open(method, &path).bearer_auth(&other)).await.problem(404, "not-found");
    }
    let borrowed = json!({ "rule": { "segment": vip["id"] } });
    let asked = service.open(Method::POST, &format!("{SEGMENTS}/preview")).bearer_auth(&other).json(&borrowed);
    Answer::to(asked).await.problem(422, "invalid-field");
}
