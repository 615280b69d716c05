//! Strangers: what an account alone opens, and what belongs to the installation and to none of its workspaces.

use herald_app::config::Settings;
use herald_db::query;
use herald_ledger::audit::Actor;
use herald_people::{INSTALLATION, Role, ensure_default_workspace};
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, PASSWORD, Person, Service, installations, tick};
use crate::ground::run_sql;

on_both_engines! {
    an_account_alone_opens_its_own_profile_and_nothing_else,
    workspaces_are_the_administrators_to_make_unless_that_is_opened,
    the_first_page_says_how_far_a_stranger_gets,
    letters_about_accounts_are_no_members_to_see_or_touch,
    an_administrator_sees_and_retries_what_is_the_installations,
    letters_that_an_older_version_left_leave_the_first_workspace,
}

/// A service with the settings as they come.
async fn as_it_comes(database: &TestDatabase) -> Service {
    let standard = Settings::load(None).unwrap().people.open_workspaces;
    Service::start_with(database, |settings| settings.people.open_workspaces = standard).await
}

/// The owner of the first workspace.
async fn owner(service: &Service, email: &str, admin: bool) -> Person {
    let first = Some((service.workspace, Role::Owner));
    let actor = Actor::cli(service.workspace, "test");
    service.people.add_user(email, &PASSWORD.into(), admin, first, &actor).await.unwrap();
    Person::sign_in(service, email).await
}

async fn an_account_alone_opens_its_own_profile_and_nothing_else(database: &TestDatabase) {
    let service = as_it_comes(database).await;
    let eve = Person::new(&service, "eve@example.com").await;
    let id = service.db.new_id().to_string();
    let (mut closed, mut own) = (0, 0);
    for (path, operations) in service.described["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let Some(needs) = operation["x-needs"].as_str() else { continue };
            let method: Method = method.to_uppercase().parse().unwrap();
            if needs == "person" {
                assert!(
                    ["auth", "me", "notifications", "workspaces"].contains(&path.split('/').nth(3).unwrap()),
                    "{path}"
                );
                own += 1;
                continue;
            }
            let path =
                path.replace("{act}", "retry").replace("{id}", &id).replace("{guest}", &id).replace("{name}", "x");
            let body = if method == Method::GET { Value::Null } else { json!({}) };
            for named in [None, Some("default"), Some(INSTALLATION)] {
                tick(&service);
                let mut request = eve.request(&service, method.clone(), &path);
                if let Some(named) = named {
                    request = request.header("herald-workspace", named);
                }
                let answer = Answer::to(if body.is_null() { request } else { request.json(&body) }).await;
                assert!(matches!(answer.status.as_u16(), 403 | 404), "{method} {path} {named:?}: {}", answer.text());
            }
            closed += 1;
        }
    }
    assert!(closed > 50 && own > 10, "{closed} {own}");
    assert_eq!(eve.get(&service, "/api/v1/me").await.status, 200);
    assert_eq!(eve.get(&service, "/api/v1/workspaces").await.json()["items"], json!([]));
    let told = eve.get(&service, "/api/v1/jobs").await.problem(403, "forbidden");
    assert!(told.contains("ask an administrator"), "{told}");
    // What opens more is an invitation.
    let ann = owner(&service, "ann@example.com", false).await;
    let token = ann.invitation(&service, json!({ "role": "viewer" })).await;
    assert_eq!(eve.join(&service, &token).await.status, 200);
    assert_eq!(eve.get(&service, "/api/v1/jobs").await.status, 200);
}

async fn workspaces_are_the_administrators_to_make_unless_that_is_opened(database: &TestDatabase) {
    let service = as_it_comes(database).await;
    let (ann, root) =
        (owner(&service, "ann@example.com", false).await, owner(&service, "root@example.com", true).await);
    let eve = Person::new(&service, "eve@example.com").await;
    let make = async |person: &Person, slug: &str| {
        person.send(&service, Method::POST, "/api/v1/workspaces", json!({ "slug": slug, "name": slug })).await
    };
    for person in [&eve, &ann] {
        make(person, "south").await.problem(403, "forbidden");
    }
    assert_eq!(make(&root, "south").await.status, 201);
    make(&root, INSTALLATION).await.problem(422, "invalid-field");
    let open = Service::start_with(database, |settings| settings.people.open_workspaces = true).await;
    eve.workspace(&open, "north").await;
}

async fn the_first_page_says_how_far_a_stranger_gets(database: &TestDatabase) {
    let page = async |service: &Service| Answer::to(service.open(Method::GET, "/about")).await.text();
    let closed = page(&as_it_comes(database).await).await;
    assert!(closed.contains("Administrators create workspaces"), "{closed}");
    let open = page(&Service::start_with(database, |settings| settings.people.open_workspaces = true).await).await;
    assert!(open.contains("anyone may register and create workspaces"), "{open}");
}

