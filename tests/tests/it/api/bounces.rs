//! What the outside tells of mails: written on the message once, counted, and held against the address where it is the
//! address's fault.

use std::time::Duration;

use herald_app::holders::HOLDERS;
use herald_contacts::{Channel, erase_contact, held_of};
use herald_db::query;
use herald_messaging::{
    MessageOutcome, Receipt, ReceiptOf, Received, SoftLimit, TakenEvents, Told, Tried, Turn, TurnOf, find_campaign,
    find_sender, put_down, receive, recount, take_mail, take_turn, verp,
};
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Service,
    campaigns::{Stage, id, work},
    notifications::outbox,
};

on_both_engines! {
    a_bounce_stands_on_its_message_once_and_can_be_taken_back,
    soft_bounces_suppress_when_there_are_too_many_and_a_delivery_begins_anew,
    a_policy_is_not_the_addresss_fault,
    a_complaint_stops_what_was_not_handed_over_yet,
    a_receipt_that_comes_before_the_answer_is_not_undone_by_it,
    proof_settles_what_nobody_knew,
    a_receipt_is_found_by_the_providers_id,
    an_erased_recipient_is_gone_from_what_was_told,
    what_is_old_is_forgotten,
}

/// A mail server's report that a mail to one recipient came back.
pub(super) fn bounce(to: &str, recipient: &str, status: &str, said: &str) -> Vec<u8> {
    format!(
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.com\r\nTo: {to}\r\nSubject: Undelivered Mail\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=edge\r\n\r\n--edge\r\n\r\n\
         Your mail could not be delivered.\r\n--edge\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example.com\r\n\r\nFinal-Recipient: rfc822; {recipient}\r\nAction: failed\r\n\
         Status: {status}\r\nDiagnostic-Code: smtp; {said}\r\n\r\n--edge--\r\n"
    )
    .into_bytes()
}

fn complaint(to: &str) -> Vec<u8> {
    format!(
        "From: fbl@example.net\r\nTo: {to}\r\nSubject: FW: News\r\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=edge\r\n\r\n--edge\r\n\r\nSpam.\r\n\
         --edge\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n\r\n--edge--\r\n"
    )
    .into_bytes()
}

/// The envelope sender of a message.
pub(super) fn sender_of(service: &Service, message: &Value) -> String {
    verp::address(&service.api.links, id(message).parse().unwrap(), "bounce.example.com")
}

pub(super) async fn take(service: &Service, mail: &[u8]) -> TakenEvents {
    let limit = service.api.settings.bounces.limit();
    take_mail(&service.db, &service.api.links, mail, &[], limit).await.unwrap()
}

const NEW: TakenEvents = TakenEvents { new: 1, known: 0, foreign: 0 };
const KNOWN: TakenEvents = TakenEvents { new: 0, known: 1, foreign: 0 };
pub(super) const FOREIGN: TakenEvents = TakenEvents { new: 0, known: 0, foreign: 1 };

/// A campaign that was sent, and the message to the one guest.
pub(super) async fn sent(stage: &Stage) -> (Value, Value) {
    let campaign = stage.begun(json!({})).await;
    work(&stage.service).await;
    let message = message_of(stage, &campaign).await;
    assert_eq!(message["state"], "sent", "{message}");
    (campaign, message)
}

async fn message_of(stage: &Stage, campaign: &Value) -> Value {
    let found = stage.service.get(&format!("/api/v1/messages?campaign={}", id(campaign))).await.json();
    found["items"][0].clone()
}

pub(super) async fn now(stage: &Stage, message: &Value) -> Value {
    stage.service.get(&format!("/api/v1/messages/{}", id(message))).await.json()
}

pub(super) async fn suppression(service: &Service, address: &str) -> Value {
    let asked = json!({ "channel": "email", "address": address });
    service.post_json("/api/v1/suppressions/look-up", asked).await.json()["suppression"].clone()
}

