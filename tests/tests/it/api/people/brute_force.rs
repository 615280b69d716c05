//! Guessing passwords: as slow from one address as from ten thousand.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, stream};
use herald_shared::db::DbConfig;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, PASSWORD, Person, Service, login};
use crate::api::rate_limits::counts;

on_both_engines! {
    ten_thousand_guesses_from_one_address_are_let_through_at_the_limit,
    ten_thousand_guesses_at_one_account_from_as_many_addresses_are_let_through_at_the_limit,
    codes_and_registrations_have_the_same_limit,
    who_has_somebodys_access_token_cannot_guess_their_password_with_it,
    nobody_fills_mailboxes_with_invitations,
}

const GUESSES: usize = 10_000;

/// With the limits that everybody has, behind a proxy on this machine.
async fn service(database: &TestDatabase) -> Service {
    let behind_a_proxy = |settings: &mut herald_shared::config::Settings| {
        settings.limits.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    };
    Service::start_counting(database, counts(database).await, behind_a_proxy).await
}

async fn from(service: &Service, address: &str, path: &str, body: Value) -> Answer {
    Answer::to(service.open(Method::POST, path).header("x-forwarded-for", address).json(&body)).await
}

/// How many of the guesses got which answer.
async fn guess(service: &Service, guess: impl Fn(usize) -> (String, String)) -> BTreeMap<u16, usize> {
    stream::iter(0..GUESSES)
        .map(|number| {
            let (address, email) = guess(number);
            let body = json!({ "email": email, "password": format!("guess number {number}") });
            // Holding each of the answers to the API's description would take longer than all the rest.
            async move {
                let request = service.open(Method::POST, "/api/v1/auth/login").header("x-forwarded-for", address);
                request.json(&body).send().await.expect("the service answers").status().as_u16()
            }
        })
        .buffer_unordered(8)
        .fold(BTreeMap::new(), async |mut counts, status| {
            *counts.entry(status).or_default() += 1;
            counts
        })
        .await
}

/// Five were looked at and the others refused. Where a Redis counts that did not answer within its second, the process counted a while by itself,
/// from none: never more than as many again.
fn let_through_at_the_limit(database: &TestDatabase, found: &BTreeMap<u16, usize>) {
    let by_itself = if matches!(database.config(), DbConfig::Sqlite { .. }) { 0 } else { 5 };
    let looked_at = found.get(&401).copied().unwrap_or_default();
    assert!((5..=5 + by_itself).contains(&looked_at), "{found:?}");
    assert_eq!(found.get(&429).copied(), Some(GUESSES - looked_at), "{found:?}");
}

async fn ten_thousand_guesses_from_one_address_are_let_through_at_the_limit(database: &TestDatabase) {
    let service = service(database).await;
    let found = guess(&service, |number| ("198.51.100.7".to_owned(), format!("person{number}@example.com"))).await;
    let_through_at_the_limit(database, &found);
}

async fn ten_thousand_guesses_at_one_account_from_as_many_addresses_are_let_through_at_the_limit(
    database: &TestDatabase,
) {
    let service = service(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    service.db.clock().advance(Duration::from_secs(61));
    let spelling = |number| if number % 2 == 0 { "ann@example.com" } else { " Ann@Example.com" };
    let found =
        guess(&service, |number| (format!("10.{}.{}.1", number / 250, number % 250), spelling(number).to_owned()))
            .await;
    let_through_at_the_limit(database, &found);
    // Its owner comes in a minute later, and is not signed out meanwhile.
    assert_eq!(ann.get(&service, "/api/v1/me").await.status, 200);
    login(&service, "ann@example.com", PASSWORD).await.problem(429, "too-many-requests");
    service.db.clock().advance(Duration::from_secs(61));
    assert_eq!(login(&service, "ann@example.com", PASSWORD).await.status, 200);
}

async fn codes_and_registrations_have_the_same_limit(database: &TestDatabase) {
    let service = service(database).await;
    let guess = json!({ "verification_id": service.db.new_id(), "code": "00000000" });
    for _ in 0..5 {
        from(&service, "198.51.100.7", "/api/v1/auth/verify", guess.clone()).await.problem(422, "code-refused");
    }
    for (path, body) in [
        ("/api/v1/auth/verify", guess),
        ("/api/v1/auth/register", json!({ "email": "bob@example.com", "password": PASSWORD })),
        ("/api/v1/auth/password/forgot", json!({ "email": "bob@example.com" })),
    ] {
        let refused = from(&service, "198.51.100.7", path, body.clone()).await;
        refused.problem(429, "too-many-requests");
        assert!(!refused.header("retry-after").is_empty());
        assert_ne!(from(&service, "198.51.100.8", path, body).await.status, 429, "{path}");
    }
}

async fn who_has_somebodys_access_token_cannot_guess_their_password_with_it(database: &TestDatabase) {
    let service = service(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    let guess = async || {
        let body = json!({ "current": "not this one at all", "new": "a brand new lamp" });
        ann.send(&service, Method::PUT, "/api/v1/me/password", body).await
    };
    for _ in 0..5 {
        guess().await.problem(401, "invalid-credentials");
    }
    guess().await.problem(429, "too-many-requests");
    let ask = json!({ "email": "ann@example.org", "password": PASSWORD });
    ann.send(&service, Method::POST, "/api/v1/me/email", ask).await.problem(429, "too-many-requests");
    assert_eq!(ann.get(&service, "/api/v1/me").await.status, 200);
}

async fn nobody_fills_mailboxes_with_invitations(database: &TestDatabase) {
    let service = service(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    ann.workspace(&service, "north").await;
    let invite = async |email: Option<&str>| {
        let fields = json!({ "role": "viewer", "email": email });
        ann.send(&service, Method::POST, "/api/v1/workspace-invitations", fields).await
    };
    for number in 0..5 {
        assert_eq!(invite(Some(&format!("guest{number}@example.com"))).await.status, 201);
    }
    invite(Some("guest5@example.com")).await.problem(429, "too-many-requests");
    // One that is not sent by mail bothers nobody.
    assert_eq!(invite(None).await.status, 201);
}
