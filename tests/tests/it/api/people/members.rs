//! Workspaces and who is what in them.

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::json;

use super::{Answer, Person, Service, acts};

on_both_engines! {
    a_person_with_several_workspaces_says_which,
    a_role_opens_what_it_may_and_nothing_above,
    nobody_gives_a_role_above_their_own,
    a_workspace_keeps_an_owner,
    a_workspace_is_named_once_and_well,
    who_is_taken_out_is_out_at_once,
}

/// An owner with a workspace, and somebody else in it with this role.
async fn two(service: &Service, role: &str) -> (Person, Person) {
    let ann = Person::new(service, "ann@example.com").await;
    ann.workspace(service, "north").await;
    let bob = Person::new(service, "bob@example.com").await;
    let token = ann.invitation(service, json!({ "role": role })).await;
    assert_eq!(bob.join(service, &token).await.status, 200);
    (ann, bob)
}

async fn a_person_with_several_workspaces_says_which(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    ann.get(&service, "/api/v1/jobs").await.problem(403, "forbidden");
    let north = ann.workspace(&service, "north").await;
    assert_eq!(ann.get(&service, "/api/v1/jobs").await.status, 200);
    ann.workspace(&service, "south").await;
    let which = ann.get(&service, "/api/v1/jobs").await.problem(400, "workspace-needed");
    assert!(which.contains("north, south"), "{which}");
    let named =
        |slug: &str| Answer::to(ann.request(&service, Method::GET, "/api/v1/jobs").header("herald-workspace", slug));
    assert_eq!(named("south").await.status, 200);
    assert_eq!(named(&north.to_string()).await.status, 200);
    for others in ["default", "nowhere", &service.workspace.to_string(), ""] {
        let answer = named(others).await;
        assert!(matches!(answer.status.as_u16(), 400 | 404), "{others:?} {}", answer.text());
    }
}

async fn a_role_opens_what_it_may_and_nothing_above(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, bob) = two(&service, "viewer").await;
    let member = format!("/api/v1/members/{}", bob.id);
    let closed = async |method: Method, path: &str| {
        bob.send(&service, method, path, json!({})).await.problem(403, "forbidden");
    };
    assert_eq!(bob.get(&service, "/api/v1/jobs").await.status, 200);
    closed(Method::POST, "/api/v1/schedules").await;
    closed(Method::GET, "/api/v1/members").await;
    ann.send(&service, Method::PUT, &member, json!({ "role": "staff" })).await;
    assert_eq!(bob.get(&service, "/api/v1/members").await.json()["items"].as_array().unwrap().len(), 2);
    bob.send(&service, Method::POST, "/api/v1/schedules", json!({})).await.problem(422, "invalid-field");
    closed(Method::GET, "/api/v1/keys").await;
    ann.send(&service, Method::PUT, &member, json!({ "role": "agency" })).await;
    assert_eq!(bob.get(&service, "/api/v1/keys").await.status, 200);
    closed(Method::GET, "/api/v1/audit").await;
    ann.send(&service, Method::PUT, &member, json!({ "role": "owner" })).await;
    assert_eq!(bob.get(&service, "/api/v1/audit").await.status, 200);
    // Not even an owner may touch what is the installation's.
    for path in ["/api/v1/queues", "/api/v1/workers", "/api/v1/users", "/metrics"] {
        bob.get(&service, path).await.problem(403, "forbidden");
    }
}

async fn nobody_gives_a_role_above_their_own(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, bob) = two(&service, "agency").await;
    let invite = json!({ "role": "owner" });
    bob.send(&service, Method::POST, "/api/v1/workspace-invitations", invite).await.problem(403, "forbidden");
    let own = format!("/api/v1/members/{}", bob.id);
    bob.send(&service, Method::PUT, &own, json!({ "role": "owner" })).await.problem(403, "forbidden");
    let owner = format!("/api/v1/members/{}", ann.id);
    bob.send(&service, Method::PUT, &owner, json!({ "role": "viewer" })).await.problem(403, "forbidden");
    bob.send(&service, Method::DELETE, &owner, json!({})).await.problem(403, "forbidden");
    let key = json!({ "name": "sly", "role": "owner" });
    bob.send(&service, Method::POST, "/api/v1/keys", key).await.problem(403, "forbidden");
    let key = json!({ "name": "sly", "role": "staff", "platform_admin": true });
    bob.send(&service, Method::POST, "/api/v1/keys", key).await.problem(403, "forbidden");
    bob.send(&service, Method::PUT, &own, json!({ "role": "king" })).await.problem(422, "invalid-field");
}

async fn a_workspace_keeps_an_owner(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, bob) = two(&service, "owner").await;
    let (of_ann, of_bob) = (format!("/api/v1/members/{}", ann.id), format!("/api/v1/members/{}", bob.id));
    let viewer = || json!({ "role": "viewer" });
    // Both in the same moment: one of them comes second.
    let both = futures::join!(
        ann.send(&service, Method::PUT, &of_bob, viewer()),
        bob.send(&service, Method::PUT, &of_ann, viewer())
    );
    let done = [&both.0, &both.1].into_iter().filter(|answer| answer.status == 200).count();
    assert_eq!(done, 1, "{} {}", both.0.text(), both.1.text());
    let left = if both.0.status == 200 { &ann } else { &bob };
    let own = format!("/api/v1/members/{}", left.id);
    left.send(&service, Method::PUT, &own, viewer()).await.problem(409, "wrong-state");
    left.send(&service, Method::DELETE, "/api/v1/me/memberships/north", json!({})).await.problem(409, "wrong-state");
}

async fn a_workspace_is_named_once_and_well(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    let north = ann.workspace(&service, "north").await;
    let make = async |slug: &str, name: &str| {
        ann.send(&service, Method::POST, "/api/v1/workspaces", json!({ "slug": slug, "name": name })).await
    };
    make("north", "Another").await.problem(409, "wrong-state");
    for slug in ["", "N", "north agency", "-north", "a"] {
        make(slug, "North").await.problem(422, "invalid-field");
    }
    make("south", "  ").await.problem(422, "invalid-field");
    assert_eq!(acts(&service.db, north).await, ["workspace.make"]);
    let closed = Service::start_with(database, |settings| settings.people.open_workspaces = false).await;
    let asked =
        ann.send(&closed, Method::POST, "/api/v1/workspaces", json!({ "slug": "south", "name": "South" })).await;
    asked.problem(403, "forbidden");
}

async fn who_is_taken_out_is_out_at_once(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, bob) = two(&service, "staff").await;
    assert_eq!(bob.get(&service, "/api/v1/jobs").await.status, 200);
    let of_bob = format!("/api/v1/members/{}", bob.id);
    assert_eq!(ann.send(&service, Method::DELETE, &of_bob, json!({})).await.status, 200);
    bob.get(&service, "/api/v1/jobs").await.problem(403, "forbidden");
    ann.send(&service, Method::DELETE, &of_bob, json!({})).await.problem(404, "not-found");
    let stranger = Person::new(&service, "eve@example.com").await;
    stranger.workspace(&service, "south").await;
    stranger.get(&service, &format!("/api/v1/members/{}", ann.id)).await.problem(404, "not-found");
}
