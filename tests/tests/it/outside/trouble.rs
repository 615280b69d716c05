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

use super::{World, world::pass_time};
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
    let world = World::start(database).await;
    world.connect_mautic("not this one").await;
    world.guests(3);
    let worker = world.work();
    let id = world.begin(&world.plan()).await;
    let reason = world.needs_a_person(id).await;
    assert!(reason.contains("user") && reason.contains("password"), "{reason}");
    world.connect_mautic(herald_tests::fakes::FakeMautic::PASSWORD).await;
    assert_eq!(world.ended(id).await.made, 3);
    worker.stop().await;
}

async fn a_token_that_expires_in_mid_run_is_renewed(database: &TestDatabase) {
    let world = World::start(database).await;
    world.guests(6);
    world.google.fail_next(GoogleCall::Upload, Fault::Expired, 2);
    let worker = world.work();
    let id = world.begin(&world.plan()).await;
    let run = world.ended(id).await;
    worker.stop().await;
    assert_eq!((run.made, run.failed), (6, 0));
    assert_eq!(world.google.files().len(), 6);
}

async fn a_consent_taken_back_stops_the_run_until_it_is_given_again(database: &TestDatabase) {
    let world = World::start(database).await;
    world.guests(2);
    let worker = world.work();
    let first = world.begin(&world.plan()).await;
    world.ended(first).await;
    world.google.revoke_consent();
    world.guests(3);
    let id = world.begin(&world.plan()).await;
    let reason = world.needs_a_person(id).await;
    assert!(reason.contains("consent") && reason.contains("connect again"), "{reason}");
    let asked = world.google.requests(GoogleCall::Token);
    // While it waits, nothing knocks.
    for _ in 0..50 {
        super::world::step_time(&world.db).await;
    }
    assert!(world.google.requests(GoogleCall::Token) <= asked + 1);
    world.consent().await;
    assert_eq!(world.ended(id).await.made, 3);
    worker.stop().await;
    assert_eq!(world.google.files().len(), 5);
    assert!(world.google.files().iter().all(|file| file.versions == 1));
}

/// The import reserves ids in Drive from the queue that everybody's steering work shares.
async fn a_list_for_an_account_that_is_refused_holds_up_nobody_elses_work(database: &TestDatabase) {
    let world = World::start(database).await;
    world.guests(1);
    let worker = world.work();
    let first = world.begin(&world.plan()).await;
    world.ended(first).await;
    let known = world.rows(first).await.remove(0).contact_id;
    // Another account of the same person, with no ids in its pool, and the consent taken back.
    world.google.revoke_consent();
    let client = world.google.client_secret_json(&[]);
    world.connect("second", serde_json::json!({ "provider": "google", "client": client })).await;
    let id = world.begin_contacts("Other", vec![known], "second").await;
    let reason = world.needs_a_person(id).await;
    assert!(reason.contains("second"), "{reason}");
    let queues = herald_ledger::list_queues(&world.db).await.unwrap();
    assert!(queues.iter().all(|queue| queue.blocked_until.is_none()), "{queues:?}");
    worker.stop().await;
}

async fn a_folder_in_the_trash_holds_the_run_up_until_it_is_restored(database: &TestDatabase) {
    let world = World::start(database).await;
    world.google.trash(&world.folder, true);
    world.guests(2);
    let worker = world.work();
    let id = world.begin(&world.plan()).await;
    let reason = world.needs_a_person(id).await;
    assert!(reason.contains("trash"), "{reason}");
    world.google.trash(&world.folder, false);
    assert_eq!(world.ended(id).await.made, 2);
    worker.stop().await;
    assert!(world.google.files().iter().all(|file| !file.trashed));
    assert_eq!(world.google.files().len(), 2);
}

async fn an_events_folder_that_was_deleted_for_good_is_made_again(database: &TestDatabase) {
    let world = World::start(database).await;
    world.guests(1);
    let worker = world.work();
    let first = world.begin(&world.plan()).await;
    world.ended(first).await;
    let gone = world.google.folders().into_iter().find(|folder| folder.name == "Gala").unwrap();
    world.google.remove(&gone.id);
    world.guests(2);
    let second = world.begin(&world.plan()).await;
    assert_eq!(world.ended(second).await.made, 2);
    worker.stop().await;
    let folders: Vec<_> = world.google.folders().into_iter().filter(|folder| folder.name == "Gala").collect();
    assert_eq!(folders.len(), 1);
    assert_ne!(folders[0].id, gone.id);
    assert_eq!(world.google.files().len(), 2);
}

async fn a_missing_field_is_named_before_the_first_guest(database: &TestDatabase) {
    let world = World::start(database).await;
    world.guests(2);
    let mut plan = world.plan();
    let herald_invitations::PlannedSource::Mautic { link_field, .. } = &mut plan.source;
    *link_field = Some("gala_link".to_owned());
    let worker = world.work();
    let id = world.begin(&plan).await;
    let reason = world.needs_a_person(id).await;
    assert!(reason.contains("gala_link"), "{reason}");
    assert_eq!(world.run(id).await.total, 0);
    world.mautic.add_field("gala_link", "text", 191);
    assert_eq!(world.ended(id).await.made, 2);
    worker.stop().await;
}

