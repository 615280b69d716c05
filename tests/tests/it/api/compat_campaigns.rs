//! The campaigns of the marketing backend on its paths, as its documents show them.

use herald_ledger::{Leased, Outcome};
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Answer, Service,
    notifications::member,
    people::{Person, tick},
    worker,
};

on_both_engines! {
    the_only_person_schedules_and_sends,
    others_wait_for_an_approval,
    content_becomes_a_template_of_its_own,
    campaigns_are_exported,
    refusals_name_the_fields_of_old,
}

const BELOW: &str = "/compat/marketing/api";

/// A client of the old front end.
struct Front<'a> {
    service: &'a Service,
    token: String,
}

impl Front<'_> {
    async fn post(&self, path: &str, body: Value) -> Answer {
        tick(self.service);
        let request = self.service.open(Method::POST, &format!("{BELOW}{path}")).bearer_auth(&self.token);
        Answer::to(request.json(&body)).await
    }

    async fn get(&self, path: &str) -> Answer {
        Answer::to(self.service.open(Method::GET, &format!("{BELOW}{path}")).bearer_auth(&self.token)).await
    }

    async fn made(&self, path: &str, body: Value) -> Value {
        let made = self.post(path, body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        made.json()
    }

    async fn seen(&self, path: &str) -> Value {
        let seen = self.get(path).await;
        assert_eq!(seen.status, StatusCode::OK, "{}", seen.text());
        seen.json()
    }
}

/// Does what waits, as a worker does.
async fn work(service: &Service) {
    loop {
        let mut jobs: Vec<Leased> = worker::lease(service, "control").await;
        jobs.extend(worker::lease(service, "bulk").await);
        if jobs.is_empty() {
            return;
        }
        for job in jobs {
            let outcome = match worker::outcome(service, &job).await {
                Outcome::Dead { error } => panic!("{}: {error}", job.kind),
                outcome => outcome,
            };
            worker::commit(service, job, outcome).await;
        }
    }
}

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap_or_else(|| panic!("{value}"))
}

async fn the_only_person_schedules_and_sends(database: &TestDatabase) {
    let service = Service::start(database).await;
    let owner = Person::new(&service, "ann@example.com").await;
    owner.workspace(&service, "north").await;
    let front = Front { service: &service, token: owner.access.clone() };
    for (name, email) in [("Cy Example", "cy@example.com"), ("Di Example", "di@example.com")] {
        front.made("/customers", json!({ "name": name, "email": email, "tags": ["vip"], "language": "es" })).await;
    }
    let vip = json!({ "name": "VIP", "filters": { "language": "es" }, "tags": ["vip"] });
    let segment = front.made("/segments", vip).await;
    let spring = json!({ "name": "Spring", "channel": "email", "channels": ["email"], "segment": segment["id"],
        "product": "0199", "language": "es", "subject": "Hola, {{ first_name }}",
        "content": "Hola {{ name }},\nabrimos." });
    let made = front.made("/campaigns", spring).await;
    assert_eq!((&made["status"], &made["title"]), (&json!("draft"), &json!("Spring")));
    assert_eq!((&made["segment"], &made["subject"]), (&segment["id"], &json!("Hola, {{ first_name }}")));
    let one = format!("/campaigns/{}", id(&made));

    let when = json!({ "scheduled_at": "2026-05-03T09:00:00", "timezone": "Europe/Madrid" });
    let scheduled = front.post(&format!("{one}/schedule"), when.clone()).await;
    assert_eq!(scheduled.status, StatusCode::OK, "{}", scheduled.text());
    let scheduled = scheduled.json();
    assert_eq!(scheduled["status"], "scheduled");
    assert_eq!(scheduled["scheduled_at"], "2026-05-03T09:00:00+02:00");
    // Sent again, it stays as it is.
    let again = front.post(&format!("{one}/schedule"), when).await;
    assert_eq!((again.status, &again.json()["status"]), (StatusCode::OK, &json!("scheduled")));

    let sent = front.post(&format!("{one}/send"), json!({})).await;
    assert_eq!((sent.status, &sent.json()["status"]), (StatusCode::OK, &json!("sending")), "{}", sent.text());
    // The job for its time finds it sent.
    service.leaves(&["campaign.dispatch", "notification.mail"]);
    work(&service).await;
    let messages = front.seen(&format!("{one}/messages")).await;
    let mut told: Vec<_> = messages
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["recipient"].as_str().unwrap(), one["status"].as_str().unwrap()))
        .collect();
    told.sort_unstable();
    assert_eq!(told, [("cy@example.com", "sent"), ("di@example.com", "sent")]);
    let listed = front.seen("/campaigns").await;
    assert_eq!((&listed[0]["status"], &listed[0]["metrics"]["sent"]), (&json!("sent"), &json!(2)));
    // What happens in one instant has no order among itself.
    let log = front.seen(&format!("{one}/logs")).await;
    let mut events: Vec<_> = log.as_array().unwrap().iter().map(|one| one["event"].as_str().unwrap()).collect();
    events.sort_unstable();
    assert_eq!(events, ["approved", "changed", "created", "scheduled", "sent", "started", "submitted"]);
    let approved = log.as_array().unwrap().iter().find(|one| one["event"] == "approved").unwrap();
    assert_eq!(approved["details"]["nobody_else_may"], true);
    // Who made it is told that it is sent; a key is told nothing.
    let told = front.seen("/notifications").await;
    assert_eq!((&told[0]["type"], &told[0]["is_read"]), (&json!("campaign.sent"), &json!(false)), "{told}");
    assert!(told[0]["message"].as_str().unwrap().contains("Spring"));
    let by_key = Front { service: &service, token: service.token.clone() };
    assert_eq!(by_key.seen("/notifications").await, json!([]));
}

