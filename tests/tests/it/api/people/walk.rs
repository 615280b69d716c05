//! Every endpoint, by every role, from every workspace: what the document says one has to be is what one has to be, and
//! nothing leaks.

use std::collections::BTreeMap;

use bytes::Bytes;
use herald_leads::{LocalDay, WrittenReport, note_report, report_key};
use herald_ledger::{Outcome, audit::Actor};
use herald_people::Role;
use herald_providers::files::Key;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, PASSWORD, Person, Service};
use crate::api::{Form, worker};

on_both_engines! {
    nothing_opens_to_a_role_that_is_too_low,
    nothing_of_a_workspace_is_there_for_another,
}

const ROLES: [&str; 4] = ["viewer", "staff", "agency", "owner"];

/// The endpoints behind a token: method, path, and what one has to be.
fn closed(service: &Service) -> Vec<(Method, String, String)> {
    let paths = service.described["paths"].as_object().unwrap();
    let found: Vec<_> = paths
        .iter()
        .flat_map(|(path, operations)| {
            operations.as_object().unwrap().iter().filter_map(move |(method, operation)| {
                let method: Method = method.to_uppercase().parse().unwrap();
                let is_open = operation["security"].as_array().unwrap().is_empty();
                (!is_open).then(|| (method, path.clone(), operation["x-needs"].as_str().expect(path).to_owned()))
            })
        })
        .collect();
    assert!(found.len() > 60, "{}", found.len());
    found
}

