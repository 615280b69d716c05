//! Nobody hands on more than they hold, and what was handed on ends with the giver.

use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Person, Service, tick};
use crate::ground::run_sql;

on_both_engines! {
    what_a_removed_member_made_ends_with_them,
    what_a_member_made_falls_and_rises_with_their_role,
    what_a_deactivated_person_made_opens_nothing,
    a_key_for_the_installation_needs_an_administrator_behind_it,
    who_was_taken_out_does_not_come_back_by_an_older_link,
    a_key_that_is_taken_back_takes_along_what_it_made,
    a_members_page_lists_what_they_made_to_those_who_may_list_it,
    nobody_hands_on_more_than_they_hold,
    a_key_that_ends_makes_none_that_lasts_longer,
    makers_noted_by_an_older_version_count,
}

const KEYS: &str = "/api/v1/keys";
const LINKS: &str = "/api/v1/workspace-invitations";

/// An owner with a workspace, and somebody else in it with this role.
async fn two(service: &Service, role: &str) -> (Person, Person) {
    let ann = Person::new(service, "ann@example.com").await;
    ann.workspace(service, "north").await;
    let bob = Person::new(service, "bob@example.com").await;
    let token = ann.invitation(service, json!({ "role": role })).await;
    assert_eq!(bob.join(service, &token).await.status, 200);
    (ann, bob)
}

/// A key that this token makes, and its id.
async fn key(service: &Service, token: &str, fields: Value) -> (String, String) {
    let made = ask(service, token, Method::POST, KEYS, fields).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let text = |name: &str| made.json()[name].as_str().unwrap().to_owned();
    (text("key"), text("id"))
}

async fn ask(service: &Service, token: &str, method: Method, path: &str, body: Value) -> Answer {
    tick(service);
    Answer::to(service.open(method, path).bearer_auth(token).json(&body)).await
}

async fn looks(service: &Service, token: &str) -> u16 {
    ask(service, token, Method::GET, "/api/v1/jobs", json!({})).await.status.as_u16()
}

/// Makes a schedule in the name of whose token this is.
async fn schedule(service: &Service, token: &str, name: &str) {
    let plan = json!({ "event": "Gala", "template": "gala", "source": { "kind": "mautic", "form": 3 } });
    let body =
        json!({ "name": name, "cron": "0 3 * * *", "time_zone": "UTC", "kind": "invitation.start", "args": plan });
    let made = ask(service, token, Method::POST, "/api/v1/schedules", body).await;
    assert_eq!(made.status, 201, "{}", made.text());
}

fn member(person: &Person) -> String {
    format!("/api/v1/members/{}", person.id)
}

async fn what_a_removed_member_made_ends_with_them(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, bob) = two(&service, "agency").await;
    let (first, _) = key(&service, &bob.access, json!({ "name": "first", "role": "agency" })).await;
    let (second, _) = key(&service, &first, json!({ "name": "second", "role": "staff" })).await;
    let link = bob.invitation(&service, json!({ "role": "staff", "max_uses": 10 })).await;
    let by_key = ask(&service, &first, Method::POST, LINKS, json!({ "role": "viewer" })).await.json();
    let by_key = by_key["link"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned();
    let (anns, _) = key(&service, &ann.access, json!({ "name": "of ann", "role": "staff" })).await;
    for token in [&first, &second, &anns] {
        assert_eq!(looks(&service, token).await, 200);
    }
    for (name, token) in [("of bob", &bob.access), ("of his key", &first), ("of ann", &anns)] {
        schedule(&service, token, name).await;
    }
    let made = ann.get(&service, &member(&bob)).await.json()["made"]["schedules"].clone();
    assert_eq!((&made[0]["name"], &made[1]["name"], &made[2]), (&json!("of his key"), &json!("of bob"), &Value::Null));
    let removed = ann.send(&service, Method::DELETE, &member(&bob), json!({})).await;
    let ended = json!({ "keys": 2, "invitations": 2, "schedules": 2 });
    assert_eq!((removed.status.as_u16(), &removed.json()["ended"]), (200, &ended));
    let entry = ann.get(&service, "/api/v1/audit?action=member.remove").await.json()["items"][0].clone();
    assert_eq!(entry["detail"]["ended"], ended);
    let eve = Person::new(&service, "eve@example.com").await;
    for ended in [&first, &second] {
        assert_eq!(looks(&service, ended).await, 401);
    }
    for ended in [&link, &by_key] {
        eve.join(&service, ended).await.problem(422, "code-refused");
    }
    assert_eq!(looks(&service, &anns).await, 200);
    // Back in the workspace, Bob makes new ones: the old ones stay ended.
    let again = ann.invitation(&service, json!({ "role": "agency" })).await;
    assert_eq!(bob.join(&service, &again).await.status, 200);
    assert_eq!(looks(&service, &first).await, 401);
    eve.join(&service, &link).await.problem(422, "code-refused");
}

