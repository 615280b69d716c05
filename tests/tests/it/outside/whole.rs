//! The whole way: contacts from Mautic, invitations into Drive or a bucket, links back.

use std::collections::BTreeSet;

use herald_accounts as connections;
use herald_accounts::Connection;
use herald_app::jobs::{ConnectionTest, InvitationStart};
use herald_ledger as ledger;
use herald_ledger::Payload;
use herald_tests::{TestDatabase, on_both_engines, wait_until};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    Outreach,
    outreach::{FORM, pass_time},
};

on_both_engines! {
    who_fills_in_a_form_gets_a_file_in_drive_and_a_link_in_mautic,
    the_next_run_reads_on_and_makes_nothing_twice,
    who_has_a_link_already_is_left_alone,
    a_segment_is_read_by_id_and_who_is_done_is_not_read_again,
    a_picture_that_was_sent_with_the_form_is_used_if_it_is_public,
    a_bucket_gets_the_file_and_mautic_heralds_link,
    drawing_again_changes_the_file_and_keeps_its_link,
    a_planned_run_is_started_by_a_job,
    who_comes_while_an_earlier_run_is_at_work_is_invited_by_the_next,
    a_connection_test_says_what_is_wrong,
    a_connection_test_calls_a_person_only_for_what_a_person_must_set_right,
}

async fn who_fills_in_a_form_gets_a_file_in_drive_and_a_link_in_mautic(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(12);
    let worker = app.begin_work();
    let id = app.begin(&app.plan()).await;
    let run = app.ended(id).await;
    worker.stop().await;
    assert_eq!((run.state.as_str(), run.made, run.failed), ("complete", 12, 0));
    let files = app.google().files();
    assert_eq!(files.len(), 12);
    let folders = app.google().folders();
    let event: Vec<_> = folders.iter().filter(|folder| folder.name == "Gala").collect();
    assert_eq!(event.len(), 1);
    for row in app.rows(id).await {
        let contact = app.mautic().contact(contact_of(&row.name)).unwrap();
        assert_eq!(contact["lucky_number"], row.lucky_number);
        let file = files.iter().find(|file| file.web_view_link == contact["invitation_link"]).unwrap();
        assert_eq!(file.parents, [event[0].id.clone()]);
        assert!(file.public && !file.trashed);
        assert_eq!(file.name, format!("invitation-{}.jpg", row.lucky_number));
        assert_eq!(file.sha256, hex::encode(Sha256::digest(&file.bytes)));
        // What the QR code says is where the file is.
        assert_eq!(row.link, file.web_view_link);
        assert_eq!(row.outside_link, Some(file.web_view_link.clone()));
    }
    assert_eq!((app.mautic().merges(), app.mautic().wipes(), app.mautic().truncations()), (0, 0, 0));
}

fn contact_of(name: &str) -> u64 {
    name.strip_prefix("Guest").unwrap().split(' ').next().unwrap().parse().unwrap()
}

async fn the_next_run_reads_on_and_makes_nothing_twice(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(5);
    let worker = app.begin_work();
    let first = app.begin(&app.plan()).await;
    app.ended(first).await;
    app.guests(3);
    let second = app.begin(&app.plan()).await;
    assert_ne!(first, second);
    let run = app.ended(second).await;
    worker.stop().await;
    assert_eq!((run.total, run.made), (3, 3));
    assert_eq!(app.google().files().len(), 8);
    assert!(app.google().files().iter().all(|file| file.versions == 1));
    assert!(app.mautic().writes("invitation_link").values().all(|writes| writes.count == 1));
}

async fn who_has_a_link_already_is_left_alone(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(2);
    app.mautic().set_field(1, "invitation_link", "https://example.com/by-hand");
    let worker = app.begin_work();
    let id = app.begin(&app.plan()).await;
    let run = app.ended(id).await;
    worker.stop().await;
    assert_eq!((run.total, run.made, run.already), (2, 1, 1));
    assert_eq!(app.mautic().contact(1).unwrap()["invitation_link"], "https://example.com/by-hand");
}

