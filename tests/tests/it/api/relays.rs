//! Campaigns over mail servers of the workspace's own: the address to which bounces go, and several servers by weight.

use herald_messaging::verp;
use herald_tests::{
    App, TestDatabase,
    fakes::{FakeSmtp, SmtpCall, SmtpFault, SmtpPlace},
    on_both_engines,
};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    Answer, Service,
    campaigns::{Stage, counts, id, work},
    worker::{commit, lease, outcome},
};

on_both_engines! {
    bounces_name_their_message_by_the_envelope,
    a_sender_shares_its_mails_among_its_relays,
    a_relay_that_needs_a_person_is_marked_and_the_others_send,
    what_cannot_be_a_relay_is_named,
    a_test_goes_over_every_relay,
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

async fn a_sender_shares_its_mails_among_its_relays(database: &TestDatabase) {
    let (one, two, folder) = (relay().await, relay().await, tempfile::tempdir().unwrap());
    let stage = beside(database, &[&one, &two], &folder).await;
    guests(&stage, 12).await;
    let relays = json!([{ "connection_id": connect(&stage, "one", &one).await, "weight": 3 },
        { "connection_id": connect(&stage, "two", &two).await, "weight": 1 }]);
    let sender = sender(&stage, json!({ "relays": relays })).await;
    assert_eq!((&sender["relays"].as_array().unwrap().len(), &sender["connection_id"]), (&2, &Value::Null));
    let listed = stage.service.get("/api/v1/senders").await.json();
    let listed = listed["items"].as_array().unwrap().iter().find(|one| one["id"] == sender["id"]).unwrap().clone();
    assert_eq!(listed["relays"], sender["relays"]);
    let campaign = stage.begun(json!({ "sender_id": sender["id"] })).await;
    work(&stage.service).await;
    assert_eq!(counts(&stage.now(&campaign).await), [12, 0, 12, 0, 0, 0]);
    assert_eq!((one.mails().len(), two.mails().len()), (9, 3));
}

async fn a_relay_that_needs_a_person_is_marked_and_the_others_send(database: &TestDatabase) {
    let (one, two, folder) = (relay().await, relay().await, tempfile::tempdir().unwrap());
    let stage = beside(database, &[&one, &two], &folder).await;
    guests(&stage, 6).await;
    let relays = json!([{ "connection_id": connect(&stage, "one", &one).await, "weight": 1 },
        { "connection_id": connect(&stage, "two", &two).await, "weight": 1 }]);
    let sender = sender(&stage, json!({ "relays": relays })).await;
    let state = async |name: &str| {
        let found = stage.service.get(&format!("/api/v1/connections/{name}")).await.json();
        found["state"].as_str().unwrap().to_owned()
    };
    // Several mails ask at once, before the first answer.
    for _ in 0..4 {
        one.fail(SmtpCall::Login, SmtpFault::Says("535 5.7.8 Username and Password not accepted"));
    }
    let campaign = stage.begun(json!({ "sender_id": sender["id"] })).await;
    work(&stage.service).await;
    let ended = stage.now(&campaign).await;
    assert_eq!((&ended["state"], counts(&ended)), (&json!("sent"), [6, 0, 6, 0, 0, 0]));
    assert_eq!(one.mails().len() + two.mails().len(), 6);
    assert_eq!((state("one").await.as_str(), state("two").await.as_str()), ("broken", "ok"));
}

async fn what_cannot_be_a_relay_is_named(database: &TestDatabase) {
    let (server, folder) = (relay().await, tempfile::tempdir().unwrap());
    let stage = beside(database, &[&server], &folder).await;
    let over = connect(&stage, "one", &server).await;
    let of = |relays: Value| {
        json!({ "name": "Bulk", "from_name": "Example", "from_address": "bulk@example.com",
            "postal_address": "1 Example Street", "relays": relays })
    };
    let unknown = json!("0199a0a0-0000-7000-8000-000000000000");
    for relays in [
        json!([{ "connection_id": over, "weight": 0 }]),
        json!([{ "connection_id": over, "weight": 1 }, { "connection_id": over, "weight": 2 }]),
        json!([{ "connection_id": unknown, "weight": 1 }]),
    ] {
        let refused = stage.service.post_json("/api/v1/senders", of(relays)).await;
        refused.problem(422, "invalid-field");
        assert!(refused.text().contains("\"/relays\""), "{}", refused.text());
    }
    let made = stage.service.post_json("/api/v1/senders", of(json!([{ "connection_id": over, "weight": 7 }]))).await;
    assert_eq!(made.status, 201, "{}", made.text());
    // A relay of a sender stays, until the sender has others.
    let path = "/api/v1/connections/one";
    Answer::to(stage.service.request(Method::DELETE, path)).await.problem(409, "wrong-state");
    let (own, body) = (format!("/api/v1/senders/{}", id(&made.json())), of(json!([])));
    let seen = stage.service.get(&own).await;
    let change = stage.service.request(Method::PUT, &own).header("if-match", seen.header("etag")).json(&body);
    let changed = Answer::to(change).await;
    assert_eq!((changed.status.as_u16(), &changed.json()["relays"]), (200, &json!([])), "{}", changed.text());
    assert_eq!(Answer::to(stage.service.request(Method::DELETE, path)).await.status, 204);
}

async fn a_test_goes_over_every_relay(database: &TestDatabase) {
    let (one, two, folder) = (relay().await, relay().await, tempfile::tempdir().unwrap());
    let stage = beside(database, &[&one, &two], &folder).await;
    let relays = json!([{ "connection_id": connect(&stage, "one", &one).await, "weight": 1 },
        { "connection_id": connect(&stage, "two", &two).await, "weight": 1 }]);
    let sender = sender(&stage, json!({ "relays": relays })).await;
    two.fail(SmtpCall::Sender, SmtpFault::Says("553 5.7.1 Sender address rejected: not owned by user"));
    let path = format!("/api/v1/senders/{}/test", id(&sender));
    let asked = stage.service.post_json(&path, json!({ "to": "ann@example.org" })).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    // Letters to the members of the stage wait in the same queue.
    let job = lease(&stage.service, "email").await.into_iter().find(|job| job.kind == "sender.test").unwrap();
    let done = outcome(&stage.service, &job).await;
    commit(&stage.service, job, done).await;
    let job = asked.json()["job_url"].as_str().unwrap().to_owned();
    let result = stage.service.get(&job).await.json()["result"].clone();
    assert_eq!((&result["ok"], result["findings"].as_array().unwrap().len()), (&json!(false), 2), "{result}");
    assert!(result.to_string().contains("the mail server \\\"one\\\" took the mail"), "{result}");
    assert_eq!((one.mails().len(), two.mails().len()), (1, 0));
}