async fn a_field_that_is_too_short_is_named_before_the_first_guest(database: &TestDatabase) {
    let world = World::start(database).await;
    world.mautic.add_field("short_link", "text", 64);
    world.guests(1);
    let mut plan = world.plan();
    let herald_invitations::PlannedSource::Mautic { link_field, .. } = &mut plan.source;
    *link_field = Some("short_link".to_owned());
    let worker = world.work();
    let id = world.begin(&plan).await;
    let reason = world.needs_a_person(id).await;
    worker.stop().await;
    assert!(reason.contains("short_link") && reason.contains("64"), "{reason}");
    assert_eq!((world.mautic.truncations(), world.google.files().len()), (0, 0));
}

async fn a_mautic_that_is_down_for_ten_minutes_costs_no_guest(database: &TestDatabase) {
    let world = World::start(database).await;
    world.guests(5);
    let worker = world.work();
    let id = world.begin(&world.plan()).await;
    wait_until("the files are in Drive", async || {
        if world.run(id).await.total == 5 {
            world.mautic.faults().down(true);
        }
        pass_time(&world.db).await;
        world.google.files().len() == 5
    })
    .await;
    world.mautic.faults().down(true);
    let until = world.db.now() + Duration::from_secs(600);
    wait_until("ten minutes are over", async || {
        pass_time(&world.db).await;
        world.db.now() > until
    })
    .await;
    world.mautic.faults().down(false);
    let run = world.ended(id).await;
    worker.stop().await;
    assert_eq!((run.made, run.failed), (5, 0));
    assert!(world.google.files().iter().all(|file| file.versions == 1));
}

async fn a_contact_that_was_deleted_fails_alone(database: &TestDatabase) {
    let world = World::start(database).await;
    world.guests(3);
    world.mautic.fail_next(MauticCall::Edit, Fault::Server(503), 1);
    let worker = world.work();
    let id = world.begin(&world.plan()).await;
    wait_until("the guests are taken in", async || {
        pass_time(&world.db).await;
        world.run(id).await.total == 3
    })
    .await;
    world.mautic.delete_contact(2);
    let run = world.ended(id).await;
    worker.stop().await;
    // Whether the link was written before the contact was deleted, the others have theirs.
    assert_eq!(run.made + run.failed, 3);
    let failed: Vec<_> = world.rows(id).await.into_iter().filter(|row| row.state.as_str() == "failed").collect();
    assert!(failed.iter().all(|row| row.name.starts_with("Guest2")), "{failed:?}");
}

async fn a_lost_answer_makes_no_second_file(database: &TestDatabase) {
    let world = World::start(database).await;
    world.guests(4);
    world.google.fail_next(GoogleCall::Upload, Fault::LostAnswer, 3);
    world.google.fail_next(GoogleCall::Create, Fault::LostAnswer, 1);
    world.mautic.fail_next(MauticCall::Edit, Fault::LostAnswer, 2);
    let worker = world.work();
    let id = world.begin(&world.plan()).await;
    let run = world.ended(id).await;
    worker.stop().await;
    assert_eq!((run.made, run.failed), (4, 0));
    let files = world.google.files();
    assert_eq!(files.len(), 4);
    assert!(files.iter().all(|file| file.versions == 1));
    assert_eq!(world.google.folders().iter().filter(|folder| folder.name == "Gala").count(), 1);
}

/// As when a worker was thought dead and was not. Neither may take the other's progress for a person's cancellation.
async fn two_workers_that_read_one_run_at_once_do_not_end_it(database: &TestDatabase) {
    let world = World::start(database).await;
    world.guests(3);
    // Both have read the cursor before either has read the page.
    world.mautic.faults().latency(Duration::from_millis(50));
    let id = world.begin(&world.plan()).await;
    let job = crate::ground::lease_from(&world.db, "mautic", 1).await.remove(0);
    let handler = world.handlers();
    let attempt = || Attempt { job: job.clone(), cancelled: CancellationToken::new() };
    let (one, other) = tokio::join!(handler(attempt()), handler(attempt()));
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1, "{one:?} {other:?}");
    for answer in [one, other] {
        // PostgreSQL lets both write up to the first row they have in common; then one tries again.
        assert!(matches!(answer, Ok(_) | Err(Failure::Snooze(_) | Failure::Retry { .. })), "{answer:?}");
    }
    assert_eq!((world.run(id).await.total, world.rows(id).await.len()), (3, 3));
}

