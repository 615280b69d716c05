//! Campaigns whose processes die, whose recipients change, and whose senders have limits: nothing is sent twice, and
//! nothing stops in silence.

use std::time::Duration;

use herald_ledger::Leased;
use herald_messaging::recount;
use herald_tests::{TestDatabase, on_both_engines};
use herald_worker::runner::Attempt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Answer,
    campaigns::{Stage, counts, id, run, to, work},
    notifications::{outbox, told},
    worker,
};

on_both_engines! {
    what_a_process_had_in_its_hands_is_unknown_and_not_sent_again,
    a_person_decides_about_messages_whose_end_nobody_knows,
    messages_wait_for_the_hours_of_their_recipients,
    a_sender_keeps_its_rate_and_its_cap,
    two_dispatchers_plan_each_message_once,
    an_erased_recipient_is_gone_from_the_messages,
    campaigns_of_several_zones_share_the_day_of_their_sender,
    the_first_days_of_a_sender_are_counted_from_its_first_message,
    two_contacts_who_become_one_get_one_message,
    a_campaign_that_cannot_begin_says_so,
    a_segment_that_changes_after_the_approval_is_not_written_to,
    a_job_that_a_person_cancels_pauses_its_campaign,
}

/// A process that claimed messages and was never heard of again.
async fn killed(stage: &Stage, campaign: &Value) -> Leased {
    let service = &stage.service;
    for job in worker::lease(service, "control").await {
        run(service, job).await;
    }
    let job = worker::lease(service, "bulk").await.into_iter().next().unwrap();
    let mut tx = service.db.begin().await.unwrap();
    let claimed = herald_db::query(
        "update messages set state = 'claimed', claim = $3 where workspace_id = $1 and campaign_id = $2",
    )
    .bind(service.workspace)
    .bind(id(campaign).parse::<Uuid>().unwrap())
    .bind(job.id)
    .execute(&mut tx)
    .await
    .unwrap();
    assert_eq!(claimed, 1);
    recount(&mut tx, service.workspace, id(campaign).parse().unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    job
}

async fn what_a_process_had_in_its_hands_is_unknown_and_not_sent_again(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let campaign = stage.begun(json!({})).await;
    let job = killed(&stage, &campaign).await;
    run(service, job).await;
    let done = stage.now(&campaign).await;
    assert_eq!((&done["state"], counts(&done)), (&json!("sent"), [1, 0, 0, 0, 0, 1]));
    assert_eq!(stage.ends(&campaign).await[0].2, "process_ended");
    work(service).await;
    assert_eq!(outbox(service), [] as [String; 0]);
    // Trying failed ones again does not touch it.
    let again = stage.act(&stage.ann, &campaign, "retry").await.json();
    assert_eq!(again["messages"], 0);
    work(service).await;
    assert_eq!(counts(&stage.now(&campaign).await)[5], 1);
}

async fn a_person_decides_about_messages_whose_end_nobody_knows(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let campaign = stage.begun(json!({})).await;
    let job = killed(&stage, &campaign).await;
    run(service, job).await;
    let path = format!("/{}/decide", id(&campaign));
    let decided = stage.by(&stage.ann, &path, json!({ "decision": "send_again" })).await;
    assert_eq!((decided.status.as_u16(), &decided.json()["messages"]), (200, &json!(1)), "{}", decided.text());
    work(service).await;
    let done = stage.now(&campaign).await;
    assert_eq!((&done["state"], counts(&done)), (&json!("sent"), [1, 0, 1, 0, 0, 0]));
    assert_eq!(outbox(service).len(), 1);
    let none = stage.by(&stage.ann, &path, json!({ "decision": "arrived" })).await.json();
    assert_eq!(none["messages"], 0);
}

async fn messages_wait_for_the_hours_of_their_recipients(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    // The clock of tests begins at midnight, UTC.
    stage.guest("Madrid", Some("madrid@example.com"), json!({ "time_zone": "Europe/Madrid" })).await;
    stage.guest("Tokyo", Some("tokyo@example.com"), json!({ "time_zone": "Asia/Tokyo" })).await;
    let hour = service.db.now().format("%H").to_string().parse::<u32>().unwrap();
    let tokyo = (hour + 9) % 24;
    let at = |hour: u32| format!("{:02}:00", hour % 24);
    let hours = json!({ "from": at(tokyo), "to": at(tokyo + 2), "by_recipient": true });
    let campaign = stage.begun(json!({ "settings": { "hours": hours } })).await;
    work(service).await;
    let now = stage.now(&campaign).await;
    assert_eq!((&now["state"], counts(&now)), (&json!("sending"), [2, 1, 1, 0, 0, 0]));
    let mails = outbox(service);
    assert_eq!((mails.len(), to(&mails, "tokyo@example.com")), (1, 1));
    service.db.clock().advance(Duration::from_secs(8 * 3_600));
    work(service).await;
    let now = stage.now(&campaign).await;
    assert_eq!((&now["state"], counts(&now)), (&json!("sent"), [2, 0, 2, 0, 0, 0]));
}

async fn a_sender_keeps_its_rate_and_its_cap(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    for number in 0..5 {
        stage.guest(&format!("Guest {number}"), Some(&format!("guest{number}@example.com")), json!({})).await;
    }
    let slow = json!({ "name": "Slow", "from_name": "Example", "from_address": "slow@example.com",
        "postal_address": "1 Example Street", "daily_cap": 3 });
    let slow = service.post_json("/api/v1/senders", slow).await.json();
    let campaign = stage.begun(json!({ "sender_id": slow["id"] })).await;
    work(service).await;
    let now = stage.now(&campaign).await;
    assert_eq!((&now["state"], counts(&now)), (&json!("sending"), [5, 2, 3, 0, 0, 0]));
    service.db.clock().advance(Duration::from_secs(25 * 3_600));
    work(service).await;
    let now = stage.now(&campaign).await;
    assert_eq!((&now["state"], counts(&now)), (&json!("sent"), [5, 0, 5, 0, 0, 0]));
    assert_eq!(outbox(service).len(), 5);
}

async fn two_dispatchers_plan_each_message_once(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    for number in 0..7 {
        stage.guest(&format!("Guest {number}"), Some(&format!("guest{number}@example.com")), json!({})).await;
    }
    let campaign = stage.begun(json!({})).await;
    let job = worker::lease(service, "control").await.into_iter().next().unwrap();
    let attempt = |job: &Leased| Attempt { job: job.clone(), cancelled: CancellationToken::new() };
    // A worker that lost its lease goes on beside the one that has it now.
    let (one, other) = tokio::join!(service.handlers()(attempt(&job)), service.handlers()(attempt(&job)));
    assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
    run(service, job).await;
    work(service).await;
    let now = stage.now(&campaign).await;
    assert_eq!((&now["state"], counts(&now)), (&json!("sent"), [7, 0, 7, 0, 0, 0]));
    let mails = outbox(service);
    assert_eq!(mails.len(), 7);
    assert!((0..7).all(|number| to(&mails, &format!("guest{number}@example.com")) == 1));
}

async fn an_erased_recipient_is_gone_from_the_messages(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    let cy = stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let campaign = stage.begun(json!({})).await;
    work(service).await;
    let path = format!("/api/v1/contacts/{}", id(&cy));
    let held = service.get(&format!("{path}/held")).await.json();
    assert_eq!(held["records"]["messages"], 1, "{held}");
    let total: i64 = held["records"].as_object().unwrap().values().filter_map(Value::as_i64).sum();
    let erased = service.post_json(&format!("{path}/erase"), json!({ "records": total })).await;
    assert!(erased.status.is_success(), "{}", erased.text());
    service.leaves(&["contact.erase"]);
    let messages = service.get(&format!("/api/v1/messages?campaign={}", id(&campaign))).await.json();
    let message = &messages["items"][0];
    let left = (&message["address"], &message["contact_id"], &message["state"]);
    assert_eq!(left, (&json!(""), &Value::Null, &json!("sent")));
    assert_eq!(counts(&stage.now(&campaign).await), [1, 0, 1, 0, 0, 0]);
}

async fn sender(stage: &Stage, more: Value) -> Value {
    let mut sender = json!({ "name": "Slow", "from_name": "Example", "from_address": "slow@example.com",
        "postal_address": "1 Example Street" });
    sender.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = stage.service.post_json("/api/v1/senders", sender).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

async fn campaigns_of_several_zones_share_the_day_of_their_sender(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    for number in 0..3 {
        stage.guest(&format!("Guest {number}"), Some(&format!("guest{number}@example.com")), json!({})).await;
    }
    let slow = sender(&stage, json!({ "daily_cap": 4 })).await;
    // It is another day in each of these zones at nearly every moment.
    for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC", "Asia/Tokyo"] {
        stage.begun(json!({ "sender_id": slow["id"], "name": zone, "settings": { "time_zone": zone } })).await;
        work(&stage.service).await;
    }
    assert_eq!(outbox(&stage.service).len(), 4);
    stage.service.leaves(&["message.email"]);
}

async fn the_first_days_of_a_sender_are_counted_from_its_first_message(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    for number in 0..4 {
        stage.guest(&format!("Guest {number}"), Some(&format!("guest{number}@example.com")), json!({})).await;
    }
    let fresh = sender(&stage, json!({ "warm_up": [1, 2] })).await;
    assert_eq!(fresh["warm_up_from"], Value::Null);
    let campaign = stage.begun(json!({ "sender_id": fresh["id"] })).await;
    for sent in [1, 3, 4] {
        work(service).await;
        assert_eq!(counts(&stage.now(&campaign).await)[2], sent);
        service.db.clock().advance(Duration::from_secs(24 * 3_600));
    }
    assert!(service.get(&format!("/api/v1/senders/{}", id(&fresh))).await.json()["warm_up_from"].is_string());
}

async fn two_contacts_who_become_one_get_one_message(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    let ana = stage.guest("Ana Example", Some("ana@example.com"), json!({})).await;
    let anna = stage.guest("Anna Example", Some("anna@example.com"), json!({})).await;
    let campaign = stage.begun(json!({})).await;
    for job in worker::lease(service, "control").await {
        run(service, job).await;
    }
    let body = json!({ "contact_id": anna["id"], "take": [] });
    let merged = service.post_json(&format!("/api/v1/contacts/{}/merge", id(&ana)), body).await;
    assert!(merged.status.is_success(), "{}", merged.text());
    work(service).await;
    let done = stage.now(&campaign).await;
    assert_eq!((&done["state"], counts(&done)), (&json!("sent"), [2, 0, 1, 0, 1, 0]));
    let mails = outbox(service);
    assert_eq!((mails.len(), to(&mails, "ana@example.com")), (1, 1));
    assert!(stage.ends(&campaign).await.iter().any(|(.., cause)| cause == "merged"));
}

async fn a_campaign_that_cannot_begin_says_so(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    let segment = json!({ "name": "Guests", "rule": { "tag": "guest" } });
    let segment = service.post_json("/api/v1/segments", segment).await.json();
    let at = service.db.now() + chrono::TimeDelta::minutes(5);
    let audience = json!({ "segments": [segment["id"]] });
    let campaign = stage.campaign(json!({ "audience": audience, "send_at": at.to_rfc3339() })).await;
    stage.does(&stage.ann, &campaign, "submit").await;
    stage.does(&stage.bo, &campaign, "approve").await;
    stage.does(&stage.ann, &campaign, "schedule").await;
    let path = format!("/api/v1/segments/{}", id(&segment));
    assert_eq!(Answer::to(service.request(Method::DELETE, &path)).await.status, 204);
    service.db.clock().advance(Duration::from_secs(300));
    work(service).await;
    let failed = stage.now(&campaign).await;
    assert_eq!(failed["state"], "failed");
    assert!(failed["reason"].as_str().unwrap().contains("no segment"), "{failed}");
    assert_eq!(told(service, &stage.ann).await.len(), 1);
}

async fn a_segment_that_changes_after_the_approval_is_not_written_to(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let segment = json!({ "name": "A few", "rule": { "tag": "nobody has it" } });
    let segment = service.post_json("/api/v1/segments", segment).await.json();
    let campaign = stage.campaign(json!({ "audience": { "segments": [segment["id"]] } })).await;
    stage.does(&stage.ann, &campaign, "submit").await;
    stage.does(&stage.bo, &campaign, "approve").await;
    let path = format!("/api/v1/segments/{}", id(&segment));
    let all = json!({ "rule": { "all": [] } });
    assert_eq!(Answer::to(service.request(Method::PATCH, &path).json(&all)).await.status, 200);
    let refused = stage.act(&stage.bo, &campaign, "send").await.problem(409, "wrong-state");
    assert!(refused.contains("has other rules"), "{refused}");
    work(service).await;
    assert_eq!(outbox(service), [] as [String; 0]);
}

async fn a_job_that_a_person_cancels_pauses_its_campaign(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let campaign = stage.begun(json!({})).await;
    for job in worker::lease(service, "control").await {
        run(service, job).await;
    }
    let jobs = service.get("/api/v1/jobs?kind=message.email").await.json();
    let cancelled = service.post(&format!("/api/v1/jobs/{}/cancel", id(&jobs["items"][0]))).await;
    assert!(cancelled.status.is_success(), "{}", cancelled.text());
    let paused = stage.now(&campaign).await;
    assert_eq!((&paused["state"], counts(&paused)), (&json!("paused"), [1, 1, 0, 0, 0, 0]));
    stage.does(&stage.ann, &campaign, "resume").await;
    work(service).await;
    let done = stage.now(&campaign).await;
    assert_eq!((&done["state"], counts(&done)), (&json!("sent"), [1, 0, 1, 0, 0, 0]));
    assert_eq!(outbox(service).len(), 1);
}