async fn key(service: &Service, owner: &Person, role: &str) -> String {
    let made = owner.send(service, Method::POST, "/api/v1/keys", json!({ "name": role, "role": role })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["key"].as_str().unwrap().to_owned()
}

async fn ask(service: &Service, token: &str, method: &Method, path: &str) -> Answer {
    let request = service.open(method.clone(), path).bearer_auth(token);
    Answer::to(if *method == Method::GET { request } else { request.json(&json!({})) }).await
}

async fn nothing_opens_to_a_role_that_is_too_low(database: &TestDatabase) {
    let service = Service::start(database).await;
    // Example data, and a report.
    service.leaves(&[
        "campaign.dispatch",
        "contacts.import",
        "invitation.summary",
        "report.daily_leads",
        "import.check",
        "import.forget",
        "export.run",
        "export.forget",
    ]);
    let owner = Person::new(&service, "ann@example.com").await;
    owner.workspace(&service, "north").await;
    let mut tokens = vec![];
    for role in ROLES {
        tokens.push((role, key(&service, &owner, role).await));
    }
    let id = service.db.new_id().to_string();
    let mut refused = 0;
    for (method, template, needs) in closed(&service) {
        let path = fill(&template, &|_| id.clone());
        let too_low: Vec<&str> = match needs.as_str() {
            "platform-admin" | "person" => ROLES.to_vec(),
            role => ROLES.into_iter().take_while(|lower| *lower != role).collect(),
        };
        for (role, token) in &tokens {
            if too_low.contains(role) {
                let refused_here = ask(&service, token, &method, &path).await;
                // The paths of older systems have refusals of their own form.
                match path.starts_with("/compat/") {
                    true => assert_eq!(refused_here.status, 403, "{role}: {method} {path}"),
                    false => drop(refused_here.problem(403, "forbidden")),
                }
                refused += 1;
            } else if !path.ends_with("/events") {
                let answer = ask(&service, token, &method, &path).await;
                assert_ne!(answer.status, 403, "{role}: {method} {path}: {}", answer.text());
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

/// Writes something of ours in the place of each parameter.
fn fill(template: &str, with: &dyn Fn(&str) -> String) -> String {
    let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some("act") => "retry".to_owned(),
        Some(name) => with(name),
        None => part.to_owned(),
    };
    template.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// One of everything in the owner's workspace: the area of its path, and its id.
async fn one_of_each(service: &Service, owner: &Person) -> BTreeMap<&'static str, String> {
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned();
    let mut all = BTreeMap::new();
    let sent =
        service.request(Method::POST, "/api/v1/face-crops").header("content-type", "image/jpeg").body("a picture");
    all.insert("face-crops", text(&Answer::to(sent).await.json()["job"]));
    let (crop, portrait) = (worker::lease_next(service, "cpu").await, Key::preview(service.workspace, "a", "jpg"));
    service.files.put(&portrait, Bytes::from_static(b"a portrait")).await.unwrap();
    let result = json!({ "file": portrait.as_str(), "media_type": "image/jpeg" });
    let made = Outcome::Done { result: Some(result), changes: Vec::new(), then: Vec::new() };
    worker::commit(service, crop, made).await;
    super::tick(service);
    all.insert("templates", service.template().await.to_string());
    let run = service.run("name,table\nAna Example,1\n").await;
    worker::import(service, run, &["Ana Example"]).await;
    all.insert("invitation-runs", run.to_string());
    let seen = service.get(&format!("/api/v1/invitation-runs/{run}")).await.json();
    all.insert("batches", text(&seen["batch_id"]));
    all.insert("jobs", text(&service.get("/api/v1/jobs").await.json()["items"][0]["id"]));
    let plan = json!({ "event": "Gala", "template": "gala", "source": { "kind": "mautic", "form": 3 } });
    let schedule =
        json!({ "name": "ours", "cron": "0 3 * * *", "time_zone": "UTC", "kind": "invitation.start", "args": plan });
    all.insert("schedules", text(&service.post_json("/api/v1/schedules", schedule).await.json()["id"]));
    let mautic =
        json!({ "provider": "mautic", "url": "https://crm.example.com", "user": "ann", "password": "not a real one" });
    let saved = Answer::to(service.request(Method::PUT, "/api/v1/connections/ours").json(&mautic)).await;
    assert_eq!(saved.status, 201, "{}", saved.text());
    all.insert("connections", "ours".to_owned());
    owner.invitation(service, json!({ "role": "viewer" })).await;
    for (area, path) in [("keys", "/api/v1/keys"), ("workspace-invitations", "/api/v1/workspace-invitations")] {
        all.insert(area, text(&service.get(path).await.json()["items"][0]["id"]));
    }
    all.insert("members", owner.id.to_string());
    let lead = json!({ "contact": { "name": "Bo Example", "tags": ["VIP"] } });
    let lead = service.post_json("/api/v1/leads", lead).await.json();
    all.insert("leads", text(&lead["id"]));
    all.insert("contacts", text(&lead["contact_id"]));
    all.insert("tags", text(&service.get("/api/v1/tags").await.json()["items"][0]["id"]));
    let list = Form::default().file("file", "people.csv", "name\nCy Example\n");
    all.insert("imports", text(&service.post_form("/api/v1/imports", list).await.json()["id"]));
    let export = json!({ "what": "contacts", "format": "csv" });
    all.insert("exports", text(&service.post_json("/api/v1/exports", export).await.json()["id"]));
    let field = json!({ "label": "Table No.", "type": "number" });
    all.insert("contact-fields", text(&service.post_json("/api/v1/contact-fields", field).await.json()["id"]));
    let segment = json!({ "name": "VIP", "rule": { "tag": "vip" } });
    all.insert("segments", text(&service.post_json("/api/v1/segments", segment).await.json()["id"]));
    let sender = json!({ "name": "News", "from_name": "North", "from_address": "news@example.com",
        "postal_address": "1 Example Street" });
    all.insert("senders", text(&service.post_json("/api/v1/senders", sender).await.json()["id"]));
    let suppression = json!({ "channel": "email", "address": "dy@example.com" });
    all.insert("suppressions", text(&service.post_json("/api/v1/suppressions", suppression).await.json()["id"]));
    let content = json!({ "format": "markdown", "default_language": "en",
        "languages": { "en": { "subject": "Hello", "body": "Hello" } } });
    let template = json!({ "name": "Ours", "content": content });
    let template = service.post_json("/api/v1/message-templates", template).await.json();
    all.insert("message-templates", text(&template["id"]));
    let campaign = json!({ "channel": "email", "name": "Spring" });
    let campaign = text(&service.post_json("/api/v1/campaigns", campaign).await.json()["id"]);
    all.insert("messages", message_of(service, &campaign).await);
    all.insert("campaigns", campaign);
    let content = json!({ "format": "markdown", "default_language": "en", "languages": { "en": "Hello" } });
    let block = json!({ "name": "ours", "content": content });
    all.insert("message-blocks", text(&service.post_json("/api/v1/message-blocks", block).await.json()["id"]));
    all.insert("whatsapp-templates", whatsapp_template_of(service).await);
    let day = LocalDay::at(service.db.now(), chrono_tz::Tz::UTC);
    let written = WrittenReport { name: "daily.xlsx".to_owned(), bytes: 8, sha256: String::new(), leads: 1 };
    service.files.put(&report_key(service.workspace, day), Bytes::from_static(b"a report")).await.unwrap();
    let report = note_report(&service.db, service.workspace, day, written).await.unwrap();
    all.insert("reports", report.to_string());
    all
}

/// A template of WhatsApp, as if it had been read.
async fn whatsapp_template_of(service: &Service) -> String {
    let twilio = json!({ "provider": "twilio", "account_sid": "AC00000000000000000000000000000000",
        "auth_token": "not a real one" });
    let saved = Answer::to(service.request(Method::PUT, "/api/v1/connections/twilio").json(&twilio)).await;
    let connection: uuid::Uuid = saved.json()["id"].as_str().unwrap().parse().unwrap();
    let template = json!({ "provider_id": "HX1", "name": "invite", "language": "en", "state": "approved",
        "body": "Hello", "variables": [] });
    let mut tx = service.db.begin().await.unwrap();
    let found = vec![serde_json::from_value(template).unwrap()];
    herald_messaging::synchronise_whatsapp_templates(&mut tx, service.workspace, connection, found).await.unwrap();
    tx.commit().await.unwrap();
    let read = service.get("/api/v1/whatsapp-templates").await.json();
    read["items"][0]["id"].as_str().unwrap().to_owned()
}

/// A message of a campaign, as if it had been planned.
async fn message_of(service: &Service, campaign: &str) -> String {
    let (id, mut tx) = (service.db.new_id(), service.db.begin().await.unwrap());
    herald_db::query(
        "insert into messages (id, workspace_id, campaign_id, step, channel, address, params, state, tries, updated_at)
         values ($1, $2, $3, 1, 'email', 'bo@example.com', $4, 'sent', 0, $5)",
    )
    .bind(id)
    .bind(service.workspace)
    .bind(campaign.parse::<uuid::Uuid>().unwrap())
    .bind(json!({}))
    .bind(service.db.now())
    .execute(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    id.to_string()
}

async fn nothing_of_a_workspace_is_there_for_another(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&[
        "invitation.render",
        "contacts.import",
        "invitation.summary",
        "report.daily_leads",
        "campaign.dispatch",
    ]);
    service.leaves(&["import.check", "import.forget", "export.run", "export.forget"]);
    let first = Some((service.workspace, Role::Owner));
    let actor = Actor::cli(service.workspace, "test");
    service.people.add_user("ann@example.com", &PASSWORD.into(), false, first, &actor).await.unwrap();
    let owner = Person::sign_in(&service, "ann@example.com").await;
    let ours = one_of_each(&service, &owner).await;
    let stranger = Person::new(&service, "eve@example.com").await;
    stranger.workspace(&service, "south").await;
    let theirs = key(&service, &stranger, "owner").await;
    let mut missing = 0;
    for (method, template, needs) in closed(&service) {
        if !ROLES.contains(&needs.as_str()) {
            continue;
        }
        let below = template.strip_prefix("/compat/marketing/api/").map(|rest| format!("/api/v1/{rest}"));
        let below = below.unwrap_or_else(|| template.clone());
        let area = below.split('/').nth(3).unwrap();
        let path = fill(&template, &|_| {
            ours.get(area).unwrap_or_else(|| panic!("{template}: make one in `one_of_each`")).clone()
        });
        let answer = ask(&service, &theirs, &method, &path).await;
        for id in ours.values().filter(|id| id.len() == 36 && !path.contains(id.as_str())) {
            assert!(!answer.text().contains(id), "{method} {path} tells {id}");
        }
        if !template.contains('{') || template.contains("{act}") {
            continue;
        }
        // A connection is named, and every workspace may use a name.
        if method == Method::PUT && area == "connections" {
            answer.problem(422, "invalid-field");
            continue;
        }
        let looked = answer.status == 404;
        // A body that cannot be read is refused before anything is looked for.
        let body_first = method != Method::GET && matches!(answer.status.as_u16(), 400 | 415 | 422);
        assert!(looked || body_first, "{method} {path}: {}", answer.text());
        missing += usize::from(looked);
    }
    assert!(missing > 20, "{missing}");
    // And all of it is still there.
    for (area, id) in &ours {
        if !["jobs", "keys", "tags", "workspace-invitations"].contains(area) {
            let seen = owner.get(&service, &format!("/api/v1/{area}/{id}")).await;
            assert_eq!(seen.status, 200, "{area}: {}", seen.text());
        }
    }
}
