//! Rules 5, 6 and 14 where a handler meets the ledger: what it answers, and what it does instead of answering.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use herald_app::jobs::{self, TemplatePreview};
use herald_base::image_format::ImageFormat;
use herald_db::Db;
use herald_invitations as domain;
use herald_ledger as ledger;
use herald_ledger::{JobError, NewJob, Payload};
use herald_tests::{TestDatabase, on_both_engines, wait_until};
use herald_worker::runner::{Done, Failure, Handler, QueueShare};
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{handler, skip_waiting, working, working_on};
use crate::{
    ground::{self, enqueue, enqueue_one, noop},
    guest_list,
};

on_both_engines! {
    a_panic_is_a_failed_attempt_and_the_worker_goes_on,
    an_error_is_tried_again_after_the_kinds_backoff,
    the_wait_a_provider_asks_for_is_kept,
    the_last_try_is_the_end_and_the_guest_is_told,
    a_failure_for_good_is_not_tried_again,
    a_snooze_is_not_counted,
    a_job_that_takes_longer_than_its_limit_is_stopped,
    an_outcome_that_cannot_be_written_does_not_take_others_with_it,
}

async fn state(db: &Db, workspace: Uuid, id: Uuid) -> String {
    ground::job(db, workspace, id).await.state.to_string()
}

async fn errors(db: &Db, workspace: Uuid, id: Uuid) -> Vec<JobError> {
    ledger::list_job_errors(db, workspace, id).await.unwrap()
}

/// Runs the jobs until `id` has one more error than `before`.
async fn one_more_error(db: &Db, workspace: Uuid, id: Uuid, before: usize) -> JobError {
    wait_until("the attempt has failed", async || errors(db, workspace, id).await.len() > before).await;
    errors(db, workspace, id).await.remove(before)
}

async fn a_panic_is_a_failed_attempt_and_the_worker_goes_on(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let process = working(
        database,
        handler(|attempt| {
            let when = attempt.job.args.0["panic"].as_str().unwrap_or_default().to_owned();
            assert_ne!(when, "before the future", "panics on purpose");
            async move {
                if when == "in the future" {
                    tokio::task::yield_now().await;
                    panic!("on purpose, {when}");
                }
                Ok(Done::default())
            }
        }),
    )
    .await;
    let bad = |when: &str| NewJob { args: json!({"panic": when}), max_attempts: 1, ..noop(workspace) };
    let mut jobs = vec![noop(workspace); 10];
    jobs.insert(0, bad("before the future"));
    jobs.insert(5, bad("in the future"));
    let ids = enqueue(db, jobs).await;
    wait_until("all have ended", async || {
        ground::number(db, "select count(*) from jobs where state in ('ready', 'running')").await == 0
    })
    .await;
    process.stop().await;
    for (at, id) in ids.iter().enumerate() {
        let expected = if at == 0 || at == 5 { "dead" } else { "succeeded" };
        assert_eq!(state(db, workspace, *id).await, expected, "job {at}");
    }
    let message = errors(db, workspace, ids[5]).await.remove(0).message;
    assert_eq!(message, "it panicked: on purpose, in the future");
    assert!(errors(db, workspace, ids[0]).await[0].message.contains("panics on purpose"));
}

/// Fails as `?` does.
fn always_fails() -> Handler {
    handler(async |_| {
        let number: i64 = "not a number".parse()?;
        Ok(Done { result: Some(json!({"number": number})), ..Done::default() })
    })
}

async fn an_error_is_tried_again_after_the_kinds_backoff(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let policy = jobs::InvitationUpload::POLICY;
    database.leaves(&["invitation.upload"]);
    let process = working(database, always_fails()).await;
    let id =
        enqueue_one(db, NewJob { kind: policy.name.to_owned(), max_attempts: policy.max_attempts, ..noop(workspace) })
            .await;
    for attempt in 1..=4_i64 {
        let error = one_more_error(db, workspace, id, usize::try_from(attempt).unwrap() - 1).await;
        assert_eq!((error.attempt, error.message.as_str()), (attempt, "invalid digit found in string"));
        let row = ground::job(db, workspace, id).await;
        let wait = (row.run_at - db.now()).to_std().unwrap();
        let longest = policy.backoff.base * 2_u32.pow(u32::try_from(attempt).unwrap() - 1);
        assert!(wait <= longest, "waits {wait:?} after attempt {attempt}, at most {longest:?}");
        assert_eq!(row.state.as_str(), if wait.is_zero() { row.state.as_str() } else { "ready" });
        db.clock().advance(longest);
    }
    process.stop().await;
}

async fn the_wait_a_provider_asks_for_is_kept(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let process = working(
        database,
        handler(async |_| Err(Failure::Retry { error: "429".to_owned(), after: Some(Duration::from_secs(900)) })),
    )
    .await;
    let id = enqueue_one(db, noop(workspace)).await;
    assert_eq!(one_more_error(db, workspace, id, 0).await.message, "429");
    process.stop().await;
    let row = ground::job(db, workspace, id).await;
    assert_eq!((row.state.as_str(), row.run_at), ("ready", db.now() + Duration::from_secs(900)));
    database.leaves(&["test.noop"]);
}

