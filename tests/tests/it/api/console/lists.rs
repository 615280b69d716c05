//! Lists: the columns that a person chose, and acts on the rows that they ticked.

use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::json;

use super::Browser;
use crate::api::{Answer, Service};

on_both_engines! {
    ticked_jobs_are_counted_shown_and_acted_on_alone,
    a_list_shows_the_columns_that_were_chosen,
}

/// Jobs that wait, by their ids.
async fn some_jobs(service: &Service, many: usize) -> Vec<String> {
    let account = json!({ "provider": "mautic", "url": "https://crm.example.com", "user": "herald", "password": "x" });
    let saved = Answer::to(service.request(Method::PUT, "/api/v1/connections/crm").json(&account)).await;
    assert!(saved.status.is_success(), "{}", saved.text());
    let mut ids = Vec::new();
    for target in 0..many {
        let test = json!({ "target": target.to_string() });
        let started = service.post_json("/api/v1/connections/crm/test", test).await;
        ids.push(started.json()["job_id"].as_str().unwrap().to_owned());
    }
    ids
}

async fn ticked_jobs_are_counted_shown_and_acted_on_alone(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["connection.test", "jobs.act"]);
    let ids = some_jobs(&service, 3).await;
    let browser = Browser::member(&service, "ann@example.com", Role::Owner).await;
    let list = browser.get("/w/default/jobs").await;
    assert!(list.text.contains(&format!("name=\"id\" value=\"{}\"", ids[0])), "{}", list.text);

    let asked = browser.get(&format!("/w/default/jobs/act/cancel?id={}&id={}", ids[0], ids[2])).await;
    assert!(asked.text.contains("Cancel 2 jobs?") && asked.text.contains("2 chosen jobs"), "{}", asked.text);
    for (at, id) in ids.iter().enumerate() {
        assert_eq!(asked.text.contains(&format!("/jobs/{id}\"")), at != 1, "{at}: {}", asked.text);
    }
    let (token, chosen) = (asked.hidden("form_token"), asked.hidden("filter.ids"));
    let fields = [("form_token", token.as_str()), ("act", "cancel"), ("counted", "2"), ("filter.ids", &chosen)];
    let sent = browser.send("/w/default/acts/actOnJobs", &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let acts = service.get("/api/v1/jobs?kind=jobs.act").await.json();
    let filter = &acts["items"][0]["args"]["filter"];
    assert_eq!(filter, &json!({ "ids": format!("{},{}", ids[0], ids[2]) }));
    let found = service.get(&format!("/api/v1/jobs?ids={chosen}")).await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 2);
    for wrong in ["/api/v1/jobs?within=0", "/api/v1/jobs/failures?within=0", "/api/v1/jobs?within=1000000001"] {
        service.get(wrong).await.problem(422, "invalid-field");
    }

    let wrong = browser.get("/w/default/jobs/act/cancel?id=7").await;
    assert!(wrong.text.contains("is not the id of a job"), "{}", wrong.text);
    let viewer = Browser::member(&service, "vic@example.com", Role::Viewer).await;
    assert!(!viewer.get("/w/default/jobs").await.text.contains("name=\"id\""), "what is closed is not offered");
}

async fn a_list_shows_the_columns_that_were_chosen(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["connection.test"]);
    some_jobs(&service, 1).await;
    let person = json!({ "name": "Ada Example", "email": "ada@example.com", "country": "ES" });
    service.post_json("/api/v1/contacts", person).await;
    let browser = Browser::member(&service, "ann@example.com", Role::Staff).await;
    let head = |name: &str| format!("scope=\"col\">{name}</th>");
    let all = browser.get("/w/default/jobs").await;
    assert!(all.text.contains(&head("Queue")) && all.text.contains(&head("Made")));
    let some = browser.get("/w/default/jobs?state=ready&columns=made&columns=state").await;
    assert!(!some.text.contains(&head("Queue")) && some.text.contains(&head("Made")), "{}", some.text);
    // The filters of the list keep the columns, and the form of the columns keeps the filters.
    assert!(
        some.text.contains("name=\"columns\" value=\"made\"") && some.text.contains("name=\"state\" value=\"ready\"")
    );
    let contacts = browser.get("/w/default/contacts?columns=country").await;
    assert!(contacts.text.contains("data-label=\"Country\">ES") && !contacts.text.contains("ada@example.com"));
}