async fn what_a_member_made_falls_and_rises_with_their_role(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, bob) = two(&service, "agency").await;
    let (key, _) = key(&service, &bob.access, json!({ "name": "nightly", "role": "agency" })).await;
    let link = bob.invitation(&service, json!({ "role": "agency", "max_uses": 10 })).await;
    let eve = Person::new(&service, "eve@example.com").await;
    let becomes = async |role: &str| {
        let set = ann.send(&service, Method::PUT, &member(&bob), json!({ "role": role })).await;
        assert_eq!(set.status, 200, "{}", set.text());
        ann.get(&service, KEYS).await.json()["items"][0]["effective_role"].clone()
    };
    assert_eq!(ask(&service, &key, Method::GET, KEYS, json!({})).await.status, 200);
    assert_eq!(becomes("staff").await, "staff");
    ask(&service, &key, Method::GET, KEYS, json!({})).await.problem(403, "forbidden");
    ask(&service, &key, Method::POST, "/api/v1/schedules", json!({})).await.problem(422, "invalid-field");
    eve.join(&service, &link).await.problem(422, "code-refused");
    assert_eq!(becomes("viewer").await, "viewer");
    ask(&service, &key, Method::POST, "/api/v1/schedules", json!({})).await.problem(403, "forbidden");
    assert_eq!(looks(&service, &key).await, 200);
    // A key never rises above the role it was made with.
    assert_eq!(becomes("owner").await, "agency");
    ask(&service, &key, Method::GET, "/api/v1/audit", json!({})).await.problem(403, "forbidden");
    assert_eq!(eve.join(&service, &link).await.json()["role"], "agency");
}

async fn what_a_deactivated_person_made_opens_nothing(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, bob) = two(&service, "agency").await;
    let (key, _) = key(&service, &bob.access, json!({ "name": "nightly", "role": "staff" })).await;
    let link = bob.invitation(&service, json!({ "role": "viewer" })).await;
    let path = format!("/api/v1/users/{}", bob.id);
    let kept_out = service.request(Method::PATCH, &path).json(&json!({ "active": false }));
    assert_eq!(Answer::to(kept_out).await.status, 200);
    assert_eq!(looks(&service, &key).await, 401);
    assert_eq!(ann.get(&service, KEYS).await.json()["items"][0]["effective_role"], Value::Null);
    let eve = Person::new(&service, "eve@example.com").await;
    eve.join(&service, &link).await.problem(422, "code-refused");
    // Nor can the link be used to register where that takes one.
    let closed = Service::start_with(database, |settings| settings.people.open_registration = false).await;
    let body = json!({ "email": "mallory@example.com", "password": super::PASSWORD, "invitation": link });
    super::open(&closed, "/api/v1/auth/register", body).await.problem(422, "code-refused");
}

async fn a_key_for_the_installation_needs_an_administrator_behind_it(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, _) = two(&service, "agency").await;
    run_sql(&service.db, "update users set platform_admin = true where email = 'ann@example.com'").await;
    let (key, _) =
        key(&service, &ann.access, json!({ "name": "operations", "role": "viewer", "platform_admin": true })).await;
    let queues = async || ask(&service, &key, Method::GET, "/api/v1/queues", json!({})).await;
    assert_eq!(queues().await.status, 200);
    run_sql(&service.db, "update users set platform_admin = false where email = 'ann@example.com'").await;
    queues().await.problem(403, "forbidden");
    assert_eq!(looks(&service, &key).await, 200);
    // What the installation made has nobody behind it, and stays.
    assert_eq!(service.get("/api/v1/queues").await.status, 200);
}

