//! Looking at jobs: one, its errors, and lists of them.

use std::time::Duration;

use herald_db::Json;
use herald_ledger as ledger;
use herald_ledger::{Finished, JobFilter, JobState, NewJob, Outcome};
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::json;
use uuid::Uuid;

use crate::ground::{self, batch_of, commit, done, enqueue, lease, noop, retry};

on_both_engines! {
    a_job_shows_what_it_was_given,
    a_finished_job_shows_what_became_of_it,
    a_job_of_another_workspace_is_not_shown,
    the_errors_of_a_job_come_in_the_order_they_happened,
    jobs_are_listed_by_any_combination_of_filters,
    pages_follow_each_other_without_gap_or_repeat,
}

async fn a_job_shows_what_it_was_given(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let later = db.now() + Duration::from_micros(90_000_001);
    let args = json!({"invitation_id": db.new_id(), "ü": ["١", null]});
    let given = NewJob {
        args: args.clone(),
        priority: -7,
        max_attempts: 9,
        run_at: Some(later),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        ..noop(workspace)
    };
    let (batch, ids) = batch_of(db, workspace, None, vec![given]).await;
    let row = ground::job(db, workspace, ids[0]).await;
    assert_eq!((row.id, row.kind.as_str(), row.queue.as_str()), (ids[0], "test.noop", "test"));
    assert_eq!((row.args, row.state.as_str(), row.priority), (Json(args), "ready", -7));
    assert_eq!((row.attempt, row.max_attempts, row.run_at), (0, 9, later));
    assert_eq!((row.batch_id, row.created_at), (Some(batch), db.now()));
    assert_eq!((row.worker, row.progress, row.result), (None, None, None));
    assert_eq!((row.started_at, row.finished_at), (None, None));
    assert!(ledger::find_job(db, workspace, Uuid::nil()).await.unwrap().is_none());
}

async fn a_finished_job_shows_what_became_of_it(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let id = enqueue(db, vec![noop(workspace)]).await[0];
    let job = lease(db, 1).await.remove(0);
    let running = ground::job(db, workspace, id).await;
    assert_eq!(
        (running.state.as_str(), running.attempt, running.worker.as_deref()),
        ("running", 1, Some("a dispatcher"))
    );
    assert_eq!((running.started_at, running.finished_at), (Some(db.now()), None));
    db.clock().advance(Duration::from_millis(1_500));
    let result = json!({"bytes": 12, "notes": ["ok"]});
    let outcome = Outcome::Done { result: Some(result.clone()), changes: Vec::new(), then: Vec::new() };
    commit(db, vec![Finished { job, outcome }]).await;
    let row = ground::job(db, workspace, id).await;
    assert_eq!((row.state.as_str(), row.result, row.finished_at), ("succeeded", Some(Json(result)), Some(db.now())));
}

async fn a_job_of_another_workspace_is_not_shown(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let other = ground::workspace_named(db, "other").await;
    let id = enqueue(db, vec![noop(workspace)]).await[0];
    let job = lease(db, 1).await.remove(0);
    commit(db, vec![retry(db, job, Duration::ZERO)]).await;
    assert!(ledger::find_job(db, other, id).await.unwrap().is_none());
    assert!(ledger::list_job_errors(db, other, id).await.unwrap().is_empty());
    assert!(ledger::list_jobs(db, other, &JobFilter::default(), 10).await.unwrap().is_empty());
}

