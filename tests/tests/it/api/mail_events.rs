//! How the outside tells of mails: mails that a mail server passes on, and webhooks of mail services.

use base64::{Engine, engine::general_purpose::STANDARD};
use herald_api::lmtp::Lmtp;
use herald_db::query;
use herald_messaging::{SoftLimit, recount};
use herald_tests::{TestDatabase, on_both_engines};
use hmac::{Hmac, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Answer, Service,
    bounces::{FOREIGN, bounce, counts_hold, now, sender_of, sent, suppression, take},
    campaigns::{Stage, id},
};

on_both_engines! {
    what_tells_nothing_of_our_messages_is_left,
    a_mail_server_passes_bounces_on_by_lmtp,
    a_service_tells_by_webhook_and_is_believed_by_its_signature,
    a_thousand_bounces_come_at_once_and_twice,
}

const SECRET: &[u8] = b"a secret of 24 bytes....";

async fn what_tells_nothing_of_our_messages_is_left(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let (_, message) = sent(&stage).await;
    let ours = sender_of(service, &message);
    let away = format!(
        "From: cy@example.com\r\nTo: {ours}\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\
        \r\nI am away.\r\n"
    );
    let person = format!("From: cy@example.com\r\nTo: {ours}\r\nSubject: Re: News\r\n\r\nThank you!\r\n");
    let nobodys = bounce(&format!("b+{}@bounce.example.com", "a".repeat(39)), "cy@example.com", "5.1.1", "550 no");
    let strangers = bounce(&format!("<{}@example.com>", service.db.new_id()), "cy@example.com", "5.1.1", "550 no");
    for mail in [away.as_bytes(), person.as_bytes(), &nobodys, &strangers, b"", b"\0\xff"] {
        assert_eq!(take(service, mail).await, FOREIGN, "{}", String::from_utf8_lossy(mail));
    }
    assert_eq!(now(&stage, &message).await["state"], "sent");
    assert_eq!(suppression(service, "cy@example.com").await, Value::Null);
}