async fn who_was_taken_out_does_not_come_back_by_an_older_link(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, bob) = two(&service, "viewer").await;
    let open = ann.invitation(&service, json!({ "role": "staff", "max_uses": 10 })).await;
    let to_bob = ann.invitation(&service, json!({ "role": "staff", "email": "bob@example.com" })).await;
    assert_eq!(ann.send(&service, Method::DELETE, &member(&bob), json!({})).await.status, 200);
    for older in [&open, &to_bob] {
        bob.join(&service, older).await.problem(422, "code-refused");
    }
    let carol = Person::new(&service, "carol@example.com").await;
    assert_eq!(carol.join(&service, &open).await.status, 200);
    // A link that is made afterwards means it.
    let newer = ann.invitation(&service, json!({ "role": "viewer" })).await;
    assert_eq!(bob.join(&service, &newer).await.status, 200);
    // Somebody who left by themselves may come back.
    let leave = "/api/v1/me/memberships/north";
    assert_eq!(carol.send(&service, Method::DELETE, leave, json!({})).await.status, 204);
    assert_eq!(carol.join(&service, &open).await.status, 200);
}

async fn a_key_that_is_taken_back_takes_along_what_it_made(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, _) = two(&service, "agency").await;
    let (first, id) = key(&service, &ann.access, json!({ "name": "first", "role": "agency" })).await;
    let (second, _) = key(&service, &first, json!({ "name": "second", "role": "agency" })).await;
    let (third, _) = key(&service, &second, json!({ "name": "third", "role": "agency" })).await;
    let (other, _) = key(&service, &ann.access, json!({ "name": "other", "role": "agency" })).await;
    let link = ask(&service, &third, Method::POST, LINKS, json!({ "role": "viewer" })).await.json()["link"].clone();
    let token = link.as_str().unwrap().rsplit_once('/').unwrap().1.to_owned();
    assert_eq!(ann.send(&service, Method::DELETE, &format!("{KEYS}/{id}"), json!({})).await.status, 204);
    for ended in [&first, &second, &third] {
        assert_eq!(looks(&service, ended).await, 401);
    }
    let eve = Person::new(&service, "eve@example.com").await;
    eve.join(&service, &token).await.problem(422, "code-refused");
    assert_eq!(looks(&service, &other).await, 200);
    let entry = ann.get(&service, "/api/v1/audit?action=key.revoke").await.json()["items"][0].clone();
    assert_eq!(entry["detail"]["ended"], json!({ "keys": 2, "invitations": 1, "schedules": 0 }));
}

async fn a_members_page_lists_what_they_made_to_those_who_may_list_it(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, bob) = two(&service, "agency").await;
    let (first, id) = key(&service, &bob.access, json!({ "name": "first", "role": "staff" })).await;
    bob.invitation(&service, json!({ "role": "viewer", "email": "eve@example.com" })).await;
    let (_, over) = key(&service, &bob.access, json!({ "name": "over", "role": "staff" })).await;
    bob.send(&service, Method::DELETE, &format!("{KEYS}/{over}"), json!({})).await;
    let made = ann.get(&service, &member(&bob)).await.json()["made"].clone();
    assert_eq!(made["keys"].as_array().unwrap().len(), 1, "{made}");
    assert_eq!((&made["keys"][0]["id"], &made["keys"][0]["effective_role"]), (&json!(id), &json!("staff")));
    assert_eq!(made["invitations"][0]["email"], "eve@example.com");
    // Staff sees members, but neither keys nor links; nor does a key that is not for them.
    let (narrow, _) =
        key(&service, &ann.access, json!({ "name": "narrow", "role": "owner", "scopes": ["members:read"] })).await;
    for token in [&first, &narrow] {
        let seen = ask(&service, token, Method::GET, &member(&bob), json!({})).await;
        assert_eq!((seen.status.as_u16(), &seen.json()["made"]), (200, &Value::Null));
    }
}

/// The endpoints whose body says what somebody else will be allowed to do: a new one has to be tried below.
fn granting(service: &Service) -> Vec<String> {
    let described = service.described;
    let schema = |named: &Value| match named["$ref"].as_str() {
        Some(reference) => described.pointer(reference.trim_start_matches('#')).unwrap().clone(),
        None => named.clone(),
    };
    let mut found = Vec::new();
    for (path, operations) in described["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            for body in operation["requestBody"]["content"].as_object().into_iter().flatten() {
                let fields = schema(&body.1["schema"])["properties"].clone();
                if ["role", "scopes", "platform_admin"].iter().any(|name| fields.get(name).is_some()) {
                    found.push(format!("{method} {path}"));
                }
            }
        }
    }
    found
}

