//! Campaigns over mail servers of the workspace's own: the address to which bounces go.

use herald_messaging::verp;
use herald_tests::{
    App, TestDatabase,
    fakes::{FakeSmtp, SmtpPlace},
    on_both_engines,
};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    Answer, Service,
    campaigns::{Stage, counts, id, work},
};

on_both_engines! {
    bounces_name_their_message_by_the_envelope,
}

/// A mail server as relays are.
async fn relay() -> FakeSmtp {
    FakeSmtp::start_as(SmtpPlace { pipelining: true, ..SmtpPlace::default() }).await
}

/// A stage whose service trusts these mail servers and may call them.
async fn beside(database: &TestDatabase, servers: &[&FakeSmtp], folder: &TempDir) -> Stage {
    let mut all = String::new();
    for (number, server) in servers.iter().enumerate() {
        let one = folder.path().join(format!("{number}.pem"));
        server.write_certificate(&one);
        all.push_str(&std::fs::read_to_string(one).unwrap());
    }
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, all).unwrap();
    let service = Service::start_on(App::on(database), |settings| {
        settings.providers.ca_file = file.display().to_string();
        settings.outside.allow_private = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    Stage::set_in(service).await
}

/// Connects a mail server, and returns the id of the connection.
async fn connect(stage: &Stage, name: &str, server: &FakeSmtp) -> Value {
    let typed = json!({ "provider": "smtp", "host": "127.0.0.1", "port": server.port(), "user": FakeSmtp::USER,
        "password": FakeSmtp::PASSWORD });
    let path = format!("/api/v1/connections/{name}");
    let saved = Answer::to(stage.service.request(Method::PUT, &path).json(&typed)).await;
    assert!(saved.status.is_success(), "{}", saved.text());
    saved.json()["id"].clone()
}

async fn sender(stage: &Stage, more: Value) -> Value {
    let mut sender = json!({ "name": "Bulk", "from_name": "Example", "from_address": "bulk@example.com",
        "postal_address": "1 Example Street" });
    sender.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = stage.service.post_json("/api/v1/senders", sender).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

async fn guests(stage: &Stage, count: usize) {
    for number in 0..count {
        stage.guest(&format!("Guest {number}"), Some(&format!("guest{number}@example.org")), json!({})).await;
    }
}

async fn bounces_name_their_message_by_the_envelope(database: &TestDatabase) {
    let (server, folder) = (relay().await, tempfile::tempdir().unwrap());
    let stage = beside(database, &[&server], &folder).await;
    guests(&stage, 2).await;
    let over = connect(&stage, "relay", &server).await;
    let plain = sender(&stage, json!({ "connection_id": over })).await;
    let campaign = stage.begun(json!({ "sender_id": plain["id"] })).await;
    work(&stage.service).await;
    assert_eq!(counts(&stage.now(&campaign).await), [2, 0, 2, 0, 0, 0]);
    assert!(server.mails().iter().all(|mail| mail.from == "bulk@example.com"), "{:?}", server.mails());

    let bounces = json!({ "name": "Bounces", "connection_id": over, "bounce_domain": "Bounces.Example.com" });
    let bounces = sender(&stage, bounces).await;
    let campaign = stage.begun(json!({ "sender_id": bounces["id"], "name": "Second" })).await;
    work(&stage.service).await;
    assert_eq!(counts(&stage.now(&campaign).await), [2, 0, 2, 0, 0, 0]);
    let mails = server.mails().split_off(2);
    let path = format!("/api/v1/messages?campaign={}", id(&campaign));
    let messages = stage.service.get(&path).await.json()["items"].as_array().unwrap().clone();
    assert_eq!((mails.len(), messages.len()), (2, 2));
    for message in messages {
        let mail = mails.iter().find(|mail| message["address"] == mail.to).unwrap();
        let (local, domain) = mail.from.split_once('@').unwrap();
        assert!(local.len() <= 64 && domain == "bounces.example.com", "{}", mail.from);
        let named = verp::open(&stage.service.links, &mail.from.to_uppercase());
        assert_eq!(named.map(|id| id.to_string()).as_deref(), message["id"].as_str());
        // People see and answer the address that they know.
        assert!(mail.mail.header("from").unwrap().contains("<bulk@example.com>"));
    }
}