/// The counts of a campaign are those of its rows.
pub(super) async fn counts_hold(stage: &Stage, campaign: &Value) {
    let service = &stage.service;
    let mut tx = service.db.begin().await.unwrap();
    assert!(!recount(&mut tx, service.workspace, id(campaign).parse().unwrap()).await.unwrap(), "the counts are right");
}

async fn a_bounce_stands_on_its_message_once_and_can_be_taken_back(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    let contact = stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let (campaign, message) = sent(&stage).await;
    let mail = bounce(&sender_of(service, &message), "other@example.com", "5.1.1", "550 5.1.1 no such user");
    assert_eq!(take(service, &mail).await, NEW);
    assert_eq!(take(service, &mail).await, KNOWN);
    let after = now(&stage, &message).await;
    assert_eq!((&after["state"], &after["cause"]), (&json!("failed"), &json!("no_such_address")), "{after}");
    assert!(after["bounced_at"].is_string() && after["reason"].as_str().unwrap().contains("no such user"), "{after}");
    counts_hold(&stage, &campaign).await;
    let events = service.get(&format!("/api/v1/messages/{}/events", id(&message))).await.json();
    assert_eq!((events.as_array().unwrap().len(), &events[0]["kind"]), (1, &json!("hard")));
    assert!(events[0]["raw"].as_str().unwrap().contains("Final-Recipient"), "the mail is shown: {events}");
    // It is held against the address to which the message went, not against the one that the report names.
    assert_eq!(suppression(service, "other@example.com").await, Value::Null);
    let row = suppression(service, "cy@example.com").await;
    assert_eq!((&row["reason"], &row["contact_id"]), (&json!("hard_bounce"), &contact["id"]));
    let lift = format!("/api/v1/suppressions/{}/lift", id(&row));
    assert_eq!(service.post_json(&lift, json!({ "why": "their server was broken" })).await.status, 200);
    assert_eq!(take(service, &mail).await, KNOWN, "the same mail does not suppress again");
    assert_eq!(suppression(service, "cy@example.com").await, Value::Null);
    let told = service.get(&format!("/api/v1/contacts/{}/activities", id(&contact))).await.json();
    let bounced = told["items"].as_array().unwrap().iter().filter(|one| one["kind"] == "message.bounced").count();
    assert_eq!(bounced, 1, "{told}");
}

async fn soft_bounces_suppress_when_there_are_too_many_and_a_delivery_begins_anew(database: &TestDatabase) {
    let stage = Stage::set_with(database, |settings| settings.bounces.soft_times = 2).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let mut messages = Vec::new();
    for _ in 0..5 {
        messages.push(sent(&stage).await.1);
    }
    let full =
        |message: &Value| bounce(&sender_of(service, message), "cy@example.com", "5.2.2", "552 5.2.2 mailbox full");
    assert_eq!(take(service, &full(&messages[0])).await, NEW);
    let first = now(&stage, &messages[0]).await;
    assert_eq!((&first["state"], &first["cause"]), (&json!("failed"), &json!("mailbox_full")));
    assert_eq!(suppression(service, "cy@example.com").await, Value::Null);
    // A delivery in between.
    let delivered = Receipt {
        message: ReceiptOf::Message(id(&messages[1]).parse().unwrap()),
        what: Told::Delivered,
        at: service.db.now(),
    };
    let mut tx = service.db.begin().await.unwrap();
    let limit = service.api.settings.bounces.limit();
    assert_eq!(receive(&mut tx, service.workspace, vec![delivered], limit).await.unwrap(), [Received::New]);
    tx.commit().await.unwrap();
    assert_eq!(take(service, &full(&messages[2])).await, NEW);
    assert_eq!(suppression(service, "cy@example.com").await, Value::Null, "one since the delivery");
    // Those of another month do not count either.
    service.db.clock().advance(Duration::from_secs(40 * 86_400));
    assert_eq!(take(service, &full(&messages[3])).await, NEW);
    assert_eq!(suppression(service, "cy@example.com").await, Value::Null);
    assert_eq!(take(service, &full(&messages[4])).await, NEW);
    assert_eq!(suppression(service, "cy@example.com").await["reason"], "soft_bounce");
}

