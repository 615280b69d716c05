//! Campaigns over HTTP: written, approved by somebody else, sent once to each, and told of row by row.

use std::time::Duration;

use herald_app::config::Settings;
use herald_ledger::{Finished, Leased, Outcome};
use herald_messaging::recount;
use herald_tests::{TestDatabase, on_both_engines};
use herald_worker::runner::{Attempt, Failure};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Answer, Service,
    notifications::{member, outbox, told},
    people::Person,
    worker,
};

on_both_engines! {
    a_campaign_is_sent_once_to_each_of_its_audience,
    nobody_approves_their_own_campaign_unless_nobody_else_may,
    what_was_approved_is_what_is_sent,
    a_campaign_goes_back_to_its_makers_with_the_reason,
    a_message_that_is_not_sent_says_why,
    contacts_with_one_address_get_one_message_or_one_each,
    who_unsubscribes_while_a_campaign_runs_gets_nothing_any_more,
    a_scheduled_campaign_begins_at_its_time,
    a_paused_campaign_sends_the_rest_when_it_is_resumed,
    a_cancelled_campaign_sends_nothing_any_more,
}

const CAMPAIGNS: &str = "/api/v1/campaigns";

/// A workspace with two people who may approve, a sender and a template.
pub(super) struct Stage {
    pub(super) service: Service,
    pub(super) ann: Person,
    pub(super) bo: Person,
    pub(super) sender: Value,
    pub(super) template: Value,
}

impl Stage {
    pub(super) async fn set(database: &TestDatabase) -> Self {
        Self::set_with(database, |_| {}).await
    }

    pub(super) async fn set_with(database: &TestDatabase, set: impl FnOnce(&mut Settings)) -> Self {
        Self::set_in(Service::start_with(database, set).await).await
    }

    pub(super) async fn set_in(service: Service) -> Self {
        service.leaves(&["notification.mail"]);
        let ann = member(&service, "ann@example.com", "agency").await;
        let bo = member(&service, "bo@example.com", "agency").await;
        let sender = service
            .post_json(
                "/api/v1/senders",
                json!({ "name": "News", "from_name": "Example Agency", "from_address": "news@example.com",
                    "postal_address": "1 Example Street, 28001 Madrid" }),
            )
            .await;
        assert_eq!(sender.status, 201, "{}", sender.text());
        let content = json!({ "format": "markdown", "default_language": "en", "languages": { "en": {
            "subject": "News for {{ first_name }}",
            "body": "Hello {{ name }}, your table is {{ table | default(\"open\") }}." } } });
        let template =
            service.post_json("/api/v1/message-templates", json!({ "name": "Spring", "content": content })).await;
        assert_eq!(template.status, 201, "{}", template.text());
        Self { sender: sender.json(), template: template.json(), service, ann, bo }
    }

    /// A campaign of Ann's to everybody with the tag `guest`.
    pub(super) async fn campaign(&self, more: Value) -> Value {
        let mut campaign = json!({ "channel": "email", "name": "Spring", "sender_id": self.sender["id"],
            "template_id": self.template["id"], "audience": { "tags": ["guest"] } });
        campaign.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = self.by(&self.ann, "", campaign).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()
    }

    pub(super) async fn by(&self, who: &Person, path: &str, body: Value) -> Answer {
        let request = who.request(&self.service, Method::POST, &format!("{CAMPAIGNS}{path}"));
        Answer::to(request.header("herald-workspace", "default").json(&body)).await
    }

    pub(super) async fn act(&self, who: &Person, campaign: &Value, act: &str) -> Answer {
        self.by(who, &format!("/{}/{act}", id(campaign)), json!({})).await
    }

    /// The same, which must succeed.
    pub(super) async fn does(&self, who: &Person, campaign: &Value, act: &str) -> Value {
        let answer = self.act(who, campaign, act).await;
        assert_eq!(answer.status, 200, "{act}: {}", answer.text());
        answer.json()
    }

    /// A campaign that is being sent.
    pub(super) async fn begun(&self, more: Value) -> Value {
        let campaign = self.campaign(more).await;
        self.does(&self.ann, &campaign, "submit").await;
        self.does(&self.bo, &campaign, "approve").await;
        self.does(&self.bo, &campaign, "send").await
    }

