//! Runs for segments: they go through a snapshot of it, taken once, whatever happens to the contacts meanwhile.

use std::time::Duration;

use chrono::TimeDelta;
use herald_contacts::Person;
use herald_db::query;
use herald_tests::{TestDatabase, app::Work, on_both_engines};
use herald_worker::runner::{Attempt, QueueShare};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Answer, Form, Service,
    service::{BACKGROUND, MANIFEST},
    worker::{self, work},
};

on_both_engines! {
    a_segment_is_checked_and_invited_as_it_was,
    a_run_that_is_killed_goes_on_with_the_same_people,
    whoever_was_erased_trashed_or_merged_meanwhile_is_treated_rightly,
    a_segment_that_cannot_be_invited_is_named,
    a_second_start_says_that_it_has_the_people_of_then,
    members_go_some_time_after_the_end_of_their_run,
    a_run_that_may_read_on_keeps_the_members,
    a_planned_run_takes_a_segment,
    an_invitation_stands_on_the_timeline_once,
    a_run_goes_on_when_the_segment_of_its_snapshot_is_gone,
    a_template_wants_own_fields_and_no_columns,
    a_key_that_may_not_read_contacts_invites_no_segment,
}

const RUNS: &str = "/api/v1/invitation-runs";

/// Guests with a table, in the order of their ids.
async fn guests(service: &Service, names: &[String]) -> Vec<Uuid> {
    let people: Vec<Person> = names
        .iter()
        .map(|name| Person {
            row_key: name.clone(),
            name: name.clone(),
            fields: [("table".to_owned(), "7".to_owned())].into(),
            ..Person::default()
        })
        .collect();
    let mut tx = service.db.begin().await.unwrap();
    let made = herald_contacts::upsert_people(&mut tx, service.workspace, &people).await.unwrap();
    tx.commit().await.unwrap();
    let mut ids: Vec<Uuid> = made.iter().map(|guest| guest.contact_id).collect();
    ids.sort_unstable();
    ids
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("Guest {number} Example")).collect()
}

/// The segment of everybody whose name begins so.
async fn segment(service: &Service) -> String {
    service.template().await;
    service.leaves(&["invitation.render", "invitation.summary", "check.forget"]);
    let rule = json!({ "field": { "name": "name", "is": "begins", "value": "guest" } });
    let made = service.post_json("/api/v1/segments", json!({ "name": "Guests", "rule": rule })).await;
    made.json()["id"].as_str().unwrap().to_owned()
}

fn body(segment: &str) -> Value {
    json!({ "event": "Gala", "template": "gala", "source": { "kind": "segment", "segment": segment } })
}

async fn start(service: &Service) -> String {
    let started = service.post_json(RUNS, body("guests")).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text());
    started.json()["id"].as_str().unwrap().to_owned()
}

async fn run(service: &Service, id: &str) -> Value {
    service.get(&format!("{RUNS}/{id}")).await.json()
}

/// The contacts of the invitations of a run, in the order of its list.
async fn invited(service: &Service, run: &str) -> Vec<Uuid> {
    let run: Uuid = run.parse().unwrap();
    let found: Vec<(Uuid,)> = query(
        "select i.contact_id from run_guests as g
         join invitations as i on i.workspace_id = g.workspace_id and i.id = g.invitation_id
         where g.workspace_id = $1 and g.run_id = $2 order by g.position",
    )
    .bind(service.workspace)
    .bind(run)
    .all(&service.db)
    .await
    .unwrap();
    found.into_iter().map(|(id,)| id).collect()
}

async fn snapshots(service: &Service, segment: &str) -> Vec<Value> {
    let listed = service.get(&format!("/api/v1/segments/{segment}/snapshots")).await;
    assert_eq!(listed.status, StatusCode::OK, "{}", listed.text());
    listed.json()["items"].as_array().unwrap().clone()
}

