//! Imports whose rows carry what another contact has, and undoings that give only a part back.

use herald_ledger::Outcome;
use herald_tests::{TestDatabase, on_both_engines};
use herald_worker::runner::Attempt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Answer, Service,
    imports::{act, contact, contacts, counts, import, list, now, path, upload},
    worker::{self, work},
};

on_both_engines! {
    a_row_with_what_another_contact_has_is_left_out_alone,
    what_another_contact_has_is_found_under_the_name_that_stays,
    contacts_cannot_swap_names_within_a_list,
    a_row_that_conflicts_only_once_it_is_taken_in_is_named_then,
    the_file_of_rows_that_are_left_out_is_whole_after_a_kill,
    a_row_that_conflicts_no_more_is_not_in_the_file,
    an_undoing_of_a_part_leaves_the_contact_known_by_what_it_has,
    an_undoing_gives_nobody_what_another_contact_has_since,
}

async fn made(service: &Service, body: Value) -> String {
    let made = service.post_json("/api/v1/contacts", body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn change(service: &Service, id: &str, body: Value) -> Answer {
    Answer::to(service.request(Method::PATCH, &format!("/api/v1/contacts/{id}")).json(&body)).await
}

async fn undo(service: &Service, done: &Value) -> i64 {
    assert_eq!(act(service, done, "undo").await.status, StatusCode::OK);
    work(service).await;
    let undone = now(service, done).await;
    assert_eq!(undone["state"], "undone");
    undone["kept"].as_i64().unwrap()
}

async fn a_row_with_what_another_contact_has_is_left_out_alone(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = made(&service, json!({ "name": "Ann Example", "email": "ann@example.com" })).await;
    let bo = made(&service, json!({ "name": "Bo Example", "external_id": "K-2" })).await;
    let cy = made(&service, json!({ "name": "Cy Example" })).await;
    let rows = format!(
        "herald_id,name,email,id,seats\n{cy},Ann Example,ann@example.com,,1\n{ann},Annie,annie@example.com,K-2,2\n\
         {bo},Bo Example,bo@example.com,,3\n,Di Example,di@example.com,,4\n"
    );
    let done = import(&service, list(&rows).text("mode", "overwrite")).await;
    assert_eq!(counts(&done), [1, 1, 0, 0, 2], "{done}");
    let report = &done["report"];
    assert_eq!((&report["rows"], &report["refused"]), (&json!(4), &json!(2)));
    let problems: Vec<_> =
        report["problems"].as_array().unwrap().iter().map(|one| one["message"].as_str().unwrap()).collect();
    assert_eq!(
        problems,
        [
            format!(
                "its herald_id is one contact's, and its e-mail and name another's: \"Ann Example\", {ann}; correct \
                 the row, or empty its herald_id"
            ),
            format!(
                "its herald_id is one contact's, and its external id another's: \"Bo Example\", {bo}; correct the \
                 row, or empty its herald_id"
            )
        ]
    );
    // Nothing of the two rows was written, and everything of the others.
    assert_eq!(contact(&service, "Ann Example").await["fields"], json!({}));
    assert_eq!(contact(&service, "Cy Example").await["email"], Value::Null);
    assert_eq!(contact(&service, "Bo Example").await["email"], "bo@example.com");
    assert_eq!(contact(&service, "Di Example").await["fields"], json!({ "seats": "4" }));
    // The file of rows that are left out has both, and can be mended.
    let file = String::from_utf8(service.get(&format!("{}/refused.csv", path(&done))).await.body.to_vec()).unwrap();
    assert_eq!(file.lines().count(), 3, "{file}");
    assert!(file.contains(&format!("\"{ann}\",\"Annie\",\"annie@example.com\",\"K-2\",\"2\",\"line 3: its herald_id")));
    let of_cy = format!("\"{cy}\",\"Ann Example\",\"ann@example.com\"");
    let mended = file.replace("K-2", "K-1").replace(&of_cy, "\"\",\"Ed\",\"\"");
    assert_eq!(counts(&import(&service, list(mended)).await), [1, 1, 0, 0, 0]);
}

/// In the mode that fills, the contact keeps its name: with the address of the row it would be another contact.
async fn what_another_contact_has_is_found_under_the_name_that_stays(database: &TestDatabase) {
    let service = Service::start(database).await;
    let first = made(&service, json!({ "name": "Ann Example" })).await;
    let other = made(&service, json!({ "name": "Ann Example", "email": "ann@example.com" })).await;
    let rows = format!("herald_id,name,email\n{first},Anna Example,ann@example.com\n,Bo Example,bo@example.com\n");
    let done = import(&service, list(rows)).await;
    assert_eq!(counts(&done), [1, 0, 0, 0, 1], "{done}");
    assert!(done["report"]["problems"][0]["message"].as_str().unwrap().contains(&other), "{done}");
}

async fn contacts_cannot_swap_names_within_a_list(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = made(&service, json!({ "name": "Ann Example", "email": "both@example.com" })).await;
    let bo = made(&service, json!({ "name": "Bo Example", "email": "both@example.com" })).await;
    // The first row frees a name, which the second one wants.
    let rows = format!("herald_id,name,email\n{ann},Cy Example,both@example.com\n{bo},Ann Example,both@example.com\n");
    let swap = |rows: &str| list(rows).text("mode", "overwrite");
    let done = import(&service, swap(&rows)).await;
    assert_eq!(counts(&done), [0, 1, 0, 0, 1], "{done}");
    // The name is free now.
    assert_eq!(counts(&import(&service, swap(&rows)).await), [0, 1, 1, 0, 0]);
    let names: Vec<_> = contacts(&service).await.into_iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["Ann Example", "Cy Example"]);
}

async fn a_row_that_conflicts_only_once_it_is_taken_in_is_named_then(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = made(&service, json!({ "name": "Ann Example" })).await;
    let rows = format!("herald_id,name,email\n{ann},Ann Example,ann@example.com\n,Bo Example,bo@example.com\n");
    let checked = upload(&service, list(rows)).await;
    work(&service).await;
    assert_eq!(now(&service, &checked).await["report"]["refused"], 0);
    made(&service, json!({ "name": "Ann Example", "email": "ann@example.com" })).await;
    assert_eq!(act(&service, &checked, "start").await.status, StatusCode::OK);
    work(&service).await;
    let done = now(&service, &checked).await;
    assert_eq!((&done["state"], counts(&done)), (&json!("done"), [1, 0, 0, 0, 1]));
    let problem = &done["report"]["problems"][0];
    assert_eq!((&problem["line"], &problem["name"]), (&json!(2), &json!("Ann Example")));
}

async fn refused(service: &Service, import: &Value) -> Vec<String> {
    let file = service.get(&format!("{}/refused.csv", path(import))).await;
    assert_eq!(file.status, StatusCode::OK, "{}", file.text());
    file.text().lines().map(str::to_owned).collect()
}

async fn the_file_of_rows_that_are_left_out_is_whole_after_a_kill(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = made(&service, json!({ "name": "Ann Example" })).await;
    let cy = made(&service, json!({ "name": "Cy Example", "email": "cy@example.com" })).await;
    let di = made(&service, json!({ "name": "Di Example" })).await;
    let rows = format!(
        "herald_id,name,email,seats\n{di},Cy Example,cy@example.com,1\n{ann},Ann Example,ann@example.com,2\n\
         ,,nobody@example.com,3\n,Bo Example,bo@example.com,4\n"
    );
    let checked = upload(&service, list(rows).text("mode", "overwrite")).await;
    work(&service).await;
    assert_eq!(now(&service, &checked).await["report"]["refused"], 2);
    let known = refused(&service, &checked).await;
    assert!(known.len() == 3 && known[1].contains(&cy) && known[2].contains("no name"), "{known:?}");
    made(&service, json!({ "name": "Ann Example", "email": "ann@example.com" })).await;
    assert_eq!(act(&service, &checked, "start").await.status, StatusCode::OK);
    let job = worker::lease_next(&service, "control").await;
    // The first attempt is killed when the rows are taken in. It goes on only while it is polled.
    let handlers = service.handlers();
    let mut attempt = Box::pin(handlers(Attempt { job: job.clone(), cancelled: CancellationToken::new() }));
    while now(&service, &checked).await["cursor_row"] == 0 {
        assert!(futures::poll!(&mut attempt).is_pending(), "the file is written behind the rows");
    }
    drop(attempt);
    for _ in 0..2 {
        let outcome = worker::outcome(&service, &job).await;
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
        let done = now(&service, &checked).await;
        assert_eq!((&done["state"], counts(&done)), (&json!("done"), [1, 0, 0, 0, 3]), "{done}");
        let whole = refused(&service, &checked).await;
        assert_eq!((&whole[0], &whole[1], whole.len()), (&known[0], &known[1], 4), "{whole:?}");
        assert!(whole[2].contains("ann@example.com") && whole[2].contains("another's"), "{whole:?}");
        assert_eq!(whole[3], known[2]);
    }
    worker::commit(&service, job, worker::done()).await;
}

async fn a_row_that_conflicts_no_more_is_not_in_the_file(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = made(&service, json!({ "name": "Ann Example" })).await;
    let other = made(&service, json!({ "name": "Ann Example", "email": "ann@example.com" })).await;
    let rows = format!("herald_id,name,email\n{ann},Ann Example,ann@example.com\n,Bo Example,bo@example.com\n");
    let checked = upload(&service, list(rows)).await;
    work(&service).await;
    assert_eq!(refused(&service, &checked).await.len(), 2);
    assert_eq!(change(&service, &other, json!({ "name": "Ann Other" })).await.status, StatusCode::OK);
    assert_eq!(act(&service, &checked, "start").await.status, StatusCode::OK);
    work(&service).await;
    assert_eq!(counts(&now(&service, &checked).await), [1, 1, 0, 0, 0]);
    service.get(&format!("{}/refused.csv", path(&checked))).await.problem(404, "not-found");
}

async fn an_undoing_of_a_part_leaves_the_contact_known_by_what_it_has(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = made(&service, json!({ "name": "Ann Example", "email": "ann@example.com" })).await;
    let rows = format!("herald_id,name,email\n{id},Anna Example,anna@example.com\n");
    let done = import(&service, list(rows).text("mode", "overwrite")).await;
    assert_eq!(counts(&done), [0, 1, 0, 0, 0]);
    // Somebody corrects the address since: the undoing gives back the name alone.
    change(&service, &id, json!({ "email": "ann@example.org" })).await;
    assert_eq!(undo(&service, &done).await, 1);
    let ann = contact(&service, "Ann Example").await;
    assert_eq!((&ann["id"], &ann["email"]), (&json!(id), &json!("ann@example.org")));
    // A list finds the contact by what it has now, and nobody by what it had.
    let known = import(&service, list("name,email\nAnn Example,ann@example.org\n")).await;
    assert_eq!(counts(&known), [0, 0, 1, 0, 0]);
    for email in ["ann@example.com", "anna@example.com"] {
        made(&service, json!({ "name": "Ann Example", "email": email })).await;
    }
    let ann = json!({ "name": "Ann Example", "email": "ann@example.org" });
    let said = service.post_json("/api/v1/contacts", ann).await;
    assert_eq!(said.status, StatusCode::CONFLICT, "{}", said.text());
}

async fn an_undoing_gives_nobody_what_another_contact_has_since(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = made(&service, json!({ "name": "Ann Example", "email": "ann@example.com" })).await;
    let rows = format!("herald_id,name,email,seats\n{id},Anna Example,ann@example.com,4\n");
    let done = import(&service, list(rows).text("mode", "overwrite")).await;
    made(&service, json!({ "name": "Ann Example", "email": "ann@example.com" })).await;
    assert_eq!(undo(&service, &done).await, 1);
    // The name stays, everything else is as it was.
    let anna = contact(&service, "Anna Example").await;
    assert_eq!((&anna["id"], &anna["fields"]), (&json!(id), &json!({})));
    // What the import itself has made is in nobody's way.
    let rows = format!("herald_id,name,email\n{id},Cy Example,ann@example.com\n,Anna Example,ann@example.com\n");
    let both = import(&service, list(rows).text("mode", "overwrite")).await;
    assert_eq!(counts(&both), [1, 1, 0, 0, 0]);
    assert_eq!(undo(&service, &both).await, 0);
    assert_eq!(contact(&service, "Anna Example").await["id"], json!(id));
}
