//! Registering, and what a stranger can learn from it.

use herald_providers::email::AccountMail;
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::json;

use super::{PASSWORD, Person, Service, acts, code, letters, login, open, plain};

on_both_engines! {
    who_registers_and_enters_the_code_is_signed_in_and_can_sign_in_again,
    a_known_address_gets_the_same_answer_and_a_letter_of_its_own,
    a_registration_says_which_field_is_wrong,
    a_closed_door_opens_only_with_an_invitation,
    signing_in_tells_nothing_about_who_is_there,
    one_person_has_one_account_whatever_the_spelling,
}

async fn who_registers_and_enters_the_code_is_signed_in_and_can_sign_in_again(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    let me = ann.get(&service, "/api/v1/me").await.json();
    assert_eq!(
        (&me["email"], &me["state"], &me["platform_admin"]),
        (&json!("ann@example.com"), &json!("active"), &json!(false))
    );
    assert_eq!(ann.get(&service, "/api/v1/workspaces").await.json()["items"], json!([]));
    Person::sign_in(&service, "Ann@Example.com").await;
    let home = service.people.home().await.unwrap();
    assert_eq!(acts(&service.db, home).await, ["user.register", "user.sign_in"]);
    let audit = super::installations(&service, "/api/v1/audit").await.text();
    assert!(audit.contains("user.sign_in"), "{audit}");
    assert!(!audit.contains("ann@example.com") && !audit.contains(PASSWORD), "{audit}");
}

async fn a_known_address_gets_the_same_answer_and_a_letter_of_its_own(database: &TestDatabase) {
    let service = Service::start(database).await;
    Person::new(&service, "ann@example.com").await;
    let register = async |email: &str| {
        open(&service, "/api/v1/auth/register", json!({ "email": email, "password": "another good lamp" })).await
    };
    let (known, unknown) = (register("ann@example.com").await, register("bob@example.com").await);
    assert_eq!(plain(&known), plain(&unknown));
    assert!(matches!(letters(&service, "ann@example.com").await.last(), Some(Some(AccountMail::AddressKnown))));
    // Whoever asked cannot get anywhere with it, and the password is the old one.
    let bobs = code(&service, "bob@example.com").await;
    let verify = json!({ "verification_id": known.json()["verification_id"], "code": bobs });
    open(&service, "/api/v1/auth/verify", verify).await.problem(422, "code-refused");
    login(&service, "ann@example.com", "another good lamp").await.problem(401, "invalid-credentials");
    Person::sign_in(&service, "ann@example.com").await;
}

async fn a_registration_says_which_field_is_wrong(database: &TestDatabase) {
    let service = Service::start(database).await;
    let fine =
        json!({ "email": "ann@example.com", "password": PASSWORD, "locale": "en", "time_zone": "Europe/Madrid" });
    for (field, value) in [
        ("email", json!("ann")),
        ("email", json!("ann@example.com\r\nBcc: bob@example.com")),
        ("password", json!("short")),
        ("password", json!("password1234")),
        ("locale", json!("english please")),
        ("time_zone", json!("Madrid")),
        ("surprise", json!(1)),
    ] {
        let mut body = fine.clone();
        body[field] = value;
        let refused = open(&service, "/api/v1/auth/register", body).await;
        refused.problem(422, "invalid-field");
        assert!(refused.text().contains(field), "{}", refused.text());
        assert!(!refused.text().contains("password1234"), "{}", refused.text());
    }
    assert_eq!(open(&service, "/api/v1/auth/register", fine).await.status, 202);
}

async fn a_closed_door_opens_only_with_an_invitation(database: &TestDatabase) {
    let owner = {
        let service = Service::start(database).await;
        let ann = Person::new(&service, "ann@example.com").await;
        ann.workspace(&service, "north").await;
        ann
    };
    let service = Service::start_with(database, |settings| settings.people.open_registration = false).await;
    let register = async |invitation: Option<&str>| {
        let body = json!({ "email": "bob@example.com", "password": PASSWORD, "invitation": invitation });
        open(&service, "/api/v1/auth/register", body).await
    };
    register(None).await.problem(403, "forbidden");
    register(Some("join_x")).await.problem(422, "code-refused");
    let token = owner.invitation(&service, json!({ "role": "staff" })).await;
    let asked = register(Some(&token)).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let verify =
        json!({ "verification_id": asked.json()["verification_id"], "code": code(&service, "bob@example.com").await });
    let bob = Person::of("bob@example.com", &open(&service, "/api/v1/auth/verify", verify).await.json());
    let mine = bob.get(&service, "/api/v1/workspaces").await.json();
    assert_eq!((&mine["items"][0]["slug"], &mine["items"][0]["role"]), (&json!("north"), &json!("staff")));
}

async fn signing_in_tells_nothing_about_who_is_there(database: &TestDatabase) {
    let service = Service::start(database).await;
    Person::new(&service, "ann@example.com").await;
    let gone = Person::new(&service, "gone@example.com").await;
    let kept_out = service.request(reqwest::Method::PATCH, &format!("/api/v1/users/{}", gone.id));
    assert_eq!(super::Answer::to(kept_out.json(&json!({ "active": false }))).await.status, 200);
    let wrong = login(&service, "ann@example.com", "not this one at all").await;
    wrong.problem(401, "invalid-credentials");
    for (email, password) in
        [("nobody@example.com", PASSWORD), ("gone@example.com", PASSWORD), ("no address", PASSWORD)]
    {
        assert_eq!(plain(&login(&service, email, password).await), plain(&wrong), "{email}");
    }
    gone.get(&service, "/api/v1/me").await.problem(401, "unauthorized");
    let asked = async |email: &str| open(&service, "/api/v1/auth/password/forgot", json!({ "email": email })).await;
    assert_eq!(plain(&asked("ann@example.com").await), plain(&asked("nobody@example.com").await));
    assert_eq!(plain(&asked("gone@example.com").await), plain(&asked("nobody@example.com").await));
    assert!(letters(&service, "nobody@example.com").await.iter().all(Option::is_none));
}

async fn one_person_has_one_account_whatever_the_spelling(database: &TestDatabase) {
    let service = Service::start(database).await;
    let register = async |email: &str| {
        open(&service, "/api/v1/auth/register", json!({ "email": email, "password": PASSWORD })).await.json()
    };
    let first = register("ann@example.com").await;
    let firsts = code(&service, "ann@example.com").await;
    let second = register("ANN@example.com").await;
    let seconds = code(&service, "ANN@example.com").await;
    // Either request's code makes the account; then there is nothing left to make.
    let verify = async |asked: &serde_json::Value, code: &str| {
        open(&service, "/api/v1/auth/verify", json!({ "verification_id": asked["verification_id"], "code": code }))
            .await
    };
    verify(&first, &seconds).await.problem(422, "code-refused");
    assert_eq!(verify(&first, &firsts).await.status, 201);
    verify(&first, &firsts).await.problem(422, "code-refused");
    verify(&second, &seconds).await.problem(422, "code-refused");
}
