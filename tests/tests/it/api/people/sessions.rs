//! Sessions: tokens that change, one that was stolen, and signing out.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, PASSWORD, Person, Service, open};
use crate::ground;

on_both_engines! {
    a_refresh_token_is_good_for_one_new_pair,
    a_used_refresh_token_that_comes_again_ends_the_session,
    of_two_who_bring_the_same_refresh_token_one_goes_on_at_most,
    an_access_token_lives_for_a_quarter_of_an_hour_and_a_session_for_thirty_days_of_silence,
    a_token_that_was_tampered_with_opens_nothing,
    signing_out_holds_at_once,
    a_new_signing_key_leaves_older_tokens_their_time,
    a_changed_password_ends_the_other_sessions,
}

async fn refresh(service: &Service, token: &str) -> Answer {
    open(service, "/api/v1/auth/refresh", json!({ "refresh_token": token })).await
}

async fn a_refresh_token_is_good_for_one_new_pair(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    let next = Person::of(&ann.email, &refresh(&service, &ann.refresh).await.json());
    assert_ne!((&next.access, &next.refresh), (&ann.access, &ann.refresh));
    assert_eq!(next.get(&service, "/api/v1/me").await.status, 200);
    assert_eq!(refresh(&service, &next.refresh).await.status, 200);
    refresh(&service, "refresh_made-up").await.problem(401, "invalid-credentials");
}

async fn a_used_refresh_token_that_comes_again_ends_the_session(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    let other_device = Person::sign_in(&service, "ann@example.com").await;
    let thief = Person::of(&ann.email, &refresh(&service, &ann.refresh).await.json());
    refresh(&service, &ann.refresh).await.problem(401, "invalid-credentials");
    thief.get(&service, "/api/v1/me").await.problem(401, "unauthorized");
    refresh(&service, &thief.refresh).await.problem(401, "invalid-credentials");
    assert_eq!(other_device.get(&service, "/api/v1/me").await.status, 200);
}

async fn of_two_who_bring_the_same_refresh_token_one_goes_on_at_most(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    let both = futures::join!(refresh(&service, &ann.refresh), refresh(&service, &ann.refresh));
    let went_on = [&both.0, &both.1].into_iter().filter(|answer| answer.status == 200).count();
    assert!(went_on <= 1, "{} {}", both.0.status, both.1.status);
    // The second one ended the session.
    ann.get(&service, "/api/v1/me").await.problem(401, "unauthorized");
}

async fn an_access_token_lives_for_a_quarter_of_an_hour_and_a_session_for_thirty_days_of_silence(
    database: &TestDatabase,
) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    service.db.clock().advance(Duration::from_secs(15 * 60 - 1));
    assert_eq!(ann.get(&service, "/api/v1/me").await.status, 200);
    service.db.clock().advance(Duration::from_secs(1));
    ann.get(&service, "/api/v1/me").await.problem(401, "unauthorized");
    let day = Duration::from_secs(24 * 3_600);
    service.db.clock().advance(29 * day);
    let next = Person::of(&ann.email, &refresh(&service, &ann.refresh).await.json());
    service.db.clock().advance(29 * day);
    let next = Person::of(&ann.email, &refresh(&service, &next.refresh).await.json());
    service.db.clock().advance(30 * day);
    refresh(&service, &next.refresh).await.problem(401, "invalid-credentials");
    // A session that is used for years leaves few rows behind.
    assert!(herald_people::tidy(&service.db).await.unwrap() >= 2);
    assert!(ground::number(&service.db, "select count(*) from refresh_tokens").await <= 2);
}

