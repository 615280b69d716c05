//! What members are told: reminders of follow-ups, once, on the page and by mail.

use std::{path::PathBuf, time::Duration};

use chrono::{DateTime, Utc};
use herald_contacts::Channel;
use herald_leads::{Reminded, remind_due};
use herald_ledger::{Finished, Leased, Outcome};
use herald_messaging::{NewSuppression, SuppressionReason, add_suppressions};
use herald_notifications::{MailState, list_notifications, move_mail};
use herald_tests::{TestDatabase, on_both_engines};
use herald_worker::runner::{Attempt, Failure};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Answer, Service, console::Browser, people::Person, worker};

on_both_engines! {
    a_follow_up_that_comes_due_is_told_once,
    a_moved_follow_up_reminds_again_and_another_owner_is_reminded,
    what_is_over_or_nobodys_reminds_nobody,
    two_schedulers_remind_once,
    a_reminder_comes_at_one_instant_whatever_the_clocks_do,
    a_mail_is_handed_over_once,
    a_mail_whose_end_nobody_heard_is_not_sent_again,
    a_mail_that_is_refused_for_now_waits_again,
    a_mail_that_was_refused_for_good_is_sent_when_it_is_retried,
    no_mail_goes_to_an_address_that_does_not_exist,
    members_say_whether_they_want_mails,
    notifications_are_read_one_by_one_and_all_together,
    the_bell_counts_what_is_unread,
    old_notifications_are_forgotten,
}

const NOTIFICATIONS: &str = "/api/v1/notifications";

pub(super) async fn member(service: &Service, email: &str, role: &str) -> Person {
    let person = Person::new(service, email).await;
    let made = service.post_json("/api/v1/workspace-invitations", json!({ "role": role })).await.json();
    let joined = person.join(service, made["link"].as_str().unwrap().rsplit_once('/').unwrap().1).await;
    assert_eq!(joined.status, 200, "{}", joined.text());
    person
}

async fn lead(service: &Service, owner: &Person, at: &str, zone: &str) -> Value {
    let lead = json!({ "contact": { "name": "Cy Example", "email": "cy@example.com" }, "lead": { "need": "Party",
        "owner_id": owner.id, "follow_up_at": at, "follow_up_zone": zone } });
    let made = service.post_json("/api/v1/leads", lead).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

async fn change(service: &Service, lead: &Value, fields: Value) {
    let path = format!("/api/v1/leads/{}", lead["id"].as_str().unwrap());
    let changed = Answer::to(service.request(Method::PATCH, &path).json(&fields)).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
}

/// Lets the clock run to a moment, and reminds people. Returns how many were told.
async fn at(service: &Service, moment: &str) -> usize {
    let moment: DateTime<Utc> = moment.parse().unwrap();
    service.db.clock().advance((moment - service.db.now()).to_std().unwrap());
    remind_due(&service.db, 100).await.unwrap().told
}

pub(super) async fn told(service: &Service, person: &Person) -> Vec<Value> {
    let found = list_notifications(&service.db, (service.workspace, person.id), false, None, 100).await.unwrap();
    found.iter().map(|one| json!(one)).collect()
}

/// The jobs of mails that wait.
async fn mail_jobs(service: &Service) -> Vec<Leased> {
    let jobs = worker::lease(service, "email").await;
    jobs.into_iter().filter(|job| job.kind == "notification.mail").collect()
}

/// Does the jobs of mails that wait, and returns what became of the mails.
pub(super) async fn post(service: &Service) -> Vec<Value> {
    let mut became = Vec::new();
    for job in mail_jobs(service).await {
        let Outcome::Done { result, changes, then } = worker::outcome(service, &job).await else { panic!("{job:?}") };
        became.push(result.as_ref().map_or(Value::Null, |result| result["mail"].clone()));
        worker::commit(service, job, Outcome::Done { result, changes, then }).await;
    }
    became
}

/// The mails in the outbox, with their long lines whole.
pub(super) fn outbox(service: &Service) -> Vec<String> {
    let folder = PathBuf::from(service.files.place("mails")).join("outbox");
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mails = entries.filter(|path| path.extension().is_some_and(|end| end == "eml"));
    mails.map(|path| std::fs::read_to_string(path).unwrap().replace("=\r\n", "")).collect()
}

async fn wish(service: &Service, person: &Person, wish: &str) -> Value {
    let body = json!({ "workspace": "default", "mail": wish });
    let set = person.send(service, Method::PUT, &format!("{NOTIFICATIONS}/settings"), body).await;
    assert_eq!(set.status, 200, "{}", set.text());
    set.json()
}

async fn a_follow_up_that_comes_due_is_told_once(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["notification.mail"]);
    let (ann, bo) =
        (member(&service, "ann@example.com", "staff").await, member(&service, "bo@example.com", "staff").await);
    let lead = lead(&service, &ann, "2026-03-02T10:30", "Europe/Madrid").await;
    assert_eq!(at(&service, "2026-03-02T09:29:59Z").await, 0);
    assert_eq!(at(&service, "2026-03-02T09:30:00Z").await, 1);
    assert_eq!(at(&service, "2026-03-02T09:30:01Z").await, 0);
    assert_eq!(at(&service, "2026-03-03T09:30:01Z").await, 0);
    let found = told(&service, &ann).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["title"], "Follow up with Cy Example, due 2 March, 10:30 (Europe/Madrid): Party");
    assert_eq!(found[0]["link"], format!("/leads/{}", lead["id"].as_str().unwrap()));
    assert_eq!((&found[0]["kind"], &found[0]["mail"]), (&json!("lead.follow_up"), &json!("waiting")));
    assert_eq!(told(&service, &bo).await, [] as [Value; 0]);
    // What does not concern the follow-up reminds nobody again.
    change(&service, &lead, json!({ "need": "Lunch" })).await;
    assert_eq!(at(&service, "2026-03-03T09:31:00Z").await, 0);
}

