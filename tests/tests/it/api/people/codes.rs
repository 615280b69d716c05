//! Codes: a few tries, a few minutes, once; and what they change.

use std::time::Duration;

use herald_providers::email::AccountMail;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, PASSWORD, Person, Service, code, letters, login, open};

on_both_engines! {
    a_code_bears_five_tries,
    a_code_is_good_for_ten_minutes,
    of_two_who_bring_the_same_code_one_gets_in,
    a_code_opens_nothing_under_another_id,
    a_strangers_request_takes_nobodys_code_away,
    a_new_password_ends_the_other_codes_for_one,
    a_new_password_ends_every_session_and_is_told,
    a_weak_new_password_does_not_use_the_code_up,
    a_new_address_is_proved_and_told_to_the_old_one,
    an_address_that_somebody_has_cannot_be_taken,
}

async fn asked(service: &Service, path: &str, body: Value) -> Value {
    let asked = open(service, path, body).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    asked.json()["verification_id"].clone()
}

async fn registering(service: &Service) -> (Value, String) {
    let body = json!({ "email": "ann@example.com", "password": PASSWORD });
    let id = asked(service, "/api/v1/auth/register", body).await;
    (id, code(service, "ann@example.com").await)
}

async fn verify(service: &Service, id: &Value, code: &str) -> Answer {
    open(service, "/api/v1/auth/verify", json!({ "verification_id": id, "code": code })).await
}

fn another(code: &str) -> String {
    let digit = if code.starts_with('9') { "0" } else { "9" };
    format!("{digit}{}", &code[1..])
}

async fn a_code_bears_five_tries(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (id, code) = registering(&service).await;
    for _ in 0..4 {
        verify(&service, &id, &another(&code)).await.problem(422, "code-refused");
    }
    // As people type it.
    let spaced = format!("{} {}", &code[..4], &code[4..]);
    assert_eq!(verify(&service, &id, &spaced).await.status, 201);

    let body = json!({ "email": "bob@example.com", "password": PASSWORD });
    let id = asked(&service, "/api/v1/auth/register", body).await;
    let code = super::code(&service, "bob@example.com").await;
    for _ in 0..5 {
        verify(&service, &id, &another(&code)).await.problem(422, "code-refused");
    }
    verify(&service, &id, &code).await.problem(422, "code-refused");
}

async fn a_code_is_good_for_ten_minutes(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (id, code) = registering(&service).await;
    service.db.clock().advance(Duration::from_secs(600));
    verify(&service, &id, &code).await.problem(422, "code-refused");
    assert!(herald_people::tidy(&service.db).await.unwrap() >= 1);
    let (id, code) = registering(&service).await;
    service.db.clock().advance(Duration::from_secs(599));
    assert_eq!(verify(&service, &id, &code).await.status, 201);
}

async fn of_two_who_bring_the_same_code_one_gets_in(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (id, code) = registering(&service).await;
    let both = futures::join!(verify(&service, &id, &code), verify(&service, &id, &code));
    let mut statuses = [both.0.status.as_u16(), both.1.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422]);
}

async fn a_code_opens_nothing_under_another_id(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (_, code) = registering(&service).await;
    verify(&service, &json!(service.db.new_id()), &code).await.problem(422, "code-refused");
    // Nor for another purpose: a registration's id at the reset.
    let (id, code) = registering(&service).await;
    let reset = json!({ "verification_id": id, "code": code, "password": "a brand new lamp" });
    open(&service, "/api/v1/auth/password/reset", reset).await.problem(422, "code-refused");
}

async fn a_strangers_request_takes_nobodys_code_away(database: &TestDatabase) {
    let service = Service::start(database).await;
    // While somebody registers, a stranger tries to register the same address, and guesses.
    let (id, anns) = registering(&service).await;
    let (strangers_id, strangers) = registering(&service).await;
    for _ in 0..5 {
        verify(&service, &strangers_id, &another(&strangers)).await.problem(422, "code-refused");
    }
    verify(&service, &strangers_id, &anns).await.problem(422, "code-refused");
    assert_eq!(verify(&service, &id, &anns).await.status, 201);
    // And for a new password.
    let forgot = async || asked(&service, "/api/v1/auth/password/forgot", json!({ "email": "ann@example.com" })).await;
    let id = forgot().await;
    let anns = code(&service, "ann@example.com").await;
    for _ in 0..3 {
        let strangers_id = forgot().await;
        let body = json!({ "verification_id": strangers_id, "code": anns, "password": "a strange new lamp" });
        open(&service, "/api/v1/auth/password/reset", body).await.problem(422, "code-refused");
    }
    let body = json!({ "verification_id": id, "code": anns, "password": "a brand new lamp" });
    assert_eq!(open(&service, "/api/v1/auth/password/reset", body).await.status, 204);
}

