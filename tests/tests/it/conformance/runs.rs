//! Runs: started, resumed, counted, cancelled, retried.

use std::collections::BTreeMap;

use herald_base::image_format::ImageFormat;
use herald_invitations as domain;
use herald_invitations::{InvitationState, NewRun, Prepared, RunOptions, RunSource};
use herald_ledger::{JobFilter, list_jobs};
use herald_tests::{TestDatabase, on_both_engines};
use uuid::Uuid;

use crate::{
    ground,
    guest_list::{self, csv, finish_import, guests, import, imported, options, start},
};

on_both_engines! {
    a_run_starts_with_its_import_in_the_ledger,
    every_source_and_option_comes_back,
    the_same_run_again_is_resumed_until_it_has_ended,
    runs_are_listed_newest_first_page_by_page,
    a_chunk_is_taken_in_once,
    an_empty_list_completes_the_run,
    a_run_of_guests_who_all_have_one_completes_with_its_import,
    a_cancelled_run_starts_nothing_any_more,
    a_cancelled_run_can_be_taken_up_again,
    what_is_not_there_is_not_cancelled_or_retried,
}

async fn a_run_starts_with_its_import_in_the_ledger(database: &TestDatabase) {
    let db = &database.db;
    let started = start(db, "a", options()).await;
    let run = &started.run;
    assert_eq!((run.event_id, run.template_id), (started.event.id, started.template.id));
    assert_eq!((run.state.as_str(), run.total, run.made, run.already), ("importing", 0, 0, 0));
    assert_eq!((run.failed, run.rejected, run.cancelled, &run.reason), (0, 0, 0, &None));
    assert_eq!((run.created_at, run.finished_at, run.has_ended()), (db.now(), None, false));
    let batch = ground::batch(db, started.workspace, run.batch_id).await;
    assert_eq!((batch.state.as_str(), batch.total), ("running", 1));
    let listed = list_jobs(db, started.workspace, &JobFilter::default(), 10).await.unwrap();
    assert_eq!((listed.len(), listed[0].kind.as_str()), (1, "contacts.import"));
    assert_eq!(listed[0].args.0["run_id"].as_str(), Some(run.id.to_string().as_str()));
    assert_eq!(domain::import_cursor(db, started.workspace, run.id).await.unwrap(), 0);
}

async fn every_source_and_option_comes_back(database: &TestDatabase) {
    let db = &database.db;
    let given = start(db, "a", options()).await;
    let pictures = BTreeMap::from([("زوي.jpg".to_owned(), "pictures/1".to_owned())]);
    let sources = [
        RunSource::Contacts { ids: vec![Uuid::from_u128(1), Uuid::from_u128(2)] },
        RunSource::Csv {
            key: "k".to_owned(),
            name: "Gäste.csv".to_owned(),
            sha256: "ff".to_owned(),
            picture_folder: Some("/somewhere".to_owned()),
            pictures,
            is_sheet: false,
        },
    ];
    let all = RunOptions {
        format: ImageFormat::Webp,
        refresh: true,
        only_failed: true,
        limit: Some(10),
        on_bad_picture: domain::PicturePolicy::Fail,
        allow_missing_glyphs: true,
        seconds_apart: None,
        destination: domain::Destination::Local,
    };
    for source in sources {
        let new = NewRun {
            event_id: given.event.id,
            template_id: given.template.id,
            source: source.clone(),
            options: all.clone(),
            traceparent: None,
        };
        let id = domain::start_run(db, given.workspace, new).await.unwrap().id;
        let run = guest_list::run(db, given.workspace, id).await;
        assert_eq!((run.source.0, run.options.0), (source, all.clone()));
    }
}

async fn the_same_run_again_is_resumed_until_it_has_ended(database: &TestDatabase) {
    let db = &database.db;
    let first = start(db, "a", options()).await;
    let start_again = async |source: RunSource, options: RunOptions| {
        let new =
            NewRun { event_id: first.event.id, template_id: first.template.id, source, options, traceparent: None };
        domain::start_run(db, first.workspace, new).await.unwrap()
    };
    let again = start_again(csv("a"), options()).await;
    assert_eq!((again.id, again.resumed), (first.run.id, true));
    let mut renamed = csv("a");
    if let RunSource::Csv { name, .. } = &mut renamed {
        *name = "copy of guests.csv".to_owned();
    }
    assert_eq!(start_again(renamed, options()).await.id, first.run.id, "the same list under another name");
    let other = start_again(csv("a"), RunOptions { limit: Some(5), ..options() }).await;
    assert!(!other.resumed && other.id != first.run.id);
    finish_import(db, &first).await;
    let after = start_again(csv("a"), options()).await;
    assert!(!after.resumed && after.id != first.run.id);
}

async fn runs_are_listed_newest_first_page_by_page(database: &TestDatabase) {
    let db = &database.db;
    let mut ids = Vec::new();
    let mut workspace = None;
    for list in ["a", "b", "c", "d", "e"] {
        let started = start(db, list, options()).await;
        workspace = Some(started.workspace);
        ids.push(started.run.id);
        db.clock().advance(std::time::Duration::from_millis(1));
    }
    ids.reverse();
    let workspace = workspace.unwrap();
    let first: Vec<_> =
        domain::list_runs(db, workspace, None, None, 2).await.unwrap().iter().map(|run| run.run.id).collect();
    let rest: Vec<_> = domain::list_runs(db, workspace, None, Some(first[1]), 100)
        .await
        .unwrap()
        .iter()
        .map(|run| run.run.id)
        .collect();
    assert_eq!([first, rest].concat(), ids);
    let other = ground::workspace_named(db, "other").await;
    assert!(domain::list_runs(db, other, None, None, 100).await.unwrap().is_empty());
    assert!(domain::find_run(db, other, ids[0]).await.unwrap().is_none());
}