async fn a_moved_follow_up_reminds_again_and_another_owner_is_reminded(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["notification.mail"]);
    let (ann, bo) =
        (member(&service, "ann@example.com", "staff").await, member(&service, "bo@example.com", "staff").await);
    let lead = lead(&service, &ann, "2026-03-02T09:00", "UTC").await;
    // Moved before it is due: the first time reminds nobody.
    change(&service, &lead, json!({ "follow_up_at": "2026-03-03T09:00" })).await;
    assert_eq!(at(&service, "2026-03-02T10:00:00Z").await, 0);
    assert_eq!(at(&service, "2026-03-03T09:00:00Z").await, 1);
    // Moved after it was due.
    change(&service, &lead, json!({ "follow_up_at": "2026-03-04T09:00" })).await;
    assert_eq!(at(&service, "2026-03-04T09:00:00Z").await, 1);
    assert_eq!(told(&service, &ann).await.len(), 2);
    // Another owner was not told of what is due.
    change(&service, &lead, json!({ "owner_id": bo.id })).await;
    assert_eq!(at(&service, "2026-03-04T09:01:00Z").await, 1);
    change(&service, &lead, json!({ "owner_id": ann.id })).await;
    assert_eq!(at(&service, "2026-03-04T09:02:00Z").await, 0, "she was told before");
    assert_eq!((told(&service, &ann).await.len(), told(&service, &bo).await.len()), (2, 1));
}

async fn what_is_over_or_nobodys_reminds_nobody(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["notification.mail"]);
    let ann = member(&service, "ann@example.com", "staff").await;
    let due = "2026-03-02T09:00";
    let closed = lead(&service, &ann, due, "UTC").await;
    change(&service, &closed, json!({ "status": "Lost" })).await;
    let nobodys = lead(&service, &ann, due, "UTC").await;
    change(&service, &nobodys, json!({ "owner_id": "" })).await;
    let done = lead(&service, &ann, due, "UTC").await;
    change(&service, &done, json!({ "follow_up_at": "" })).await;
    let other = json!({ "contact": { "name": "Di Example" }, "lead": { "owner_id": ann.id, "follow_up_at": due } });
    let trashed = service.post_json("/api/v1/leads", other).await.json();
    let contact = format!("/api/v1/contacts/{}", trashed["contact_id"].as_str().unwrap());
    assert!(Answer::to(service.request(Method::DELETE, &contact)).await.status.is_success());
    let past = lead(&service, &ann, "2026-01-02T09:00", "UTC").await;
    assert_eq!(at(&service, "2026-03-02T09:00:00Z").await, 0);
    assert_eq!(remind_due(&service.db, 100).await.unwrap(), Reminded::default(), "none is looked at again");
    // Opened again, it is due.
    change(&service, &closed, json!({ "status": "New" })).await;
    assert_eq!(at(&service, "2026-03-02T09:01:00Z").await, 1);
    // A former member gets no notification.
    change(&service, &past, json!({ "follow_up_at": "2026-03-03T09:00" })).await;
    let gone = service.request(Method::DELETE, &format!("/api/v1/members/{}", ann.id));
    assert_eq!(Answer::to(gone).await.status, 200);
    assert_eq!(at(&service, "2026-03-03T09:00:00Z").await, 0);
}

