//! What goes wrong with accounts: the run waits or goes on as it should, says why in one sentence, and after the cure
//! makes the rest and nothing twice.

use std::time::Duration;

use chrono::{DateTime, Utc};
use herald_accounts as connections;
use herald_ledger as ledger;
use herald_ledger::QueueLimits;
use herald_tests::{
    TestDatabase,
    fakes::{Fault, GoogleCall, MauticCall},
    on_both_engines, wait_until,
};

use herald_worker::runner::{Attempt, Failure};
use tokio_util::sync::CancellationToken;

use super::{Outreach, outreach::pass_time};
use crate::ground;

on_both_engines! {
    a_wrong_password_holds_the_run_up_until_the_right_one_is_entered,
    a_token_that_expires_in_mid_run_is_renewed,
    a_consent_taken_back_stops_the_run_until_it_is_given_again,
    a_list_for_an_account_that_is_refused_holds_up_nobody_elses_work,
    a_folder_in_the_trash_holds_the_run_up_until_it_is_restored,
    an_events_folder_that_was_deleted_for_good_is_made_again,
    a_missing_field_is_named_before_the_first_guest,
    a_field_that_is_too_short_is_named_before_the_first_guest,
    a_mautic_that_is_down_for_ten_minutes_costs_no_guest,
    a_contact_that_was_deleted_fails_alone,
    a_lost_answer_makes_no_second_file,
    two_workers_that_read_one_run_at_once_do_not_end_it,
    the_quota_of_drive_is_never_exceeded,
    every_request_to_drive_is_paid_for_from_its_queue_once,
    a_segment_that_is_not_there_is_named_with_those_that_are,
    whose_role_may_not_list_segments_still_reads_one,
}

async fn a_wrong_password_holds_the_run_up_until_the_right_one_is_entered(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.connect_mautic("not this one").await;
    app.guests(3);
    let worker = app.begin_work();
    let id = app.begin(&app.plan()).await;
    let reason = app.needs_a_person(id).await;
    assert!(reason.contains("user") && reason.contains("password"), "{reason}");
    app.connect_mautic(herald_tests::fakes::FakeMautic::PASSWORD).await;
    assert_eq!(app.ended(id).await.made, 3);
    worker.stop().await;
}

async fn a_token_that_expires_in_mid_run_is_renewed(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(6);
    app.google().fail_next(GoogleCall::Upload, Fault::Expired, 2);
    let worker = app.begin_work();
    let id = app.begin(&app.plan()).await;
    let run = app.ended(id).await;
    worker.stop().await;
    assert_eq!((run.made, run.failed), (6, 0));
    assert_eq!(app.google().files().len(), 6);
}

async fn a_consent_taken_back_stops_the_run_until_it_is_given_again(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(2);
    let worker = app.begin_work();
    let first = app.begin(&app.plan()).await;
    app.ended(first).await;
    app.google().revoke_consent();
    app.guests(3);
    let id = app.begin(&app.plan()).await;
    let reason = app.needs_a_person(id).await;
    assert!(reason.contains("consent") && reason.contains("connect again"), "{reason}");
    let asked = app.google().requests(GoogleCall::Token);
    // While it waits, nothing knocks.
    for _ in 0..50 {
        super::outreach::step_time(&app.db).await;
    }
    assert!(app.google().requests(GoogleCall::Token) <= asked + 1);
    app.consent().await;
    assert_eq!(app.ended(id).await.made, 3);
    worker.stop().await;
    assert_eq!(app.google().files().len(), 5);
    assert!(app.google().files().iter().all(|file| file.versions == 1));
}