async fn a_segment_is_checked_and_invited_as_it_was(database: &TestDatabase) {
    let service = Service::start(database).await;
    let segment = segment(&service).await;
    let ids = guests(&service, &names(7)).await;
    guests(&service, &["Someone Else".to_owned()]).await;
    // A worker draws the first guests.
    let process = service.work(Work::on(vec![QueueShare::new("cpu", 2)], service.handlers()));
    let check = service.post_json(&format!("{RUNS}/checks"), body(&segment)).await;
    process.stop().await;
    assert_eq!(check.status, StatusCode::CREATED, "{}", check.text());
    let check = check.json();
    assert_eq!((&check["guests"], check["samples"].as_array().unwrap().len()), (&json!(7), 5));
    assert_eq!((&check["samples"][0]["is_drawn"], &check["samples"][0]["fault"]), (&json!(true), &Value::Null));
    assert!(check["notes"][0].as_str().unwrap().starts_with("7 contacts belong to \"Guests\" now"), "{check}");
    assert!(check["columns"].as_array().unwrap().iter().any(|column| column["field"] == "table"), "{check}");
    assert!(snapshots(&service, &segment).await.is_empty(), "a check takes none");

    let started = service.post_json(&format!("{RUNS}/checks/{}/start", check["id"].as_str().unwrap()), json!({})).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text());
    let id = started.json()["id"].as_str().unwrap().to_owned();
    work(&service).await;
    assert_eq!(invited(&service, &id).await, ids);
    // Who joins later is in the segment, and not in the run.
    guests(&service, &["Guest Later".to_owned()]).await;
    let taken = snapshots(&service, &segment).await;
    assert_eq!(taken.len(), 1);
    let one = &taken[0];
    assert_eq!(
        (&one["contacts"], &one["used_for"], &one["used_by"], &one["name"]),
        (&json!(7), &json!("run"), &json!(id), &json!("Guests"))
    );
    let snapshot = one["id"].as_str().unwrap();
    let counted = async |filter: &str| service.get(&format!("/api/v1/contacts/count?{filter}")).await.json();
    assert_eq!(counted(&format!("snapshot={snapshot}")).await["contacts"], 7);
    assert_eq!(counted(&format!("segment={segment}")).await["contacts"], 8);
    let order = json!({ "what": "contacts", "format": "csv", "filter": { "snapshot": snapshot } });
    let export = service.post_json("/api/v1/exports", order).await.json();
    work(&service).await;
    let file = service.get(&format!("/api/v1/exports/{}/file", export["id"].as_str().unwrap())).await.text();
    assert_eq!(file.lines().count(), 8, "{file}");
    assert!(!file.contains("Later"), "{file}");
    // It is kept although the segment goes.
    let path = format!("/api/v1/segments/{segment}");
    assert_eq!(Answer::to(service.request(Method::DELETE, &path)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(snapshots(&service, &segment).await.len(), 1);
    let unknown = Uuid::from_u128(7);
    service.get(&format!("/api/v1/segments/{unknown}/snapshots")).await.problem(404, "not-found");
    service.get(&format!("/api/v1/contacts?snapshot={unknown}")).await.problem(422, "invalid-field");
    service.get("/api/v1/contacts?snapshot=x").await.problem(422, "invalid-field");
    let other = service.other_workspace().await;
    let of_other = |path: String| Answer::to(service.open(Method::GET, &path).bearer_auth(&other));
    of_other(format!("/api/v1/segments/{segment}/snapshots")).await.problem(404, "not-found");
    of_other(format!("/api/v1/contacts?snapshot={snapshot}")).await.problem(422, "invalid-field");
}

async fn a_run_that_is_killed_goes_on_with_the_same_people(database: &TestDatabase) {
    let service = Service::start(database).await;
    let segment = segment(&service).await;
    let ids = guests(&service, &names(1_200)).await;
    let id = start(&service).await;
    let job = worker::lease_next(&service, "control").await;
    // The first attempt is killed when a piece of the list is taken in. It goes on only while it is polled.
    let handlers = service.handlers();
    let mut attempt = Box::pin(handlers(Attempt { job: job.clone(), cancelled: CancellationToken::new() }));
    loop {
        assert!(futures::poll!(&mut attempt).is_pending(), "it has more than one piece");
        if run(&service, &id).await["total"] != 0 {
            break;
        }
    }
    drop(attempt);
    assert_eq!(run(&service, &id).await["total"], 500);
    guests(&service, &["Guest Later".to_owned()]).await;
    let outcome = worker::outcome(&service, &job).await;
    worker::commit(&service, job, outcome).await;
    let now = run(&service, &id).await;
    assert_eq!((&now["total"], &now["rejected"], &now["state"]), (&json!(1_200), &json!(0), &json!("running")));
    assert_eq!(invited(&service, &id).await, ids);
    let taken = snapshots(&service, &segment).await;
    assert_eq!((taken.len(), &taken[0]["contacts"]), (1, &json!(1_200)));
}

async fn whoever_was_erased_trashed_or_merged_meanwhile_is_treated_rightly(database: &TestDatabase) {
    let service = Service::start(database).await;
    let segment = segment(&service).await;
    let ids = guests(&service, &names(6)).await;
    let survivor = guests(&service, &["Somebody Example".to_owned()]).await[0];
    let id = start(&service).await;
    // As if the first attempt had been killed after the snapshot.
    let use_of = (herald_contacts::SnapshotUse::Run, id.parse().unwrap());
    let of = segment.parse().unwrap();
    let taken = herald_contacts::take_snapshot(&service.db, service.workspace, of, use_of).await.unwrap();
    let again = herald_contacts::take_snapshot(&service.db, service.workspace, of, use_of).await.unwrap();
    assert_eq!((taken.contacts, taken.id), (6, again.id), "a use has one snapshot");
    let contact = |id: Uuid| format!("/api/v1/contacts/{id}");
    // One is erased, one trashed, one merged into somebody outside, and one into another guest.
    let held = service.get(&format!("{}/held", contact(ids[0]))).await.json();
    assert_eq!(held["records"]["snapshots_of_segments"], 1, "{held}");
    let erased = json!({ "records": held["total"] });
    let erased = service.post_json(&format!("{}/erase", contact(ids[0])), erased).await;
    assert!(erased.status.is_success(), "{}", erased.text());
    let trashed = Answer::to(service.request(Method::DELETE, &contact(ids[1]))).await;
    assert_eq!(trashed.status, StatusCode::NO_CONTENT);
    for (into, other) in [(survivor, ids[2]), (ids[4], ids[3])] {
        let merged = service.post_json(&format!("{}/merge", contact(into)), json!({ "contact_id": other })).await;
        assert_eq!(merged.status, StatusCode::OK, "{}", merged.text());
    }
    let mut tx = service.db.begin().await.unwrap();
    let now = herald_contacts::contacts_now(&mut tx, service.workspace, ids.clone()).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!now.contains_key(&ids[0]) && now[&ids[1]].is_trashed && !now[&ids[5]].is_trashed, "{now:?}");
    assert_eq!((now[&ids[2]].contact_id, now[&ids[3]].contact_id), (survivor, ids[4]));
    work(&service).await;
    assert_eq!(invited(&service, &id).await, [survivor, ids[4], ids[5]]);
    let now = run(&service, &id).await;
    assert_eq!((&now["total"], &now["rejected"], &now["state"]), (&json!(3), &json!(2), &json!("running")), "{now}");
    let said = now["problems"].to_string();
    assert!(said.contains("1 contact of the segment \\\"Guests\\\" was erased"), "{said}");
    assert!(said.contains(&format!("contact {} lies in the trash", ids[1])), "{said}");
    // They may be erased later, and have no invitation by which the remark would be found.
    assert!(!said.contains(" Example"), "{said}");
    // Nothing of the erased person is left in it.
    let rows: (i64,) = query(
        "select count(*) from segment_snapshot_contacts where workspace_id = $1 and snapshot_id = $2
           and contact_id = $3",
    )
    .bind(service.workspace)
    .bind(taken.id)
    .bind(ids[0])
    .one(&service.db)
    .await
    .unwrap();
    assert_eq!(rows.0, 0);
}