async fn others_wait_for_an_approval(database: &TestDatabase) {
    let service = Service::start(database).await;
    // Bo is told of what waits for an approval.
    service.leaves(&["campaign.dispatch", "notification.mail"]);
    let front = Front { service: &service, token: service.token.clone() };
    let summer = json!({ "title": "Summer", "message": "Hello", "tags": ["vip"] });
    let made = front.made("/campaigns", summer).await;
    let one = format!("/campaigns/{}", id(&made));
    let when = json!({ "scheduled_at": "2026-05-03T09:00:00", "timezone": "Europe/Madrid" });
    let waits = async |body: &Value| {
        let waits = front.post(&format!("{one}/schedule"), body.clone()).await;
        assert_eq!(waits.status, StatusCode::ACCEPTED, "{}", waits.text());
        let waits = waits.json();
        assert_eq!(waits["status"], "in_review");
        assert!(waits["detail"].as_str().unwrap().contains("approves"), "{waits}");
    };
    waits(&when).await;
    waits(&when).await;
    let bo = member(&service, "bo@example.com", "agency").await;
    let approve = async || {
        let path = format!("/api/v1/campaigns/{}/approve", id(&made));
        let approving = bo.request(&service, Method::POST, &path).header("herald-workspace", "default");
        let approved = Answer::to(approving).await;
        assert_eq!(approved.status, StatusCode::OK, "{}", approved.text());
    };
    approve().await;
    let scheduled = front.post(&format!("{one}/schedule"), when.clone()).await;
    assert_eq!((scheduled.status, &scheduled.json()["status"]), (StatusCode::OK, &json!("scheduled")));
    // Another time is another campaign than the one that was approved.
    let earlier = json!({ "scheduled_at": "2026-04-02T09:00:00", "timezone": "Europe/Madrid" });
    waits(&earlier).await;
    approve().await;
    // Staff schedules, and does not send at once.
    let staff = service.post_json("/api/v1/keys", json!({ "name": "front", "role": "staff" })).await.json();
    let staff = Front { service: &service, token: staff["key"].as_str().unwrap().to_owned() };
    assert_eq!(staff.post(&format!("{one}/send"), json!({})).await.status, StatusCode::FORBIDDEN);
    let scheduled = staff.post(&format!("{one}/schedule"), json!({})).await;
    assert_eq!((scheduled.status, &scheduled.json()["status"]), (StatusCode::OK, &json!("scheduled")));
    // It begins at the earlier time, not at the one before.
    service.db.clock().advance(std::time::Duration::from_secs(40 * 24 * 3_600));
    work(&service).await;
    assert_eq!(front.seen("/campaigns").await[0]["status"], "sent");
}