/// The import reserves ids in Drive from the queue that everybody's steering work shares.
async fn a_list_for_an_account_that_is_refused_holds_up_nobody_elses_work(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(1);
    let worker = app.begin_work();
    let first = app.begin(&app.plan()).await;
    app.ended(first).await;
    let known = app.rows(first).await.remove(0).contact_id;
    // Another account of the same person, with no ids in its pool, and the consent taken back.
    app.google().revoke_consent();
    let client = app.google().client_secret_json(&[]);
    app.connect("second", serde_json::json!({ "provider": "google", "client": client })).await;
    let id = app.begin_contacts("Other", vec![known], "second").await;
    let reason = app.needs_a_person(id).await;
    assert!(reason.contains("second"), "{reason}");
    // The account needs a person from the beginning; what holds it up is the list that was tried.
    let is_held = async || {
        let keys = ledger::queue_keys(&app.db, "control").await.unwrap();
        keys.iter().any(|key| key.blocked_until.is_some())
    };
    wait_until("the second account is held up", is_held).await;
    let queues = herald_ledger::list_queues(&app.db).await.unwrap();
    assert!(queues.iter().all(|queue| queue.blocked_until.is_none()), "{queues:?}");
    // The second account's list waits for a person, and only the account is held up.
    app.leaves(&["contacts.import"]);
    app.leaves_held("control");
    worker.stop().await;
}

async fn a_folder_in_the_trash_holds_the_run_up_until_it_is_restored(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.google().trash(&app.drive_folder, true);
    app.guests(2);
    let worker = app.begin_work();
    let id = app.begin(&app.plan()).await;
    let reason = app.needs_a_person(id).await;
    assert!(reason.contains("trash"), "{reason}");
    app.google().trash(&app.drive_folder, false);
    assert_eq!(app.ended(id).await.made, 2);
    worker.stop().await;
    assert!(app.google().files().iter().all(|file| !file.trashed));
    assert_eq!(app.google().files().len(), 2);
}

async fn an_events_folder_that_was_deleted_for_good_is_made_again(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(1);
    let worker = app.begin_work();
    let first = app.begin(&app.plan()).await;
    app.ended(first).await;
    let gone = app.google().folders().into_iter().find(|folder| folder.name == "Gala").unwrap();
    app.google().remove(&gone.id);
    app.guests(2);
    let second = app.begin(&app.plan()).await;
    assert_eq!(app.ended(second).await.made, 2);
    worker.stop().await;
    let folders: Vec<_> = app.google().folders().into_iter().filter(|folder| folder.name == "Gala").collect();
    assert_eq!(folders.len(), 1);
    assert_ne!(folders[0].id, gone.id);
    assert_eq!(app.google().files().len(), 2);
}

async fn a_missing_field_is_named_before_the_first_guest(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(2);
    let mut plan = app.plan();
    let herald_invitations::PlannedSource::Mautic { link_field, .. } = &mut plan.source else { panic!() };
    *link_field = Some("gala_link".to_owned());
    let worker = app.begin_work();
    let id = app.begin(&plan).await;
    let reason = app.needs_a_person(id).await;
    assert!(reason.contains("gala_link"), "{reason}");
    assert_eq!(app.run(id).await.total, 0);
    app.mautic().add_field("gala_link", "text", 191);
    assert_eq!(app.ended(id).await.made, 2);
    worker.stop().await;
}

async fn a_field_that_is_too_short_is_named_before_the_first_guest(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.mautic().add_field("short_link", "text", 64);
    app.guests(1);
    let mut plan = app.plan();
    let herald_invitations::PlannedSource::Mautic { link_field, .. } = &mut plan.source else { panic!() };
    *link_field = Some("short_link".to_owned());
    let worker = app.begin_work();
    let id = app.begin(&plan).await;
    let reason = app.needs_a_person(id).await;
    worker.stop().await;
    assert!(reason.contains("short_link") && reason.contains("64"), "{reason}");
    // It waits for a person who makes the field longer.
    app.leaves(&["contacts.pull"]);
    app.leaves_held("mautic");
    assert_eq!((app.mautic().truncations(), app.google().files().len()), (0, 0));
}

async fn a_mautic_that_is_down_for_ten_minutes_costs_no_guest(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(5);
    let worker = app.begin_work();
    let id = app.begin(&app.plan()).await;
    wait_until("the files are in Drive", async || {
        if app.run(id).await.total == 5 {
            app.mautic().faults().down(true);
        }
        pass_time(&app.db).await;
        app.google().files().len() == 5
    })
    .await;
    app.mautic().faults().down(true);
    let until = app.db.now() + Duration::from_secs(600);
    wait_until("ten minutes are over", async || {
        pass_time(&app.db).await;
        app.db.now() > until
    })
    .await;
    app.mautic().faults().down(false);
    let run = app.ended(id).await;
    worker.stop().await;
    assert_eq!((run.made, run.failed), (5, 0));
    assert!(app.google().files().iter().all(|file| file.versions == 1));
}