async fn a_segment_that_cannot_be_invited_is_named(database: &TestDatabase) {
    let service = Service::start(database).await;
    let segment = segment(&service).await;
    let refused = service.post_json(RUNS, body("VIPs")).await;
    let said = refused.problem(422, "invalid-field");
    assert!(said.contains("VIPs") && said.contains("Guests"), "{said}");
    assert_eq!(refused.json()["errors"][0]["pointer"], "/source/segment");
    // Nobody has the field of the template.
    let made = service.post_json("/api/v1/contacts", json!({ "name": "Guest Without" })).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let refused = service.post_json(RUNS, body("Guests")).await;
    assert!(refused.text().contains("table"), "{}", refused.text());
    refused.problem(422, "invalid-template");
    guests(&service, &["Guest With Example".to_owned()]).await;
    let id = start(&service).await;
    // The segment goes before the run begins.
    let path = format!("/api/v1/segments/{segment}");
    assert_eq!(Answer::to(service.request(Method::DELETE, &path)).await.status, StatusCode::NO_CONTENT);
    work(&service).await;
    let now = run(&service, &id).await;
    assert_eq!(now["state"], "failed", "{now}");
    assert!(now["reason"].as_str().unwrap().contains("segment"), "{now}");
    service.leaves(&["contacts.import"]);
}