async fn two_schedulers_remind_once(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["notification.mail"]);
    let ann = member(&service, "ann@example.com", "staff").await;
    for minute in 0..20 {
        lead(&service, &ann, &format!("2026-03-02T09:{minute:02}"), "UTC").await;
    }
    service.db.clock().advance(Duration::from_secs(2 * 86_400));
    let looks = futures::future::join_all((0..4).map(|_| remind_due(&service.db, 7))).await;
    let mut sum: usize = looks.into_iter().map(|look| look.unwrap().told).sum();
    while let Reminded { due: 1.., told } = remind_due(&service.db, 7).await.unwrap() {
        sum += told;
    }
    assert_eq!((sum, told(&service, &ann).await.len()), (20, 20));
    assert_eq!(mail_jobs(&service).await.len(), 20);
}

async fn a_reminder_comes_at_one_instant_whatever_the_clocks_do(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["notification.mail"]);
    let ann = member(&service, "ann@example.com", "staff").await;
    // In Madrid it is 3:00 right after 1:59 on this day, and 2:30 twice on the other.
    lead(&service, &ann, "2026-03-29T03:00", "Europe/Madrid").await;
    lead(&service, &ann, "2026-10-25T02:30:00+01:00", "Europe/Madrid").await;
    assert_eq!(at(&service, "2026-03-29T00:59:59Z").await, 0);
    assert_eq!(at(&service, "2026-03-29T01:00:00Z").await, 1);
    assert_eq!(at(&service, "2026-10-25T00:30:00Z").await, 0);
    assert_eq!(at(&service, "2026-10-25T01:29:59Z").await, 0);
    assert_eq!(at(&service, "2026-10-25T01:30:00Z").await, 1);
    assert_eq!(at(&service, "2026-10-25T02:30:00Z").await, 0);
    let titles: Vec<_> =
        told(&service, &ann).await.iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect();
    assert!(titles[0].contains("25 October, 02:30") && titles[1].contains("29 March, 03:00"), "{titles:?}");
}

async fn a_mail_is_handed_over_once(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = member(&service, "ann@example.com", "staff").await;
    wish(&service, &ann, "on").await;
    let lead = lead(&service, &ann, "2026-03-02T09:00", "UTC").await;
    assert_eq!(at(&service, "2026-03-02T09:00:00Z").await, 1);
    let job = mail_jobs(&service).await.pop().unwrap();
    assert!(matches!(worker::outcome(&service, &job).await, Outcome::Done { .. }));
    // Its process dies before the outcome is written, and the job is done again.
    let again = worker::outcome(&service, &job).await;
    worker::commit(&service, job, again).await;
    let mails = outbox(&service);
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("To: ann@example.com") && mails[0].contains("Auto-Submitted"), "{}", mails[0]);
    assert!(mails[0].contains(&format!("/w/default/leads/{}", lead["id"].as_str().unwrap())), "{}", mails[0]);
    assert_eq!(told(&service, &ann).await[0]["mail"], "sent");
    // A day later nothing is left to do.
    assert_eq!(at(&service, "2026-03-03T09:00:00Z").await, 0);
    assert_eq!(post(&service).await, [] as [Value; 0]);
}

async fn a_mail_whose_end_nobody_heard_is_not_sent_again(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = member(&service, "ann@example.com", "staff").await;
    wish(&service, &ann, "on").await;
    lead(&service, &ann, "2026-03-02T09:00", "UTC").await;
    at(&service, "2026-03-02T09:00:00Z").await;
    let id: Uuid = told(&service, &ann).await[0]["id"].as_str().unwrap().parse().unwrap();
    // As a process leaves it that is killed between the mark and the answer of the mail server.
    assert!(move_mail(&service.db, service.workspace, id, MailState::Waiting, MailState::Sending).await.unwrap());
    assert_eq!(post(&service).await, ["unknown"]);
    assert_eq!((outbox(&service).len(), &told(&service, &ann).await[0]["mail"]), (0, &json!("unknown")));
}

/// A mail server that nobody reaches.
async fn without_server(database: &TestDatabase) -> Service {
    Service::start_with(database, |settings| {
        (settings.mail.host, settings.mail.port) = ("127.0.0.1".to_owned(), 9);
        settings.mail.from = "Herald <herald@example.com>".to_owned();
    })
    .await
}

