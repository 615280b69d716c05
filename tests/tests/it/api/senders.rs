//! Senders over HTTP, mail servers as connections, and the test of a sender.

use herald_tests::{App, TestDatabase, fakes::FakeSmtp, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Answer, Service,
    people::Person,
    worker::{commit, lease_next, outcome},
};

on_both_engines! {
    a_sender_is_kept_under_its_version,
    what_cannot_be_a_sender_is_named_with_its_field,
    a_mail_server_is_kept_without_its_password_and_never_inside,
    a_test_sends_one_mail_over_the_senders_own_server,
    a_test_says_what_the_server_said,
    a_test_goes_to_nobody_who_is_suppressed,
}

const SENDERS: &str = "/api/v1/senders";

fn sender() -> Value {
    json!({ "name": "Newsletter", "from_name": "Spring Agency", "from_address": "news@example.com",
        "reply_to": "office@example.com", "postal_address": "1 Example Street", "footer": "We met at the fair." })
}

async fn made(service: &Service, body: Value) -> String {
    let made = service.post_json(SENDERS, body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn put(service: &Service, path: &str, body: &Value) -> Answer {
    Answer::to(service.request(Method::PUT, path).json(body)).await
}

async fn a_sender_is_kept_under_its_version(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = made(&service, sender()).await;
    let path = format!("{SENDERS}/{id}");
    let seen = service.get(&path).await;
    assert_eq!((seen.status, &seen.json()["reply_to"]), (StatusCode::OK, &json!("office@example.com")));
    let same = service.request(Method::GET, &path).header("if-none-match", seen.header("etag"));
    assert_eq!(Answer::to(same).await.status, StatusCode::NOT_MODIFIED);
    let change = json!({ "name": "Letters", "from_name": "Spring", "from_address": "news@example.com",
        "postal_address": "1 Example Street", "quiet": { "from": "21:00", "to": "08:00" } });
    let changed = service.request(Method::PUT, &path).header("if-match", seen.header("etag")).json(&change);
    let changed = Answer::to(changed).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    assert_eq!(changed.json()["quiet"], json!({ "from": "21:00", "to": "08:00" }));
    let late = service.request(Method::PUT, &path).header("if-match", seen.header("etag")).json(&change);
    Answer::to(late).await.problem(412, "precondition-failed");
    service
        .post_json(
            SENDERS,
            json!({ "name": "letters", "from_name": "S", "from_address": "a@example.com",
        "postal_address": "x" }),
        )
        .await
        .problem(409, "wrong-state");
    assert_eq!(service.get(SENDERS).await.json()["items"].as_array().unwrap().len(), 1);
    let removed = Answer::to(service.request(Method::DELETE, &path)).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    service.get(&path).await.problem(404, "not-found");
}

async fn what_cannot_be_a_sender_is_named_with_its_field(database: &TestDatabase) {
    let service = Service::start(database).await;
    for (field, value) in [
        ("name", json!("")),
        ("from_name", json!("a\u{7}b")),
        ("from_address", json!("news@localhost")),
        ("reply_to", json!("office")),
        ("postal_address", json!(" ")),
        ("rate_per_second", json!(0)),
        ("daily_cap", json!(-1)),
        ("warm_up", json!([50, 0])),
        ("bounce_domain", json!("bounces example")),
        ("channel", json!("phone")),
        ("connection_id", json!("0199a0a0-0000-7000-8000-000000000000")),
        ("quiet", json!({ "from": "21:00", "to": "21:00" })),
    ] {
        let mut body = sender();
        body[field] = value;
        let refused = service.post_json(SENDERS, body).await;
        refused.problem(422, "invalid-field");
        assert!(refused.text().contains(&format!("\"/{field}\"")), "{field}: {}", refused.text());
    }
}

async fn a_mail_server_is_kept_without_its_password_and_never_inside(database: &TestDatabase) {
    let service = Service::start(database).await;
    let path = "/api/v1/connections/relay";
    let server = json!({ "provider": "smtp", "host": "smtp.example.com", "user": "herald", "password": "hunter2" });
    let saved = put(&service, path, &server).await;
    assert_eq!(saved.status, StatusCode::CREATED, "{}", saved.text());
    let shown =
        json!({ "provider": "smtp", "host": "smtp.example.com", "port": 0, "tls": "starttls", "user": "herald" });
    assert_eq!(saved.json()["settings"], shown);
    assert!(!saved.text().contains("hunter2"));
    for (more, field, says) in [
        (json!({ "host": "127.0.0.1" }), "host", "leads into a private network"),
        (json!({ "host": "0x7f.1" }), "host", "leads into a private network"),
        (json!({ "host": "::1" }), "host", "leads into a private network"),
        (json!({ "host": "169.254.169.254" }), "host", "leads into a private network"),
        (json!({ "port": 22 }), "port", "port 22"),
        (json!({ "host": "https://smtp.example.com" }), "host", "the name alone"),
        (json!({ "password": null }), "password", "the password is missing"),
        (json!({ "tls": "none" }), "tls", "unencrypted"),
        (json!({ "tls": "none", "user": null, "password": null }), "tls", "unencrypted"),
    ] {
        let mut body = server.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = put(&service, "/api/v1/connections/other", &body).await;
        refused.problem(422, "invalid-field");
        assert!(refused.text().contains(says), "{more}: {}", refused.text());
        assert!(refused.text().contains(&format!("\"/{field}\"")), "{more}: {}", refused.text());
    }
    // One that a sender uses stays.
    let mut body = sender();
    body["connection_id"] = saved.json()["id"].clone();
    let id = made(&service, body).await;
    let used = Answer::to(service.request(Method::DELETE, path)).await;
    assert!(used.problem(409, "wrong-state").contains("senders"), "{}", used.text());
    Answer::to(service.request(Method::DELETE, &format!("{SENDERS}/{id}"))).await;
    assert_eq!(Answer::to(service.request(Method::DELETE, path)).await.status, StatusCode::NO_CONTENT);
}

/// A service whose workspaces may have this mail server, which they trust.
async fn beside(database: &TestDatabase, server: &FakeSmtp, folder: &tempfile::TempDir) -> Service {
    let certificate = folder.path().join("ca.pem");
    server.write_certificate(&certificate);
    Service::start_on(App::on(database), |settings| {
        settings.providers.ca_file = certificate.display().to_string();
        settings.outside.allow_private = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await
}

async fn over(service: &Service, server: &FakeSmtp, password: &str) -> String {
    let typed = json!({ "provider": "smtp", "host": "127.0.0.1", "port": server.port(), "user": FakeSmtp::USER,
        "password": password });
    let saved = put(service, "/api/v1/connections/relay", &typed).await;
    assert!(saved.status.is_success(), "{}", saved.text());
    let mut body = sender();
    body["connection_id"] = saved.json()["id"].clone();
    made(service, body).await
}

/// Does the job of a test; its findings.
async fn tested(service: &Service) -> Value {
    let job = lease_next(service, "email").await;
    assert_eq!(job.kind, "sender.test");
    let id = job.id;
    let done = outcome(service, &job).await;
    commit(service, job, done).await;
    let found = service.get(&format!("/api/v1/jobs/{id}")).await.json();
    found["result"].clone()
}

async fn a_test_sends_one_mail_over_the_senders_own_server(database: &TestDatabase) {
    let (server, folder) = (FakeSmtp::start().await, tempfile::tempdir().unwrap());
    let service = beside(database, &server, &folder).await;
    let id = over(&service, &server, FakeSmtp::PASSWORD).await;
    let test = json!({ "to": "Ann@example.org", "addresses": ["198.51.100.7"], "records": [
        { "name": "example.com", "text": "v=spf1 ip4:198.51.100.0/24 -all" },
        { "name": "_dmarc.example.com", "text": "v=DMARC1; p=none" }] });
    let asked = service.post_json(&format!("{SENDERS}/{id}/test"), test).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.text());
    let alignment = &asked.json()["alignment"];
    let standing = |check: &str| alignment[check]["standing"].as_str().unwrap().to_owned();
    assert_eq!([standing("spf"), standing("dkim"), standing("dmarc")], ["holds", "unknown", "holds"], "{alignment}");
    let result = tested(&service).await;
    assert_eq!(result["ok"], true, "{result}");
    let mails = server.mails();
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    assert_eq!((mail.from.as_str(), mail.to.as_str()), ("news@example.com", "ann@example.org"));
    assert!(mail.encrypted && mail.login.as_deref() == Some(FakeSmtp::USER));
    // A key has no address of its own, and a person has.
    let nobody = service.post_json(&format!("{SENDERS}/{id}/test"), json!({})).await;
    assert!(nobody.problem(422, "invalid-field").contains("give the address"), "{}", nobody.text());
    assert_eq!(server.mails().len(), 1);
}

async fn a_test_says_what_the_server_said(database: &TestDatabase) {
    let (server, folder) = (FakeSmtp::start().await, tempfile::tempdir().unwrap());
    let service = beside(database, &server, &folder).await;
    let id = over(&service, &server, "another password").await;
    let asked = service.post_json(&format!("{SENDERS}/{id}/test"), json!({ "to": "ann@example.org" })).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.text());
    let result = tested(&service).await;
    assert_eq!(result["ok"], false, "{result}");
    let said = result["findings"][0]["text"].as_str().unwrap();
    assert!(said.contains("does not accept user and password") && !said.contains("mail.user"), "{said}");
    // Its answer is not the password.
    assert!(!said.contains("another password"), "{said}");
    assert!(server.mails().is_empty());
}

async fn a_test_goes_to_nobody_who_is_suppressed(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["sender.test"]);
    let id = made(&service, sender()).await;
    let suppressed = json!({ "channel": "email", "address": "ann@example.org" });
    assert_eq!(service.post_json("/api/v1/suppressions", suppressed).await.status, StatusCode::CREATED);
    let path = format!("{SENDERS}/{id}/test");
    service.post_json(&path, json!({ "to": "ANN@example.org" })).await.problem(409, "wrong-state");
    service.post_json(&path, json!({ "to": "nobody" })).await.problem(422, "invalid-field");
    // A person's own address needs no saying.
    let owner = Person::new(&service, "eve@example.com").await;
    owner.workspace(&service, "north").await;
    let mine = owner.send(&service, Method::POST, SENDERS, sender()).await.json();
    let path = format!("{SENDERS}/{}/test", mine["id"].as_str().unwrap());
    let asked = owner.send(&service, Method::POST, &path, json!({})).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.text());
}
