//! Signing in with the CRM's password.

use herald_tests::{TestDatabase, fakes::Fault, on_both_engines};
use serde_json::json;

use super::{
    super::people::{self, Person, acts, login},
    FakeCrm, PASSWORD, World, add_own, standing,
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
    let world = World::start(database).await;
    world.crm.add("Ann@example.com", "manager", PASSWORD);
    let signed_in = login(&world.service, "ann@example.com", PASSWORD).await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.text());
    assert_eq!(world.standing("ann@example.com").await, standing("active", "agency"));
    let ann = Person::of("ann@example.com", &signed_in.json());
    assert_eq!(ann.get(&world.service, "/api/v1/templates").await.status, 200);
    // The same person again, and nothing new.
    let again = login(&world.service, "ann@example.com", PASSWORD).await.json();
    assert_eq!(again["user_id"], ann.id.to_string());
    let done = acts(&world.service.db, world.service.workspace).await;
    assert_eq!(done, ["user.from_crm", "user.sign_in", "user.sign_in"]);
    // Nothing here opens anything by itself, and the password is nowhere.
    let (kept,): (Option<String>,) =
        herald_db::query("select password_hash from users").one(&world.service.db).await.unwrap();
    assert_eq!(kept, None);
    assert!(!world.service.get("/api/v1/audit").await.text().contains(PASSWORD));
    // Wrong password, nobody's address, an address that is none: one answer.
    let wrong = login(&world.service, "ann@example.com", "another one").await;
    let nobody = login(&world.service, "bob@example.com", PASSWORD).await;
    let none = login(&world.service, "bob", PASSWORD).await;
    wrong.problem(401, "invalid-credentials");
    assert_eq!(people::plain(&wrong), people::plain(&nobody));
    assert_eq!(people::plain(&wrong), people::plain(&none));
}

async fn a_password_of_ones_own_is_never_sent_to_the_crm(database: &TestDatabase) {
    let world = World::start(database).await;
    add_own(&world, "ann@example.com").await;
    world.crm.add("ann@example.com", "manager", PASSWORD);
    assert_eq!(login(&world.service, "ann@example.com", people::PASSWORD).await.status, 200);
    // The CRM's password opens nothing here: who runs the CRM does not run Herald.
    login(&world.service, "ann@example.com", PASSWORD).await.problem(401, "invalid-credentials");
    assert_eq!((world.crm.requests(FakeCrm::LOGIN), world.crm.passwords().len()), (0, 0));
}

async fn a_crm_that_does_not_answer_keeps_only_its_own_people_out(database: &TestDatabase) {
    let world = World::start(database).await;
    add_own(&world, "bob@example.com").await;
    world.crm.add("ann@example.com", "manager", PASSWORD);
    for fault in
        [Fault::Server(503), Fault::Server(500), Fault::CutBefore, Fault::CutBody, Fault::TooMany { retry_after: None }]
    {
        world.crm.fail_next(FakeCrm::LOGIN, fault, 1);
        let away = login(&world.service, "ann@example.com", PASSWORD).await;
        let told = away.problem(503, "unavailable");
        assert!(told.contains("CRM") && away.header("retry-after") == "30", "{told}");
        assert_eq!(login(&world.service, "bob@example.com", people::PASSWORD).await.status, 200);
    }
    assert_eq!(login(&world.service, "ann@example.com", PASSWORD).await.status, 200);
}

async fn who_is_gone_there_does_not_come_in_here(database: &TestDatabase) {
    let world = World::start(database).await;
    let id = world.crm.add("ann@example.com", "seller", PASSWORD);
    let ann = Person::of("ann@example.com", &login(&world.service, "ann@example.com", PASSWORD).await.json());
    world.crm.change(id, None, None, Some(false));
    login(&world.service, "ann@example.com", PASSWORD).await.problem(401, "invalid-credentials");
    // Whom an administrator keeps out stays out, whatever the CRM thinks of it.
    world.crm.change(id, None, None, Some(true));
    let body = json!({ "active": false });
    let path = format!("/api/v1/users/{}", ann.id);
    let kept_out = super::Answer::to(world.service.request(reqwest::Method::PATCH, &path).json(&body)).await;
    assert_eq!(kept_out.json()["state"], "deactivated");
    login(&world.service, "ann@example.com", PASSWORD).await.problem(401, "invalid-credentials");
    assert_eq!(world.standing("ann@example.com").await.0, "deactivated");
}

async fn oauth_works_as_well(database: &TestDatabase) {
    let world = World::start_with(database, |settings| {
        settings.crm.login = herald_app::config::CrmLogin::Oauth;
        settings.crm.login_path = "oauth/token".to_owned();
        settings.crm.client_id = "herald".to_owned();
        settings.crm.client_secret = "a client secret".to_owned();
    })
    .await;
    world.crm.add("ann@example.com", "manager", PASSWORD);
    assert_eq!(login(&world.service, "ann@example.com", PASSWORD).await.status, 200);
    assert_eq!(world.standing("ann@example.com").await, standing("active", "agency"));
    login(&world.service, "ann@example.com", "another one").await.problem(401, "invalid-credentials");
}

async fn what_belongs_to_the_crm_is_changed_there(database: &TestDatabase) {
    let world = World::start(database).await;
    world.crm.add("ann@example.com", "manager", PASSWORD);
    let ann = Person::of("ann@example.com", &login(&world.service, "ann@example.com", PASSWORD).await.json());
    let body = json!({ "current": PASSWORD, "new": "another tricky lamp" });
    let told = ann.send(&world.service, reqwest::Method::PUT, "/api/v1/me/password", body).await;
    assert!(told.problem(409, "wrong-state").contains("CRM"));
    // A forgotten password is asked for as always, and no letter goes out that would make one here.
    let asked =
        people::open(&world.service, "/api/v1/auth/password/forgot", json!({ "email": "ann@example.com" })).await;
    assert_eq!(asked.status, 202);
    assert_eq!(people::letters(&world.service, "ann@example.com").await, [None]);
}

async fn an_account_is_handed_over(database: &TestDatabase) {
    let world = World::start(database).await;
    let id = add_own(&world, "ann@example.com").await;
    world.crm.add("ann@example.com", "manager", PASSWORD);
    world.sync(json!({ "scope": "all" })).await.unwrap();
    assert!(world.reasons().await[0].contains("herald users to-crm"));
    let actor = herald_ledger::audit::Actor::cli(world.service.workspace, "test");
    world.service.people.hand_to_crm(&actor, id).await.unwrap();
    let signed_in = login(&world.service, "ann@example.com", PASSWORD).await;
    assert_eq!((signed_in.status.as_u16(), &signed_in.json()["user_id"]), (200, &json!(id)));
    assert_eq!(world.standing("ann@example.com").await, standing("active", "agency"));
    assert!(world.reasons().await.is_empty());
}