/// The jobs that send letters: their ids, and in whose workspace they are.
async fn letter_jobs(service: &Service) -> Vec<(uuid::Uuid, uuid::Uuid)> {
    let jobs = query("select id, workspace_id from jobs where kind = 'account.mail' order by id");
    jobs.all(&service.db).await.unwrap()
}

async fn letters_about_accounts_are_no_members_to_see_or_touch(database: &TestDatabase) {
    let service = as_it_comes(database).await;
    let ann = owner(&service, "ann@example.com", false).await;
    Person::new(&service, "bob@example.com").await;
    let jobs = letter_jobs(&service).await;
    let [(id, workspace)] = jobs.as_slice() else { panic!("{jobs:?}") };
    assert_eq!(*workspace, service.people.home().await.unwrap());
    assert_ne!(*workspace, service.workspace);
    for path in ["/api/v1/jobs", "/api/v1/jobs?kind=account.mail"] {
        assert_eq!(ann.get(&service, path).await.json()["items"], json!([]));
    }
    let path = format!("/api/v1/jobs/{id}");
    ann.get(&service, &path).await.problem(404, "not-found");
    for (method, path) in [
        (Method::POST, format!("{path}/cancel")),
        (Method::POST, format!("{path}/retry")),
        (Method::DELETE, path.clone()),
    ] {
        ann.send(&service, method, &path, json!({})).await.problem(404, "not-found");
    }
    // Nor all at once, nor under the installation's name, nor as a key of the workspace's.
    let all = json!({ "all": true, "dry_run": true });
    assert_eq!(ann.send(&service, Method::POST, "/api/v1/jobs/act/cancel", all).await.json()["count"], 0);
    let named = ann.request(&service, Method::GET, "/api/v1/jobs").header("herald-workspace", INSTALLATION);
    Answer::to(named).await.problem(404, "not-found");
    let made = ann.send(&service, Method::POST, "/api/v1/keys", json!({ "name": "key", "role": "owner" })).await;
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let by_key = service.open(Method::GET, "/api/v1/jobs").bearer_auth(&key).header("herald-workspace", INSTALLATION);
    assert_eq!(Answer::to(by_key).await.json()["items"], json!([]));
    assert!(!ann.get(&service, "/api/v1/audit").await.text().contains("user.sign_in"));
}

async fn an_administrator_sees_and_retries_what_is_the_installations(database: &TestDatabase) {
    let service = as_it_comes(database).await;
    let root = owner(&service, "root@example.com", true).await;
    Person::new(&service, "bob@example.com").await;
    let (id, _) = letter_jobs(&service).await[0];
    let ask = async |method: Method, path: &str| {
        tick(&service);
        let request = root.request(&service, method, path).header("herald-workspace", INSTALLATION);
        Answer::to(request.json(&json!({}))).await
    };
    let listed = ask(Method::GET, "/api/v1/jobs").await.json();
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["kind"]), (&json!(id), &json!("account.mail")));
    assert_eq!(ask(Method::POST, &format!("/api/v1/jobs/{id}/cancel")).await.status, 200);
    assert_eq!(ask(Method::POST, &format!("/api/v1/jobs/{id}/retry")).await.status, 202);
    assert!(ask(Method::GET, "/api/v1/audit").await.text().contains("user.register"));
    // An administrator's program, too. But nobody makes keys, links or runs there.
    assert_eq!(installations(&service, "/api/v1/jobs").await.json()["items"][0]["id"], json!(id));
    let refused = ask(Method::GET, "/api/v1/keys").await.problem(404, "not-found");
    assert!(refused.contains(INSTALLATION), "{refused}");
}

async fn letters_that_an_older_version_left_leave_the_first_workspace(database: &TestDatabase) {
    let service = as_it_comes(database).await;
    Person::new(&service, "bob@example.com").await;
    let moved = "update jobs set workspace_id = (select id from workspaces where slug = 'default')";
    run_sql(&service.db, moved).await;
    for table in ["audit_log", "audit_heads"] {
        run_sql(&service.db, &format!("delete from {table}")).await;
    }
    run_sql(&service.db, "delete from workspaces where slug = '_installation'").await;
    assert_eq!(letter_jobs(&service).await[0].1, service.workspace);
    ensure_default_workspace(&service.db).await.unwrap();
    assert_eq!(letter_jobs(&service).await[0].1, service.people.home().await.unwrap());
}
