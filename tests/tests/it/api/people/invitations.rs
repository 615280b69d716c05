//! Invitation links: for as many as they are for, for as long as they are good.

use std::time::Duration;

use herald_db::query;
use herald_providers::email::AccountMail;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::json;

use super::{Answer, Person, Service, letters};

on_both_engines! {
    an_invitation_lets_in_as_many_as_it_is_for,
    an_invitation_for_an_address_is_sent_there_and_lets_nobody_else_in,
    an_invitation_ends_with_its_time_or_when_it_is_taken_back,
    the_database_does_not_hold_what_lets_people_in,
    an_invitation_of_another_workspace_is_not_there,
    the_page_of_a_link_says_how_to_join_and_nothing_of_the_invitation,
}

async fn an_invitation_lets_in_as_many_as_it_is_for(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    ann.workspace(&service, "north").await;
    let token = ann.invitation(&service, json!({ "role": "viewer", "max_uses": 3 })).await;
    let mut guests = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        guests.push(Person::new(&service, &format!("{name}@example.com")).await);
    }
    let joined = futures::future::join_all(guests.iter().map(|guest| guest.join(&service, &token))).await;
    let in_now: Vec<&Person> =
        guests.iter().zip(&joined).filter(|(_, answer)| answer.status == 200).map(|(guest, _)| guest).collect();
    assert_eq!(in_now.len(), 3);
    for refused in joined.iter().filter(|answer| answer.status != 200) {
        refused.problem(422, "code-refused");
    }
    let members = ann.get(&service, "/api/v1/members").await.json();
    assert_eq!(members["items"].as_array().unwrap().len(), 4);
    // Who is in already uses nothing up, and keeps their role.
    assert_eq!(ann.get(&service, "/api/v1/workspace-invitations").await.json()["items"][0]["uses"], 3);
    let again = ann.invitation(&service, json!({ "role": "viewer" })).await;
    assert_eq!(ann.join(&service, &again).await.json()["role"], "owner");
    assert_eq!(ann.get(&service, "/api/v1/workspace-invitations").await.json()["items"][0]["uses"], 0);
}

async fn an_invitation_for_an_address_is_sent_there_and_lets_nobody_else_in(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    ann.workspace(&service, "north").await;
    let token = ann.invitation(&service, json!({ "role": "staff", "email": "Bob@example.com", "days": 3 })).await;
    let sent = letters(&service, "Bob@example.com").await;
    let Some(Some(AccountMail::WorkspaceInvitation { workspace, inviter, link, days })) = sent.last() else {
        panic!("a letter")
    };
    assert_eq!((workspace.as_str(), inviter.as_str(), *days), ("north", "ann@example.com", 3));
    assert!(link.ends_with(&token));
    let eve = Person::new(&service, "eve@example.com").await;
    eve.join(&service, &token).await.problem(422, "code-refused");
    let bob = Person::new(&service, "bob@example.com").await;
    assert_eq!(bob.join(&service, &token).await.json()["role"], "staff");
}

async fn an_invitation_ends_with_its_time_or_when_it_is_taken_back(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    ann.workspace(&service, "north").await;
    let token = ann.invitation(&service, json!({ "role": "viewer", "max_uses": 10 })).await;
    let id =
        ann.get(&service, "/api/v1/workspace-invitations").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let bob = Person::new(&service, "bob@example.com").await;
    assert_eq!(bob.join(&service, &token).await.status, 200);
    let path = format!("/api/v1/workspace-invitations/{id}");
    assert_eq!(ann.send(&service, Method::DELETE, &path, json!({})).await.status, 204);
    let eve = Person::new(&service, "eve@example.com").await;
    eve.join(&service, &token).await.problem(422, "code-refused");
    assert_eq!(bob.get(&service, "/api/v1/jobs").await.status, 200);
    let token = ann.invitation(&service, json!({ "role": "viewer", "days": 1 })).await;
    service.db.clock().advance(Duration::from_secs(24 * 3_600));
    let eve = Person::sign_in(&service, &eve.email).await;
    eve.join(&service, &token).await.problem(422, "code-refused");
    let ann = Person::sign_in(&service, &ann.email).await;
    for fields in [
        json!({ "role": "viewer", "days": 91 }),
        json!({ "role": "viewer", "max_uses": 0 }),
        json!({ "role": "viewer", "email": "x" }),
    ] {
        ann.send(&service, Method::POST, "/api/v1/workspace-invitations", fields).await.problem(422, "invalid-field");
    }
}

async fn the_database_does_not_hold_what_lets_people_in(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    ann.workspace(&service, "north").await;
    let token = ann.invitation(&service, json!({ "role": "viewer", "email": "bob@example.com" })).await;
    let rows: Vec<(String,)> = query(
        "select token_hash from workspace_invitations union select token_hash \
        from refresh_tokens union select password_hash from users union select code_hash from tickets",
    )
    .all(&service.db)
    .await
    .unwrap();
    let sealed: Vec<(Vec<u8>,)> =
        query("select sealed from letters union select sealed from tickets union select sealed from signing_keys")
            .all(&service.db)
            .await
            .unwrap();
    let all = rows.into_iter().map(|(text,)| text.into_bytes()).chain(sealed.into_iter().map(|(bytes,)| bytes));
    for held in all {
        let held = String::from_utf8_lossy(&held).into_owned();
        for secret in [token.as_str(), ann.refresh.as_str(), super::PASSWORD, "bob@example.com"] {
            assert!(!held.contains(secret), "{held}");
        }
    }
}

async fn an_invitation_of_another_workspace_is_not_there(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, eve) = (Person::new(&service, "ann@example.com").await, Person::new(&service, "eve@example.com").await);
    ann.workspace(&service, "north").await;
    eve.workspace(&service, "south").await;
    ann.invitation(&service, json!({ "role": "viewer" })).await;
    let id =
        ann.get(&service, "/api/v1/workspace-invitations").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(eve.get(&service, "/api/v1/workspace-invitations").await.json()["items"], json!([]));
    let path = format!("/api/v1/workspace-invitations/{id}");
    eve.send(&service, Method::DELETE, &path, json!({})).await.problem(404, "not-found");
}

async fn the_page_of_a_link_says_how_to_join_and_nothing_of_the_invitation(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    ann.workspace(&service, "north").await;
    let token = ann.invitation(&service, json!({ "role": "viewer" })).await;
    let page = |token: &str| Answer::to(service.open(Method::GET, &format!("/join/{token}")));
    let (good, made_up) = (page(&token).await, page("join_made-up").await);
    assert_eq!((good.status.as_u16(), good.text()), (200, made_up.text()));
    assert!(good.text().contains("You are invited") && !good.text().contains("north"));
    // The address holds a secret.
    assert_eq!((good.header("referrer-policy"), good.header("cache-control")), ("no-referrer", "no-store"));
}
