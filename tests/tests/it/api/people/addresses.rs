//! One address is one account, and letters go where its person gets them.

use herald_db::query;
use herald_ledger::audit::Actor;
use herald_people as people;
use herald_people::Rekeyed;
use herald_providers::email::AccountMail;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{PASSWORD, Person, Service, letters, login, open};

on_both_engines! {
    letters_go_to_the_spelling_the_person_gave,
    an_international_domain_is_one_account_in_both_forms,
    keys_from_before_get_their_new_form_and_nobody_is_merged,
}

async fn letters_go_to_the_spelling_the_person_gave(database: &TestDatabase) {
    let service = Service::start(database).await;
    Person::new(&service, "ann@example.com").await;
    let bob = Person::new(&service, "bob@example.com").await;
    let before = letters(&service, "ann@example.com").await.len();
    let other = "ANN@Example.COM";
    open(&service, "/api/v1/auth/password/forgot", json!({ "email": other })).await;
    open(&service, "/api/v1/auth/register", json!({ "email": other, "password": PASSWORD })).await;
    bob.send(&service, Method::POST, "/api/v1/me/email", json!({ "email": other, "password": PASSWORD })).await;
    assert!(letters(&service, other).await.is_empty());
    let hers = letters(&service, "ann@example.com").await;
    assert!(
        matches!(
            hers[before..],
            [Some(AccountMail::ResetPassword { .. }), Some(AccountMail::AddressKnown), Some(AccountMail::AddressKnown)]
        ),
        "{:?}",
        &hers[before..]
    );
}

async fn an_international_domain_is_one_account_in_both_forms(database: &TestDatabase) {
    let service = Service::start(database).await;
    Person::new(&service, "ann@m\u{fc}nchen.example").await;
    for spelling in ["ann@xn--mnchen-3ya.example", "Ann@M\u{dc}NCHEN.example", "ann@mu\u{308}nchen.example"] {
        assert_eq!(login(&service, spelling, PASSWORD).await.status, 200, "{spelling}");
        let register = json!({ "email": spelling, "password": PASSWORD });
        assert_eq!(open(&service, "/api/v1/auth/register", register).await.status, 202);
        let last = letters(&service, "ann@m\u{fc}nchen.example").await.pop();
        assert!(matches!(last, Some(Some(AccountMail::AddressKnown))), "{spelling}");
    }
    login(&service, "ann@munchen.example", PASSWORD).await.problem(401, "invalid-credentials");
}

async fn keys_from_before_get_their_new_form_and_nobody_is_merged(database: &TestDatabase) {
    let service = Service::start(database).await;
    let actor = Actor::cli(service.workspace, "test");
    let add = async |email: &str, key: &str| -> Uuid {
        let id = service.people.add_user(email, &PASSWORD.into(), false, None, &actor).await.unwrap();
        let mut tx = service.db.begin().await.unwrap();
        query("update users set email_key = $2 where id = $1").bind(id).bind(key).execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        id
    };
    // As the version before wrote them: Ann alone, Bob twice, and one whose name is not ASCII.
    add("ann@m\u{fc}nchen.example", "ann@m\u{fc}nchen.example").await;
    let bob = add("bob@m\u{fc}nchen.example", "bob@m\u{fc}nchen.example").await;
    let other_bob = add("bob@xn--mnchen-3ya.example", "bob@xn--mnchen-3ya.example").await;
    add("zo\u{e9}@example.com", "zo\u{e9}@example.com").await;
    assert_eq!(login(&service, "ann@xn--mnchen-3ya.example", PASSWORD).await.status, 401, "not yet");
    let done = people::rekey(&service.db).await.unwrap();
    assert_eq!(done, Rekeyed { changed: 1, twins: vec![bob] });
    assert_eq!(people::rekey(&service.db).await.unwrap(), Rekeyed { changed: 0, twins: vec![bob] });
    assert_eq!(login(&service, "ann@xn--mnchen-3ya.example", PASSWORD).await.status, 200);
    for (spelling, id) in [("bob@m\u{fc}nchen.example", bob), ("bob@xn--mnchen-3ya.example", other_bob)] {
        assert_eq!(Person::sign_in(&service, spelling).await.id, id, "{spelling}");
    }
}
