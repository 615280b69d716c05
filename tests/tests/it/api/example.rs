//! Example data: it fills a workspace once, and goes without a trace.

use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, Service, console::Browser};

on_both_engines! {
    example_data_comes_once_and_goes_again,
    example_people_who_were_merged_stay,
    only_an_owner_is_offered_example_data,
}

const PATH: &str = "/api/v1/example-data";

async fn count(service: &Service, path: &str) -> usize {
    service.get(path).await.json()["items"].as_array().unwrap().len()
}

async fn example_data_comes_once_and_goes_again(database: &TestDatabase) {
    let service = Service::start(database).await;
    // They find no run and no campaign any more, and do nothing.
    service.leaves(&["invitation.summary", "campaign.dispatch"]);
    service.template().await;
    assert_eq!(service.get(PATH).await.json()["loaded"], false);
    let members = count(&service, "/api/v1/members").await;
    let first = service.post(PATH).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let runs = |answer: &Answer| answer.json()["runs"].as_array().unwrap().len();
    assert_eq!((runs(&first), runs(&service.post(PATH).await)), (2, 2));
    assert_eq!(count(&service, "/api/v1/members").await, members + 3);
    assert_eq!(count(&service, "/api/v1/templates").await, 3);
    let contacts = async || service.get("/api/v1/contacts?limit=500").await.json()["items"].as_array().unwrap().clone();
    let people = contacts().await;
    assert_eq!(people.len(), 500);
    let found: std::collections::BTreeSet<_> = people.iter().map(|one| one["locale"].as_str().unwrap()).collect();
    assert_eq!(found.len(), 30);
    let statuses = service.get("/api/v1/leads/statuses").await.json()["items"].as_array().unwrap().len();
    let counts = service.get("/api/v1/leads/counts?by=status").await.json();
    let used = counts["items"].as_array().unwrap().iter().map(|one| one["of"].to_string());
    assert_eq!(used.collect::<std::collections::BTreeSet<_>>().len(), statuses, "leads in every status");
    let leads = service.get("/api/v1/leads?limit=500").await.json()["items"].as_array().unwrap().len();
    assert_eq!(leads, 167);
    for due in ["overdue", "today"] {
        assert_ne!(count(&service, &format!("/api/v1/leads/follow-ups?due={due}")).await, 0, "{due}");
    }
    let campaigns = service.get("/api/v1/campaigns").await.json();
    let states: Vec<_> = campaigns["items"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["sending"]);
    let found = service.get("/api/v1/search?q=example").await.json();
    assert!(found["groups"].as_array().unwrap().iter().any(|group| group["kind"] == "runs"), "{found}");

    let gone = Answer::to(service.request(Method::DELETE, PATH)).await;
    assert_eq!((gone.status.as_u16(), gone.json()), (200, json!({ "loaded": false, "runs": [] })), "{}", gone.text());
    assert_eq!(count(&service, "/api/v1/members").await, members);
    assert_eq!(count(&service, "/api/v1/templates").await, 1);
    assert_eq!(count(&service, "/api/v1/invitation-runs").await, 0);
    assert_eq!((contacts().await.len(), count(&service, "/api/v1/leads").await), (0, 0));
    assert_eq!(count(&service, "/api/v1/tags").await, 0);
    for path in ["campaigns", "senders", "message-templates"] {
        assert_eq!(count(&service, &format!("/api/v1/{path}")).await, 0, "{path}");
    }
    let jobs = service.get("/api/v1/jobs?state=ready&kind=contacts.import").await.json();
    assert_eq!(jobs["items"], Value::Array(Vec::new()));
    let users = service.get("/api/v1/users").await.text();
    assert!(!users.contains("example.invalid"), "{users}");
}

async fn example_people_who_were_merged_stay(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.summary", "merge.forget", "campaign.dispatch"]);
    assert_eq!(service.post(PATH).await.status, 200);
    let own =
        service.post_json("/api/v1/contacts", json!({ "name": "Cy Own", "email": "cy@example.net" })).await.json();
    let found = service.get("/api/v1/contacts?limit=2").await.json();
    let example = found["items"].as_array().unwrap().iter().find(|one| one["id"] != own["id"]).unwrap();
    let merge = format!("/api/v1/contacts/{}/merge", example["id"].as_str().unwrap());
    let merged = service.post_json(&merge, json!({ "contact_id": own["id"], "take": [] })).await;
    assert_eq!(merged.status, 200, "{}", merged.text());
    assert_eq!(Answer::to(service.request(Method::DELETE, PATH)).await.status, 200);
    let left = service.get("/api/v1/contacts").await.json();
    let left: Vec<_> = left["items"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(left, [&example["id"]]);
}

async fn only_an_owner_is_offered_example_data(database: &TestDatabase) {
    let service = Service::start(database).await;
    let owner = Browser::member(&service, "olga@example.com", Role::Owner).await;
    let agency = Browser::member(&service, "anna@example.com", Role::Agency).await;
    assert!(owner.get("/w/default").await.text.contains("Load example data"));
    let page = agency.get("/w/default").await;
    assert!(!page.text.contains("Load example data"));
    let form = [("form_token", page.hidden("form_token"))];
    let fields: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(agency.send("/w/default/acts/loadExampleData", &fields).await.status, 403);
}