async fn a_segment_is_read_by_id_and_who_is_done_is_not_read_again(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(4);
    app.mautic().add_segment("vip", &[2, 4]);
    let mut plan = app.plan();
    plan.source = serde_json::from_value(json!({ "kind": "mautic", "segment": "vip" })).unwrap();
    let worker = app.begin_work();
    let first = app.begin(&plan).await;
    assert_eq!(app.ended(first).await.made, 2);
    // One with a lower id joins later.
    app.mautic().add_segment("vip", &[1]);
    let second = app.begin(&plan).await;
    let run = app.ended(second).await;
    worker.stop().await;
    assert_eq!((run.total, run.made), (1, 1));
    assert!(!app.mautic().contact(3).unwrap().contains_key("invitation_link"));
}

async fn a_picture_that_was_sent_with_the_form_is_used_if_it_is_public(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    let mut picture = Vec::new();
    let noise = image::RgbImage::from_fn(80, 80, |x, y| image::Rgb([(x * 3) as u8, (y * 3) as u8, 90]));
    noise.write_to(&mut std::io::Cursor::new(&mut picture), image::ImageFormat::Jpeg).unwrap();
    for (name, public) in [("Guest1", true), ("Guest2", false)] {
        let id = app.mautic().add_contact(&[("firstname", name), ("email", &format!("{name}@example.com"))]);
        let submission = app.mautic().submit(FORM, id, &[("photo", "me.jpg")]);
        app.mautic().put_file(submission, "photo", picture.clone(), public);
    }
    let mut plan = app.plan();
    plan.source = serde_json::from_value(json!({ "kind": "mautic", "form": FORM, "picture_field": "photo" })).unwrap();
    // A template that shows the guest's portrait needs the picture.
    plan.template = app.portrait_template().await;
    let worker = app.begin_work();
    let id = app.begin(&plan).await;
    let run = app.ended(id).await;
    worker.stop().await;
    assert_eq!((run.made, run.failed), (2, 0));
    let rows = app.rows(id).await;
    let note = |name: &str| rows.iter().find(|row| row.name.starts_with(name)).unwrap().portrait_notes.0.join(" ");
    assert!(note("Guest1").contains("no face was found"), "{}", note("Guest1"));
    assert!(note("Guest2").contains("public"), "{}", note("Guest2"));
}

async fn a_bucket_gets_the_file_and_mautic_heralds_link(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.connect_s3().await;
    app.guests(3);
    let worker = app.begin_work();
    let id = app.begin(&app.plan_to(json!({ "kind": "s3" }))).await;
    let run = app.ended(id).await;
    worker.stop().await;
    assert_eq!((run.made, run.failed), (3, 0));
    let keys: Vec<String> = app.s3().keys().into_iter().filter(|key| key.starts_with("outside/gala/")).collect();
    assert_eq!(keys.len(), 3, "{keys:?}");
    let links: BTreeSet<String> =
        app.mautic().contacts().values().map(|contact| contact["invitation_link"].clone()).collect();
    assert_eq!(links.len(), 3);
    assert!(links.iter().all(|link| link.starts_with("http://herald.example/i/")));
    assert!(app.google().files().is_empty());
}

async fn drawing_again_changes_the_file_and_keeps_its_link(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(1);
    let worker = app.begin_work();
    let first = app.begin(&app.plan()).await;
    app.ended(first).await;
    let before = app.google().files().remove(0);
    app.mautic().set_field(1, "firstname", "Renamed");
    let mut plan = app.plan();
    plan.refresh = true;
    let second = app.begin(&plan).await;
    assert_eq!(app.ended(second).await.made, 1);
    worker.stop().await;
    let files = app.google().files();
    assert_eq!(files.len(), 1);
    assert_eq!((files[0].id.clone(), files[0].versions), (before.id, 2));
    assert_ne!(files[0].sha256, before.sha256);
}

