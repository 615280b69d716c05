//! Acts on contacts that were chosen one by one.

use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::{Value, json};

use super::{Service, console::Browser};

on_both_engines! {
    chosen_contacts_are_tagged_and_moved_together,
    what_cannot_be_done_to_all_is_done_to_none,
    ticked_contacts_are_tagged_from_their_list,
}

const CHOSEN: &str = "/api/v1/contacts/chosen";

/// Contacts by their ids.
async fn people(service: &Service, names: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for name in names {
        let made = service.post_json("/api/v1/contacts", json!({ "name": name })).await;
        assert_eq!(made.status, 201, "{}", made.text());
        ids.push(made.json()["id"].as_str().unwrap().to_owned());
    }
    ids
}

async fn with_tag(service: &Service, tag: &str) -> Vec<String> {
    let found = service.get(&format!("/api/v1/contacts?tag={tag}")).await.json();
    let names = found["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned());
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names
}

async fn acts(service: &Service, body: Value) -> i64 {
    let answer = service.post_json(CHOSEN, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["changed"].as_i64().unwrap()
}

async fn chosen_contacts_are_tagged_and_moved_together(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ids = people(&service, &["Ann", "Bea", "Cem"]).await;
    let nobody = "0199c0de-0000-7000-8000-000000000000";
    let before = service.get(&format!("/api/v1/contacts/{}", ids[0])).await;
    let two = json!([ids[0], ids[2], nobody, ids[0]]);
    assert_eq!(acts(&service, json!({ "ids": two, "act": "tag", "tag": " VIP " })).await, 2);
    assert_eq!(acts(&service, json!({ "ids": two, "act": "tag", "tag": "vip" })).await, 0, "they have it");
    assert_eq!(with_tag(&service, "vip").await, ["Ann", "Cem"]);
    assert_ne!(service.get(&format!("/api/v1/contacts/{}", ids[0])).await.header("etag"), before.header("etag"));
    assert_eq!(acts(&service, json!({ "ids": [ids[0], ids[1]], "act": "untag", "tag": "vip" })).await, 1);
    assert_eq!(with_tag(&service, "vip").await, ["Cem"]);
    assert_eq!(acts(&service, json!({ "ids": ids, "act": "trash" })).await, 3);
    assert_eq!(service.get("/api/v1/contacts").await.json()["items"], json!([]));
    service.db.clock().advance(std::time::Duration::from_secs(1));
    assert_eq!(acts(&service, json!({ "ids": [ids[1], nobody], "act": "restore" })).await, 1);
    let timeline = service.get(&format!("/api/v1/contacts/{}/activities", ids[1])).await.json();
    assert_eq!(timeline["items"][0]["kind"], "contact.restored");
    let log = service.get("/api/v1/audit?action=contacts.trash").await.json();
    assert_eq!(log["items"][0]["affected"], 3);
}

async fn what_cannot_be_done_to_all_is_done_to_none(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ids = people(&service, &["Ann", "Bea"]).await;
    let many: Vec<String> = (0..50).map(|at| format!("tag {at}")).collect();
    let full = json!({ "name": "Cem", "tags": many });
    let full = service.post_json("/api/v1/contacts", full).await.json()["id"].as_str().unwrap().to_owned();
    let refused = service.post_json(CHOSEN, json!({ "ids": [ids[0], full], "act": "tag", "tag": "one more" })).await;
    assert!(refused.text().contains("has 50 tags"), "{}", refused.text());
    assert!(with_tag(&service, "one+more").await.is_empty());
    for wrong in [
        json!({ "ids": [], "act": "trash" }),
        json!({ "ids": ids, "act": "tag" }),
        json!({ "ids": ids, "act": "tag", "tag": "a,b" }),
        json!({ "ids": ids, "act": "forget" }),
        json!({ "ids": ["7"], "act": "trash" }),
    ] {
        let refused = service.post_json(CHOSEN, wrong.clone()).await;
        assert!(matches!(refused.status.as_u16(), 400 | 422), "{wrong}: {}", refused.text());
    }
    assert_eq!(service.get("/api/v1/contacts").await.json()["items"].as_array().unwrap().len(), 3);
}

async fn ticked_contacts_are_tagged_from_their_list(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ids = people(&service, &["Ann", "Bea", "Cem"]).await;
    let browser = Browser::member(&service, "ann@example.com", Role::Staff).await;
    let list = browser.get("/w/default/contacts").await;
    let token = list.hidden("form_token");
    let fields = [
        ("form_token", token.as_str()),
        ("ids", &ids[0]),
        ("ids", &ids[1]),
        ("act", "tag"),
        ("tag", "Gala"),
        ("back", "/w/default/contacts"),
    ];
    let sent = browser.send("/w/default/acts/changeChosenContacts", &fields).await;
    assert_eq!(sent.header("location"), "/w/default/contacts", "{}", sent.text);
    assert!(browser.get("/w/default/contacts").await.text.contains("Contacts that have changed: 2."));
    assert_eq!(with_tag(&service, "gala").await, ["Ann", "Bea"]);
    let viewer = Browser::member(&service, "vic@example.com", Role::Viewer).await;
    assert!(!viewer.get("/w/default/contacts").await.text.contains("name=\"ids\""), "what is closed is not offered");
}