/// The fake counts by the same clock as the queue, in windows of a second.
async fn the_quota_of_drive_is_never_exceeded(database: &TestDatabase) {
    let world = World::start(database).await;
    let limit = 35;
    let limits = herald_ledger::QueueLimits {
        // What a burst adds, and what eight requests at once may be late, is within the limit, too.
        rate: Some(limit - 15),
        rate_seconds: 1,
        burst: Some(5),
        ..Default::default()
    };
    let mut tx = world.db.begin().await.unwrap();
    herald_ledger::set_limits(&mut tx, "drive", &limits).await.unwrap();
    tx.commit().await.unwrap();
    world.google.quota(Some(limit.unsigned_abs()), Duration::from_secs(1));
    world.guests(100);
    // Answers that are lost cost further requests, which are paid for as well.
    world.google.fail_next(GoogleCall::Upload, Fault::LostAnswer, 20);
    let worker = world.work();
    let id = world.begin(&world.plan()).await;
    let run = world.ended(id).await;
    worker.stop().await;
    assert_eq!((run.made, run.failed), (100, 0));
    assert_eq!(world.google.quota_exceeded(), 0);
    assert!(world.google.busiest_window() <= limit.unsigned_abs(), "{}", world.google.busiest_window());
}

/// Units that were taken from Drive's rate, of one a second, since `before`.
async fn paid(world: &World, before: DateTime<Utc>) -> i64 {
    let paced = herald_db::query("select paced_until from queues where name = 'drive'");
    let (until,): (DateTime<Utc>,) = paced.one(&world.db).await.unwrap();
    (until - before).num_seconds()
}

/// A job has paid for one request when it is leased, but only in the queue that it waited in: one made for an earlier
/// run of the guest, which did not go to Drive, waited elsewhere.
async fn every_request_to_drive_is_paid_for_from_its_queue_once(database: &TestDatabase) {
    let world = World::start(database).await;
    let limits = QueueLimits { rate: Some(1), rate_seconds: 1, burst: Some(1_000), ..Default::default() };
    let mut tx = world.db.begin().await.unwrap();
    ledger::set_limits(&mut tx, "drive", &limits).await.unwrap();
    ledger::set_paused(&mut tx, "drive", true).await.unwrap();
    tx.commit().await.unwrap();
    // Nothing of the credit is forfeited while the clock runs, so that what was paid can be read off.
    let before = world.db.now() - Duration::from_secs(500);
    let mut tx = world.db.begin().await.unwrap();
    let set = herald_db::query("update queues set paced_until = $1 where name = 'drive'").bind(before);
    set.execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    world.guests(4);
    let worker = world.work();
    let id = world.begin(&world.plan()).await;
    wait_until("the uploads wait", async || {
        pass_time(&world.db).await;
        ground::number(&world.db, "select count(*) from jobs where kind = 'invitation.upload'").await == 4
    })
    .await;
    assert_eq!(paid(&world, before).await, 1, "the ids were asked for");
    ground::run_sql(
        &world.db,
        "update jobs set queue = 'sync' where id in (select id from jobs where kind = 'invitation.upload' order by id \
         limit 2)",
    )
    .await;
    // Two of the files are looked at again, since it is not known whether they arrived.
    world.google.fail_next(GoogleCall::Upload, Fault::LostAnswer, 2);
    let mut tx = world.db.begin().await.unwrap();
    ledger::set_paused(&mut tx, "drive", false).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.ended(id).await.made, 4);
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
    let asked: usize = calls.into_iter().map(|call| world.google.requests(call)).sum();
    assert!(asked >= 1 + 2 + 4 + 2 + 2, "{asked}: ids, folder, files, and two of them again");
    assert_eq!(paid(&world, before).await, i64::try_from(asked).unwrap());
}

async fn a_segment_that_is_not_there_is_named_with_those_that_are(database: &TestDatabase) {
    let world = World::start(database).await;
    world.guests(2);
    world.mautic.add_segment("vip", &[1]);
    world.mautic.add_segment("press", &[2]);
    let mut plan = world.plan();
    plan.source = serde_json::from_value(serde_json::json!({ "kind": "mautic", "segment": "vips" })).unwrap();
    let worker = world.work();
    let id = world.begin(&plan).await;
    let run = world.ended(id).await;
    worker.stop().await;
    assert_ne!(run.state.as_str(), "complete");
    let reason = run.reason.unwrap();
    assert!(reason.contains("no segment \"vips\"") && reason.contains("press, vip"), "{reason}");
    assert_eq!((world.mautic.requests(MauticCall::Segments), world.mautic.requests(MauticCall::Contacts)), (1, 0));
    // It is one run's mistake and no reason for others to wait.
    let mautic = connections::connection_named(&world.db, world.workspace, "mautic").await.unwrap().unwrap();
    assert_eq!(mautic.state.as_str(), "ok");
}

async fn whose_role_may_not_list_segments_still_reads_one(database: &TestDatabase) {
    let world = World::start(database).await;
    world.guests(2);
    world.mautic.add_segment("vip", &[2]);
    world.mautic.fail_next(MauticCall::Segments, Fault::Reason("access_denied"), 1);
    let mut plan = world.plan();
    plan.source = serde_json::from_value(serde_json::json!({ "kind": "mautic", "segment": "vip" })).unwrap();
    let worker = world.work();
    let id = world.begin(&plan).await;
    let run = world.ended(id).await;
    worker.stop().await;
    assert_eq!((run.state.as_str(), run.made), ("complete", 1));
    assert_eq!(world.mautic.faults().left(), 0);
}