async fn the_errors_of_a_job_come_in_the_order_they_happened(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let id = enqueue(db, vec![noop(workspace)]).await[0];
    for error in ["first\0", "second"] {
        let job = lease(db, 1).await.remove(0);
        let outcome = Outcome::Retry { error: error.to_owned(), run_at: db.now() };
        commit(db, vec![Finished { job, outcome }]).await;
        db.clock().advance(Duration::from_millis(10));
    }
    let job = lease(db, 1).await.remove(0);
    let outcome = Outcome::Dead { error: "é".repeat(5_000) };
    commit(db, vec![Finished { job, outcome }]).await;
    let errors = ledger::list_job_errors(db, workspace, id).await.unwrap();
    assert_eq!(errors.iter().map(|error| error.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((errors[0].message.as_str(), errors[1].message.as_str()), ("first", "second"));
    assert_eq!(errors[2].message, "é".repeat(2_000), "a long message is cut, between characters");
    assert_eq!((errors[2].at - errors[0].at).num_milliseconds(), 20);
}

async fn jobs_are_listed_by_any_combination_of_filters(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 2]).await;
    let other = |kind: &str, queue: &str| NewJob { kind: kind.to_owned(), queue: queue.to_owned(), ..noop(workspace) };
    enqueue(db, vec![other("test.other", "test"), other("test.other", "elsewhere"), noop(workspace)]).await;
    let finished: Vec<_> = lease(db, 2).await.into_iter().map(done).collect();
    let finished_of_batch = finished.iter().filter(|finished| finished.job.batch_id == Some(batch)).count();
    commit(db, finished).await;

    let kinds = [None, Some("test.noop"), Some("test.other"), Some("test.none")];
    let states = [None, Some(JobState::Ready), Some(JobState::Succeeded), Some(JobState::Dead)];
    let queues = [None, Some("test"), Some("elsewhere")];
    let all = ledger::list_jobs(db, workspace, &JobFilter::default(), 100).await.unwrap();
    assert_eq!(all.len(), 5);
    let mut combinations = 0;
    for kind in kinds {
        for state in states {
            for queue in queues {
                for batch_id in [None, Some(batch), Some(Uuid::nil())] {
                    let filter = JobFilter {
                        kind: kind.map(str::to_owned),
                        state,
                        queue: queue.map(str::to_owned),
                        batch_id,
                        ..JobFilter::default()
                    };
                    let listed: Vec<Uuid> = ledger::list_jobs(db, workspace, &filter, 100)
                        .await
                        .unwrap()
                        .iter()
                        .map(|row| row.id)
                        .collect();
                    let expected: Vec<Uuid> = all
                        .iter()
                        .filter(|row| kind.is_none_or(|kind| row.kind == kind))
                        .filter(|row| state.is_none_or(|state| row.state == state))
                        .filter(|row| queue.is_none_or(|queue| row.queue == queue))
                        .filter(|row| batch_id.is_none_or(|batch| row.batch_id == Some(batch)))
                        .map(|row| row.id)
                        .collect();
                    assert_eq!(listed, expected, "{filter:?}");
                    combinations += 1;
                }
            }
        }
    }
    assert_eq!(combinations, 144);
    let of_batch = JobFilter { batch_id: Some(batch), state: Some(JobState::Succeeded), ..JobFilter::default() };
    assert_eq!(ledger::list_jobs(db, workspace, &of_batch, 100).await.unwrap().len(), finished_of_batch);
}

async fn pages_follow_each_other_without_gap_or_repeat(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let mut made = enqueue(db, vec![noop(workspace); 7]).await;
    for _ in 0..4 {
        db.clock().advance(Duration::from_millis(1));
        made.extend(enqueue(db, vec![noop(workspace)]).await);
    }
    made.sort_unstable_by(|a, b| b.cmp(a));
    let mut seen = Vec::new();
    let mut filter = JobFilter::default();
    loop {
        let page = ledger::list_jobs(db, workspace, &filter, 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        filter.before = Some(last.id);
        seen.extend(page.iter().map(|row| row.id));
    }
    assert_eq!(seen, made, "newest first, by id");
    assert!(ledger::list_jobs(db, workspace, &JobFilter::default(), 0).await.unwrap().is_empty());
    assert_eq!(ledger::list_jobs(db, workspace, &JobFilter::default(), usize::MAX).await.unwrap().len(), 11);
}