async fn a_mail_server_passes_bounces_on_by_lmtp(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let (_, message) = sent(&stage).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let lmtp = Lmtp { db: service.db.clone(), links: service.api.links.clone(), limit: SoftLimit::default() };
    let served = tokio::spawn(lmtp.serve(listener, stop.clone()));
    // The report does not name the message: the envelope does.
    let report = String::from_utf8(bounce("x@example.com", "cy@example.com", "5.1.1", "550 no such user")).unwrap();
    let envelope = sender_of(service, &message).to_uppercase();
    let said = format!(
        "LHLO mx.example.com\r\nMAIL FROM:<>\r\nRCPT TO:<{envelope}>\r\nRCPT TO:<z@example.com>\r\nDATA\r\n\
         {report}.\r\nEHLO x\r\nDATA\r\nQUIT\r\n"
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(said.as_bytes()).await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    let codes: Vec<&str> = heard.lines().map(|line| &line[..4]).collect();
    let expected = [
        "220 ", "250-", "250-", "250-", "250 ", "250 ", "250 ", "250 ", "354 ", "250 ", "250 ", "500 ", "503 ", "221 ",
    ];
    assert_eq!(codes, expected, "{heard}");
    assert_eq!(now(&stage, &message).await["state"], "failed");
    // One that breaks off in its mail leaves nothing.
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<b>\r\nDATA\r\nhalf a ma").await.unwrap();
    stream.shutdown().await.unwrap();
    heard.clear();
    stream.read_to_string(&mut heard).await.unwrap();
    assert!(heard.trim_end().ends_with("354 end with a dot"), "{heard}");
    stop.cancel();
    served.await.unwrap();
}

fn signed(service: &Service, body: &str, webhook: &str) -> reqwest::RequestBuilder {
    let at = service.db.now().timestamp();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
    mac.update(format!("{webhook}.{at}.{body}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    service
        .open(Method::POST, "/webhooks/mail/generic")
        .header("webhook-id", webhook)
        .header("webhook-timestamp", at.to_string())
        .header("webhook-signature", format!("v1,{signature}"))
        .header("content-type", "application/json")
        .body(body.to_owned())
}

async fn a_service_tells_by_webhook_and_is_believed_by_its_signature(database: &TestDatabase) {
    let secret = format!("whsec_{}", STANDARD.encode(SECRET));
    let stage = Stage::set_with(database, |settings| settings.bounces.generic_secret = secret).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let (campaign, message) = sent(&stage).await;
    let named = format!("<{}@example.com>", id(&message));
    let body = json!([
        { "type": "delivered", "message_id": named },
        { "type": "bounced", "sender": sender_of(service, &message), "status": "5.1.1", "reason": "no such user" },
        { "type": "delivered", "message_id": "<somebody@example.com>" },
    ])
    .to_string();
    let taken = Answer::to(signed(service, &body, "one")).await;
    assert_eq!((taken.status.as_u16(), taken.json()), (202, json!({ "new": 2, "known": 0, "foreign": 1 })));
    let again = Answer::to(signed(service, &body, "one")).await;
    assert_eq!(again.json(), json!({ "new": 0, "known": 2, "foreign": 1 }));
    let after = now(&stage, &message).await;
    assert_eq!(after["state"], "failed", "{after}");
    assert!(after["delivered_at"].is_string(), "it arrived, and then came back: {after}");
    counts_hold(&stage, &campaign).await;
    let forged = signed(service, &body, "two").body("[]");
    for request in [
        forged,
        service.open(Method::POST, "/webhooks/mail/generic").body(body.clone()),
        service.open(Method::POST, "/webhooks/mail/ses").body(body.clone()),
        service.open(Method::POST, "/webhooks/mail/mail").body(body.clone()),
        service.open(Method::POST, "/webhooks/mail/nobody").body(body.clone()),
    ] {
        Answer::to(request).await.problem(401, "unauthorized");
    }
    Answer::to(signed(service, "[{}]", "four")).await.problem(400, "invalid-request");
}

async fn a_thousand_bounces_come_at_once_and_twice(database: &TestDatabase) {
    let secret = format!("whsec_{}", STANDARD.encode(SECRET));
    let stage = Stage::set_with(database, |settings| settings.bounces.generic_secret = secret).await;
    let service = &stage.service;
    stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let (campaign, _) = sent(&stage).await;
    // Further rows of the same campaign, as a large one has them.
    let mut ids = Vec::new();
    let mut tx = service.db.begin().await.unwrap();
    for number in 0..2_000 {
        let message = service.db.new_id();
        query(
            "insert into messages (id, workspace_id, campaign_id, step, channel, address, params, state, tries, sent_at,
               updated_at) values ($1, $2, $3, 1, 'email', $4, $5, 'sent', 0, $6, $6)",
        )
        .bind(message)
        .bind(service.workspace)
        .bind(id(&campaign).parse::<Uuid>().unwrap())
        .bind(format!("guest{number}@example.com"))
        .bind(json!({}))
        .bind(service.db.now())
        .execute(&mut tx)
        .await
        .unwrap();
        ids.push(message);
    }
    recount(&mut tx, service.workspace, id(&campaign).parse().unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    let events: Vec<Value> = ids
        .iter()
        .map(
            |message| json!({ "type": "bounced", "message_id": format!("<{message}@example.com>"), "status": "5.1.1" }),
        )
        .collect();
    let body = json!(events).to_string();
    let (one, two) = tokio::join!(Answer::to(signed(service, &body, "all")), Answer::to(signed(service, &body, "all")));
    let new: i64 = [&one, &two].iter().map(|answer| answer.json()["new"].as_i64().unwrap()).sum();
    assert_eq!((one.status.as_u16(), two.status.as_u16(), new), (202, 202, 2_000));
    assert_eq!(stage.now(&campaign).await["counts"]["failed"], 2_000);
    counts_hold(&stage, &campaign).await;
    assert_eq!(suppression(service, "guest1999@example.com").await["reason"], "hard_bounce");
}
