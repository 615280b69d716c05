//! Reports that are made by themselves, once a local day, and mailed once to those who subscribed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use herald_scheduler::fire_due;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Answer, Service,
    console::Browser,
    notifications::{member, outbox, post, told},
    people::Person,
    worker,
};

on_both_engines! {
    a_plan_makes_a_report_of_each_day,
    a_local_day_has_one_report_where_the_clocks_change,
    days_that_were_slept_through_are_made_up_for,
    a_report_is_mailed_once_to_those_who_subscribed,
    only_members_who_may_read_reports_subscribe,
    what_is_wrong_with_a_plan_is_pointed_at,
    the_page_of_reports_sets_the_plan,
}

const PLAN: &str = "/api/v1/reports/plan";
const SUBSCRIBERS: &str = "/api/v1/reports/subscribers";

async fn set(service: &Service, on: bool, at: &str, zone: &str) -> Answer {
    let body = json!({ "on": on, "at": at, "time_zone": zone });
    Answer::to(service.request(Method::PUT, PLAN).json(&body)).await
}

/// Lets the clock run to a moment, fires what is due, and does the jobs.
async fn at(service: &Service, moment: &str) {
    let moment: DateTime<Utc> = moment.parse().unwrap();
    service.db.clock().advance((moment - service.db.now()).to_std().unwrap());
    fire_due(&service.db).await.unwrap();
    worker::work(service).await;
}

/// The days of the reports, the latest first.
async fn days(service: &Service) -> Vec<String> {
    let found = service.get("/api/v1/reports").await.json();
    found["items"].as_array().unwrap().iter().map(|one| one["day"].as_str().unwrap().to_owned()).collect()
}

async fn subscribe(service: &Service, method: Method, person: &Person) -> Answer {
    Answer::to(service.request(method, &format!("{SUBSCRIBERS}/{}", person.id))).await
}

async fn a_plan_makes_a_report_of_each_day(database: &TestDatabase) {
    let service = Service::start(database).await;
    let usual = service.get(PLAN).await.json();
    assert_eq!((&usual["on"], &usual["at"], &usual["next_run"]), (&json!(false), &json!("07:00"), &Value::Null));
    let plan = set(&service, true, "06:30", "Europe/Madrid").await.json();
    assert_eq!((&plan["on"], &plan["at"]), (&json!(true), &json!("06:30")));
    assert_eq!((&plan["time_zone"], &plan["next_run"]), (&json!("Europe/Madrid"), &json!("2026-03-02T05:30:00Z")));
    assert_eq!(service.get(PLAN).await.json(), plan);
    at(&service, "2026-03-02T05:29:59Z").await;
    assert_eq!(days(&service).await, [] as [&str; 0]);
    for _ in 0..2 {
        at(&service, "2026-03-02T05:30:00Z").await;
        assert_eq!(days(&service).await, ["2026-03-01"]);
    }
    // Set anew, it is the same schedule.
    set(&service, true, "08:00", "Asia/Tokyo").await;
    assert_eq!(service.get("/api/v1/schedules").await.json()["items"].as_array().unwrap().len(), 1);
    at(&service, "2026-03-02T23:00:00Z").await;
    assert_eq!(days(&service).await, ["2026-03-02", "2026-03-01"]);
    let off = set(&service, false, "08:00", "Asia/Tokyo").await.json();
    assert_eq!((&off["on"], &off["next_run"]), (&json!(false), &Value::Null));
    at(&service, "2026-03-05T23:00:00Z").await;
    assert_eq!(days(&service).await.len(), 2);
    // Another workspace has its own.
    let other = service.other_workspace().await;
    let theirs = Answer::to(service.open(Method::GET, PLAN).bearer_auth(&other)).await.json();
    assert_eq!((&theirs["on"], &theirs["schedule_id"]), (&json!(false), &Value::Null));
}

async fn a_local_day_has_one_report_where_the_clocks_change(database: &TestDatabase) {
    let service = Service::start(database).await;
    // On the 29th the clocks of Madrid skip 2:30, and on 25 October they show it twice.
    set(&service, true, "02:30", "Europe/Madrid").await;
    let jobs = async || {
        let found = service.get("/api/v1/jobs?kind=report.daily_leads&limit=500").await.json();
        found["items"].as_array().unwrap().len()
    };
    at(&service, "2026-03-28T12:00:00Z").await;
    let before = jobs().await;
    for hour in 0..48 {
        at(&service, &format!("2026-03-{:02}T{:02}:30:00Z", 29 + hour / 24, hour % 24)).await;
    }
    assert_eq!(jobs().await - before, 2);
    assert_eq!(days(&service).await[..2], ["2026-03-29", "2026-03-28"]);
    at(&service, "2026-10-24T12:00:00Z").await;
    let before = jobs().await;
    for hour in 0..48 {
        at(&service, &format!("2026-10-{:02}T{:02}:30:00Z", 25 + hour / 24, hour % 24)).await;
    }
    assert_eq!(jobs().await - before, 2);
    assert_eq!(days(&service).await[..2], ["2026-10-25", "2026-10-24"]);
}

async fn days_that_were_slept_through_are_made_up_for(database: &TestDatabase) {
    let service = Service::start(database).await;
    set(&service, true, "07:00", "UTC").await;
    at(&service, "2026-03-02T07:00:00Z").await;
    at(&service, "2026-03-05T12:00:00Z").await;
    assert_eq!(days(&service).await, ["2026-03-04", "2026-03-03", "2026-03-02", "2026-03-01"]);
    at(&service, "2026-04-05T12:00:00Z").await;
    let after = days(&service).await;
    assert_eq!((after.len(), after[0].as_str(), after[6].as_str()), (11, "2026-04-04", "2026-03-29"));
}

