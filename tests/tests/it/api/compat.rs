//! The paths of the assistant, as its documents show them.

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, Service};

on_both_engines! {
    leads_are_made_listed_and_followed_up,
    words_of_a_lead_are_statuses_of_the_workspace,
    todays_report_is_named_at_once,
    refusals_have_the_old_form,
}

const BELOW: &str = "/compat/assistant";

/// The data of a success.
fn data(answer: &Answer, status: StatusCode) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    let answer = answer.json();
    assert_eq!((&answer["status"], &answer["timestamp"]), (&json!("success"), &json!("2026-03-01T09:00:00Z")));
    assert!(answer["message"].is_string());
    answer["data"].clone()
}

async fn leads(service: &Service, path: &str) -> Vec<String> {
    let found = data(&service.get(&format!("{BELOW}{path}")).await, StatusCode::OK);
    found["leads"].as_array().unwrap().iter().map(|lead| lead["email"].as_str().unwrap().to_owned()).collect()
}

async fn leads_are_made_listed_and_followed_up(database: &TestDatabase) {
    let service = Service::start(database).await;
    let bo = json!({ "name": "Bo Example", "email": "bo@example.com", "phone": "+12025550144", "status": "new",
        "company": "Example Ltd", "notes": "Called us." });
    let made = data(&service.post_json(&format!("{BELOW}/leads"), bo).await, StatusCode::CREATED);
    assert_eq!((&made["status"], &made["phone"]), (&json!("new"), &json!("+12025550144")));
    let path = format!("{BELOW}/leads/{}", made["id"].as_str().unwrap());
    assert!(leads(&service, "/leads/followups").await.is_empty());
    let updated = data(&service.post_json(&path, json!({ "status": "follow_up" })).await, StatusCode::OK);
    assert_eq!((&updated["status"], &updated["follow_up_date"]), (&json!("follow_up"), &json!("2026-03-01")));
    let dated = json!({ "name": "Cy Example", "email": "cy@example.com", "follow_up_date": "2026-03-09" });
    data(&service.post_json(&format!("{BELOW}/leads"), dated).await, StatusCode::CREATED);
    assert_eq!(leads(&service, "/leads/followups").await, ["bo@example.com", "cy@example.com"]);
    assert_eq!(leads(&service, "/leads/followups?date=2026-03-02").await, ["bo@example.com"]);
    data(&service.post_json(&path, json!({ "status": "contacted" })).await, StatusCode::OK);
    assert_eq!(leads(&service, "/leads/followups").await, ["cy@example.com"]);
    assert_eq!(leads(&service, "/leads?status=contacted").await, ["bo@example.com"]);
    assert_eq!(leads(&service, "/leads").await.len(), 2);
    // They are the same leads and contacts as everywhere else.
    let contacts = service.get("/api/v1/contacts?search=bo@example.com").await.json();
    assert_eq!(contacts["items"][0]["fields"]["company"], "Example Ltd");
    let notes = service.get(&format!("/api/v1/leads/{}/notes", made["id"].as_str().unwrap())).await.json();
    assert_eq!(notes["items"][0]["text"], "Called us.");
}

async fn words_of_a_lead_are_statuses_of_the_workspace(database: &TestDatabase) {
    let service = Service::start(database).await;
    let own = json!({ "statuses": [
        { "name": "New", "stands_for": "open" },
        { "name": "Not interested", "stands_for": "lost" },
        { "name": "Converted", "stands_for": "won" },
    ] });
    let set = Answer::to(service.request(Method::PUT, "/api/v1/leads/statuses").json(&own)).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text());
    let bo = json!({ "name": "Bo Example", "status": "not_interested" });
    let made = data(&service.post_json(&format!("{BELOW}/leads"), bo).await, StatusCode::CREATED);
    assert_eq!(made["status"], "not_interested");
    let unknown = json!({ "name": "Cy Example", "status": "frozen" });
    let refused = service.post_json(&format!("{BELOW}/leads"), unknown).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.json()["message"].as_str().unwrap().contains("New, Not interested, Converted"),
        "{}",
        refused.text()
    );
}

async fn todays_report_is_named_at_once(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["report.daily_leads"]);
    let made = data(&service.post_json(&format!("{BELOW}/leads/reports/generate"), json!({})).await, StatusCode::OK);
    assert_eq!(made["filename"], "daily_leads_2026-03-01_090000.xlsx");
    let job = service.get(&format!("/api/v1/jobs/{}", made["job_id"].as_str().unwrap())).await.json();
    assert_eq!((&job["kind"], &job["args"]["day"]), (&json!("report.daily_leads"), &json!("today")));
}

async fn refusals_have_the_old_form(database: &TestDatabase) {
    let service = Service::start(database).await;
    let refusal = |answer: &Answer, status: u16| {
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
        let body = answer.json();
        assert_eq!((&body["status"], &body["data"]), (&json!("error"), &json!({})));
        assert_eq!(body["timestamp"], "2026-03-01T09:00:00Z");
        body["message"].as_str().unwrap().to_owned()
    };
    let wrong = service.post_json(&format!("{BELOW}/leads"), json!({ "email": "not an address" })).await;
    assert!(refusal(&wrong, 400).contains("ann@example.com"));
    refusal(&Answer::to(service.open(Method::GET, &format!("{BELOW}/leads"))).await, 401);
    let nobody = format!("{BELOW}/leads/00000000-0000-7000-8000-000000000000");
    refusal(&service.post_json(&nobody, json!({ "status": "new" })).await, 404);
    refusal(&service.get(&format!("{BELOW}/leads/followups?date=soon")).await, 400);
    // Elsewhere nothing has changed.
    service.get("/api/v1/leads?outcome=great").await.problem(422, "invalid-field");
}