async fn a_policy_is_not_the_addresss_fault(database: &TestDatabase) {
    let stage = Stage::set_with(database, |settings| settings.bounces.soft_times = 1).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let (_, message) = sent(&stage).await;
    let mail = bounce(&sender_of(service, &message), "cy@example.com", "5.7.1", "550 5.7.1 rejected as spam");
    assert_eq!(take(service, &mail).await, NEW);
    assert_eq!(now(&stage, &message).await["cause"], "policy");
    assert_eq!(suppression(service, "cy@example.com").await, Value::Null);
}

async fn a_complaint_stops_what_was_not_handed_over_yet(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let (campaign, message) = sent(&stage).await;
    let next = stage.begun(json!({ "name": "Summer" })).await;
    assert_eq!(take(service, &complaint(&sender_of(service, &message))).await, NEW);
    work(service).await;
    let after = now(&stage, &message).await;
    assert_eq!(after["state"], "delivered", "who complains has got it: {after}");
    assert!(after["complained_at"].is_string());
    let left = message_of(&stage, &next).await;
    assert_eq!((&left["state"], &left["cause"]), (&json!("suppressed"), &json!("suppressed")), "{left}");
    assert!(left["reason"].as_str().unwrap().contains("complained"), "{left}");
    assert_eq!(suppression(service, "cy@example.com").await["reason"], "complaint");
    assert_eq!(outbox(service).len(), 1);
    counts_hold(&stage, &campaign).await;
}

async fn a_receipt_that_comes_before_the_answer_is_not_undone_by_it(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let begun = stage.begun(json!({})).await;
    for job in super::worker::lease(service, "control").await {
        super::campaigns::run(service, job).await;
    }
    let jobs = super::worker::lease(service, "bulk").await;
    let (db, workspace) = (&service.db, service.workspace);
    let campaign = find_campaign(db, workspace, id(&begun).parse().unwrap()).await.unwrap().unwrap();
    let sender = find_sender(db, workspace, campaign.sender_id.unwrap()).await.unwrap().unwrap();
    let turn = TurnOf {
        workspace_id: workspace,
        campaign: &campaign,
        sender: &sender,
        range: (Uuid::nil(), Uuid::max()),
        claim: db.new_id(),
        most: 10,
    };
    let Turn::Send { messages, .. } = take_turn(db, &turn, Vec::new()).await.unwrap() else { panic!("one waits") };
    let claimed = message_of(&stage, &begun).await;
    assert_eq!((&claimed["state"], messages.len()), (&json!("claimed"), 1));
    // The complaint comes while the message is in the hand of the job.
    assert_eq!(take(service, &complaint(&sender_of(service, &claimed))).await, NEW);
    let tried = Tried {
        id: messages[0].id,
        address: messages[0].address.clone(),
        tries: 0,
        outcome: MessageOutcome::Sent { said: "250 ok".to_owned(), provider_id: None },
    };
    put_down(db, &turn, vec![tried]).await.unwrap();
    let after = now(&stage, &claimed).await;
    assert_eq!(after["state"], "delivered", "{after}");
    assert!(after["complained_at"].is_string() && after["sent_at"].is_string());
    counts_hold(&stage, &begun).await;
    for job in jobs {
        super::campaigns::run(service, job).await;
    }
    assert_eq!(stage.now(&begun).await["state"], "sent");
}

