//! Rule 9: a batch counts its jobs, ends once, and can be cancelled.

use herald_base::{clock::Clock, ids::Ids};
use herald_ledger as ledger;
use herald_ledger::{Callbacks, Finished, NewBatch, NewJob, Outcome};
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::ground::{
    self, batch_of, commit, counters, dead, done, done_then, enqueue_one, lease, lease_from, noop, retry,
};

on_both_engines! {
    a_batch_shows_what_it_was_made_with,
    a_batch_counts_how_its_jobs_end,
    retries_and_snoozes_do_not_count,
    a_chain_keeps_its_batch_open_until_its_last_step,
    the_end_of_a_batch_enqueues_its_job_once,
    the_end_of_a_batch_is_told_once_however_many_commit_at_once,
    a_job_added_to_a_complete_batch_opens_it_again,
    an_empty_batch_stays_open,
    a_batch_of_another_workspace_is_not_shown,
    success_is_told_only_when_every_job_succeeded,
    the_first_death_is_told_at_once_and_once,
}

async fn batch_with(db: &herald_db::Db, callbacks: Callbacks, workspace_id: Uuid, jobs: usize) -> Uuid {
    let mut tx = db.begin().await.unwrap();
    let new = NewBatch { workspace_id, name: "told".to_owned(), callbacks };
    let id = ledger::create_batch(&mut tx, new).await.unwrap();
    let jobs = vec![NewJob { batch_id: Some(id), ..noop(workspace_id) }; jobs];
    ledger::enqueue(&mut tx, jobs).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn success_is_told_only_when_every_job_succeeded(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let told =
        || Callbacks { on_complete: Some(end(workspace)), on_success: Some(end(workspace)), on_first_death: None };
    let id = batch_with(db, told(), workspace, 2).await;
    for job in lease(db, 2).await {
        assert!(lease_from(db, "end", 10).await.is_empty());
        commit(db, vec![done(job)]).await;
    }
    assert_eq!(lease_from(db, "end", 10).await.len(), 2);
    assert_eq!(counters(&ground::batch(db, workspace, id).await), (2, 2, 0, 0), "callbacks do not count in the batch");

    batch_with(db, told(), workspace, 2).await;
    let mut jobs = lease(db, 2).await;
    commit(db, vec![dead(jobs.remove(0)), done(jobs.remove(0))]).await;
    assert_eq!(lease_from(db, "end", 10).await.len(), 1, "it is complete and no success");
}

async fn the_first_death_is_told_at_once_and_once(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let told = Callbacks { on_first_death: Some(end(workspace)), ..Callbacks::default() };
    batch_with(db, told, workspace, 4).await;
    let mut jobs = lease(db, 4).await;
    commit(db, vec![done(jobs.remove(0))]).await;
    assert!(lease_from(db, "end", 10).await.is_empty());
    commit(db, vec![dead(jobs.remove(0)), dead(jobs.remove(0))]).await;
    assert_eq!(lease_from(db, "end", 10).await.len(), 1);
    commit(db, vec![dead(jobs.remove(0))]).await;
    assert!(lease_from(db, "end", 10).await.is_empty());
}

fn end(workspace: Uuid) -> NewJob {
    NewJob { kind: "test.end".to_owned(), queue: "end".to_owned(), args: json!({"end": true}), ..noop(workspace) }
}

async fn a_batch_shows_what_it_was_made_with(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (id, _) = batch_of(db, workspace, None, vec![noop(workspace); 3]).await;
    let batch = ground::batch(db, workspace, id).await;
    assert_eq!((batch.id, batch.workspace_id, batch.name.as_str()), (id, workspace, "a batch"));
    assert_eq!((batch.state.as_str(), counters(&batch)), ("running", (3, 0, 0, 0)));
    assert_eq!((batch.created_at, batch.finished_at), (db.now(), None));
}

async fn a_batch_counts_how_its_jobs_end(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (id, _) = batch_of(db, workspace, None, vec![noop(workspace); 4]).await;
    let jobs = lease(db, 3).await;
    let cancelled = Finished { job: jobs[2].clone(), outcome: Outcome::Cancelled };
    commit(db, vec![done(jobs[0].clone()), dead(jobs[1].clone()), cancelled]).await;
    let open = ground::batch(db, workspace, id).await;
    assert_eq!((open.state.as_str(), counters(&open)), ("running", (4, 1, 1, 1)));
    let last = lease(db, 1).await.remove(0);
    commit(db, vec![done(last)]).await;
    let closed = ground::batch(db, workspace, id).await;
    assert_eq!((closed.state.as_str(), counters(&closed)), ("complete", (4, 2, 1, 1)));
    assert_eq!(closed.finished_at, Some(db.now()));
}

async fn retries_and_snoozes_do_not_count(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (id, _) = batch_of(db, workspace, None, vec![noop(workspace)]).await;
    let job = lease(db, 1).await.remove(0);
    commit(db, vec![retry(db, job, std::time::Duration::ZERO)]).await;
    let job = lease(db, 1).await.remove(0);
    commit(db, vec![Finished { job, outcome: Outcome::Snooze { run_at: db.now() } }]).await;
    let batch = ground::batch(db, workspace, id).await;
    assert_eq!((batch.state.as_str(), counters(&batch)), ("running", (1, 0, 0, 0)));
}

async fn a_chain_keeps_its_batch_open_until_its_last_step(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (id, _) = batch_of(db, workspace, Some(end(workspace)), vec![noop(workspace); 2]).await;
    for step in 1..=3 {
        let group = lease(db, 10).await;
        assert_eq!(group.len(), 2);
        assert!(group.iter().all(|job| job.batch_id == Some(id)), "a next step is of its cause's batch");
        let next = if step < 3 { vec![noop(workspace)] } else { Vec::new() };
        commit(db, group.into_iter().map(|job| done_then(job, next.clone())).collect()).await;
        let batch = ground::batch(db, workspace, id).await;
        assert_eq!(batch.state.as_str(), if step < 3 { "running" } else { "complete" });
        assert_eq!(counters(&batch), if step < 3 { (2 * step + 2, 2 * step, 0, 0) } else { (6, 6, 0, 0) });
    }
}

async fn the_end_of_a_batch_enqueues_its_job_once(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (id, _) = batch_of(db, workspace, Some(end(workspace)), vec![noop(workspace); 3]).await;
    for left in [2, 1, 0] {
        assert!(ground::lease_from(db, "end", 10).await.is_empty());
        let job = lease(db, 1).await.remove(0);
        commit(db, vec![if left == 1 { dead(job) } else { done(job) }]).await;
    }
    let ends = ground::lease_from(db, "end", 10).await;
    assert_eq!(ends.len(), 1);
    assert_eq!((ends[0].kind.as_str(), &ends[0].args.0), ("test.end", &json!({"end": true})));
    assert_eq!(ends[0].batch_id, None, "it does not count in the batch");
    commit(db, ends.into_iter().map(done).collect()).await;
    let batch = ground::batch(db, workspace, id).await;
    assert_eq!((batch.state.as_str(), counters(&batch)), ("complete", (3, 2, 1, 0)));
}

async fn the_end_of_a_batch_is_told_once_however_many_commit_at_once(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let mut batches = Vec::new();
    for _ in 0..8 {
        batches.push(batch_of(db, workspace, Some(end(workspace)), vec![noop(workspace); 6]).await.0);
    }
    let leased = lease(db, 100).await;
    assert_eq!(leased.len(), 48);
    let mut committing = JoinSet::new();
    for seed in 1..=6_usize {
        let db = database.connect(Clock::manual(db.now()), Ids::seeded(seed as u64)).await;
        // One job of every batch, in another order each.
        let mut group: Vec<Finished> = batches
            .iter()
            .map(|batch| leased.iter().filter(|job| job.batch_id == Some(*batch)).nth(seed - 1).unwrap())
            .map(|job| done(job.clone()))
            .collect();
        group.rotate_left(seed);
        committing.spawn(async move { commit(&db, group).await.written });
    }
    assert_eq!(committing.join_all().await.into_iter().sum::<usize>(), 48);
    for batch in batches {
        let batch = ground::batch(db, workspace, batch).await;
        assert_eq!((batch.state.as_str(), counters(&batch)), ("complete", (6, 6, 0, 0)));
    }
    assert_eq!(ground::lease_from(db, "end", 100).await.len(), 8);
}

async fn a_job_added_to_a_complete_batch_opens_it_again(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (id, _) = batch_of(db, workspace, None, vec![noop(workspace)]).await;
    let job = lease(db, 1).await.remove(0);
    commit(db, vec![done(job)]).await;
    enqueue_one(db, NewJob { batch_id: Some(id), ..noop(workspace) }).await;
    let batch = ground::batch(db, workspace, id).await;
    assert_eq!((batch.state.as_str(), counters(&batch), batch.finished_at), ("running", (2, 1, 0, 0), None));
}

async fn an_empty_batch_stays_open(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (id, _) = batch_of(db, workspace, Some(end(workspace)), Vec::new()).await;
    assert_eq!(ground::batch(db, workspace, id).await.state.as_str(), "running");
    assert!(ground::lease_from(db, "end", 1).await.is_empty());
}

async fn a_batch_of_another_workspace_is_not_shown(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let other = ground::workspace_named(db, "other").await;
    let (id, _) = batch_of(db, workspace, None, vec![noop(workspace)]).await;
    assert!(ledger::find_batch(db, other, id).await.unwrap().is_none());
    assert!(ledger::find_batch(db, workspace, Uuid::nil()).await.unwrap().is_none());
}
