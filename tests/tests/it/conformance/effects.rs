//! Effects: what a job's end changes, with the end itself, once.

use herald_invitations as domain;
use herald_invitations::{Invitation, InvitationState, PortraitReady, Published, Rendered, Run, Uploaded};
use herald_ledger::{Change, Finished, Leased, Outcome};
use herald_tests::{TestDatabase, on_both_engines};
use uuid::Uuid;

use crate::{
    ground::{self, commit},
    guest_list::{self, Started, imported, options, start},
};

on_both_engines! {
    an_invitation_is_made_step_by_step,
    a_fact_applied_twice_counts_once,
    a_dead_step_fails_its_invitation_and_the_run_goes_on,
    a_cancelled_step_cancels_its_invitation,
    a_fact_comes_too_late_for_an_invitation_that_has_ended,
    a_dead_import_fails_its_run_until_it_is_retried,
    a_cancelled_import_cancels_its_run,
    a_nul_in_a_reason_is_left_out,
}

async fn invitation(database: &TestDatabase, started: &Started, id: Uuid) -> Invitation {
    domain::find_invitation(&database.db, started.workspace, id).await.unwrap().unwrap()
}

async fn run(database: &TestDatabase, started: &Started) -> Run {
    guest_list::run(&database.db, started.workspace, started.run.id).await
}

/// The next step of an invitation of the run, leased.
async fn step(database: &TestDatabase) -> (Leased, Uuid) {
    let job = ground::lease_from(&database.db, "cpu", 1).await.remove(0);
    let id = job.args.0["invitation_id"].as_str().unwrap().parse().unwrap();
    (job, id)
}

fn done(job: Leased, changes: Vec<Change>) -> Finished {
    Finished { job, outcome: Outcome::Done { result: None, changes, then: Vec::new() } }
}

fn died(job: Leased, error: &str) -> Finished {
    Finished { job, outcome: Outcome::Dead { error: error.to_owned() } }
}

async fn an_invitation_is_made_step_by_step(database: &TestDatabase) {
    let db = &database.db;
    let started = imported(db, "a", 1).await;
    let (job, id) = step(database).await;
    let guest =
        async || domain::run_guests(db, started.workspace, started.run.id, None, None, 1).await.unwrap().remove(0);
    assert_eq!(guest().await.step, "render", "a guest without a picture begins with the drawing");
    let facts = vec![
        PortraitReady {
            invitation_id: id,
            portrait: Some("portraits/1".to_owned()),
            notes: vec!["two faces: took the larger".to_owned(), "ü".to_owned()],
        }
        .into(),
        Rendered {
            invitation_id: id,
            rendering: "renderings/1".to_owned(),
            sha256: "ab".to_owned(),
            bytes: u64::MAX,
            notes: vec!["no glyph for 𒀀".to_owned()],
        }
        .into(),
        Uploaded { invitation_id: id, file: "invitations/1.jpg".to_owned(), outside: None }.into(),
        Published { invitation_id: id }.into(),
    ];
    commit(db, vec![done(job, facts)]).await;
    let made = invitation(database, &started, id).await;
    assert_eq!((made.state.as_str(), made.portrait.as_deref()), ("made", Some("portraits/1")));
    assert_eq!((made.rendering.as_deref(), made.sha256.as_deref()), (Some("renderings/1"), Some("ab")));
    assert_eq!(made.file.as_deref(), Some("invitations/1.jpg"));
    let row = guest().await;
    assert_eq!((row.step.as_str(), row.state.as_str(), row.had_one), ("done", "made", false));
    assert_eq!(row.portrait_notes.0, ["two faces: took the larger", "ü"]);
    assert_eq!(row.render_notes.0, ["no glyph for 𒀀"]);
    let contact = herald_contacts::find_contact(db, started.workspace, row.contact_id).await.unwrap().unwrap();
    assert_eq!(contact.invitation_link, Some(row.link));
    assert_eq!(contact.lucky_number, Some(row.lucky_number));
    let run = run(database, &started).await;
    assert_eq!((run.state.as_str(), run.made, run.finished_at), ("complete", 1, Some(db.now())));
    let files = domain::referenced_files(db, None, 10).await.unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(files, [(id, text("portraits/1"), text("renderings/1"), text("invitations/1.jpg"))]);
}

async fn a_fact_applied_twice_counts_once(database: &TestDatabase) {
    let db = &database.db;
    let started = imported(db, "a", 3).await;
    let (job, id) = step(database).await;
    let published = Change::from(Published { invitation_id: id });
    commit(db, vec![done(job, vec![published.clone(), published.clone()])]).await;
    let (job, _) = step(database).await;
    commit(db, vec![done(job, vec![published])]).await;
    assert_eq!(run(database, &started).await.made, 1);
}