async fn proof_settles_what_nobody_knew(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let (campaign, message) = sent(&stage).await;
    let mut tx = service.db.begin().await.unwrap();
    query("update messages set state = 'unknown' where workspace_id = $1")
        .bind(service.workspace)
        .execute(&mut tx)
        .await
        .unwrap();
    recount(&mut tx, service.workspace, id(&campaign).parse().unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    let mail = bounce(&format!("<{}@example.com>", id(&message)), "cy@example.com", "5.1.1", "550 no such user");
    let mail = String::from_utf8(mail).unwrap().replace("To: <", "To: x@example.com\r\nIn-Reply-To: <");
    assert_eq!(take(service, mail.as_bytes()).await, NEW, "the Message-ID names it, too");
    assert_eq!(now(&stage, &message).await["state"], "failed");
    let counts = stage.now(&campaign).await["counts"].clone();
    assert_eq!((&counts["unknown"], &counts["failed"]), (&json!(0), &json!(1)));
    counts_hold(&stage, &campaign).await;
}

async fn a_receipt_is_found_by_the_providers_id(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let (campaign, message) = sent(&stage).await;
    let mut tx = service.db.begin().await.unwrap();
    query("update messages set provider_id = 'SM1' where workspace_id = $1")
        .bind(service.workspace)
        .execute(&mut tx)
        .await
        .unwrap();
    let of = |channel, provider: &str, what| Receipt {
        message: ReceiptOf::Provider { channel, id: provider.to_owned() },
        what,
        at: service.db.now(),
    };
    let receipts = vec![
        of(Channel::Email, "SM1", Told::Read),
        of(Channel::Email, "SM1", Told::Sent),
        of(Channel::Email, "SM2", Told::Read),
        of(Channel::Whatsapp, "SM1", Told::Read),
    ];
    let got = receive(&mut tx, service.workspace, receipts, SoftLimit::default()).await.unwrap();
    assert_eq!(got, [Received::New, Received::Known, Received::NoMessage, Received::NoMessage]);
    let elsewhere = vec![of(Channel::Email, "SM1", Told::Complained)];
    let got = receive(&mut tx, Uuid::nil(), elsewhere, SoftLimit::default()).await.unwrap();
    assert_eq!(got, [Received::NoMessage], "it is not a message of that workspace");
    tx.commit().await.unwrap();
    let after = now(&stage, &message).await;
    assert_eq!(after["state"], "delivered");
    assert!(after["opened_at"].is_string() && after["delivered_at"].is_string());
    counts_hold(&stage, &campaign).await;
}

async fn an_erased_recipient_is_gone_from_what_was_told(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    let contact = stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let (_, message) = sent(&stage).await;
    let mail = bounce(&sender_of(service, &message), "cy@example.com", "5.1.1", "550 <cy@example.com> no such user");
    assert_eq!(take(service, &mail).await, NEW);
    let (workspace, contact) = (service.workspace, id(&contact).parse().unwrap());
    let actor = crate::ground::person(workspace);
    service.leaves(&["contact.erase"]);
    let held = held_of(&service.db, workspace, HOLDERS, contact).await.unwrap().unwrap();
    assert_eq!(held.records["mail_events"].len(), 1);
    erase_contact(&service.db, &actor, HOLDERS, (contact, held.total())).await.unwrap().unwrap();
    let told: Vec<(String, String)> = query("select raw, said from mail_events where workspace_id = $1")
        .bind(workspace)
        .all(&service.db)
        .await
        .unwrap();
    assert_eq!(told, [(String::new(), String::new())]);
    assert_eq!(suppression(service, "cy@example.com").await["reason"], "hard_bounce", "the hash stays");
}

async fn what_is_old_is_forgotten(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let (_, message) = sent(&stage).await;
    let mail = bounce(&sender_of(service, &message), "cy@example.com", "5.2.2", "552 mailbox full");
    assert_eq!(take(service, &mail).await, NEW);
    let forget = || async {
        (
            herald_messaging::forget_old_mail_events(&service.db).await.unwrap(),
            herald_messaging::forget_old_soft_bounces(&service.db).await.unwrap(),
        )
    };
    assert_eq!(forget().await, (0, 0));
    service.db.clock().advance(Duration::from_secs(91 * 86_400));
    assert_eq!(forget().await, (0, 1));
    service.db.clock().advance(Duration::from_secs(91 * 86_400));
    assert_eq!(forget().await, (1, 0));
}