async fn a_second_start_says_that_it_has_the_people_of_then(database: &TestDatabase) {
    let service = Service::start(database).await;
    let segment = segment(&service).await;
    guests(&service, &names(3)).await;
    let start = async || {
        let started = service.post_json(RUNS, body("Guests")).await;
        assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text());
        started.json()
    };
    let first = start().await;
    assert_eq!((&first["resumed"], &first["message"]), (&json!(false), &json!("The run has started.")));
    let again = start().await;
    let said = again["message"].as_str().unwrap();
    assert!(said.starts_with("This goes on with the run of ") && said.contains("begins to read"), "{said}");
    work(&service).await;
    guests(&service, &["Guest Later".to_owned()]).await;
    let rule = json!({ "rule": { "field": { "name": "name", "is": "begins", "value": "guest l" } } });
    let changed = Answer::to(service.request(Method::PATCH, &format!("/api/v1/segments/{segment}")).json(&rule)).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    let again = start().await;
    assert_eq!((&again["resumed"], &again["id"]), (&json!(true), &first["id"]));
    let said = again["message"].as_str().unwrap();
    assert!(said.contains("for the 3 contacts who belonged to \"Guests\" then: cancel that run first"), "{said}");
    let cancel = format!("{RUNS}/{}/cancel", first["id"].as_str().unwrap());
    assert!(service.post(&cancel).await.status.is_success());
    let other = start().await;
    assert_eq!((&other["resumed"], &other["message"]), (&json!(false), &json!("The run has started.")));
    work(&service).await;
    assert_eq!(run(&service, other["id"].as_str().unwrap()).await["total"], 1);
}

async fn members_go_some_time_after_the_end_of_their_run(database: &TestDatabase) {
    const DAY: Duration = Duration::from_secs(86_400);
    let service = Service::start(database).await;
    let segment = segment(&service).await;
    let ids = guests(&service, &names(3)).await;
    let id = start(&service).await;
    work(&service).await;
    let thin = async || {
        let before = service.db.now() - TimeDelta::days(90);
        herald_invitations::thin_snapshots(&service.db, before, 2).await.unwrap()
    };
    service.db.clock().advance(91 * DAY);
    assert_eq!(thin().await, 0, "the run has not ended");
    worker::finish(&service, &[Ok(()), Ok(()), Err("the picture is gone")]).await;
    assert_eq!(run(&service, &id).await["state"], "complete");
    service.db.clock().advance(89 * DAY);
    assert_eq!(thin().await, 0);
    let snapshot = snapshots(&service, &segment).await[0].clone();
    assert_eq!(snapshot["members_gone_at"], Value::Null);
    service.db.clock().advance(2 * DAY);
    assert_eq!(thin().await, 2);
    // It says so from the first step on.
    let now = snapshots(&service, &segment).await[0].clone();
    assert!(now["members_gone_at"].is_string(), "{now}");
    assert_eq!((thin().await, thin().await), (1, 0));
    let after = snapshots(&service, &segment).await[0].clone();
    assert_eq!((&after, &after["contacts"]), (&now, &json!(3)));
    let listed = format!("/api/v1/contacts?snapshot={}", snapshot["id"].as_str().unwrap());
    let said = service.get(&listed).await.problem(422, "invalid-field");
    assert!(said.contains("they were 3"), "{said}");
    // The run knows its guests without them, also when it goes on.
    let again = service.post(&format!("{RUNS}/{id}/retry")).await;
    assert!(again.status.is_success(), "{}", again.text());
    worker::finish(&service, &[Ok(())]).await;
    let now = run(&service, &id).await;
    assert_eq!((&now["state"], &now["made"]), (&json!("complete"), &json!(3)), "{now}");
    assert_eq!(invited(&service, &id).await, ids);
}