async fn a_dead_step_fails_its_invitation_and_the_run_goes_on(database: &TestDatabase) {
    let db = &database.db;
    let started = imported(db, "a", 2).await;
    let (job, id) = step(database).await;
    commit(db, vec![died(job, "its picture is broken: mend it")]).await;
    assert_eq!(invitation(database, &started, id).await.state.as_str(), "failed");
    let failed = domain::run_guests(db, started.workspace, started.run.id, Some(InvitationState::Failed), None, 10)
        .await
        .unwrap();
    assert_eq!(failed[0].reason.as_deref(), Some("its picture is broken: mend it"));
    let going = run(database, &started).await;
    assert_eq!((going.state.as_str(), going.failed), ("running", 1));
    let (job, id) = step(database).await;
    commit(db, vec![done(job, vec![Published { invitation_id: id }.into()])]).await;
    let ended = run(database, &started).await;
    assert_eq!((ended.state.as_str(), ended.failed, ended.made), ("complete", 1, 1));

    assert_eq!(domain::retry_failed(db, started.workspace, started.run.id).await.unwrap(), Some(1));
    let again = run(database, &started).await;
    assert_eq!((again.state.as_str(), again.failed, again.finished_at), ("running", 0, None));
    let (job, id) = step(database).await;
    commit(db, vec![done(job, vec![Published { invitation_id: id }.into()])]).await;
    let ended = run(database, &started).await;
    assert_eq!((ended.state.as_str(), ended.failed, ended.made), ("complete", 0, 2));
    let row = domain::run_guests(db, started.workspace, started.run.id, None, None, 10).await.unwrap();
    assert!(row.iter().all(|row| row.reason.is_none()), "the reason of a mended failure is gone");
}

/// Neither a person's cancelling before the step starts, nor one that reaches it while it runs, leaves a guest waiting.
async fn a_cancelled_step_cancels_its_invitation(database: &TestDatabase) {
    let db = &database.db;
    let started = imported(db, "a", 2).await;
    let (job, running) = step(database).await;
    use herald_ledger::{Cancelled, JobFilter, JobState, cancel_job, list_jobs};
    let ready = JobFilter { queue: Some("cpu".to_owned()), state: Some(JobState::Ready), ..JobFilter::default() };
    let waiting = list_jobs(db, started.workspace, &ready, 10).await.unwrap().remove(0).id;
    assert_eq!(cancel_job(db, started.workspace, waiting).await.unwrap(), Cancelled::AtOnce);
    assert_eq!(run(database, &started).await.cancelled, 1);
    assert_eq!(cancel_job(db, started.workspace, job.id).await.unwrap(), Cancelled::Asked);
    commit(db, vec![Finished { job, outcome: Outcome::Cancelled }]).await;
    assert_eq!(invitation(database, &started, running).await.state.as_str(), "cancelled");
    let ended = run(database, &started).await;
    assert_eq!((ended.state.as_str(), ended.cancelled), ("complete", 2));
}

async fn a_fact_comes_too_late_for_an_invitation_that_has_ended(database: &TestDatabase) {
    let db = &database.db;
    let started = imported(db, "a", 1).await;
    let (job, id) = step(database).await;
    domain::cancel_run(db, started.workspace, started.run.id).await.unwrap().unwrap();
    let late = vec![
        Uploaded { invitation_id: id, file: "late".to_owned(), outside: None }.into(),
        Published { invitation_id: id }.into(),
    ];
    commit(db, vec![done(job, late)]).await;
    let cancelled = invitation(database, &started, id).await;
    assert_eq!((cancelled.state.as_str(), cancelled.file), ("cancelled", None));
    let run = run(database, &started).await;
    assert_eq!((run.state.as_str(), run.made, run.cancelled), ("cancelled", 0, 1));
}

async fn a_dead_import_fails_its_run_until_it_is_retried(database: &TestDatabase) {
    let db = &database.db;
    let started = start(db, "a", options()).await;
    let job = ground::lease_from(db, "control", 1).await.remove(0);
    commit(db, vec![died(job, "guests.csv is not a list")]).await;
    let failed = run(database, &started).await;
    assert_eq!((failed.state.as_str(), failed.reason.as_deref()), ("failed", Some("guests.csv is not a list")));
    assert_eq!(failed.finished_at, Some(db.now()));
    assert_eq!(domain::retry_failed(db, started.workspace, started.run.id).await.unwrap(), Some(1));
    let again = run(database, &started).await;
    assert_eq!((again.state.as_str(), again.reason, again.finished_at), ("importing", None, None));
    assert_eq!(
        ground::lease_from(db, "control", 10).await.iter().filter(|job| job.kind == "contacts.import").count(),
        1
    );
}

async fn a_cancelled_import_cancels_its_run(database: &TestDatabase) {
    let db = &database.db;
    let started = start(db, "a", options()).await;
    let job = ground::lease_from(db, "control", 1).await.remove(0);
    herald_ledger::cancel_job(db, started.workspace, job.id).await.unwrap();
    commit(db, vec![Finished { job, outcome: Outcome::Cancelled }]).await;
    assert_eq!(run(database, &started).await.state.as_str(), "cancelled");
}

async fn a_nul_in_a_reason_is_left_out(database: &TestDatabase) {
    let db = &database.db;
    let started = imported(db, "a", 1).await;
    let (job, _) = step(database).await;
    commit(db, vec![died(job, "bad \0 byte")]).await;
    let failed = domain::run_guests(db, started.workspace, started.run.id, Some(InvitationState::Failed), None, 10)
        .await
        .unwrap();
    assert_eq!(failed[0].reason.as_deref(), Some("bad  byte"));
}
