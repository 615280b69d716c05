//! Schedules are no back door: nobody starts by the calendar what they may not start themselves, nor with what is
//! another's.

use std::time::Duration;

use herald_app::jobs::KINDS;
use herald_ledger::Starter;
use herald_scheduler::fire_due;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Answer, Service,
    people::{Person, acts},
    worker,
};
use crate::ground::number;

on_both_engines! {
    nobody_schedules_a_step_of_a_chain_and_only_administrators_what_is_the_installations,
    what_is_of_another_workspace_is_not_found,
    a_schedule_stops_when_its_maker_may_no_longer_start_it,
    a_schedule_stops_when_the_key_that_made_it_is_taken_back,
}

const SCHEDULES: &str = "/api/v1/schedules";

fn order(name: &str, kind: &str, args: Value) -> Value {
    json!({ "name": name, "cron": "* * * * *", "time_zone": "UTC", "kind": kind, "args": args })
}

fn plan() -> Value {
    json!({ "event": "Gala", "template": "gala", "source": { "kind": "mautic", "form": 3 } })
}

/// An owner with a workspace of their own, its id, and somebody in it who is staff.
async fn agency(service: &Service) -> (Person, Uuid, Person) {
    let owner = Person::new(service, "ann@example.com").await;
    let workspace = owner.workspace(service, "north").await;
    let token = owner.invitation(service, json!({ "role": "staff" })).await;
    let staff = Person::new(service, "bob@example.com").await;
    assert_eq!(staff.join(service, &token).await.status, 200);
    (owner, workspace, staff)
}

async fn nobody_schedules_a_step_of_a_chain_and_only_administrators_what_is_the_installations(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.start", "probe.run"]);
    let (owner, _, staff) = agency(&service).await;
    let closed =
        KINDS.iter().map(|kind| &kind.policy).filter(|policy| !matches!(policy.starts.schedule, Starter::Member(_)));
    let made = staff.send(&service, Method::POST, SCHEDULES, order("ours", "invitation.start", plan())).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let ours = made.header("location").to_owned();
    let mut tried = 0;
    for policy in closed {
        for args in [json!({}), json!({ "scope": "all", "allow_missing": 100 }), json!({ "probe": "x", "number": 0 })] {
            for person in [&staff, &owner] {
                let asked = order(policy.name, policy.name, args.clone());
                person.send(&service, Method::POST, SCHEDULES, asked).await.problem(403, "forbidden");
                let change = json!({ "kind": policy.name, "args": args });
                person.send(&service, Method::PATCH, &ours, change).await.problem(403, "forbidden");
                tried += 1;
            }
        }
        if policy.starts.schedule == Starter::Nobody {
            let asked = order(policy.name, policy.name, json!({}));
            service.post_json(SCHEDULES, asked).await.problem(403, "forbidden");
        }
    }
    assert!(tried > 50, "{tried}");
    assert_eq!(staff.get(&service, &ours).await.json()["kind"], "invitation.start");
    // An administrator may, and nobody of the workspace changes it or runs it afterwards.
    let probe = order("canary", "probe.run", json!({ "probe": "canary", "number": 0 }));
    let made = service.post_json(SCHEDULES, probe).await;
    assert_eq!(made.status, 201, "{}", made.text());
    service.db.clock().advance(Duration::from_secs(60));
    fire_due(&service.db).await.unwrap();
    assert_eq!(number(&service.db, "select count(*) from jobs where kind = 'probe.run'").await, 1);
    assert_eq!(number(&service.db, "select count(*) from jobs where kind = 'crm.sync'").await, 0);
}

async fn what_is_of_another_workspace_is_not_found(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.render", "invitation.start", "template.preview"]);
    let template = service.template().await;
    let run = service.run("name,table\nAna Example,1\n").await;
    worker::import(&service, run, &["Ana Example"]).await;
    let mautic =
        json!({ "provider": "mautic", "url": "https://crm.example.com", "user": "ann", "password": "not a real one" });
    let saved = Answer::to(service.request(Method::PUT, "/api/v1/connections/ours").json(&mautic)).await.json();
    let (owner, _, staff) = agency(&service).await;
    let connection = &saved["id"];
    let contact: (Uuid,) = herald_db::query("select id from contacts").one(&service.db).await.unwrap();
    let preview = |contact: Option<Uuid>| {
        json!({ "template_id": template, "contact_id": contact, "fields": {},
        "format": "png" })
    };
    let start = |template: Value, source: Value| {
        let mut plan = plan();
        (plan["template"], plan["source"]["connection"]) = (template, source);
        plan
    };
    for (kind, args, pointer) in [
        ("template.preview", preview(None), "/args/template_id"),
        ("connection.test", json!({ "connection_id": connection }), "/args/connection_id"),
        ("invitation.start", start(json!(template), json!("mautic")), "/args/template"),
        ("invitation.start", start(json!("gala"), connection.clone()), "/args/source/connection"),
    ] {
        for person in [&staff, &owner] {
            let refused = person.send(&service, Method::POST, SCHEDULES, order("theirs", kind, args.clone())).await;
            assert!(refused.problem(404, "not-found").contains("in this workspace"), "{}", refused.text());
            assert_eq!(refused.json()["errors"][0]["pointer"], pointer);
        }
        // Those whose it is find it.
        let made = service.post_json(SCHEDULES, order(pointer, kind, args)).await;
        assert_eq!(made.status, 201, "{}", made.text());
    }
    let made = service.post_json(SCHEDULES, order("whole", "template.preview", preview(Some(contact.0)))).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(owner.get(&service, SCHEDULES).await.json()["items"], json!([]));
    // What is there when the schedule is made and gone when it fires is said at the schedule.
    crate::ground::run_sql(&service.db, "delete from connections").await;
    service.db.clock().advance(Duration::from_secs(60));
    fire_due(&service.db).await.unwrap();
    let items = service.get(SCHEDULES).await.json();
    let broken = |item: &&Value| item["last_error"].as_str().is_some_and(|error| error.contains("no connection"));
    assert_eq!(items["items"].as_array().unwrap().iter().filter(broken).count(), 2, "{items}");
}

