//! Watching runs, cancelling them, and trying again what failed.

use std::time::Duration;

use herald_ledger::Outcome;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Service, worker};

on_both_engines! {
    a_run_tells_its_counts_guests_and_problems,
    guests_come_in_pages_and_by_state,
    runs_come_in_pages_newest_first,
    results_come_when_the_run_has_ended,
    a_cancelled_run_starts_nothing_and_stops_what_runs,
    what_failed_is_tried_again,
    a_retried_job_takes_its_guest_up_again,
    a_retried_import_goes_on,
}

const LIST: &str = "name,table\nAna Example,1\nBo Example,2\nCy Example,3\n";
const NAMES: [&str; 3] = ["Ana Example", "Bo Example", "Cy Example"];
const RUNS: &str = "/api/v1/invitation-runs";

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|guest| guest["name"].as_str().unwrap()).collect()
}

async fn a_run_tells_its_counts_guests_and_problems(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.template().await;
    let id = service.run(LIST).await;
    worker::import(&service, id, &NAMES).await;
    let waiting = service.get(&format!("{RUNS}/{id}/guests")).await.json();
    assert_eq!((&waiting["items"][0]["state"], &waiting["items"][0]["link"]), (&json!("pending"), &Value::Null));
    worker::finish(&service, &[Ok(()), Err("the font is broken: replace it"), Ok(())]).await;

    let run = service.get(&format!("{RUNS}/{id}")).await.json();
    assert_eq!(run["state"], "complete", "{run}");
    for (count, expected) in
        [("total", 3), ("made", 2), ("failed", 1), ("rejected", 1), ("already", 0), ("cancelled", 0)]
    {
        assert_eq!(run[count], expected, "{count}");
    }
    assert_eq!((&run["batch"]["succeeded"], &run["batch"]["dead"]), (&json!(3), &json!(1)));
    assert_eq!(
        run["problems"],
        json!([{"line": 9, "guest": "", "fatal": true, "message": "the guest has no name; fill it in"}])
    );
    assert_eq!(run["more_problems"], false);

    let guests = service.get(run["guests_url"].as_str().unwrap()).await.json();
    assert_eq!(names(&guests), NAMES);
    let made = guests["items"].as_array().unwrap().iter().find(|guest| guest["state"] == "made").unwrap();
    assert_eq!(made["notes"], json!(["the name was set smaller to fit"]));
    assert!(made["link"].as_str().unwrap().starts_with("http"));
    assert_eq!(made["lucky_number"].as_str().unwrap().len(), 4);
    let failed = guests["items"].as_array().unwrap().iter().find(|guest| guest["state"] == "failed").unwrap();
    assert_eq!(failed["reason"], "the font is broken: replace it");
    service.get(&format!("{RUNS}/{}", service.db.new_id())).await.problem(404, "not-found");
}

async fn guests_come_in_pages_and_by_state(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.template().await;
    let id = service.run(LIST).await;
    worker::import(&service, id, &NAMES).await;
    worker::finish(&service, &[Ok(()), Err("broken"), Ok(())]).await;
    let first = service.get(&format!("{RUNS}/{id}/guests?limit=2")).await.json();
    assert_eq!(names(&first), NAMES[..2]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = service.get(&format!("{RUNS}/{id}/guests?limit=2&cursor={cursor}")).await.json();
    assert_eq!(names(&second), NAMES[2..]);
    assert_eq!(second["next_cursor"], Value::Null);
    assert_eq!(names(&service.get(&format!("{RUNS}/{id}/guests?state=made")).await.json()).len(), 2);
    assert_eq!(names(&service.get(&format!("{RUNS}/{id}/guests?state=failed")).await.json()).len(), 1);
    let refused = service.get(&format!("{RUNS}/{id}/guests?state=done")).await;
    assert!(refused.problem(422, "invalid-field").contains("pending, made, failed or cancelled"));
    service.get(&format!("{RUNS}/{}/guests", service.db.new_id())).await.problem(404, "not-found");
}

async fn runs_come_in_pages_newest_first(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["contacts.import"]);
    service.template().await;
    let mut ids = Vec::new();
    for seat in 0..3 {
        service.db.clock().advance(Duration::from_millis(5));
        ids.insert(0, service.run(&format!("name,table\nAna Example,{seat}\n")).await.to_string());
    }
    let of = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
    };
    let first = service.get(&format!("{RUNS}?limit=2")).await.json();
    assert_eq!(of(&first), ids[..2]);
    let next = first["next_cursor"].as_str().unwrap();
    let second = service.get(&format!("{RUNS}?limit=2&cursor={next}")).await.json();
    assert_eq!((of(&second), &second["next_cursor"]), (ids[2..].to_vec(), &Value::Null));
}

