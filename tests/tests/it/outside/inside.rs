//! What a stranger's connection must not reach, and what they must not be told of what answers there.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, http::StatusCode, routing::any};
use herald_accounts as connections;
use herald_accounts::Connection;
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::json;
use tokio::net::TcpListener;

use super::Outreach;

on_both_engines! {
    a_connection_that_leads_inside_is_never_called,
    a_mail_server_that_leads_inside_is_never_called,
    what_a_foreign_server_says_is_not_passed_on,
}

/// What a test of the connection says, all of it.
async fn tested(app: &Outreach, name: &str) -> (Connection, String) {
    let found = connections::find_connection_named(&app.db, app.workspace, name).await.unwrap().unwrap();
    let (connection, findings) = connections::check(&app.clients(), app.workspace, found.id, None).await.unwrap();
    assert!(findings.iter().any(|finding| !finding.ok), "{findings:?}");
    let texts: Vec<String> = findings.iter().map(|finding| finding.text.clone()).collect();
    (connection, texts.join("\n"))
}

fn bucket(endpoint: &str) -> serde_json::Value {
    json!({
        "provider": "s3", "bucket": "guests", "endpoint": endpoint, "access_key_id": "ID", "secret_key": "a secret",
        "path_style": true, "allow_http": true,
    })
}

fn mautic(url: &str) -> serde_json::Value {
    json!({ "provider": "mautic", "url": url, "user": "herald", "password": "hunter2" })
}

/// A server that answers everything with this status and body; its port, and how often it was called.
async fn server(status: StatusCode, body: &'static str, location: Option<String>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let router = Router::new().fallback(any(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        let mut answer = axum::response::Response::builder().status(status);
        if let Some(location) = &location {
            answer = answer.header("location", location);
        }
        let answer =
            answer.header("mautic-version", "5.internalcredentials").body(axum::body::Body::from(body)).unwrap();
        async move { answer }
    }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (port, calls)
}

async fn a_connection_that_leads_inside_is_never_called(database: &TestDatabase) {
    let (port, calls) = server(StatusCode::OK, "inside", None).await;
    // As typed before there was a guard, or by a name that is looked up only when it is called.
    let app = Outreach::start_with(database, |settings| settings.outside.allow_private.clear()).await;
    for (at, host) in ["127.0.0.1", "localhost", "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"]
        .iter()
        .enumerate()
    {
        let address = format!("http://{host}:{port}");
        for (kind, typed) in [("mautic", mautic(&address)), ("s3", bucket(&address))] {
            let name = format!("{kind}{at}");
            app.connect(&name, typed).await;
            let (_, told) = tested(&app, &name).await;
            assert!(told.contains("leads into a private network"), "{address}: {told}");
            assert!(told.contains("outside.allow_private"), "{address}: {told}");
        }
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

async fn a_mail_server_that_leads_inside_is_never_called(database: &TestDatabase) {
    let server = herald_tests::fakes::FakeSmtp::start().await;
    let app = Outreach::start_with(database, |settings| settings.outside.allow_private.clear()).await;
    let mail = |host: &str, port| json!({ "provider": "smtp", "host": host, "port": port });
    for (at, host) in ["127.0.0.1", "localhost", "127.0.0.2", "::1", "::ffff:127.0.0.1", "0x7f.1"].iter().enumerate() {
        // At a port of mail servers, or else the port alone would be the reason.
        for port in [25, server.port()] {
            let name = format!("mail{at}-{port}");
            app.connect(&name, mail(host, port)).await;
            let (_, told) = tested(&app, &name).await;
            let ways = ["leads into a private network", "which is not allowed", "is not a server name"];
            assert!(ways.iter().any(|way| told.contains(way)), "{host}:{port}: {told}");
        }
    }
    assert_eq!(server.connections(), 0);
}

async fn what_a_foreign_server_says_is_not_passed_on(database: &TestDatabase) {
    const SECRET: &str = "<Error><Code>internalcredentials</Code><Message>internalcredentials</Message></Error>";
    const JSON: &str = r#"{"errors":[{"message":"internalcredentials","type":"internalcredentials","code":400,
                          "details":{"internalcredentials":["internalcredentials"]}}],"total":"internalcredentials"}"#;
    let app = Outreach::start_with(database, |settings| settings.files.retry_seconds = 1).await;
    // The setting is for the address it names, and for no other of this machine.
    let (port, calls) = server(StatusCode::OK, SECRET, None).await;
    app.connect("other", mautic(&format!("http://127.0.0.2:{port}"))).await;
    assert!(tested(&app, "other").await.1.contains("leads into a private network"));
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    let mut at = 0;
    for status in [200, 302, 400, 401, 403, 404, 409, 418, 422, 500, 503] {
        for body in [SECRET, JSON] {
            let status = StatusCode::from_u16(status).unwrap();
            let to = (status == 302).then(|| "http://internalcredentials.example/latest/meta-data".to_owned());
            let (port, calls) = server(status, body, to).await;
            let address = format!("http://127.0.0.1:{port}");
            for typed in [mautic(&address), bucket(&address)] {
                at += 1;
                let name = format!("foreign{at}");
                app.connect(&name, typed).await;
                let (connection, told) = tested(&app, &name).await;
                assert!(!told.contains("internalcredentials"), "{status} {body}: {told}");
                assert!(!serde_json::to_string(&connection).unwrap().contains("internalcredentials"));
            }
            assert!(calls.load(Ordering::Relaxed) >= 2, "both were called");
        }
    }
}