async fn a_mail_that_is_refused_for_now_waits_again(database: &TestDatabase) {
    let service = without_server(database).await;
    service.leaves(&["notification.mail"]);
    let ann = member(&service, "ann@example.com", "staff").await;
    lead(&service, &ann, "2026-03-02T09:00", "UTC").await;
    at(&service, "2026-03-02T09:00:00Z").await;
    let job = mail_jobs(&service).await.pop().unwrap();
    let attempt = Attempt { job, cancelled: CancellationToken::new() };
    let failure = service.handlers()(attempt).await.unwrap_err();
    assert!(matches!(failure, Failure::Retry { .. }), "{failure:?}");
    assert_eq!(told(&service, &ann).await[0]["mail"], "waiting");
}

async fn a_mail_that_was_refused_for_good_is_sent_when_it_is_retried(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = member(&service, "ann@example.com", "staff").await;
    wish(&service, &ann, "on").await;
    lead(&service, &ann, "2026-03-02T09:00", "UTC").await;
    at(&service, "2026-03-02T09:00:00Z").await;
    let job = mail_jobs(&service).await.pop().unwrap();
    let (id, dead) = (job.id, Outcome::Dead { error: "no such mailbox".to_owned() });
    herald_ledger::commit(&service.db, &[Finished { job, outcome: dead }]).await.unwrap();
    assert_eq!(told(&service, &ann).await[0]["mail"], "failed");
    assert!(service.post(&format!("/api/v1/jobs/{id}/retry")).await.status.is_success());
    assert_eq!(told(&service, &ann).await[0]["mail"], "waiting");
    assert_eq!((post(&service).await, outbox(&service).len()), (vec![json!("sent")], 1));
}

async fn no_mail_goes_to_an_address_that_does_not_exist(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = member(&service, "ann@example.com", "staff").await;
    wish(&service, &ann, "on").await;
    lead(&service, &ann, "2026-03-02T09:00", "UTC").await;
    at(&service, "2026-03-02T09:00:00Z").await;
    let gone = NewSuppression {
        channel: Channel::Email,
        address: "ann@example.com".to_owned(),
        reason: SuppressionReason::HardBounce,
        source: "test".to_owned(),
        note: None,
        contact_id: None,
        consent_id: None,
    };
    let mut tx = service.db.begin().await.unwrap();
    add_suppressions(&mut tx, service.workspace, vec![gone]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(post(&service).await, ["failed"]);
    assert_eq!((outbox(&service).len(), &told(&service, &ann).await[0]["mail"]), (0, &json!("failed")));
}

async fn members_say_whether_they_want_mails(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = member(&service, "ann@example.com", "staff").await;
    let settings = format!("{NOTIFICATIONS}/settings?workspace=default");
    let usual = ann.get(&service, &settings).await.json();
    assert_eq!(usual, json!({ "mail": "default", "has_mail_server": false }));
    for (number, (said, became)) in
        [("default", "skipped"), ("on", "sent"), ("off", "skipped"), ("default", "skipped")].into_iter().enumerate()
    {
        // A session does not last for days.
        let ann = Person::sign_in(&service, "ann@example.com").await;
        assert_eq!(wish(&service, &ann, said).await["mail"], said);
        assert_eq!(ann.get(&service, &settings).await.json()["mail"], said);
        let day = number + 2;
        lead(&service, &ann, &format!("2026-03-{day:02}T09:00"), "UTC").await;
        at(&service, &format!("2026-03-{day:02}T09:00:00Z")).await;
        assert_eq!(post(&service).await, [became], "{said}");
    }
    let ann = Person::sign_in(&service, "ann@example.com").await;
    let wrong = json!({ "workspace": "default", "mail": "perhaps" });
    ann.send(&service, Method::PUT, &format!("{NOTIFICATIONS}/settings"), wrong).await.problem(422, "invalid-field");
    let elsewhere = ann.get(&service, &format!("{NOTIFICATIONS}/settings?workspace=elsewhere")).await;
    elsewhere.problem(404, "not-found");
}

async fn notifications_are_read_one_by_one_and_all_together(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["notification.mail"]);
    let (ann, bo) =
        (member(&service, "ann@example.com", "staff").await, member(&service, "bo@example.com", "staff").await);
    for minute in 10..13 {
        lead(&service, &ann, &format!("2026-03-01T09:{minute}"), "UTC").await;
        assert_eq!(at(&service, &format!("2026-03-01T09:{minute}:00Z")).await, 1);
    }
    let unread = async |person: &Person| {
        let own = person.get(&service, "/api/v1/workspaces").await.json();
        let counts = own["unread"].as_object().unwrap().clone();
        counts.get(&service.workspace.to_string()).and_then(Value::as_i64).unwrap_or_default()
    };
    assert_eq!((unread(&ann).await, unread(&bo).await), (3, 0));
    let all = told(&service, &ann).await;
    assert!(all[0]["title"].as_str().unwrap().contains("09:12"), "the newest first: {all:?}");
    let read = format!("{NOTIFICATIONS}/{}/read", all[1]["id"].as_str().unwrap());
    bo.send(&service, Method::POST, &read, json!({})).await.problem(404, "not-found");
    assert_eq!(unread(&ann).await, 3);
    for _ in 0..2 {
        assert_eq!(ann.send(&service, Method::POST, &read, json!({})).await.status, 204);
    }
    assert_eq!(unread(&ann).await, 2);
    let page = format!("{NOTIFICATIONS}?workspace=default&unread=true&limit=1");
    let first = ann.get(&service, &page).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = ann.get(&service, &format!("{page}&cursor={cursor}")).await.json();
    assert_eq!((&first["items"][0]["id"], &second["items"][0]["id"]), (&all[0]["id"], &all[2]["id"]));
    assert_eq!(second["next_cursor"], Value::Null);
    let read_all = format!("{NOTIFICATIONS}/read-all");
    let done = ann.send(&service, Method::POST, &read_all, json!({ "workspace": "default" })).await;
    assert_eq!((done.json(), unread(&ann).await), (json!({ "read": 2 }), 0));
    assert!(told(&service, &ann).await.iter().all(|one| one["read_at"].is_string()));
    // A key is no person.
    service.get(&format!("{NOTIFICATIONS}?workspace=default")).await.problem(403, "forbidden");
    ann.get(&service, &format!("{NOTIFICATIONS}?workspace=elsewhere")).await.problem(404, "not-found");
}