async fn a_contact_that_was_deleted_fails_alone(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(3);
    app.mautic().fail_next(MauticCall::Edit, Fault::Server(503), 1);
    let worker = app.begin_work();
    let id = app.begin(&app.plan()).await;
    wait_until("the guests are taken in", async || {
        pass_time(&app.db).await;
        app.run(id).await.total == 3
    })
    .await;
    app.mautic().delete_contact(2);
    let run = app.ended(id).await;
    worker.stop().await;
    // Whether the link was written before the contact was deleted, the others have theirs.
    assert_eq!(run.made + run.failed, 3);
    let failed: Vec<_> = app.rows(id).await.into_iter().filter(|row| row.state.as_str() == "failed").collect();
    assert!(failed.iter().all(|row| row.name.starts_with("Guest2")), "{failed:?}");
}

async fn a_lost_answer_makes_no_second_file(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(4);
    app.google().fail_next(GoogleCall::Upload, Fault::LostAnswer, 3);
    app.google().fail_next(GoogleCall::Create, Fault::LostAnswer, 1);
    app.mautic().fail_next(MauticCall::Edit, Fault::LostAnswer, 2);
    let worker = app.begin_work();
    let id = app.begin(&app.plan()).await;
    let run = app.ended(id).await;
    worker.stop().await;
    assert_eq!((run.made, run.failed), (4, 0));
    let files = app.google().files();
    assert_eq!(files.len(), 4);
    assert!(files.iter().all(|file| file.versions == 1));
    assert_eq!(app.google().folders().iter().filter(|folder| folder.name == "Gala").count(), 1);
}

/// As when a worker was thought dead and was not. Neither may take the other's progress for a person's cancellation.
async fn two_workers_that_read_one_run_at_once_do_not_end_it(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    // Neither's outcome is written, and nobody makes the invitations.
    app.leaves(&["contacts.pull", "invitation.render"]);
    app.guests(3);
    // Both have read the cursor before either has read the page.
    app.mautic().faults().latency(Duration::from_millis(50));
    let id = app.begin(&app.plan()).await;
    let job = crate::ground::lease_from(&app.db, "mautic", 1).await.remove(0);
    let handler = app.handlers();
    let attempt = || Attempt { job: job.clone(), cancelled: CancellationToken::new() };
    let (one, other) = tokio::join!(handler(attempt()), handler(attempt()));
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1, "{one:?} {other:?}");
    for answer in [one, other] {
        // PostgreSQL lets both write up to the first row they have in common; then one tries again.
        assert!(matches!(answer, Ok(_) | Err(Failure::Snooze(_) | Failure::Retry { .. })), "{answer:?}");
    }
    assert_eq!((app.run(id).await.total, app.rows(id).await.len()), (3, 3));
}

/// The fake counts by the same clock as the queue, in windows of a second.
async fn the_quota_of_drive_is_never_exceeded(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    let limit = 35;
    let limits = herald_ledger::QueueLimits {
        // What a burst adds, and what eight requests at once may be late, is within the limit, too.
        rate: Some(limit - 15),
        rate_seconds: 1,
        burst: Some(5),
        ..Default::default()
    };
    let mut tx = app.db.begin().await.unwrap();
    herald_ledger::set_limits(&mut tx, "drive", &limits).await.unwrap();
    tx.commit().await.unwrap();
    app.google().quota(Some(limit.unsigned_abs()), Duration::from_secs(1));
    app.guests(100);
    // Answers that are lost cost further requests, which are paid for as well.
    app.google().fail_next(GoogleCall::Upload, Fault::LostAnswer, 20);
    let worker = app.begin_work();
    let id = app.begin(&app.plan()).await;
    let run = app.ended(id).await;
    worker.stop().await;
    assert_eq!((run.made, run.failed), (100, 0));
    assert_eq!(app.google().quota_exceeded(), 0);
    assert!(app.google().busiest_window() <= limit.unsigned_abs(), "{}", app.google().busiest_window());
}

/// Units that were taken from Drive's rate, of one a second, since `before`.
async fn paid(app: &Outreach, before: DateTime<Utc>) -> i64 {
    let paced = herald_db::query("select paced_until from queues where name = 'drive'");
    let (until,): (DateTime<Utc>,) = paced.one(&app.db).await.unwrap();
    (until - before).num_seconds()
}