async fn a_run_that_may_read_on_keeps_the_members(database: &TestDatabase) {
    let service = Service::start(database).await;
    let of = segment(&service).await.parse().unwrap();
    let ids = guests(&service, &names(3)).await;
    let id = start(&service).await;
    // As if the first attempt had been killed after the snapshot.
    let use_of = (herald_contacts::SnapshotUse::Run, id.parse().unwrap());
    herald_contacts::take_snapshot(&service.db, service.workspace, of, use_of).await.unwrap();
    assert!(service.post(&format!("{RUNS}/{id}/cancel")).await.status.is_success());
    service.db.clock().advance(Duration::from_secs(200 * 86_400));
    let before = service.db.now();
    assert_eq!(herald_invitations::thin_snapshots(&service.db, before, 9).await.unwrap(), 0);
    let again = service.post(&format!("{RUNS}/{id}/retry")).await;
    assert!(again.status.is_success(), "{}", again.text());
    work(&service).await;
    assert_eq!(invited(&service, &id).await, ids);
}

async fn a_planned_run_takes_a_segment(database: &TestDatabase) {
    let service = Service::start(database).await;
    let segment = segment(&service).await;
    let ids = guests(&service, &names(3)).await;
    let order = json!({ "kind": "invitation.start", "args": body("Guests") });
    let order = service.post_json("/api/v1/jobs", order).await;
    assert_eq!(order.status, StatusCode::ACCEPTED, "{}", order.text());
    work(&service).await;
    let runs = service.get(RUNS).await.json();
    let first = runs["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(invited(&service, &first).await, ids);
    assert_eq!(snapshots(&service, &segment).await.len(), 1);
}

async fn an_invitation_stands_on_the_timeline_once(database: &TestDatabase) {
    let service = Service::start(database).await;
    segment(&service).await;
    let ids = guests(&service, &names(2)).await;
    let told = async |id: Uuid| {
        let timeline = service.get(&format!("/api/v1/contacts/{id}/activities")).await.json();
        let all = timeline["items"].as_array().unwrap().clone();
        all.into_iter().filter(|one| one["kind"] == "invitation.made").collect::<Vec<_>>()
    };
    let id = start(&service).await;
    work(&service).await;
    worker::finish(&service, &[Ok(()), Err("the picture is gone")]).await;
    let invited = [told(ids[0]).await, told(ids[1]).await].concat();
    assert_eq!(invited.len(), 1, "nobody is invited by an attempt: {invited:?}");
    assert_eq!(invited[0]["detail"]["run_id"], id, "{invited:?}");
    // Made again, it is the same invitation.
    let mut again = body("Guests");
    again["refresh"] = json!(true);
    let started = service.post_json(RUNS, again).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text());
    work(&service).await;
    worker::finish(&service, &[Ok(()), Ok(())]).await;
    assert_eq!((told(ids[0]).await.len(), told(ids[1]).await.len()), (1, 1));
    let rule = json!({ "rule": { "activity": { "kind": "invitation.made", "within_days": 1 } } });
    assert_eq!(service.post_json("/api/v1/segments/preview", rule).await.json()["contacts"], 2);
}