async fn a_new_password_ends_the_other_codes_for_one(database: &TestDatabase) {
    let service = Service::start(database).await;
    Person::new(&service, "ann@example.com").await;
    let mut out = Vec::new();
    for _ in 0..2 {
        let id = asked(&service, "/api/v1/auth/password/forgot", json!({ "email": "ann@example.com" })).await;
        out.push((id, code(&service, "ann@example.com").await));
    }
    let reset = async |(id, code): &(Value, String)| {
        let body = json!({ "verification_id": id, "code": code, "password": "a brand new lamp" });
        open(&service, "/api/v1/auth/password/reset", body).await
    };
    assert_eq!(reset(&out[0]).await.status, 204);
    reset(&out[1]).await.problem(422, "code-refused");
}

async fn a_new_password_ends_every_session_and_is_told(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    let id = asked(&service, "/api/v1/auth/password/forgot", json!({ "email": "Ann@example.com" })).await;
    let body = json!({ "verification_id": id, "code": code(&service, "ann@example.com").await, "password": "a brand \
        new lamp" });
    assert!(letters(&service, "Ann@example.com").await.is_empty(), "another spelling may be another's mailbox");
    assert_eq!(open(&service, "/api/v1/auth/password/reset", body.clone()).await.status, 204);
    open(&service, "/api/v1/auth/password/reset", body).await.problem(422, "code-refused");
    ann.get(&service, "/api/v1/me").await.problem(401, "unauthorized");
    open(&service, "/api/v1/auth/refresh", json!({ "refresh_token": ann.refresh }))
        .await
        .problem(401, "invalid-credentials");
    login(&service, "ann@example.com", PASSWORD).await.problem(401, "invalid-credentials");
    assert_eq!(login(&service, "ann@example.com", "a brand new lamp").await.status, 200);
    let told = letters(&service, "ann@example.com").await;
    assert!(matches!(told.last(), Some(Some(AccountMail::PasswordChanged { .. }))));
}

async fn a_weak_new_password_does_not_use_the_code_up(database: &TestDatabase) {
    let service = Service::start(database).await;
    Person::new(&service, "ann@example.com").await;
    let id = asked(&service, "/api/v1/auth/password/forgot", json!({ "email": "ann@example.com" })).await;
    let code = code(&service, "ann@example.com").await;
    let reset = async |password: &str| {
        let body = json!({ "verification_id": id, "code": code, "password": password });
        open(&service, "/api/v1/auth/password/reset", body).await
    };
    for _ in 0..6 {
        reset("1234567890").await.problem(422, "invalid-field");
    }
    assert_eq!(reset("a brand new lamp").await.status, 204);
}

async fn a_new_address_is_proved_and_told_to_the_old_one(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, elsewhere) =
        (Person::new(&service, "ann@example.com").await, Person::sign_in(&service, "ann@example.com").await);
    let ask = json!({ "email": "ann@example.org", "password": "not this one at all" });
    ann.send(&service, Method::POST, "/api/v1/me/email", ask).await.problem(401, "invalid-credentials");
    let ask = json!({ "email": "ann@example.org", "password": PASSWORD });
    let asked = ann.send(&service, Method::POST, "/api/v1/me/email", ask).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let proof =
        json!({ "verification_id": asked.json()["verification_id"], "code": code(&service, "ann@example.org").await });
    // A code is for who asked for it.
    let bob = Person::new(&service, "bob@example.com").await;
    bob.send(&service, Method::PUT, "/api/v1/me/email", proof.clone()).await.problem(422, "code-refused");
    let changed = ann.send(&service, Method::PUT, "/api/v1/me/email", proof).await;
    assert_eq!(changed.json()["email"], "ann@example.org");
    assert_eq!(ann.get(&service, "/api/v1/me").await.status, 200);
    elsewhere.get(&service, "/api/v1/me").await.problem(401, "unauthorized");
    assert!(matches!(letters(&service, "ann@example.com").await.last(), Some(Some(AccountMail::AddressChanged))));
    login(&service, "ann@example.com", PASSWORD).await.problem(401, "invalid-credentials");
    Person::sign_in(&service, "ann@example.org").await;
}

async fn an_address_that_somebody_has_cannot_be_taken(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    Person::new(&service, "bob@example.com").await;
    let ask = async |email: &str| {
        ann.send(&service, Method::POST, "/api/v1/me/email", json!({ "email": email, "password": PASSWORD })).await
    };
    let (known, free) = (ask("bob@example.com").await, ask("free@example.com").await);
    assert_eq!(super::plain(&known), super::plain(&free));
    assert!(matches!(letters(&service, "bob@example.com").await.last(), Some(Some(AccountMail::AddressKnown))));
    // Taken by somebody else between the code and its use.
    let frees = code(&service, "free@example.com").await;
    Person::new(&service, "free@example.com").await;
    let proof = json!({ "verification_id": free.json()["verification_id"], "code": frees });
    ann.send(&service, Method::PUT, "/api/v1/me/email", proof).await.problem(422, "code-refused");
    assert_eq!(ann.get(&service, "/api/v1/me").await.json()["email"], "ann@example.com");
}
