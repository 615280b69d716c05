//! Signing in with the CRM's password.

use herald_tests::{TestDatabase, fakes::Fault, on_both_engines};
use serde_json::json;

use super::{
    super::people::{self, Person, acts, login},
    CrmService, FakeCrm, PASSWORD, add_own, standing,
};

on_both_engines! {
    who_knows_the_crms_password_is_taken_in_as_the_crm_describes_them,
    a_password_of_ones_own_is_never_sent_to_the_crm,
    a_crm_that_does_not_answer_keeps_only_its_own_people_out,
    who_is_gone_there_does_not_come_in_here,
    oauth_works_as_well,
    what_belongs_to_the_crm_is_changed_there,
    an_account_is_handed_over,
}

async fn who_knows_the_crms_password_is_taken_in_as_the_crm_describes_them(database: &TestDatabase) {
    let agency = CrmService::start(database).await;
    agency.crm().add("Ann@example.com", "manager", PASSWORD);
    let signed_in = login(&agency.service, "ann@example.com", PASSWORD).await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.text());
    assert_eq!(agency.standing("ann@example.com").await, standing("active", "agency"));
    let ann = Person::of("ann@example.com", &signed_in.json());
    assert_eq!(ann.get(&agency.service, "/api/v1/templates").await.status, 200);
    // The same person again, and nothing new.
    let again = login(&agency.service, "ann@example.com", PASSWORD).await.json();
    assert_eq!(again["user_id"], ann.id.to_string());
    let done = acts(&agency.service.db, agency.service.workspace).await;
    assert_eq!(done, ["user.from_crm", "user.sign_in", "user.sign_in"]);
    // Nothing here opens anything by itself, and the password is nowhere.
    let (kept,): (Option<String>,) =
        herald_db::query("select password_hash from users").one(&agency.service.db).await.unwrap();
    assert_eq!(kept, None);
    assert!(!agency.service.get("/api/v1/audit").await.text().contains(PASSWORD));
    // Wrong password, nobody's address, an address that is none: one answer.
    let wrong = login(&agency.service, "ann@example.com", "another one").await;
    let nobody = login(&agency.service, "bob@example.com", PASSWORD).await;
    let none = login(&agency.service, "bob", PASSWORD).await;
    wrong.problem(401, "invalid-credentials");
    assert_eq!(people::plain(&wrong), people::plain(&nobody));
    assert_eq!(people::plain(&wrong), people::plain(&none));
}

async fn a_password_of_ones_own_is_never_sent_to_the_crm(database: &TestDatabase) {
    let agency = CrmService::start(database).await;
    add_own(&agency, "ann@example.com").await;
    agency.crm().add("ann@example.com", "manager", PASSWORD);
    assert_eq!(login(&agency.service, "ann@example.com", people::PASSWORD).await.status, 200);
    // The CRM's password opens nothing here: who runs the CRM does not run Herald.
    login(&agency.service, "ann@example.com", PASSWORD).await.problem(401, "invalid-credentials");
    assert_eq!((agency.crm().requests(FakeCrm::LOGIN), agency.crm().passwords().len()), (0, 0));
}

async fn a_crm_that_does_not_answer_keeps_only_its_own_people_out(database: &TestDatabase) {
    let agency = CrmService::start(database).await;
    add_own(&agency, "bob@example.com").await;
    agency.crm().add("ann@example.com", "manager", PASSWORD);
    for fault in
        [Fault::Server(503), Fault::Server(500), Fault::CutBefore, Fault::CutBody, Fault::TooMany { retry_after: None }]
    {
        agency.crm().fail_next(FakeCrm::LOGIN, fault, 1);
        let away = login(&agency.service, "ann@example.com", PASSWORD).await;
        let told = away.problem(503, "unavailable");
        assert!(told.contains("CRM") && away.header("retry-after") == "30", "{told}");
        assert_eq!(login(&agency.service, "bob@example.com", people::PASSWORD).await.status, 200);
    }
    assert_eq!(login(&agency.service, "ann@example.com", PASSWORD).await.status, 200);
}

async fn who_is_gone_there_does_not_come_in_here(database: &TestDatabase) {
    let agency = CrmService::start(database).await;
    let id = agency.crm().add("ann@example.com", "seller", PASSWORD);
    let ann = Person::of("ann@example.com", &login(&agency.service, "ann@example.com", PASSWORD).await.json());
    agency.crm().change(id, None, None, Some(false));
    login(&agency.service, "ann@example.com", PASSWORD).await.problem(401, "invalid-credentials");
    // Whom an administrator keeps out stays out, whatever the CRM thinks of it.
    agency.crm().change(id, None, None, Some(true));
    let body = json!({ "active": false });
    let path = format!("/api/v1/users/{}", ann.id);
    let kept_out = super::Answer::to(agency.service.request(reqwest::Method::PATCH, &path).json(&body)).await;
    assert_eq!(kept_out.json()["state"], "deactivated");
    login(&agency.service, "ann@example.com", PASSWORD).await.problem(401, "invalid-credentials");
    assert_eq!(agency.standing("ann@example.com").await.0, "deactivated");
}

async fn oauth_works_as_well(database: &TestDatabase) {
    let agency = CrmService::start_with(database, |settings| {
        settings.crm.login = herald_app::config::CrmLogin::Oauth;
        settings.crm.login_path = "oauth/token".to_owned();
        settings.crm.client_id = "herald".to_owned();
        settings.crm.client_secret = "a client secret".to_owned();
    })
    .await;
    agency.crm().add("ann@example.com", "manager", PASSWORD);
    assert_eq!(login(&agency.service, "ann@example.com", PASSWORD).await.status, 200);
    assert_eq!(agency.standing("ann@example.com").await, standing("active", "agency"));
    login(&agency.service, "ann@example.com", "another one").await.problem(401, "invalid-credentials");
}

async fn what_belongs_to_the_crm_is_changed_there(database: &TestDatabase) {
    let agency = CrmService::start(database).await;
    agency.crm().add("ann@example.com", "manager", PASSWORD);
    let ann = Person::of("ann@example.com", &login(&agency.service, "ann@example.com", PASSWORD).await.json());
    let body = json!({ "current": PASSWORD, "new": "another tricky lamp" });
    let told = ann.send(&agency.service, reqwest::Method::PUT, "/api/v1/me/password", body).await;
    assert!(told.problem(409, "wrong-state").contains("CRM"));
    // A forgotten password is asked for as always, and no letter goes out that would make one here.
    let asked =
        people::open(&agency.service, "/api/v1/auth/password/forgot", json!({ "email": "ann@example.com" })).await;
    assert_eq!(asked.status, 202);
    assert_eq!(people::letters(&agency.service, "ann@example.com").await, [None]);
}

async fn an_account_is_handed_over(database: &TestDatabase) {
    let agency = CrmService::start(database).await;
    let id = add_own(&agency, "ann@example.com").await;
    agency.crm().add("ann@example.com", "manager", PASSWORD);
    agency.sync(json!({ "scope": "all" })).await.unwrap();
    assert!(agency.reasons().await[0].contains("herald users to-crm"));
    let actor = herald_ledger::audit::Actor::cli(agency.service.workspace, "test");
    agency.service.people.hand_to_crm(&actor, id).await.unwrap();
    let signed_in = login(&agency.service, "ann@example.com", PASSWORD).await;
    assert_eq!((signed_in.status.as_u16(), &signed_in.json()["user_id"]), (200, &json!(id)));
    assert_eq!(agency.standing("ann@example.com").await, standing("active", "agency"));
    assert!(agency.reasons().await.is_empty());
}
