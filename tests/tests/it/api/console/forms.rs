//! Forms: where they may come from, and what becomes of one that cannot be carried out.

use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::json;

use super::Browser;
use crate::api::{Answer, Service};

on_both_engines! {
    a_form_of_another_site_does_nothing,
    a_form_of_an_ended_session_is_shown_again_after_signing_in,
    an_act_is_one_call_of_the_api_and_is_said_on_the_next_page,
    a_refused_act_shows_its_page_again,
    what_came_from_outside_is_text,
}

/// A job that waits, by its id. `name` stands in its arguments.
async fn a_job(service: &Service, name: &str) -> String {
    let account = json!({ "provider": "mautic", "url": "https://crm.example.com", "user": "herald", "password": "x" });
    let saved = Answer::to(service.request(Method::PUT, "/api/v1/connections/crm").json(&account)).await;
    assert!(saved.status.is_success(), "{}", saved.text());
    let started = service.post_json("/api/v1/connections/crm/test", json!({ "target": name })).await;
    started.json()["job_id"].as_str().unwrap().to_owned()
}

async fn state(service: &Service, id: &str) -> String {
    service.get(&format!("/api/v1/jobs/{id}")).await.json()["state"].as_str().unwrap().to_owned()
}

async fn a_form_of_another_site_does_nothing(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["connection.test"]);
    let id = a_job(&service, "7").await;
    let browser = Browser::member(&service, "ann@example.com", Role::Staff).await;
    let page = browser.get(&format!("/w/default/jobs/{id}")).await;
    let token = page.hidden("form_token");
    let fields = [("form_token", token.as_str()), ("id", id.as_str())];
    let path = "/w/default/acts/cancelJob";
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        assert_eq!(browser.send_from(origin, path, &fields).await.status, 403, "{origin}");
    }
    // The token of another session.
    let foreign = browser.send(path, &[("form_token", &"0".repeat(32)), ("id", &id)]).await;
    assert_eq!(foreign.status, 409);
    assert_eq!(state(&service, &id).await, "ready");
}

async fn a_form_of_an_ended_session_is_shown_again_after_signing_in(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["connection.test"]);
    let id = a_job(&service, "7").await;
    let browser = Browser::member(&service, "ann@example.com", Role::Staff).await;
    let back = format!("/w/default/jobs/{id}");
    let token = browser.get(&back).await.hidden("form_token");
    browser.forget();

    let fields = [("form_token", token.as_str()), ("id", id.as_str()), ("back", back.as_str())];
    let asked = browser.send("/w/default/acts/cancelJob", &fields).await;
    assert_eq!(asked.status, 401);
    assert!(asked.text.contains("You were signed out"), "{}", asked.text);
    let (to, kept) = (asked.hidden("resume_to"), asked.hidden("field.id"));
    assert_eq!((to.as_str(), kept.as_str()), ("/w/default/acts/cancelJob", id.as_str()));

    let again = [
        ("email", "ann@example.com"),
        ("password", super::PASSWORD),
        ("resume_to", &to),
        ("resume_back", &back),
        ("field.id", &kept),
    ];
    let shown = browser.send("/sign-in", &again).await;
    assert!(shown.text.contains("Send it now?"), "{}", shown.text);
    assert_eq!(state(&service, &id).await, "ready", "nothing happens before the person sends it");
    let sent = [("form_token", shown.hidden("form_token")), ("id", shown.hidden("id")), ("back", back.clone())];
    let sent: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(browser.send(&to, &sent).await.header("location"), back);
    assert_eq!(state(&service, &id).await, "cancelled");
}

async fn an_act_is_one_call_of_the_api_and_is_said_on_the_next_page(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = a_job(&service, "7").await;
    let browser = Browser::member(&service, "ann@example.com", Role::Staff).await;
    let back = format!("/w/default/jobs/{id}");
    let page = browser.get(&back).await;
    let token = page.hidden("form_token");
    let fields = [("form_token", token.as_str()), ("id", id.as_str()), ("back", back.as_str())];
    assert_eq!(browser.send("/w/default/acts/cancelJob", &fields).await.header("location"), back);
    assert_eq!(state(&service, &id).await, "cancelled");
    let next = browser.get(&back).await;
    assert!(next.text.contains("role=\"status\""), "{}", next.text);
    assert!(!browser.get(&back).await.text.contains("role=\"status\""), "it is said once");
    // In the name of the person, as every call of theirs.
    assert!(service.get("/api/v1/audit?action=job.cancel").await.text().contains(&id));
}

async fn a_refused_act_shows_its_page_again(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = a_job(&service, "7").await;
    let browser = Browser::member(&service, "ann@example.com", Role::Staff).await;
    let back = format!("/w/default/jobs/{id}");
    let token = browser.get(&back).await.hidden("form_token");
    let fields = [("form_token", token.as_str()), ("id", id.as_str()), ("back", back.as_str())];
    browser.send("/w/default/acts/cancelJob", &fields).await;
    let again = browser.send("/w/default/acts/cancelJob", &fields).await;
    assert!(again.status.is_client_error(), "{}", again.status);
    assert!(again.text.contains("role=\"alert\"") && again.text.contains("connection.test"), "{}", again.text);

    let viewer = Browser::member(&service, "vic@example.com", Role::Viewer).await;
    let page = viewer.get(&back).await;
    assert!(!page.text.contains("acts/cancelJob") && !page.text.contains("acts/retryJob"), "{}", page.text);
    let token = page.hidden("form_token");
    let refused = viewer.send("/w/default/acts/retryJob", &[("form_token", &token), ("id", &id)]).await;
    assert_eq!(refused.status, 403, "what is not offered is closed");
}

async fn what_came_from_outside_is_text(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["connection.test"]);
    let id = a_job(&service, "\"><script>alert(1)</script>").await;
    let browser = Browser::member(&service, "ann@example.com", Role::Viewer).await;
    for path in
        [format!("/w/default/jobs/{id}"), "/w/default/jobs?kind=%22%3E%3Cscript%3Ealert(1)%3C/script%3E".to_owned()]
    {
        let page = browser.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(!page.text.contains("<script>alert") && page.text.contains("alert(1)"), "{path}: {}", page.text);
    }
}