async fn a_planned_run_is_started_by_a_job(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(2);
    let worker = app.begin_work();
    let job = app.enqueue(InvitationStart { run: app.plan() }.job(app.workspace)).await;
    wait_until("the files are there", async || {
        pass_time(&app.db).await;
        app.google().files().len() == 2
    })
    .await;
    let row = ledger::find_job(&app.db, app.workspace, job).await.unwrap().unwrap();
    let run = row.result.unwrap().0["run_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(app.ended(run).await.made, 2);
    worker.stop().await;
}

async fn who_comes_while_an_earlier_run_is_at_work_is_invited_by_the_next(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(2);
    let worker = app.begin_work();
    // One run to make the event's folder and fill the pool of ids, so that the next can read while Drive is away.
    let first = app.begin(&app.plan()).await;
    app.ended(first).await;
    app.guests(1);
    app.google().faults().down(true);
    let second = app.begin(&app.plan()).await;
    wait_until("the second run has read its guests", async || {
        pass_time(&app.db).await;
        app.run(second).await.state.as_str() == "running"
    })
    .await;
    app.guests(1);
    let job = app.enqueue(InvitationStart { run: app.plan() }.job(app.workspace)).await;
    wait_until("the third run is started", async || {
        pass_time(&app.db).await;
        ledger::find_job(&app.db, app.workspace, job).await.unwrap().unwrap().finished_at.is_some()
    })
    .await;
    app.google().faults().down(false);
    let row = ledger::find_job(&app.db, app.workspace, job).await.unwrap().unwrap();
    let third = row.result.unwrap().0["run_id"].as_str().unwrap().parse().unwrap();
    assert_ne!(second, third);
    assert_eq!((app.ended(second).await.made, app.ended(third).await.made), (1, 1));
    worker.stop().await;
    assert_eq!(app.google().files().len(), 4);
}

async fn a_connection_test_says_what_is_wrong(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    let worker = app.begin_work();
    let key = app.google().service_account_key_json();
    app.connect("bare", json!({ "provider": "google", "service_account": key })).await;
    app.mautic().enable_api(false);
    for (name, target, says) in [
        ("google", Some(app.drive_folder.clone()), None),
        ("bare", Some(app.drive_folder.clone()), Some("there is no folder")),
        ("mautic", None, Some("API")),
    ] {
        let (result, _) = tested(&app, name, target).await;
        assert_eq!(result["ok"], says.is_none(), "{name}: {result}");
        if let Some(says) = says {
            assert!(result["findings"].to_string().contains(says), "{name}: {result}");
        }
    }
    worker.stop().await;
}

async fn a_connection_test_calls_a_person_only_for_what_a_person_must_set_right(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    let worker = app.begin_work();
    app.mautic().faults().down(true);
    let (result, mautic) = tested(&app, "mautic", None).await;
    assert_eq!((&result["ok"], &result["findings"][0]["passing"]), (&json!(false), &json!(true)), "{result}");
    assert_eq!((mautic.state.as_str(), mautic.reason), ("ok", None));
    app.mautic().faults().down(false);
    app.connect_mautic("not this one").await;
    let (result, mautic) = tested(&app, "mautic", None).await;
    assert_eq!((&result["ok"], &result["findings"][0]["passing"]), (&json!(false), &json!(null)), "{result}");
    assert_eq!(mautic.state.as_str(), "broken");
    assert!(mautic.reason.unwrap().contains("password"));
    // It stays so while the site is away, whatever that says.
    app.mautic().faults().down(true);
    let (_, mautic) = tested(&app, "mautic", None).await;
    assert!(mautic.state.as_str() == "broken" && mautic.reason.unwrap().contains("password"));
    worker.stop().await;
}

/// What a test of a connection says, and the connection after it.
async fn tested(app: &Outreach, name: &str, target: Option<String>) -> (serde_json::Value, Connection) {
    let find = async || connections::find_connection_named(&app.db, app.workspace, name).await.unwrap().unwrap();
    let test = ConnectionTest { connection_id: find().await.id, target };
    let job = app.enqueue(test.job(app.workspace)).await;
    let row = async || ledger::find_job(&app.db, app.workspace, job).await.unwrap().unwrap();
    wait_until("the test is done", async || {
        pass_time(&app.db).await;
        row().await.finished_at.is_some()
    })
    .await;
    let result = row().await.result.unwrap_or_else(|| panic!("{name} has a result")).0;
    (result, find().await)
}
