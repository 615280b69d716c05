//! What people say of themselves, and what administrators see.

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, Person, Service};

on_both_engines! {
    a_profile_changes_what_is_named,
    a_username_is_one_persons,
    an_administrator_sees_everybody_and_keeps_people_out,
}

async fn a_profile_changes_what_is_named(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    let change = async |fields: Value| ann.send(&service, Method::PATCH, "/api/v1/me", fields).await;
    let all = json!({ "username": "Ann.E", "bio": "Plans galas.", "favourite_tags": ["Jazz", "jazz", "food"],
        "locale": "pt-BR", "time_zone": "America/Sao_Paulo" });
    let changed = change(all).await.json();
    assert_eq!((&changed["username"], &changed["favourite_tags"]), (&json!("Ann.E"), &json!(["jazz", "food"])));
    let changed = change(json!({ "bio": "" })).await.json();
    assert_eq!((&changed["bio"], &changed["username"], &changed["version"]), (&json!(""), &json!("Ann.E"), &json!(3)));
    assert_eq!(change(json!({ "username": "" })).await.json()["username"], Value::Null);
    for fields in [
        json!({ "username": "a b" }),
        json!({ "bio": "x".repeat(2_001) }),
        json!({ "favourite_tags": ["x".repeat(41)] }),
        json!({ "time_zone": "Sao Paulo" }),
        json!({ "locale": "" }),
        json!({ "platform_admin": true }),
        json!({ "email": "eve@example.com" }),
    ] {
        change(fields).await.problem(422, "invalid-field");
    }
}

async fn a_username_is_one_persons(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, bob) = (Person::new(&service, "ann@example.com").await, Person::new(&service, "bob@example.com").await);
    let choose = |person: Person, name: &'static str| {
        let service = &service;
        async move { person.send(service, Method::PATCH, "/api/v1/me", json!({ "username": name })).await }
    };
    let both = futures::join!(choose(ann.clone(), "star"), choose(bob.clone(), "STAR"));
    let mut statuses = [both.0.status.as_u16(), both.1.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", both.0.text(), both.1.text());
}

async fn an_administrator_sees_everybody_and_keeps_people_out(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    Person::new(&service, "bob@example.com").await;
    let first = service.get("/api/v1/users?limit=1").await.json();
    assert_eq!(first["items"][0]["email"], "ann@example.com");
    let second = service.get(&format!("/api/v1/users?cursor={}", first["next_cursor"].as_str().unwrap())).await.json();
    assert_eq!((&second["items"][0]["email"], &second["next_cursor"]), (&json!("bob@example.com"), &Value::Null));
    assert!(!second.to_string().contains("argon2"));
    let path = format!("/api/v1/users/{}", ann.id);
    let set = async |active: bool| {
        Answer::to(service.request(Method::PATCH, &path).json(&json!({ "active": active }))).await.json()["state"]
            .clone()
    };
    assert_eq!(set(false).await, "deactivated");
    ann.get(&service, "/api/v1/me").await.problem(401, "unauthorized");
    assert_eq!(set(true).await, "active");
    // Their sessions stay ended.
    ann.get(&service, "/api/v1/me").await.problem(401, "unauthorized");
    Person::sign_in(&service, "ann@example.com").await;
    service.get(&format!("/api/v1/users/{}", service.db.new_id())).await.problem(404, "not-found");
}
