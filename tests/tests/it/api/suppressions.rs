//! Suppressions over HTTP.

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, Service};

on_both_engines! {
    an_address_is_suppressed_looked_up_and_lifted,
    a_list_shows_no_address,
    what_is_no_address_is_refused,
}

const SUPPRESSIONS: &str = "/api/v1/suppressions";

async fn suppression_of(service: &Service, address: &str) -> Value {
    let asked = json!({ "channel": "email", "address": address });
    let found = service.post_json(&format!("{SUPPRESSIONS}/look-up"), asked).await;
    assert_eq!(found.status, StatusCode::OK, "{}", found.text());
    found.json()["suppression"].clone()
}

async fn an_address_is_suppressed_looked_up_and_lifted(database: &TestDatabase) {
    let service = Service::start(database).await;
    let contact = json!({ "name": "Ana Example", "email": "ana@example.com" });
    let contact = service.post_json("/api/v1/contacts", contact).await.json()["id"].clone();
    let new = json!({ "channel": "email", "address": " Ana@Example.com", "note": "rang us" });
    let added = service.post_json(SUPPRESSIONS, new.clone()).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text());
    let row = added.json();
    assert_eq!((&row["reason"], &row["contact_id"], &row["note"]), (&json!("by_hand"), &contact, &json!("rang us")));
    assert_eq!(added.header("location"), format!("{SUPPRESSIONS}/{}", row["id"].as_str().unwrap()));
    let again = service.post_json(SUPPRESSIONS, new).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, row.clone()));
    assert_eq!(suppression_of(&service, "ANA@example.com").await["id"], row["id"]);
    assert_eq!(suppression_of(&service, "bo@example.com").await, Value::Null);
    let path = format!("{SUPPRESSIONS}/{}", row["id"].as_str().unwrap());
    service.post_json(&format!("{path}/lift"), json!({ "why": " " })).await.problem(422, "invalid-field");
    service.post_json(&format!("{path}/undo"), json!({ "why": "a mistake" })).await.problem(409, "wrong-state");
    let lifted = service.post_json(&format!("{path}/lift"), json!({ "why": "she asked for it" })).await;
    assert_eq!((lifted.status, &lifted.json()["lifted_why"]), (StatusCode::OK, &json!("she asked for it")));
    assert_eq!(suppression_of(&service, "ana@example.com").await, Value::Null);
    service.post_json(&format!("{path}/lift"), json!({ "why": "again" })).await.problem(409, "wrong-state");
    let told = service.get(&format!("/api/v1/contacts/{}/activities", contact.as_str().unwrap())).await.json();
    let mut kinds: Vec<&str> =
        told["items"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["contact.created", "suppression.added", "suppression.lifted"]);
}

async fn a_list_shows_no_address(database: &TestDatabase) {
    let service = Service::start(database).await;
    for (channel, address) in [
        ("email", "ana@example.com"),
        ("phone", "+34600000001"),
        ("whatsapp", "+34600000001"),
        ("email", "bo@example.com"),
    ] {
        let new = json!({ "channel": channel, "address": address });
        assert_eq!(service.post_json(SUPPRESSIONS, new).await.status, StatusCode::CREATED);
    }
    let all = service.get(&format!("{SUPPRESSIONS}?limit=3")).await;
    assert!(!all.text().contains("example.com") && !all.text().contains("600000001"), "{}", all.text());
    let cursor = all.json()["next_cursor"].as_str().unwrap().to_owned();
    let rest = service.get(&format!("{SUPPRESSIONS}?limit=3&cursor={cursor}")).await.json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));
    let mails = service.get(&format!("{SUPPRESSIONS}?channel=email&reason=by_hand")).await.json();
    assert_eq!(mails["items"].as_array().unwrap().len(), 2);
    let log = service.get("/api/v1/audit?limit=100").await;
    assert!(!log.text().contains("ana@example.com"), "{}", log.text());
    for wrong in ["channel=fax", "reason=boredom", "cursor=x", "limit=0"] {
        service.get(&format!("{SUPPRESSIONS}?{wrong}")).await.problem(422, "invalid-field");
    }
    let other = service.other_workspace().await;
    let theirs = Answer::to(service.open(Method::GET, SUPPRESSIONS).bearer_auth(other)).await.json();
    assert_eq!(theirs["items"], json!([]));
}

async fn what_is_no_address_is_refused(database: &TestDatabase) {
    let service = Service::start(database).await;
    for (channel, address) in [("email", "ana"), ("phone", "600 000 001"), ("whatsapp", "")] {
        let new = json!({ "channel": channel, "address": address });
        service.post_json(SUPPRESSIONS, new).await.problem(422, "invalid-field");
    }
    let long = json!({ "channel": "email", "address": "ana@example.com", "note": "x".repeat(501) });
    service.post_json(SUPPRESSIONS, long).await.problem(422, "invalid-field");
}