    pub(super) async fn now(&self, campaign: &Value) -> Value {
        self.service.get(&format!("{CAMPAIGNS}/{}", id(campaign))).await.json()
    }

    /// What became of the messages, by address: state and cause.
    pub(super) async fn ends(&self, campaign: &Value) -> Vec<(String, String, String)> {
        let found = self.service.get(&format!("/api/v1/messages?campaign={}&limit=500", id(campaign))).await.json();
        let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let rows = found["items"].as_array().unwrap().iter();
        let mut ends: Vec<_> = rows.map(|one| (text(one, "name"), text(one, "state"), text(one, "cause"))).collect();
        ends.sort();
        ends
    }

    pub(super) async fn guest(&self, name: &str, email: Option<&str>, more: Value) -> Value {
        let mut contact = json!({ "name": name, "email": email, "tags": ["guest"] });
        contact.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = self.service.post_json("/api/v1/contacts", contact).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()
    }
}

pub(super) fn id(of: &Value) -> &str {
    of["id"].as_str().unwrap()
}

pub(super) fn counts(campaign: &Value) -> [i64; 6] {
    let of = |name| campaign["counts"][name].as_i64().unwrap();
    ["planned", "pending", "sent", "failed", "suppressed", "unknown"].map(of)
}

/// Runs a job, whatever comes of it.
pub(super) async fn run(service: &Service, job: Leased) -> Outcome {
    let attempt = Attempt { job: job.clone(), cancelled: CancellationToken::new() };
    let outcome = match service.handlers()(attempt).await {
        Ok(done) => Outcome::Done { result: done.result, changes: done.changes, then: done.then },
        Err(Failure::Snooze(wait)) => Outcome::Snooze { run_at: service.db.now() + wait },
        Err(Failure::Fail(error)) => Outcome::Dead { error },
        Err(other) => panic!("{other:?}"),
    };
    let committed = herald_ledger::commit(&service.db, &[Finished { job, outcome: outcome.clone() }]).await.unwrap();
    assert_eq!(committed.written, 1);
    outcome
}

/// Runs the jobs of campaigns that are due, until none is.
pub(super) async fn work(service: &Service) {
    loop {
        let mut jobs = worker::lease(service, "control").await;
        jobs.extend(worker::lease(service, "bulk").await);
        if jobs.is_empty() {
            return;
        }
        for job in jobs {
            run(service, job).await;
        }
    }
}

pub(super) fn to(mails: &[String], address: &str) -> usize {
    let ways = [format!("<{address}>"), format!("To: {address}")];
    mails.iter().filter(|mail| ways.iter().any(|way| mail.contains(way))).count()
}