async fn the_bell_counts_what_is_unread(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["notification.mail"]);
    let browser = Browser::member(&service, "ann@example.com", herald_people::Role::Staff).await;
    let ann = Person::sign_in(&service, "ann@example.com").await;
    assert!(!browser.get("/w/default").await.text.contains("data-unread"));
    lead(&service, &ann, "2026-03-01T09:10", "UTC").await;
    at(&service, "2026-03-01T09:10:00Z").await;
    let today = browser.get("/w/default").await.text;
    assert!(today.contains("data-unread") && today.contains("unread notifications"), "{today}");
    let page = browser.get("/w/default/notifications").await;
    assert!(page.text.contains("<strong>Follow up with Cy Example"), "{}", page.text);
    let (form_token, once) = (page.hidden("form_token"), page.hidden("once"));
    let fields = |more: &[(&'static str, &'static str)]| {
        let own = [("form_token", form_token.clone()), ("once", once.clone())];
        let own = own.into_iter().chain([("back", "/w/default/notifications".to_owned())]);
        own.chain(more.iter().map(|(name, value)| (*name, (*value).to_owned()))).collect::<Vec<_>>()
    };
    let send = async |act: &str, more: &[(&'static str, &'static str)]| {
        let fields = fields(more);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let sent = browser.send(&format!("/w/default/acts/{act}"), &fields).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
    };
    send("setNotificationSettings", &[("workspace", "default"), ("mail", "off")]).await;
    let page = browser.get("/w/default/notifications").await.text;
    assert!(page.contains("<option value=\"off\" selected>"), "{page}");
    send("readAllNotifications", &[("workspace", "default")]).await;
    let page = browser.get("/w/default/notifications").await.text;
    assert!(!page.contains("data-unread") && page.contains("Follow up with Cy Example"), "{page}");
    assert!(browser.get("/w/default/notifications?show=unread").await.text.contains("You have read everything."));
}

async fn old_notifications_are_forgotten(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["notification.mail"]);
    let ann = member(&service, "ann@example.com", "staff").await;
    lead(&service, &ann, "2026-03-01T09:10", "UTC").await;
    at(&service, "2026-03-01T09:10:00Z").await;
    let kept = async || {
        let whose = (service.workspace, ann.id);
        list_notifications(&service.db, whose, false, None, 10).await.unwrap().len()
    };
    service.db.clock().advance(Duration::from_secs(179 * 86_400));
    assert_eq!((herald_notifications::forget_old(&service.db, 10).await.unwrap(), kept().await), (0, 1));
    service.db.clock().advance(Duration::from_secs(2 * 86_400));
    assert_eq!((herald_notifications::forget_old(&service.db, 10).await.unwrap(), kept().await), (1, 0));
}