async fn nobody_hands_on_more_than_they_hold(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, bob) = two(&service, "viewer").await;
    assert_eq!(
        granting(&service),
        ["post /api/v1/keys", "put /api/v1/members/{id}", "post /api/v1/workspace-invitations"]
    );
    let scopes = json!(["keys:write", "members:write", "workspace-invitations:write"]);
    for own in Role::ALL {
        let (wide, _) = key(&service, &ann.access, json!({ "name": "wide", "role": own })).await;
        let (narrow, _) = key(&service, &ann.access, json!({ "name": "narrow", "role": own, "scopes": scopes })).await;
        let person = Person::new(&service, &format!("{own}@example.com")).await;
        let link = ann.invitation(&service, json!({ "role": own })).await;
        assert_eq!(person.join(&service, &link).await.status, 200);
        for given in Role::ALL {
            let grants = [
                (Method::POST, KEYS.to_owned(), json!({ "name": "given", "role": given })),
                (Method::POST, LINKS.to_owned(), json!({ "role": given })),
                (Method::PUT, member(&bob), json!({ "role": given })),
            ];
            for (method, path, body) in grants {
                for (name, token) in [("person", &person.access), ("wide", &wide)] {
                    let may = own >= Role::Agency && given <= own;
                    let answer = ask(&service, token, method.clone(), &path, body.clone()).await;
                    assert_eq!(answer.status == 403, !may, "{name} {own} gives {given} at {path}: {}", answer.text());
                }
                let refused = ask(&service, &narrow, method, &path, body).await;
                refused.problem(403, "forbidden");
                let back = ann.send(&service, Method::PUT, &member(&bob), json!({ "role": "viewer" })).await;
                assert_eq!(back.status, 200);
            }
            // Within its own scopes and role, a narrow key makes keys.
            for (wanted, within) in
                [(json!(["members:read"]), true), (json!(["keys:write"]), true), (json!(["jobs:read"]), false)]
            {
                let body = json!({ "name": "given", "role": given, "scopes": wanted });
                let answer = ask(&service, &narrow, Method::POST, KEYS, body).await;
                let may = own >= Role::Agency && given <= own && within;
                assert_eq!(answer.status.as_u16(), if may { 201 } else { 403 }, "{own} {given} {wanted}");
            }
            let admin = json!({ "name": "given", "role": given, "platform_admin": true });
            ask(&service, &wide, Method::POST, KEYS, admin).await.problem(403, "forbidden");
        }
    }
}

async fn a_key_that_ends_makes_none_that_lasts_longer(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, _) = two(&service, "viewer").await;
    let until = |hours| service.db.now() + chrono::TimeDelta::hours(hours);
    let (short, _) =
        key(&service, &ann.access, json!({ "name": "short", "role": "agency", "expires_at": until(2) })).await;
    let make = async |end: Option<_>| {
        let body = json!({ "name": "given", "role": "viewer", "expires_at": end });
        ask(&service, &short, Method::POST, KEYS, body).await
    };
    assert_eq!(make(Some(until(1))).await.status, 201);
    make(Some(until(3))).await.problem(403, "forbidden");
    make(None).await.problem(403, "forbidden");
}

async fn makers_noted_by_an_older_version_count(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, bob) = two(&service, "agency").await;
    let (first, _) = key(&service, &bob.access, json!({ "name": "first", "role": "agency" })).await;
    let (second, _) = key(&service, &first, json!({ "name": "second", "role": "staff" })).await;
    let link = bob.invitation(&service, json!({ "role": "viewer" })).await;
    for table in ["api_tokens", "workspace_invitations"] {
        run_sql(&service.db, &format!("update {table} set maker_id = null, maker_key_id = null")).await;
    }
    service.db.migrate().await.unwrap();
    service.db.migrate().await.unwrap();
    let listed = ann.get(&service, KEYS).await.json();
    let makers: Vec<Uuid> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["maker_id"].as_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(makers, [bob.id, bob.id]);
    let removed = ann.send(&service, Method::DELETE, &member(&bob), json!({})).await;
    assert_eq!(removed.json()["ended"], json!({ "keys": 2, "invitations": 1, "schedules": 0 }));
    assert_eq!((looks(&service, &first).await, looks(&service, &second).await), (401, 401));
    let eve = Person::new(&service, "eve@example.com").await;
    eve.join(&service, &link).await.problem(422, "code-refused");
    assert_eq!(service.get("/api/v1/jobs").await.status, 200);
}