/// A job has paid for one request when it is leased, but only in the queue that it waited in: one made for an earlier
/// run of the guest, which did not go to Drive, waited elsewhere.
async fn every_request_to_drive_is_paid_for_from_its_queue_once(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    let limits = QueueLimits { rate: Some(1), rate_seconds: 1, burst: Some(1_000), ..Default::default() };
    let mut tx = app.db.begin().await.unwrap();
    ledger::set_limits(&mut tx, "drive", &limits).await.unwrap();
    ledger::set_paused(&mut tx, "drive", true).await.unwrap();
    tx.commit().await.unwrap();
    // Nothing of the credit is forfeited while the clock runs, so that what was paid can be read off.
    let before = app.db.now() - Duration::from_secs(500);
    let mut tx = app.db.begin().await.unwrap();
    let set = herald_db::query("update queues set paced_until = $1 where name = 'drive'").bind(before);
    set.execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    app.guests(4);
    let worker = app.begin_work();
    let id = app.begin(&app.plan()).await;
    wait_until("the uploads wait", async || {
        pass_time(&app.db).await;
        ground::number(&app.db, "select count(*) from jobs where kind = 'invitation.upload'").await == 4
    })
    .await;
    assert_eq!(paid(&app, before).await, 1, "the ids were asked for");
    ground::run_sql(
        &app.db,
        "update jobs set queue = 'sync' where id in (select id from jobs where kind = 'invitation.upload' order by id \
         limit 2)",
    )
    .await;
    // Two of the files are looked at again, since it is not known whether they arrived.
    app.google().fail_next(GoogleCall::Upload, Fault::LostAnswer, 2);
    let mut tx = app.db.begin().await.unwrap();
    ledger::set_paused(&mut tx, "drive", false).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(app.ended(id).await.made, 4);
    worker.stop().await;
    let calls = [
        GoogleCall::Ids,
        GoogleCall::Upload,
        GoogleCall::Create,
        GoogleCall::Share,
        GoogleCall::Get,
        GoogleCall::Begin,
        GoogleCall::Replace,
        GoogleCall::List,
    ];
    let asked: usize = calls.into_iter().map(|call| app.google().requests(call)).sum();
    assert!(asked >= 1 + 2 + 4 + 2 + 2, "{asked}: ids, folder, files, and two of them again");
    assert_eq!(paid(&app, before).await, i64::try_from(asked).unwrap());
}

async fn a_segment_that_is_not_there_is_named_with_those_that_are(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(2);
    app.mautic().add_segment("vip", &[1]);
    app.mautic().add_segment("press", &[2]);
    let mut plan = app.plan();
    plan.source = serde_json::from_value(serde_json::json!({ "kind": "mautic", "segment": "vips" })).unwrap();
    let worker = app.begin_work();
    let id = app.begin(&plan).await;
    let run = app.ended(id).await;
    worker.stop().await;
    assert_ne!(run.state.as_str(), "complete");
    let reason = run.reason.unwrap();
    assert!(reason.contains("no segment \"vips\"") && reason.contains("press, vip"), "{reason}");
    assert_eq!((app.mautic().requests(MauticCall::Segments), app.mautic().requests(MauticCall::Contacts)), (1, 0));
    // It is one run's mistake and no reason for others to wait.
    let mautic = connections::find_connection_named(&app.db, app.workspace, "mautic").await.unwrap().unwrap();
    assert_eq!(mautic.state.as_str(), "ok");
}

async fn whose_role_may_not_list_segments_still_reads_one(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    app.guests(2);
    app.mautic().add_segment("vip", &[2]);
    app.mautic().fail_next(MauticCall::Segments, Fault::Reason("access_denied"), 1);
    let mut plan = app.plan();
    plan.source = serde_json::from_value(serde_json::json!({ "kind": "mautic", "segment": "vip" })).unwrap();
    let worker = app.begin_work();
    let id = app.begin(&plan).await;
    let run = app.ended(id).await;
    worker.stop().await;
    assert_eq!((run.state.as_str(), run.made), ("complete", 1));
    assert_eq!(app.mautic().faults().left(), 0);
}