async fn a_campaign_is_sent_once_to_each_of_its_audience(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Amélie Example", Some("amelie@example.com"), json!({ "fields": { "table": "7" } })).await;
    stage.guest("Cy Example", Some("cy@example.com"), json!({})).await;
    let other = json!({ "name": "Di Example", "email": "di@example.com" });
    assert_eq!(service.post_json("/api/v1/contacts", other).await.status, 201);
    let audience = json!({ "channel": "email", "audience": { "tags": ["guest"] } });
    let counted = service.post_json(&format!("{CAMPAIGNS}/audience"), audience).await.json();
    assert_eq!((&counted["contacts"], &counted["without_address"]), (&json!(2), &json!(0)));
    let campaign = stage.begun(json!({})).await;
    assert_eq!(campaign["state"], "sending");
    work(service).await;
    let sent = stage.now(&campaign).await;
    assert_eq!((&sent["state"], counts(&sent)), (&json!("sent"), [2, 0, 2, 0, 0, 0]));
    let mails = outbox(service);
    assert_eq!((mails.len(), to(&mails, "amelie@example.com"), to(&mails, "cy@example.com")), (2, 1, 1));
    let amelie = mails.iter().find(|mail| mail.contains("amelie@example.com")).unwrap();
    assert!(amelie.contains("your table is 7."), "{amelie}");
    assert!(mails.iter().any(|mail| mail.contains("your table is open.")));
    for mail in &mails {
        assert!(mail.contains("From: \"Example Agency\" <news@example.com>"), "{mail}");
        assert!(mail.contains("List-Unsubscribe: <http"), "{mail}");
        assert!(mail.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{mail}");
        assert!(mail.contains("1 Example Street, 28001 Madrid"), "{mail}");
    }
    // Nothing of it goes out again, whatever is asked.
    for act in ["submit", "approve", "send", "resume", "schedule", "pause", "cancel"] {
        assert_eq!(stage.act(&stage.bo, &campaign, act).await.status, 409, "{act}");
    }
    work(service).await;
    assert_eq!(outbox(service).len(), 2);
    let log = service.get(&format!("{CAMPAIGNS}/{}/log", id(&campaign))).await.json();
    let mut kinds: Vec<&str> =
        log["items"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    // Of one instant, they stand in any order.
    kinds.sort_unstable();
    assert_eq!(kinds, ["approved", "created", "sent", "started", "submitted"]);
    assert_eq!(told(service, &stage.ann).await.len(), 1);
    let mut tx = service.db.begin().await.unwrap();
    let id = id(&campaign).parse::<Uuid>().unwrap();
    assert!(!recount(&mut tx, service.workspace, id).await.unwrap(), "the counts are those of the rows");
}

async fn nobody_approves_their_own_campaign_unless_nobody_else_may(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let campaign = stage.campaign(json!({})).await;
    stage.act(&stage.bo, &campaign, "approve").await.problem(409, "wrong-state");
    stage.does(&stage.ann, &campaign, "submit").await;
    let refused = stage.act(&stage.ann, &campaign, "approve").await;
    assert!(refused.problem(409, "wrong-state").contains("somebody else"));
    // Nor does a key approve: its maker may be who wrote the campaign.
    let path = format!("{CAMPAIGNS}/{}/approve", id(&campaign));
    assert!(stage.service.post(&path).await.problem(409, "wrong-state").contains("a key approves nothing"));
    // Staff may not approve or send at all.
    let cy = member(&stage.service, "cy@example.com", "staff").await;
    stage.act(&cy, &campaign, "approve").await.problem(403, "forbidden");
    stage.act(&cy, &campaign, "send").await.problem(403, "forbidden");
    let approved = stage.does(&stage.bo, &campaign, "approve").await;
    let bo = json!(format!("user:{}", stage.bo.id));
    assert_eq!((&approved["state"], &approved["approved_by"]), (&json!("approved"), &bo));
}

async fn what_was_approved_is_what_is_sent(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy Example", Some("cy@example.com"), json!({})).await;
    let campaign = stage.campaign(json!({})).await;
    stage.does(&stage.ann, &campaign, "submit").await;
    stage.does(&stage.bo, &campaign, "approve").await;
    let path = format!("{CAMPAIGNS}/{}", id(&campaign));
    let everybody = json!({ "audience": { "everybody": true } });
    let changed = Answer::to(service.request(Method::PATCH, &path).json(&everybody)).await;
    assert_eq!((changed.status.as_u16(), &changed.json()["state"]), (200, &json!("draft")));
    assert_eq!(changed.json()["approved_by"], Value::Null);
    stage.act(&stage.bo, &campaign, "send").await.problem(409, "wrong-state");
    // The version of the template that was submitted is the one that is sent.
    stage.does(&stage.ann, &campaign, "submit").await;
    stage.does(&stage.bo, &campaign, "approve").await;
    let newer = json!({ "content": { "format": "markdown", "default_language": "en", "languages": { "en": {
        "subject": "Other", "body": "Something else." } } } });
    let template = format!("/api/v1/message-templates/{}", id(&stage.template));
    let changed = Answer::to(service.request(Method::PATCH, &template).json(&newer)).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    stage.does(&stage.bo, &campaign, "send").await;
    work(service).await;
    let mails = outbox(service);
    assert!(mails.len() == 1 && mails[0].contains("Hello Cy Example"), "{mails:?}");
    // A change of somebody who has not seen the newest state is refused.
    let stale = service.request(Method::PATCH, &path).header("if-match", "\"old\"").json(&json!({ "name": "X" }));
    let stale = Answer::to(stale).await;
    stale.problem(412, "precondition-failed");
}

async fn a_campaign_goes_back_to_its_makers_with_the_reason(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let campaign = stage.campaign(json!({})).await;
    stage.does(&stage.ann, &campaign, "submit").await;
    let path = format!("/{}/reject", id(&campaign));
    stage.by(&stage.bo, &path, json!({ "reason": " " })).await.problem(422, "invalid-field");
    let back = stage.by(&stage.bo, &path, json!({ "reason": "The date is wrong." })).await.json();
    assert_eq!((&back["state"], &back["reason"]), (&json!("draft"), &json!("The date is wrong.")));
    // What is missing is named.
    let bare = stage.by(&stage.ann, "", json!({ "channel": "email", "name": "Bare" })).await.json();
    for (field, value) in [
        ("sender_id", json!({ "sender_id": stage.sender["id"] })),
        ("template_id", json!({ "template_id": stage.template["id"] })),
        ("audience", json!({ "audience": { "everybody": true } })),
    ] {
        let refused = stage.act(&stage.ann, &bare, "submit").await;
        refused.problem(422, "invalid-field");
        assert_eq!(refused.json()["errors"][0]["pointer"], format!("/{field}"));
        let path = format!("{CAMPAIGNS}/{}", id(&bare));
        let changed = Answer::to(stage.service.request(Method::PATCH, &path).json(&value)).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
    }
    stage.does(&stage.ann, &bare, "submit").await;
}

async fn a_message_that_is_not_sent_says_why(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    let content = json!({ "format": "markdown", "default_language": "en", "languages": { "en": {
        "subject": "Table", "body": "Your table is {{ table }}." } } });
    let template = service.post_json("/api/v1/message-templates", json!({ "name": "Table", "content": content })).await;
    let with = |table: &str| json!({ "fields": { "table": table } });
    stage.guest("Amélie", Some("amelie@example.com"), with("7")).await;
    stage.guest("Bea", None, with("8")).await;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let di = stage.guest("Di", Some("di@example.com"), with("9")).await;
    let consent = json!({ "channel": "email", "given": false, "wording": "No more mails", "source": "a call" });
    let path = format!("/api/v1/contacts/{}/consents", id(&di));
    assert_eq!(service.post_json(&path, consent).await.status, 201);
    stage.guest("Ed", Some("ed@example.com"), with("10")).await;
    let off = json!({ "channel": "email", "address": "Ed@Example.com", "note": "asked by phone" });
    let added = service.post_json("/api/v1/suppressions", off).await;
    assert!(added.status.is_success(), "{}", added.text());
    let campaign = stage.begun(json!({ "template_id": template.json()["id"] })).await;
    work(service).await;
    let ends = stage.ends(&campaign).await;
    let expected = [
        ("Amélie", "sent", ""),
        ("Bea", "suppressed", "no_address"),
        ("Cy", "suppressed", "missing_field"),
        ("Di", "suppressed", "consent_withdrawn"),
        ("Ed", "suppressed", "suppressed"),
    ];
    assert_eq!(ends, expected.map(|(name, state, cause)| (name.to_owned(), state.to_owned(), cause.to_owned())));
    let done = stage.now(&campaign).await;
    assert_eq!((&done["state"], counts(&done)), (&json!("sent"), [5, 0, 1, 0, 4, 0]));
    // The pages of the list have each message once, the newest first, whatever their states.
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/messages?campaign={}&limit=2{cursor}", id(&campaign));
        let page = service.get(&path).await.json();
        listed.extend(page["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(listed.len() == 5 && listed.is_sorted_by(|one, next| one > next), "{listed:?}");
    let one = format!("/api/v1/messages?campaign={}&address=AMELIE@example.com", id(&campaign));
    assert_eq!(service.get(&one).await.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(outbox(service).len(), 1);
}

async fn contacts_with_one_address_get_one_message_or_one_each(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    for name in ["Amélie Example", "Bo Example"] {
        let contact = json!({ "name": name, "email": "family@example.com", "tags": ["guest"] });
        assert!(stage.service.post_json("/api/v1/contacts", contact).await.status.is_success());
    }
    let once = stage.begun(json!({})).await;
    work(&stage.service).await;
    assert_eq!(counts(&stage.now(&once).await), [2, 0, 1, 0, 1, 0]);
    assert!(stage.ends(&once).await.iter().any(|(.., cause)| cause == "same_address"));
    let each = stage.begun(json!({ "name": "Each", "settings": { "shared_address": "each" } })).await;
    work(&stage.service).await;
    assert_eq!(counts(&stage.now(&each).await), [2, 0, 2, 0, 0, 0]);
    assert_eq!(outbox(&stage.service).len(), 3);
}

async fn who_unsubscribes_while_a_campaign_runs_gets_nothing_any_more(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let campaign = stage.begun(json!({})).await;
    // Planned, and not yet claimed.
    for job in worker::lease(service, "control").await {
        run(service, job).await;
    }
    assert_eq!(counts(&stage.now(&campaign).await), [1, 1, 0, 0, 0, 0]);
    let off = json!({ "channel": "email", "address": "cy@example.com" });
    assert!(service.post_json("/api/v1/suppressions", off).await.status.is_success());
    work(service).await;
    let done = stage.now(&campaign).await;
    assert_eq!((&done["state"], counts(&done)), (&json!("sent"), [1, 0, 0, 0, 1, 0]));
    assert_eq!(outbox(service), [] as [String; 0]);
}

async fn a_scheduled_campaign_begins_at_its_time(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let none = stage.campaign(json!({})).await;
    stage.does(&stage.ann, &none, "submit").await;
    stage.does(&stage.bo, &none, "approve").await;
    stage.act(&stage.ann, &none, "schedule").await.problem(422, "invalid-field");
    let at = service.db.now() + chrono::TimeDelta::hours(2);
    let later = stage.campaign(json!({ "send_at": at.to_rfc3339() })).await;
    let campaign = stage.campaign(json!({ "send_at": at.to_rfc3339() })).await;
    stage.does(&stage.ann, &campaign, "submit").await;
    stage.does(&stage.bo, &campaign, "approve").await;
    assert_eq!(stage.does(&stage.ann, &campaign, "schedule").await["state"], "scheduled");
    work(service).await;
    service.db.clock().advance(Duration::from_secs(7_199));
    work(service).await;
    assert_eq!(stage.now(&campaign).await["state"], "scheduled");
    service.db.clock().advance(Duration::from_secs(1));
    work(service).await;
    assert_eq!(stage.now(&campaign).await["state"], "sent");
    assert_eq!(outbox(service).len(), 1);
    // A time can be taken away again; what is left out stays.
    let path = format!("{CAMPAIGNS}/{}", id(&later));
    for (fields, stays) in [(json!({ "name": "Later" }), true), (json!({ "send_at": null }), false)] {
        let changed = Answer::to(service.request(Method::PATCH, &path).json(&fields)).await.json();
        assert_eq!(changed["send_at"].is_string(), stays, "{changed}");
    }
}

async fn a_paused_campaign_sends_the_rest_when_it_is_resumed(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    for number in 0..3 {
        stage.guest(&format!("Guest {number}"), Some(&format!("guest{number}@example.com")), json!({})).await;
    }
    let campaign = stage.begun(json!({})).await;
    for job in worker::lease(service, "control").await {
        run(service, job).await;
    }
    assert_eq!(stage.does(&stage.ann, &campaign, "pause").await["state"], "paused");
    work(service).await;
    assert_eq!(counts(&stage.now(&campaign).await), [3, 3, 0, 0, 0, 0]);
    assert_eq!(stage.does(&stage.ann, &campaign, "resume").await["state"], "sending");
    work(service).await;
    let done = stage.now(&campaign).await;
    assert_eq!((&done["state"], counts(&done)), (&json!("sent"), [3, 0, 3, 0, 0, 0]));
    assert_eq!(outbox(service).len(), 3);
}

async fn a_cancelled_campaign_sends_nothing_any_more(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let campaign = stage.begun(json!({})).await;
    for job in worker::lease(service, "control").await {
        run(service, job).await;
    }
    assert_eq!(stage.does(&stage.ann, &campaign, "cancel").await["state"], "cancelled");
    work(service).await;
    assert_eq!(counts(&stage.now(&campaign).await), [1, 0, 0, 0, 1, 0]);
    assert_eq!(stage.ends(&campaign).await[0].2, "cancelled");
    assert_eq!(outbox(service), [] as [String; 0]);
}