async fn a_report_is_mailed_once_to_those_who_subscribed(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = member(&service, "ann@example.com", "staff").await;
    let bo = member(&service, "bo@example.com", "agency").await;
    let cy = member(&service, "cy@example.com", "owner").await;
    for person in [&ann, &bo, &bo] {
        assert_eq!(subscribe(&service, Method::PUT, person).await.status, 204);
    }
    let listed = service.get(SUBSCRIBERS).await.json();
    let emails: Vec<_> = listed["items"].as_array().unwrap().iter().map(|one| &one["email"]).collect();
    assert_eq!(emails, ["ann@example.com", "bo@example.com"]);
    service.post_json("/api/v1/leads", json!({ "contact": { "name": "Di Example" } })).await;
    set(&service, true, "07:00", "UTC").await;
    at(&service, "2026-03-02T07:00:00Z").await;
    assert_eq!(post(&service).await, ["sent", "sent"]);
    let mails = outbox(&service);
    let report = service.get("/api/v1/reports").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    assert!(mails.iter().all(|mail| mail.contains(&format!("/w/default/leads/reports/{report}"))), "{mails:?}");
    assert_eq!(told(&service, &ann).await[0]["title"], "Leads of 1 March 2026: 1 new lead");
    assert_eq!(told(&service, &cy).await, [] as [Value; 0]);
    // Made again by a person, and by the schedule itself: nobody is told again.
    let order = json!({ "kind": "report.daily_leads", "args": { "day": "2026-03-01", "tell": true } });
    assert_eq!(service.post_json("/api/v1/jobs", order).await.status, 202);
    worker::work(&service).await;
    assert_eq!((post(&service).await, told(&service, &ann).await.len()), (vec![], 1));
    // A report that a person makes tells nobody.
    let order = json!({ "kind": "report.daily_leads", "args": { "day": "today" } });
    assert_eq!(service.post_json("/api/v1/jobs", order).await.status, 202);
    worker::work(&service).await;
    assert_eq!(told(&service, &ann).await.len(), 1);
    assert_eq!(subscribe(&service, Method::DELETE, &ann).await.status, 204);
    subscribe(&service, Method::DELETE, &ann).await.problem(404, "not-found");
    at(&service, "2026-03-03T07:00:00Z").await;
    assert_eq!(post(&service).await, ["sent"]);
    assert_eq!((told(&service, &ann).await.len(), told(&service, &bo).await.len()), (1, 2));
}

async fn only_members_who_may_read_reports_subscribe(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = member(&service, "ann@example.com", "viewer").await;
    subscribe(&service, Method::PUT, &ann).await.problem(404, "not-found");
    let eve = Person::new(&service, "eve@example.com").await;
    subscribe(&service, Method::PUT, &eve).await.problem(404, "not-found");
    // Who becomes a viewer gets none any more.
    let bo = member(&service, "bo@example.com", "staff").await;
    assert_eq!(subscribe(&service, Method::PUT, &bo).await.status, 204);
    let role = service.request(Method::PUT, &format!("/api/v1/members/{}", bo.id)).json(&json!({ "role": "viewer" }));
    assert_eq!(Answer::to(role).await.status, 200);
    assert_eq!(service.get(SUBSCRIBERS).await.json()["items"], json!([]));
    let log = service.get("/api/v1/audit?action=report.subscribe").await.json();
    assert_eq!(log["items"].as_array().unwrap().len(), 1);
}

async fn what_is_wrong_with_a_plan_is_pointed_at(database: &TestDatabase) {
    let service = Service::start(database).await;
    for at in ["", "7", "25:00", "07:60", "soon"] {
        let told = set(&service, true, at, "UTC").await.problem(422, "invalid-field");
        assert!(told.contains("07:00"), "{told}");
    }
    let told = set(&service, true, "07:00", "Mars").await.problem(422, "invalid-field");
    assert!(told.contains("Mars"), "{told}");
    assert_eq!(service.get(PLAN).await.json()["on"], false);
}

async fn the_page_of_reports_sets_the_plan(database: &TestDatabase) {
    let service = Service::start(database).await;
    let browser = Browser::member(&service, "ann@example.com", herald_people::Role::Staff).await;
    let ann = Person::sign_in(&service, "ann@example.com").await.id.to_string();
    let page = browser.get("/w/default/leads/reports").await;
    assert!(page.text.contains("No report is made by itself."), "{}", page.text);
    let (form_token, once) = (page.hidden("form_token"), page.hidden("once"));
    let send = async |act: &str, once: &str, more: &[(&str, &str)]| {
        let own = [("form_token", form_token.as_str()), ("once", once), ("back", "/w/default/leads/reports")];
        let fields: Vec<_> = own.into_iter().chain(more.iter().copied()).collect();
        browser.send(&format!("/w/default/acts/{act}"), &fields).await
    };
    let plan = [("on", "true"), ("at", "07:15"), ("time_zone", "Europe/Madrid")];
    assert_eq!(send("setReportPlan", &once, &plan).await.status, 303);
    let wrong =
        send("setReportPlan", "0199c0de-0000-7000-8000-000000000001", &[("at", "soon"), ("time_zone", "UTC")]).await;
    assert!(wrong.status == 422 && wrong.text.contains("write it like 07:00"), "{}", wrong.text);
    let subscribed = send("subscribeToReports", "0199c0de-0000-7000-8000-000000000002", &[("id", &ann)]).await;
    assert_eq!(subscribed.status, 303, "{}", subscribed.text);
    service.db.clock().advance(Duration::from_secs(1));
    let page = browser.get("/w/default/leads/reports").await.text;
    assert!(page.contains("The report of the day before is made") && page.contains("value=\"07:15\""), "{page}");
    assert!(page.contains("unsubscribeFromReports"), "{page}");
}