async fn a_run_goes_on_when_the_segment_of_its_snapshot_is_gone(database: &TestDatabase) {
    let service = Service::start(database).await;
    let segment = segment(&service).await;
    let ids = guests(&service, &names(3)).await;
    let id = start(&service).await;
    // As if the first attempt had been killed after the snapshot.
    let use_of = (herald_contacts::SnapshotUse::Run, id.parse().unwrap());
    let of = segment.parse().unwrap();
    herald_contacts::take_snapshot(&service.db, service.workspace, of, use_of).await.unwrap();
    let path = format!("/api/v1/segments/{segment}");
    assert_eq!(Answer::to(service.request(Method::DELETE, &path)).await.status, StatusCode::NO_CONTENT);
    work(&service).await;
    let now = run(&service, &id).await;
    assert_eq!((&now["total"], &now["state"]), (&json!(3), &json!("running")), "{now}");
    assert_eq!(invited(&service, &id).await, ids);
}

async fn a_template_wants_own_fields_and_no_columns(database: &TestDatabase) {
    let service = Service::start(database).await;
    segment(&service).await;
    let manifest = MANIFEST.replace("{{ table }}", "{{ country }}");
    let form = Form::default().file("files", "template.toml", manifest).file("files", "back.png", BACKGROUND);
    let made = service.post_form("/api/v1/templates", form.text("name", "countries")).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let guest = json!({ "name": "Guest Example", "country": "ES" });
    let made = service.post_json("/api/v1/contacts", guest).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    // Invitations read the workspace's own fields alone: the column would leave a gap on each.
    let mut asked = body("Guests");
    asked["template"] = json!("countries");
    let refused = service.post_json(RUNS, asked.clone()).await;
    assert!(refused.text().contains("country"), "{}", refused.text());
    refused.problem(422, "invalid-template");
    let people = [Person {
        row_key: "own".to_owned(),
        name: "Guest Own".to_owned(),
        fields: [("country".to_owned(), "Spain".to_owned())].into(),
        ..Person::default()
    }];
    let mut tx = service.db.begin().await.unwrap();
    herald_contacts::upsert_people(&mut tx, service.workspace, &people).await.unwrap();
    tx.commit().await.unwrap();
    let started = service.post_json(RUNS, asked).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text());
    service.leaves(&["contacts.import"]);
}

async fn a_key_that_may_not_read_contacts_invites_no_segment(database: &TestDatabase) {
    let service = Service::start(database).await;
    segment(&service).await;
    guests(&service, &names(2)).await;
    let key = async |name: &str, scopes: Value| {
        let fields = json!({ "name": name, "role": "staff", "scopes": scopes });
        let made = service.post_json("/api/v1/keys", fields).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        made.json()["key"].as_str().unwrap().to_owned()
    };
    let send = async |token: &str, path: &str, body: Value| {
        Answer::to(service.open(Method::POST, path).bearer_auth(token).json(&body)).await
    };
    let schedule = |name: &str| {
        json!({ "name": name, "cron": "30 2 * * *", "time_zone": "UTC", "kind": "invitation.start",
                "args": body("Guests") })
    };
    let narrow = key("narrow", json!(["invitation-runs:write", "schedules:write"])).await;
    // Neither says whether there is such a segment.
    for (path, segment) in
        [(RUNS.to_owned(), "Guests"), (format!("{RUNS}/checks"), "Guests"), (RUNS.to_owned(), "VIPs")]
    {
        let said = send(&narrow, &path, body(segment)).await.problem(403, "forbidden");
        assert!(said.contains("segments:read") && !said.contains("Guests"), "{said}");
    }
    let said = send(&narrow, "/api/v1/schedules", schedule("narrow")).await.problem(403, "forbidden");
    assert!(said.contains("segments:read"), "{said}");
    let half = key("half", json!(["invitation-runs:write", "segments:read"])).await;
    let said = send(&half, RUNS, body("Guests")).await.problem(403, "forbidden");
    assert!(said.contains("contacts:read"), "{said}");
    let wide = key("wide", json!(["invitation-runs:write", "schedules:write", "segments:read", "contacts:read"])).await;
    let started = send(&wide, RUNS, body("Guests")).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text());
    let made = send(&wide, "/api/v1/schedules", schedule("wide")).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    service.leaves(&["contacts.import"]);
}