async fn tick(service: &Service) -> i64 {
    service.db.clock().advance(Duration::from_secs(60));
    fire_due(&service.db).await.unwrap();
    number(&service.db, "select count(*) from jobs where kind = 'invitation.start'").await
}

async fn a_schedule_stops_when_its_maker_may_no_longer_start_it(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.start"]);
    let (owner, north, staff) = agency(&service).await;
    let made = staff.send(&service, Method::POST, SCHEDULES, order("nightly", "invitation.start", plan())).await;
    let path = made.header("location").to_owned();
    assert_eq!(made.json()["made_by"], format!("user:{}", staff.id));
    assert_eq!(tick(&service).await, 1);
    let member = format!("/api/v1/members/{}", staff.id);
    owner.send(&service, Method::PUT, &member, json!({ "role": "viewer" })).await;
    assert_eq!(tick(&service).await, 1, "it is no longer theirs to start");
    let held = owner.get(&service, &path).await.json();
    let reason = held["last_error"].as_str().unwrap();
    assert!(
        held["paused"] == true
            && reason.contains("need the role staff in this workspace, and the caller's role is viewer"),
        "{held}"
    );
    assert_eq!(acts(&service.db, north).await.last().unwrap(), "schedule.hold_up");
    // Whoever resumes it answers for it.
    let resumed = owner.send(&service, Method::POST, &format!("{path}/resume"), json!({})).await.json();
    assert_eq!((&resumed["paused"], &resumed["last_error"]), (&json!(false), &Value::Null));
    assert_eq!(resumed["made_by"], format!("user:{}", owner.id));
    assert_eq!(tick(&service).await, 2);
    // One who is gone altogether is nobody.
    owner.send(&service, Method::PUT, &member, json!({ "role": "staff" })).await;
    let other = staff.send(&service, Method::POST, SCHEDULES, order("other", "invitation.start", plan())).await;
    let other = other.header("location").to_owned();
    let removed = owner.send(&service, Method::DELETE, &member, json!({})).await;
    assert!(removed.status.is_success(), "{}", removed.text());
    assert_eq!(tick(&service).await, 3, "only the owner's");
    let held = owner.get(&service, &other).await.json();
    assert!(held["last_error"].as_str().unwrap().contains("the caller's role is none"), "{held}");
}

async fn a_schedule_stops_when_the_key_that_made_it_is_taken_back(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.start"]);
    let (owner, ..) = agency(&service).await;
    let asked = json!({ "name": "nightly", "role": "staff", "scopes": ["schedules:write", "invitation-runs:write"] });
    let key = owner.send(&service, Method::POST, "/api/v1/keys", asked).await.json();
    let by_key = async |kind: &str, args: Value| {
        let token = key["key"].as_str().unwrap();
        Answer::to(service.open(Method::POST, SCHEDULES).bearer_auth(token).json(&order(kind, kind, args))).await
    };
    // Its scopes hold for what its schedules start, too.
    let preview = json!({ "template_id": Uuid::nil(), "fields": {}, "format": "png" });
    let refused = by_key("template.preview", preview).await.problem(403, "forbidden");
    assert!(refused.contains("templates:write"), "{refused}");
    let made = by_key("invitation.start", plan()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(tick(&service).await, 1);
    let taken = format!("/api/v1/keys/{}", key["id"].as_str().unwrap());
    owner.send(&service, Method::DELETE, &taken, json!({})).await;
    assert_eq!(tick(&service).await, 1);
    let held = owner.get(&service, made.header("location")).await.json();
    assert!(
        held["paused"] == true && held["last_error"].as_str().unwrap().contains("the caller's role is none"),
        "{held}"
    );
}