async fn the_last_try_is_the_end_and_the_guest_is_told(database: &TestDatabase) {
    let db = &database.db;
    let started = guest_list::imported(db, "a", 6).await;
    // Nobody works on the queue of the summaries.
    database.leaves(&["invitation.summary"]);
    let process = working_on(database, vec![QueueShare::new("cpu", 2)], always_fails()).await;
    wait_until("the run is over", async || {
        skip_waiting(db).await;
        guest_list::run(db, started.workspace, started.run.id).await.has_ended()
    })
    .await;
    process.stop().await;
    let run = guest_list::run(db, started.workspace, started.run.id).await;
    assert_eq!((run.state.as_str(), run.failed, run.made), ("complete", 6, 0));
    let guests = domain::run_guests(db, started.workspace, run.id, None, None, 10).await.unwrap();
    assert!(guests.iter().all(|guest| guest.reason.as_deref() == Some("invalid digit found in string")));
    assert_eq!(ground::number(db, "select min(attempt) from jobs where queue = 'cpu'").await, 8);
}

async fn a_failure_for_good_is_not_tried_again(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let process = working(database, handler(async |_| Err(Failure::Fail("there is no such thing".to_owned())))).await;
    let id = enqueue_one(db, noop(workspace)).await;
    assert_eq!(one_more_error(db, workspace, id, 0).await.message, "there is no such thing");
    process.stop().await;
    let row = ground::job(db, workspace, id).await;
    assert_eq!((row.state.as_str(), row.attempt), ("dead", 1));
}

async fn a_snooze_is_not_counted(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let process = working(database, {
        let runs = runs.clone();
        handler(move |_| {
            let run = runs.fetch_add(1, Ordering::SeqCst);
            async move { if run < 10 { Err(Failure::Snooze(Duration::from_secs(1))) } else { Ok(Done::default()) } }
        })
    })
    .await;
    let id = enqueue_one(db, NewJob { max_attempts: 1, ..noop(workspace) }).await;
    wait_until("it is done", async || {
        skip_waiting(db).await;
        state(db, workspace, id).await == "succeeded"
    })
    .await;
    process.stop().await;
    assert_eq!(runs.load(Ordering::SeqCst), 11);
    assert!(errors(db, workspace, id).await.is_empty());
}

async fn a_job_that_takes_longer_than_its_limit_is_stopped(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (started, mut starts) = mpsc::unbounded_channel();
    let process = working_on(
        database,
        vec![QueueShare::new("cpu", 1)],
        handler(move |attempt| {
            started.send(attempt.job.attempt).unwrap();
            std::future::pending::<Result<Done, Failure>>()
        }),
    )
    .await;
    let preview = TemplatePreview {
        strict: false,
        picture: None,
        template_id: Uuid::nil(),
        contact_id: None,
        fields: std::collections::BTreeMap::new(),
        format: ImageFormat::Png,
    };
    let id = enqueue_one(db, preview.job(workspace)).await;
    for attempt in [1, 2] {
        wait_until("the attempt starts", async || {
            skip_waiting(db).await;
            starts.try_recv().is_ok_and(|started| started == attempt)
        })
        .await;
        db.clock().advance(Duration::from_secs(29));
        let before = usize::try_from(attempt - 1).unwrap();
        assert_eq!(errors(db, workspace, id).await.len(), before);
        db.clock().advance(Duration::from_secs(1));
        let error = one_more_error(db, workspace, id, before).await;
        assert_eq!(error.message, "it took longer than its limit of 30 s");
    }
    process.stop().await;
    assert_eq!(state(db, workspace, id).await, "dead");
}

async fn an_outcome_that_cannot_be_written_does_not_take_others_with_it(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let process = working(
        database,
        handler(|attempt| {
            let bad = attempt.job.args.0["bad"] == true;
            let next = NewJob { args: json!({"text": "x".repeat(70_000)}), ..noop(attempt.job.workspace_id) };
            async move { Ok(Done { then: if bad { vec![next] } else { Vec::new() }, ..Done::default() }) }
        }),
    )
    .await;
    let bad = NewJob { args: json!({"bad": true}), ..noop(workspace) };
    let mut jobs = vec![noop(workspace); 200];
    jobs.insert(100, bad);
    let ids = enqueue(db, jobs).await;
    wait_until("all have ended", async || {
        skip_waiting(db).await;
        ground::number(db, "select count(*) from jobs where state in ('ready', 'running')").await == 0
    })
    .await;
    process.stop().await;
    assert_eq!(ground::number(db, "select count(*) from jobs where state = 'succeeded'").await, 200);
    let row = ground::job(db, workspace, ids[100]).await;
    assert_eq!((row.state.as_str(), row.attempt), ("dead", 3));
    let errors = errors(db, workspace, ids[100]).await;
    assert_eq!(errors.len(), 3);
    assert!(errors[0].message.starts_with("its outcome could not be written: the arguments"), "{}", errors[0].message);
}
