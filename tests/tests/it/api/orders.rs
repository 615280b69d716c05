//! Ordering a job: who may, with which arguments, and what becomes of a second one.

use chrono::TimeDelta;
use herald_ledger as ledger;
use herald_ledger::{Callbacks, NewBatch};
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Service, worker};
use crate::ground::{number, run_sql};

on_both_engines! {
    an_ordered_job_waits_as_it_was_ordered,
    what_is_wrong_with_an_order_is_pointed_at,
    what_is_of_another_workspace_is_not_found,
    only_who_may_start_a_kind_orders_it,
    a_live_job_with_the_same_key_is_the_answer,
    a_key_of_an_order_is_none_of_heralds_own,
    a_job_joins_a_batch_that_takes_jobs,
    an_order_that_is_sent_again_is_one_job,
    each_kind_that_can_be_ordered_is_described,
}

const JOBS: &str = "/api/v1/jobs";

fn preview(template: Uuid) -> Value {
    json!({ "kind": "template.preview", "args": { "template_id": template, "fields": {}, "format": "png" } })
}

fn with(mut order: Value, name: &str, value: impl Into<Value>) -> Value {
    order[name] = value.into();
    order
}

async fn key(service: &Service, fields: Value) -> String {
    let made = service.post_json("/api/v1/keys", fields).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()["key"].as_str().unwrap().to_owned()
}

async fn order_by(service: &Service, token: &str, order: &Value) -> Answer {
    Answer::to(service.open(Method::POST, JOBS).bearer_auth(token).json(order)).await
}

async fn an_ordered_job_waits_as_it_was_ordered(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["template.preview"]);
    let template = service.template().await;
    let soon = service.db.now() + TimeDelta::hours(1);
    let late = soon + TimeDelta::hours(1);
    let order = with(with(preview(template), "run_at", soon.to_rfc3339()), "expires_at", late.to_rfc3339());
    let made = service.post_json(JOBS, with(order, "priority", -7)).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.text());
    let job = made.json();
    assert_eq!(made.header("location"), format!("{JOBS}/{}", job["id"].as_str().unwrap()));
    assert_eq!((&job["state"], &job["priority"], &job["duplicate"]), (&json!("ready"), &json!(-7), &json!(false)));
    assert_eq!(job["args"]["template_id"], template.to_string());
    assert!(worker::lease(&service, "cpu").await.is_empty(), "it is not due yet");
    assert_eq!(service.get(made.header("location")).await.json()["kind"], "template.preview");
    let log = service.get("/api/v1/audit?action=job.enqueue").await.json();
    assert_eq!((&log["items"][0]["target"], &log["items"][0]["affected"]), (&job["id"], &json!(1)));
    service.post_json(JOBS, preview(template)).await;
    let due = worker::lease(&service, "cpu").await;
    assert_eq!(due.len(), 1, "without a time it is due at once");
}

async fn what_is_wrong_with_an_order_is_pointed_at(database: &TestDatabase) {
    let service = Service::start(database).await;
    let template = service.template().await;
    let fine = preview(template);
    let arg = |name: &str, value: Value| {
        let mut order = fine.clone();
        order["args"][name] = value;
        order
    };
    let past = (service.db.now() - TimeDelta::seconds(1)).to_rfc3339();
    let test = json!({ "kind": "connection.test", "args": { "connection_id": template } });
    for (order, pointer, says) in [
        (json!({ "kind": "nothing.at_all", "args": {} }), "/kind", "there is no kind of job"),
        (json!({ "kind": "face.crop", "args": { "invitation_id": template } }), "/kind", "cannot be started directly"),
        (json!({ "kind": "jobs.act", "args": {} }), "/kind", "cannot be started directly"),
        (json!({ "kind": "portrait.crop", "args": {} }), "/kind", "cannot be started directly"),
        (json!({ "kind": "template.preview", "args": {} }), "/args", "missing field"),
        (arg("fromat", json!("png")), "/args/fromat", "has no argument fromat"),
        (arg("template_id", json!("gala")), "/args/template_id", "UUID"),
        (arg("fields", json!({ "name": 1 })), "/args/fields/name", "invalid type"),
        (with(fine.clone(), "priority", 101), "/priority", "use -100 to 100"),
        (with(fine.clone(), "run_at", "1066-10-14T09:00:00Z"), "/run_at", "1970 to 9999"),
        (with(fine.clone(), "run_at", "tomorrow"), "/run_at", ""),
        (with(fine.clone(), "expires_at", past), "/expires_at", "use a later time"),
        (with(fine.clone(), "unique_key", ""), "/unique_key", "1 to 200 bytes"),
        (with(test, "unique_key", "mine"), "/unique_key", "has a unique key of its own"),
        (with(fine.clone(), "args", json!([])), "/args", ""),
    ] {
        let refused = service.post_json(JOBS, order.clone()).await;
        assert!(refused.problem(422, "invalid-field").contains(says), "{order}: {}", refused.text());
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer, "{order}: {}", refused.text());
    }
    service.post_json(JOBS, with(fine.clone(), "colour", "red")).await.problem(422, "invalid-field");
    service.post_json(JOBS, json!({ "kind": "template.preview" })).await.problem(422, "invalid-field");
    let text = service.request(Method::POST, JOBS).header("content-type", "text/plain").body("{}");
    Answer::to(text).await.problem(415, "unsupported-media-type");
    assert_eq!(number(&service.db, "select count(*) from jobs").await, 0);
    assert_eq!(service.get("/api/v1/audit?action=job.enqueue").await.json()["items"], json!([]));
}

