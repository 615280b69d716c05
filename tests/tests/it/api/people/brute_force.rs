//! Guessing passwords is slow, from one address as from thousands, and it keeps out nobody who has signed in before.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, stream};
use herald_db::DbConfig;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, PASSWORD, Person, Service, login};
use crate::api::rate_limits::counts;

on_both_engines! {
    thousands_of_guesses_from_one_address_are_let_through_at_the_limit,
    thousands_of_guesses_at_one_account_from_as_many_addresses_are_let_through_at_the_limit,
    guesses_from_one_network_hold_up_no_other_and_no_new_password,
    letters_to_one_address_are_few_and_its_person_gets_theirs,
    codes_and_registrations_have_the_same_limit,
    who_has_somebodys_access_token_cannot_guess_their_password_with_it,
    nobody_fills_mailboxes_with_invitations,
}

const GUESSES: usize = 2_000;

/// With the limits that everybody has, behind a proxy on this machine.
async fn service(database: &TestDatabase) -> Service {
    let behind_a_proxy = |settings: &mut herald_app::config::Settings| {
        settings.limits.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        settings.people.open_workspaces = true;
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

/// Five were looked at and the others refused. Where a Redis counts that did not answer within its second, the process
/// counted a while by itself, from none: never more than as many again.
fn let_through_at_the_limit(database: &TestDatabase, limit: usize, found: &BTreeMap<u16, usize>) {
    let by_itself = if matches!(database.config(), DbConfig::Sqlite { .. }) { 0 } else { limit };
    let looked_at = found.get(&401).copied().unwrap_or_default();
    assert!((5..=limit + by_itself).contains(&looked_at), "{found:?}");
    assert_eq!(found.get(&429).copied(), Some(GUESSES - looked_at), "{found:?}");
}

async fn thousands_of_guesses_from_one_address_are_let_through_at_the_limit(database: &TestDatabase) {
    let service = service(database).await;
    let found = guess(&service, |number| ("198.51.100.7".to_owned(), format!("person{number}@example.com"))).await;
    let_through_at_the_limit(database, 5, &found);
}

async fn thousands_of_guesses_at_one_account_from_as_many_addresses_are_let_through_at_the_limit(
    database: &TestDatabase,
) {
    let service = service(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    service.db.clock().advance(Duration::from_secs(61));
    let spelling = |number| if number % 2 == 0 { "ann@example.com" } else { " Ann@Example.com" };
    let found =
        guess(&service, |number| (format!("10.{}.{}.1", number / 250, number % 250), spelling(number).to_owned()))
            .await;
    // From each of eight parts of the world's networks.
    let_through_at_the_limit(database, 8 * 5, &found);
    // Its owner is not signed out, and comes in from where they have been before.
    assert_eq!(ann.get(&service, "/api/v1/me").await.status, 200);
    assert_eq!(login(&service, "ann@example.com", PASSWORD).await.status, 200);
    // There, too, guesses are few.
    let wrong = async || login(&service, "ann@example.com", "not this one at all").await;
    for _ in 0..4 {
        wrong().await.problem(401, "invalid-credentials");
    }
    wrong().await.problem(429, "too-many-requests");
}

async fn guesses_from_one_network_hold_up_no_other_and_no_new_password(database: &TestDatabase) {
    let service = service(database).await;
    Person::new(&service, "ann@example.com").await;
    for email in ["ann@example.com", "nobody@example.com"] {
        let guess = async |address: &str| {
            let body = json!({ "email": email, "password": "not this one at all" });
            from(&service, address, "/api/v1/auth/login", body).await.status.as_u16()
        };
        for last in 1..=5 {
            assert_eq!(guess(&format!("198.51.{last}.7")).await, 401);
        }
        assert_eq!(guess("198.51.100.8").await, 429, "{email}");
        let elsewhere = [guess("203.0.113.7").await, guess("192.0.2.7").await, guess("100.20.1.7").await];
        assert!(elsewhere.contains(&401), "{email}: {elsewhere:?}");
        let reset = json!({ "email": email });
        assert_eq!(from(&service, "198.51.100.8", "/api/v1/auth/password/forgot", reset).await.status, 202, "{email}");
        service.db.clock().advance(Duration::from_secs(61));
    }
}

async fn letters_to_one_address_are_few_and_its_person_gets_theirs(database: &TestDatabase) {
    let service = service(database).await;
    Person::new(&service, "ann@example.com").await;
    let ask = async |address: &str, email: &str| {
        from(&service, address, "/api/v1/auth/password/forgot", json!({ "email": email })).await
    };
    for email in ["ann@example.com", "nobody@example.com"] {
        for last in 1..=5 {
            assert_eq!(ask(&format!("198.51.100.{last}"), email).await.status, 202);
        }
        ask("198.51.100.6", email).await.problem(429, "too-many-requests");
        service.db.clock().advance(Duration::from_secs(61));
        ask("198.51.100.6", email).await.problem(429, "too-many-requests");
    }
    assert_eq!(ask("127.0.0.1", "ann@example.com").await.status, 202, "where she has been before");
    service.db.clock().advance(Duration::from_secs(610));
    assert_eq!(ask("198.51.100.6", "ann@example.com").await.status, 202);
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
