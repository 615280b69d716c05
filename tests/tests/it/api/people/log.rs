//! The log of a workspace: who, what, before and after, from where; whole, and for owners.

use herald_ledger::audit::{self, Actor, Entry};
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::json;

use super::{Person, Service};

on_both_engines! {
    the_log_tells_what_was_before_and_after_and_from_where,
    the_log_is_taken_out_whole_and_that_is_written_in_it,
}

async fn the_log_tells_what_was_before_and_after_and_from_where(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    let north = ann.workspace(&service, "north").await;
    let bob = Person::new(&service, "bob@example.com").await;
    let token = ann.invitation(&service, json!({ "role": "viewer" })).await;
    bob.join(&service, &token).await;
    let member = format!("/api/v1/members/{}", bob.id);
    ann.send(&service, Method::PUT, &member, json!({ "role": "staff" })).await;
    let row = ann.get(&service, "/api/v1/audit?action=member.set_role").await.json()["items"][0].clone();
    assert_eq!(row["who"], format!("user:{}", ann.id));
    assert_eq!(row["target"], bob.id.to_string());
    assert_eq!(row["detail"], json!({ "before": "viewer", "after": "staff" }));
    assert_eq!(row["origin"], "127.0.0.1");
    assert!(row["request_id"].is_string());
    let seen = ann.get(&service, "/api/v1/audit/verify").await.json();
    assert_eq!((&seen["rows"], seen["broken"].is_null()), (&json!(super::acts(&service.db, north).await.len()), true));
}

async fn the_log_is_taken_out_whole_and_that_is_written_in_it(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    let north = ann.workspace(&service, "north").await;
    let mut tx = service.db.begin().await.unwrap();
    for number in 0..1_200 {
        let entry = Entry::of("test.act", number).with(json!({ "text": "=cmd(), \"quoted\"" }));
        audit::record(&mut tx, &Actor::cli(north, "=HYPERLINK()"), entry).await.unwrap();
    }
    tx.commit().await.unwrap();
    let table = ann.get(&service, "/api/v1/audit/export.csv").await;
    assert_eq!(table.status, 200, "{}", table.text());
    assert_eq!(table.header("content-disposition"), "attachment; filename=\"audit.csv\"");
    let text = table.text();
    let lines: Vec<&str> = text.trim_end().split("\r\n").collect();
    // The header, what was there, and that it was taken out.
    assert_eq!(lines.len(), 1 + 1 + 1_200 + 1);
    assert!(lines[1].contains("audit.export") && lines[1].contains(&ann.id.to_string()), "{}", lines[1]);
    assert_eq!(lines.iter().filter(|line| line.contains("\"seq\"")).count(), 1);
    assert!(lines[1_202].contains("workspace.make"), "{}", lines[1_202]);
    assert_eq!(super::acts(&service.db, north).await.last().unwrap(), "audit.export");
}