async fn what_is_of_another_workspace_is_not_found(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["connection.test", "invitation.start", "template.preview"]);
    let template = service.template().await;
    let other = service.other_workspace().await;
    let mautic =
        json!({ "provider": "mautic", "url": "https://crm.example.com", "user": "ann", "password": "not a real one" });
    let saved = Answer::to(service.request(Method::PUT, "/api/v1/connections/ours").json(&mautic)).await.json();
    let plan = json!({ "event": "Gala", "template": template, "source": { "kind": "mautic", "form": 3 } });
    for (order, pointer) in [
        (preview(template), "/args/template_id"),
        (json!({ "kind": "connection.test", "args": { "connection_id": saved["id"] } }), "/args/connection_id"),
        (json!({ "kind": "invitation.start", "args": plan }), "/args/template"),
    ] {
        let refused = order_by(&service, &other, &order).await;
        assert!(refused.problem(404, "not-found").contains("in this workspace"), "{}", refused.text());
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer);
        let ours = service.post_json(JOBS, order).await;
        assert_eq!(ours.status, StatusCode::ACCEPTED, "{}", ours.text());
    }
}

async fn only_who_may_start_a_kind_orders_it(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["probe.run", "template.preview"]);
    let order = preview(service.template().await);
    let viewer = key(&service, json!({ "name": "looks", "role": "viewer" })).await;
    order_by(&service, &viewer, &order).await.problem(403, "forbidden");
    let staff = key(&service, json!({ "name": "works", "role": "staff" })).await;
    assert_eq!(order_by(&service, &staff, &order).await.status, StatusCode::ACCEPTED);
    let probe = json!({ "kind": "probe.run", "args": { "probe": "canary", "number": 0 } });
    let refused = order_by(&service, &staff, &probe).await.problem(403, "forbidden");
    assert!(refused.contains("only its administrators"), "{refused}");
    assert_eq!(service.post_json(JOBS, probe).await.status, StatusCode::ACCEPTED);
    // A key with scopes needs that of the endpoint and that of the kind.
    let narrow = key(&service, json!({ "name": "narrow", "role": "staff", "scopes": ["jobs:write"] })).await;
    let refused = order_by(&service, &narrow, &order).await.problem(403, "forbidden");
    assert!(refused.contains("templates:write"), "{refused}");
    let scopes = json!(["jobs:write", "templates:write"]);
    let wide = key(&service, json!({ "name": "wide", "role": "staff", "scopes": scopes })).await;
    assert_eq!(order_by(&service, &wide, &order).await.status, StatusCode::ACCEPTED);
}