async fn content_becomes_a_template_of_its_own(database: &TestDatabase) {
    let service = Service::start(database).await;
    let front = Front { service: &service, token: service.token.clone() };
    let spring = json!({ "name": "Spring", "content": "Hello {{ name }}", "subject": "Open again" });
    for _ in 0..2 {
        front.made("/campaigns", spring.clone()).await;
    }
    let names = async || {
        let templates = service.get("/api/v1/message-templates").await.json();
        let mut names: Vec<String> =
            templates["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names().await, ["Spring", "Spring (2)"]);
    // A campaign that is not made leaves no template behind.
    let nowhere = json!({ "name": "Lost", "content": "Hello", "segment": service.db.new_id() });
    assert_eq!(front.post("/campaigns", nowhere).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(names().await, ["Spring", "Spring (2)"]);
    // The workspace's sender is made once, with its name and the address of the settings.
    let senders = service.get("/api/v1/senders").await.json();
    assert_eq!(senders["items"].as_array().unwrap().len(), 1, "{senders}");
    assert_eq!(senders["items"][0]["from_address"], "herald@example.com");
    // Staff may not make one.
    let staff = service.post_json("/api/v1/keys", json!({ "name": "front", "role": "staff" })).await.json();
    let staff = Front { service: &service, token: staff["key"].as_str().unwrap().to_owned() };
    staff.made("/campaigns", json!({ "name": "Theirs", "content": "Hello" })).await;
    // Nothing is sent over WhatsApp yet, but a draft is kept.
    let draft = front.made("/campaigns", json!({ "name": "Chat", "channels": ["whatsapp"], "message": "Hello" })).await;
    assert_eq!(draft["channels"], json!(["whatsapp"]));
}

async fn campaigns_are_exported(database: &TestDatabase) {
    let service = Service::start(database).await;
    let front = Front { service: &service, token: service.token.clone() };
    assert!(front.get("/campaigns/export?format=pdf").await.body.starts_with(b"%PDF"));
    front.made("/campaigns", json!({ "name": "=1+1" })).await;
    front.made("/campaigns", json!({ "name": "Spring, \"new\"" })).await;
    let table = front.get("/campaigns/export?format=csv").await;
    assert_eq!((table.status, table.header("content-type")), (StatusCode::OK, "text/csv; charset=utf-8"));
    assert_eq!(table.header("content-disposition"), "attachment; filename=\"campaigns.csv\"");
    let text = table.text();
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    assert!(lines[0].starts_with("\"id\",\"name\",\"channel\",\"state\""), "{text}");
    assert!(lines[1].contains("\"Spring, \"\"new\"\"\",\"email\",\"draft\""), "{text}");
    // A spreadsheet runs nothing of it.
    assert!(lines[2].contains("\"'=1+1\""), "{text}");
    let pdf = front.get("/campaigns/export?format=pdf").await;
    assert_eq!((pdf.status, pdf.header("content-type")), (StatusCode::OK, "application/pdf"));
    assert!(pdf.body.starts_with(b"%PDF"));
}

async fn refusals_name_the_fields_of_old(database: &TestDatabase) {
    let service = Service::start(database).await;
    let front = Front { service: &service, token: service.token.clone() };
    let refused = async |path: &str, body: Value, field: &str| {
        let refused = front.post(path, body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text());
        assert!(refused.json()[field][0].is_string(), "{field}: {}", refused.text());
    };
    refused("/campaigns", json!({ "channel": "email" }), "name").await;
    refused("/campaigns", json!({ "name": "x", "channel": "phone" }), "channel").await;
    refused("/campaigns", json!({ "name": "x", "content": "Hello {{ name" }), "content").await;
    refused("/campaigns", json!({ "name": "x", "content": "Hello", "subject": "{{ name" }), "subject").await;
    refused("/campaigns", json!({ "name": "x", "scheduled_at": "soon" }), "scheduled_at").await;
    refused("/campaigns", json!({ "name": "x", "scheduled_at": "2026-05-03T09:00", "timezone": "Mars" }), "timezone")
        .await;
    let silent = front.made("/campaigns", json!({ "name": "Silent", "tags": ["vip"] })).await;
    refused(&format!("/campaigns/{}/send", id(&silent)), json!({}), "content").await;
    refused(&format!("/campaigns/{}/schedule", id(&silent)), json!({}), "scheduled_at").await;
    let nobody = front.made("/campaigns", json!({ "name": "Nobody", "content": "Hello" })).await;
    refused(&format!("/campaigns/{}/send", id(&nobody)), json!({}), "segment").await;
    let format = front.get("/campaigns/export?format=doc").await;
    assert!(format.status == StatusCode::BAD_REQUEST && format.json()["format"][0].is_string(), "{}", format.text());
    let gone = service.db.new_id();
    for path in ["messages", "logs"] {
        assert_eq!(front.get(&format!("/campaigns/{gone}/{path}")).await.status, StatusCode::NOT_FOUND);
    }
    for path in ["send", "schedule"] {
        assert_eq!(front.post(&format!("/campaigns/{gone}/{path}"), json!({})).await.status, StatusCode::NOT_FOUND);
    }
}