async fn a_chunk_is_taken_in_once(database: &TestDatabase) {
    let db = &database.db;
    let started = start(db, "a", options()).await;
    let prepared = Prepared { pending: 3, already: 2 };
    let take = async |from, to| {
        let mut tx = db.begin().await.unwrap();
        let taken =
            domain::take_chunk(&mut tx, started.workspace, started.run.id, (from, to), prepared, 1).await.unwrap();
        tx.commit().await.unwrap();
        taken
    };
    assert!(take(0, 6).await);
    assert!(!take(0, 6).await, "somebody took it in before");
    assert!(!take(7, 9).await, "a chunk in between is missing");
    assert!(take(6, 12).await);
    assert_eq!(domain::import_cursor(db, started.workspace, started.run.id).await.unwrap(), 12);
    let run = guest_list::run(db, started.workspace, started.run.id).await;
    assert_eq!((run.total, run.already, run.rejected, run.state.as_str()), (10, 4, 2, "importing"));
    domain::cancel_run(db, started.workspace, run.id).await.unwrap().unwrap();
    assert!(!take(12, 18).await, "a cancelled run takes nothing in");
}

async fn an_empty_list_completes_the_run(database: &TestDatabase) {
    let db = &database.db;
    let started = start(db, "a", options()).await;
    finish_import(db, &started).await;
    let run = guest_list::run(db, started.workspace, started.run.id).await;
    assert_eq!((run.state.as_str(), run.finished_at, run.has_ended()), ("complete", Some(db.now()), true));
    assert_eq!(ground::batch(db, started.workspace, run.batch_id).await.state.as_str(), "complete");
}

async fn a_run_of_guests_who_all_have_one_completes_with_its_import(database: &TestDatabase) {
    let db = &database.db;
    let started = start(db, "a", options()).await;
    let mut tx = db.begin().await.unwrap();
    let prepared = Prepared { pending: 0, already: 4 };
    domain::take_chunk(&mut tx, started.workspace, started.run.id, (0, 4), prepared, 0).await.unwrap();
    domain::import_finished(&mut tx, started.workspace, started.run.id).await.unwrap();
    tx.commit().await.unwrap();
    let run = guest_list::run(db, started.workspace, started.run.id).await;
    assert_eq!((run.state.as_str(), run.total, run.already), ("complete", 4, 4));
}

async fn a_cancelled_run_starts_nothing_any_more(database: &TestDatabase) {
    let db = &database.db;
    let started = imported(db, "a", 4).await;
    let running = ground::lease_from(db, "cpu", 1).await.remove(0);
    let asked = domain::cancel_run(db, started.workspace, started.run.id).await.unwrap();
    assert_eq!(asked, Some(vec![running.id]));
    let run = guest_list::run(db, started.workspace, started.run.id).await;
    assert_eq!((run.state.as_str(), run.total, run.cancelled), ("cancelled", 4, 4));
    assert!(ground::lease_from(db, "cpu", 10).await.is_empty());
    let pending =
        domain::run_guests(db, started.workspace, run.id, Some(InvitationState::Pending), None, 10).await.unwrap();
    assert!(pending.is_empty());
    // The one that ran finds out too late: its next step is not enqueued.
    let next = herald_ledger::NewJob { batch_id: Some(run.batch_id), ..ground::noop(started.workspace) };
    ground::commit(db, vec![ground::done_then(running, vec![next])]).await;
    assert_eq!(
        list_jobs(db, started.workspace, &JobFilter { kind: Some("test.noop".to_owned()), ..JobFilter::default() }, 10)
            .await
            .unwrap()
            .len(),
        0
    );
    assert!(domain::cancel_run(db, started.workspace, run.id).await.unwrap().is_none(), "it has ended");
}

async fn a_cancelled_run_can_be_taken_up_again(database: &TestDatabase) {
    let db = &database.db;
    let started = start(db, "a", options()).await;
    import(db, &started, 0, &guests(3)).await;
    // Cancelled before the list was read to its end.
    domain::cancel_run(db, started.workspace, started.run.id).await.unwrap().unwrap();
    let enqueued = domain::retry_failed(db, started.workspace, started.run.id).await.unwrap();
    assert_eq!(enqueued, Some(4), "three invitations and the rest of the list");
    let run = guest_list::run(db, started.workspace, started.run.id).await;
    assert_eq!((run.state.as_str(), run.cancelled, run.finished_at), ("importing", 0, None));
    assert_eq!(
        domain::import_cursor(db, started.workspace, run.id).await.unwrap(),
        3,
        "what was read is not read again"
    );
    assert_eq!(ground::lease_from(db, "cpu", 10).await.len(), 3);
    finish_import(db, &started).await;
    assert_eq!(guest_list::run(db, started.workspace, run.id).await.state.as_str(), "running");
}

async fn what_is_not_there_is_not_cancelled_or_retried(database: &TestDatabase) {
    let db = &database.db;
    let started = start(db, "a", options()).await;
    let other = ground::workspace_named(db, "other").await;
    for (workspace, id) in [(other, started.run.id), (started.workspace, Uuid::nil())] {
        assert!(domain::cancel_run(db, workspace, id).await.unwrap().is_none());
        assert!(domain::retry_failed(db, workspace, id).await.unwrap().is_none());
    }
    assert_eq!(guest_list::run(db, started.workspace, started.run.id).await.state.as_str(), "importing");
}