async fn a_live_job_with_the_same_key_is_the_answer(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["connection.test", "template.preview"]);
    let template = service.template().await;
    let order = with(preview(template), "unique_key", "poster");
    let first = service.post_json(JOBS, order.clone()).await.json();
    let second = service.post_json(JOBS, order.clone()).await;
    assert_eq!((&second.json()["id"], &second.json()["duplicate"]), (&first["id"], &json!(true)));
    assert_eq!(second.header("location"), format!("{JOBS}/{}", first["id"].as_str().unwrap()));
    let log = service.get("/api/v1/audit?action=job.enqueue").await.json();
    assert_eq!(log["items"].as_array().unwrap().len(), 1, "nothing was enqueued");
    // A kind with a key of its own says so, too.
    let mautic =
        json!({ "provider": "mautic", "url": "https://crm.example.com", "user": "ann", "password": "not a real one" });
    let saved = Answer::to(service.request(Method::PUT, "/api/v1/connections/ours").json(&mautic)).await.json();
    let test = json!({ "kind": "connection.test", "args": { "connection_id": saved["id"] } });
    let one = service.post_json(JOBS, test.clone()).await.json();
    let two = service.post_json(JOBS, test).await.json();
    assert_eq!((&two["id"], &two["duplicate"]), (&one["id"], &json!(true)));
    // Once it has ended, its key is free.
    let job = worker::lease_next(&service, "cpu").await;
    worker::commit(&service, job, worker::done()).await;
    let third = service.post_json(JOBS, order).await.json();
    assert_eq!(third["duplicate"], false);
    assert_ne!(third["id"], first["id"]);
}

async fn a_key_of_an_order_is_none_of_heralds_own(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["contacts.import", "template.preview"]);
    let template = service.template().await;
    let run = service.run("name,table\nAna Example,1\n").await;
    let order = with(preview(template), "unique_key", format!("import:{run}"));
    let made = service.post_json(JOBS, order).await.json();
    assert_eq!(made["duplicate"], false);
    assert_eq!(made["kind"], "template.preview");
}

async fn a_job_joins_a_batch_that_takes_jobs(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["template.preview"]);
    let template = service.template().await;
    let mut tx = service.db.begin().await.unwrap();
    let new = NewBatch { workspace_id: service.workspace, name: "a batch".to_owned(), callbacks: Callbacks::default() };
    let batch = ledger::create_batch(&mut tx, new).await.unwrap();
    tx.commit().await.unwrap();
    let order = with(preview(template), "batch", batch.to_string());
    let made = service.post_json(JOBS, order.clone()).await.json();
    assert_eq!(made["batch_id"], batch.to_string());
    assert_eq!(service.get(&format!("/api/v1/batches/{batch}")).await.json()["total"], 1);
    let nowhere = service.post_json(JOBS, with(preview(template), "batch", service.db.new_id().to_string())).await;
    nowhere.problem(404, "not-found");
    assert_eq!(nowhere.json()["errors"][0]["pointer"], "/batch");
    run_sql(&service.db, "update batches set state = 'cancelled'").await;
    let late = service.post_json(JOBS, order).await;
    assert!(late.problem(409, "wrong-state").contains("was cancelled"), "{}", late.text());
    assert_eq!(number(&service.db, "select count(*) from jobs").await, 1);
}

async fn an_order_that_is_sent_again_is_one_job(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["template.preview"]);
    let order = preview(service.template().await);
    let send = async |order: &Value| {
        Answer::to(service.request(Method::POST, JOBS).header("idempotency-key", "one").json(order)).await
    };
    let (first, again) = (send(&order).await, send(&order).await);
    assert_eq!((&again.body, again.header("location")), (&first.body, first.header("location")));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(number(&service.db, "select count(*) from jobs").await, 1);
    send(&with(order, "priority", 1)).await.problem(422, "key-reused");
}

async fn each_kind_that_can_be_ordered_is_described(database: &TestDatabase) {
    let service = Service::start(database).await;
    let schemas = &service.described["components"]["schemas"];
    let mut kinds = Vec::new();
    for variant in schemas["NewJob"]["oneOf"].as_array().unwrap() {
        let name = variant["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let kind = schemas[name]["properties"]["kind"]["enum"][0].as_str().unwrap();
        assert_eq!(schemas["NewJob"]["discriminator"]["mapping"][kind], variant["$ref"]);
        assert_eq!(schemas[name]["properties"]["args"]["additionalProperties"], false, "{kind}");
        kinds.push(kind);
    }
    let open =
        ["connection.test", "crm.sync", "invitation.start", "probe.run", "report.daily_leads", "template.preview"];
    assert_eq!(kinds, open);
}