async fn a_token_that_was_tampered_with_opens_nothing(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    let bob = Person::new(&service, "bob@example.com").await;
    let parts: Vec<&str> = ann.access.split('.').collect();
    let read = |part: &str| -> Value { serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    let write = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let (header, claims) = (read(parts[0]), read(parts[1]));
    assert_eq!((&header["alg"], &header["typ"]), (&json!("HS256"), &json!("JWT")));
    for name in ["iss", "aud", "exp", "iat", "jti"] {
        assert!(!claims[name].is_null(), "{name}");
    }
    let with = |of: &Value, name: &str, value: Value| {
        let mut changed = of.clone();
        changed[name] = value;
        changed
    };
    let bobs = read(bob.access.split('.').nth(1).unwrap());
    let none = write(&with(&header, "alg", json!("none")));
    for forged in [
        format!("{}.{}.{}", parts[0], write(&with(&claims, "sub", bobs["sub"].clone())), parts[2]),
        format!("{}.{}.{}", parts[0], write(&with(&claims, "exp", json!(i64::MAX))), parts[2]),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.{}", write(&with(&header, "kid", json!("0000000000000000"))), parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], bob.access.rsplit('.').next().unwrap()),
        "a".repeat(5_000),
        "..".to_owned(),
    ] {
        let asked = service.open(Method::GET, "/api/v1/me").bearer_auth(&forged);
        Answer::to(asked).await.problem(401, "unauthorized");
    }
}

async fn signing_out_holds_at_once(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (one, two) =
        (Person::new(&service, "ann@example.com").await, Person::sign_in(&service, "ann@example.com").await);
    let seen = one.get(&service, "/api/v1/me/sessions").await.json();
    assert_eq!(seen["items"].as_array().unwrap().len(), 2);
    let own = seen["items"].as_array().unwrap().iter().filter(|session| session["current"] == true).count();
    assert_eq!(own, 1);
    let second = seen["items"].as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    let path = format!("/api/v1/me/sessions/{}", second["id"].as_str().unwrap());
    assert_eq!(one.send(&service, Method::DELETE, &path, json!({})).await.status, 204);
    two.get(&service, "/api/v1/me").await.problem(401, "unauthorized");
    // Nobody signs a stranger out.
    let bob = Person::new(&service, "bob@example.com").await;
    bob.send(&service, Method::DELETE, &path, json!({})).await.problem(404, "not-found");

    assert_eq!(one.send(&service, Method::POST, "/api/v1/auth/logout", json!({})).await.status, 204);
    one.get(&service, "/api/v1/me").await.problem(401, "unauthorized");
    refresh(&service, &one.refresh).await.problem(401, "invalid-credentials");

    let (one, two) =
        (Person::sign_in(&service, "ann@example.com").await, Person::sign_in(&service, "ann@example.com").await);
    let ended = one.send(&service, Method::POST, "/api/v1/auth/logout-everywhere", json!({})).await;
    assert_eq!(ended.json(), json!({ "sessions": 2 }));
    two.get(&service, "/api/v1/me").await.problem(401, "unauthorized");
}

async fn a_new_signing_key_leaves_older_tokens_their_time(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    let kid = service.people.rotate_signing_key().await.unwrap();
    assert_eq!(ann.get(&service, "/api/v1/me").await.status, 200);
    service.db.clock().advance(Duration::from_secs(61));
    let next = Person::sign_in(&service, "ann@example.com").await;
    let header: Value =
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(next.access.split('.').next().unwrap()).unwrap())
            .unwrap();
    assert_eq!(header["kid"], kid);
    assert_eq!(next.get(&service, "/api/v1/me").await.status, 200);
}

async fn a_changed_password_ends_the_other_sessions(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (one, two) =
        (Person::new(&service, "ann@example.com").await, Person::sign_in(&service, "ann@example.com").await);
    let change = async |current: &str, new: &str| {
        one.send(&service, Method::PUT, "/api/v1/me/password", json!({ "current": current, "new": new })).await
    };
    change("not this one at all", "a brand new lamp").await.problem(401, "invalid-credentials");
    change(PASSWORD, "1234567890").await.problem(422, "invalid-field");
    assert_eq!(two.get(&service, "/api/v1/me").await.status, 200);
    assert_eq!(change(PASSWORD, "a brand new lamp").await.status, 204);
    assert_eq!(one.get(&service, "/api/v1/me").await.status, 200);
    two.get(&service, "/api/v1/me").await.problem(401, "unauthorized");
}