async fn results_come_when_the_run_has_ended(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.template().await;
    let id = service.run(LIST).await;
    let results = format!("{RUNS}/{id}/results.csv");
    let early = service.get(&results).await;
    assert!(early.problem(409, "wrong-state").contains("still importing"));
    assert_eq!(early.header("retry-after"), "2");
    worker::import(&service, id, &NAMES).await;
    worker::finish(&service, &[Ok(()), Ok(()), Ok(())]).await;
    assert!(service.get(&results).await.problem(409, "wrong-state").contains("the results are not ready"));
    worker::summarise(&service, id).await;
    let table = service.get(&results).await;
    assert_eq!(table.status, StatusCode::OK);
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(table.header("content-disposition"), "attachment; filename=\"results.csv\"");
    assert_eq!(table.header("content-length"), table.body.len().to_string());
    assert!(table.text().contains("Ana Example") && table.text().contains("rejected"), "{}", table.text());
    service.get(&format!("{RUNS}/{}/results.csv", service.db.new_id())).await.problem(404, "not-found");
}

async fn a_cancelled_run_starts_nothing_and_stops_what_runs(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.render"]);
    service.template().await;
    let id = service.run(LIST).await;
    worker::import(&service, id, &NAMES).await;
    let demand = [herald_ledger::Demand { queue: "cpu".to_owned(), limit: 1, waiting: 0 }];
    let running = herald_ledger::dispatch(&service.db, &demand, "test", Duration::from_secs(30)).await.unwrap();
    let mut cancels = service.wire.cancels();
    let cancelled = service.post(&format!("{RUNS}/{id}/cancel")).await;
    assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.text());
    assert_eq!((&cancelled.json()["state"], &cancelled.json()["cancelled"]), (&json!("cancelled"), &json!(3)));
    assert_eq!(cancels.recv().await.unwrap(), running.jobs[0].id);
    assert!(worker::lease(&service, "cpu").await.is_empty());
    let again = service.post(&format!("{RUNS}/{id}/cancel")).await;
    assert!(again.problem(409, "wrong-state").contains("already cancelled"));
    service.post(&format!("{RUNS}/{}/cancel", service.db.new_id())).await.problem(404, "not-found");
}

async fn what_failed_is_tried_again(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.template().await;
    let id = service.run(LIST).await;
    worker::import(&service, id, &NAMES).await;
    worker::finish(&service, &[Ok(()), Err("broken"), Ok(())]).await;
    let retried = service.post(&format!("{RUNS}/{id}/retry")).await;
    assert_eq!(retried.status, StatusCode::ACCEPTED, "{}", retried.text());
    assert_eq!(retried.header("location"), format!("{RUNS}/{id}"));
    let run = retried.json();
    assert_eq!((&run["enqueued"], &run["state"], &run["failed"]), (&json!(1), &json!("running"), &json!(0)));
    worker::finish(&service, &[Ok(())]).await;
    let run = service.get(&format!("{RUNS}/{id}")).await.json();
    assert_eq!((&run["state"], &run["made"]), (&json!("complete"), &json!(3)));
    let nothing = service.post(&format!("{RUNS}/{id}/retry")).await;
    assert_eq!((nothing.status, &nothing.json()["enqueued"]), (StatusCode::OK, &json!(0)));
    service.post(&format!("{RUNS}/{}/retry", service.db.new_id())).await.problem(404, "not-found");
}

async fn a_retried_job_takes_its_guest_up_again(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.template().await;
    let id = service.run(LIST).await;
    worker::import(&service, id, &NAMES).await;
    worker::finish(&service, &[Ok(()), Err("broken"), Ok(())]).await;
    let dead = service.get("/api/v1/jobs?state=dead").await.json()["items"][0]["id"].clone();
    let retried = service.post(&format!("/api/v1/jobs/{}/retry", dead.as_str().unwrap())).await;
    assert_eq!(retried.status, StatusCode::ACCEPTED, "{}", retried.text());
    let run = service.get(&format!("{RUNS}/{id}")).await.json();
    assert_eq!((&run["state"], &run["failed"], &run["finished_at"]), (&json!("running"), &json!(0), &Value::Null));
    worker::finish(&service, &[Ok(())]).await;
    let run = service.get(&format!("{RUNS}/{id}")).await.json();
    assert_eq!((&run["state"], &run["made"], &run["failed"]), (&json!("complete"), &json!(3), &json!(0)));
}

async fn a_retried_import_goes_on(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.template().await;
    let id = service.run(LIST).await;
    let import = worker::lease_next(&service, "control").await;
    let job = import.id;
    worker::commit(&service, import, Outcome::Dead { error: "the list is gone".to_owned() }).await;
    let run = service.get(&format!("{RUNS}/{id}")).await.json();
    assert_eq!((&run["state"], &run["reason"]), (&json!("failed"), &json!("the list is gone")));
    assert_eq!(service.post(&format!("/api/v1/jobs/{job}/retry")).await.status, StatusCode::ACCEPTED);
    let run = service.get(&format!("{RUNS}/{id}")).await.json();
    assert_eq!((&run["state"], &run["reason"]), (&json!("importing"), &Value::Null));
    worker::import(&service, id, &NAMES).await;
    worker::finish(&service, &[Ok(()), Ok(()), Ok(())]).await;
    assert_eq!(service.get(&format!("{RUNS}/{id}")).await.json()["state"], "complete");
}
