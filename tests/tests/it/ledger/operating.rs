//! Finding jobs, grouping their failures, acting on many of them, and the log of who did.

use std::{collections::BTreeMap, time::Duration};

use herald_shared::{
    clock::Clock,
    db::Db,
    ids::Ids,
    ledger::{
        self, Act, Acting, ArgFilter, Finished, JobFilter, JobState, NewJob, Outcome, act_on_next,
        audit::{self, Actor, AuditFilter, Entry},
    },
};
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::ground::{self, batch_of, commit, counters, dead, done, enqueue, enqueue_one, lease, noop};

on_both_engines! {
    jobs_are_found_by_an_argument,
    jobs_are_found_by_the_beginning_of_their_kind_and_by_time,
    failures_are_grouped_by_cause,
    a_job_that_succeeds_at_once_has_no_cause,
    many_dead_jobs_are_retried_and_their_batch_goes_on,
    many_jobs_are_cancelled_and_their_batch_ends,
    only_ended_jobs_are_deleted_and_their_counts_stay,
    an_act_goes_on_where_it_was_cut_off_and_leaves_newer_jobs_alone,
    acting_beside_working_processes_keeps_the_counters_true,
    the_audit_log_is_one_chain_however_many_write,
    a_changed_or_missing_row_of_the_audit_log_shows,
}

fn arg(text: &str) -> JobFilter {
    JobFilter { arg: Some(text.parse::<ArgFilter>().unwrap()), ..JobFilter::default() }
}

async fn found(db: &Db, workspace: Uuid, filter: &JobFilter) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> =
        ledger::jobs(db, workspace, filter, 10_000).await.unwrap().into_iter().map(|job| job.id).collect();
    ids.sort_unstable();
    ids
}

async fn jobs_are_found_by_an_argument(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let args = [
        json!({"run": "a", "n": 5}),
        json!({"run": "5", "n": 5.0}),
        json!({"run": true, "n": 7.25}),
        json!({"run": "true", "n": null}),
        json!({"run": {"x": 1}, "n": "it's \"ü\""}),
        json!({}),
    ];
    let jobs = args.iter().map(|args| NewJob { args: args.clone(), ..noop(workspace) }).collect();
    let ids = enqueue(db, jobs).await;
    for (text, expected) in [
        ("run:a", vec![0]),
        ("run:5", vec![1]),
        ("run:true", vec![2, 3]),
        ("n:5", vec![0, 1]),
        ("n:7.25", vec![2]),
        ("n:it's \"ü\"", vec![4]),
        ("run:false", vec![]),
        ("run:b", vec![]),
        ("none:a", vec![]),
        ("n:null", vec![]),
    ] {
        let mut expected: Vec<Uuid> = expected.into_iter().map(|at: usize| ids[at]).collect();
        expected.sort_unstable();
        assert_eq!(found(db, workspace, &arg(text)).await, expected, "{text}");
    }
}

async fn jobs_are_found_by_the_beginning_of_their_kind_and_by_time(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let of = |kind: &str| NewJob { kind: kind.to_owned(), ..noop(workspace) };
    let first = enqueue(db, vec![of("a.one"), of("a.two")]).await;
    db.clock().advance(Duration::from_secs(60));
    let middle = db.now();
    let second = enqueue(db, vec![of("a.one"), of("ab.one"), of("a%.one")]).await;
    let sorted = |ids: &[Uuid]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids
    };
    let kind = |kind: &str| JobFilter { kind: Some(kind.to_owned()), ..JobFilter::default() };
    assert_eq!(found(db, workspace, &kind("a.*")).await, sorted(&[first[0], first[1], second[0]]));
    assert_eq!(found(db, workspace, &kind("a%.*")).await, [second[2]]);
    assert_eq!(found(db, workspace, &kind("*")).await.len(), 5);
    let after = JobFilter { created_after: Some(middle), ..JobFilter::default() };
    assert_eq!(found(db, workspace, &after).await, sorted(&second));
    let before = JobFilter { created_before: Some(middle), ..JobFilter::default() };
    assert_eq!(found(db, workspace, &before).await, sorted(&first));
    let job = lease(db, 1).await.remove(0);
    let ended = job.id;
    commit(db, vec![done(job)]).await;
    let finished = JobFilter { finished_after: Some(middle), ..JobFilter::default() };
    assert_eq!(found(db, workspace, &finished).await, [ended]);
    let earlier = JobFilter { finished_before: Some(middle), ..JobFilter::default() };
    assert!(found(db, workspace, &earlier).await.is_empty());
}

fn failed(job: ledger::Leased, error: &str, again: bool, db: &Db) -> Finished {
    let error = error.to_owned();
    let outcome = match again {
        true => Outcome::Retry { error, run_at: db.now() + Duration::from_secs(600) },
        false => Outcome::Dead { error, facts: Vec::new() },
    };
    Finished { job, outcome }
}

async fn failures_are_grouped_by_cause(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let other = ground::workspace_named(db, "other").await;
    let of = |kind: &str| NewJob { kind: kind.to_owned(), ..noop(workspace) };
    enqueue(db, vec![of("a.one"), of("a.one"), of("b.two"), of("a.one"), noop(other)]).await;
    let mut jobs: BTreeMap<String, Vec<ledger::Leased>> = BTreeMap::new();
    for job in lease(db, 10).await {
        let key = if job.workspace_id == other { "other".to_owned() } else { job.kind.clone() };
        jobs.entry(key).or_default().push(job);
    }
    let mut take = |key: &str| jobs.get_mut(key).unwrap().pop().unwrap();
    let began = db.now();
    let (one, two, three, four, stranger) = (take("a.one"), take("b.two"), take("a.one"), take("a.one"), take("other"));
    let dead_id = two.id;
    commit(db, vec![failed(one, "line 1 is bad", true, db), failed(stranger, "line 9 is bad", true, db)]).await;
    db.clock().advance(Duration::from_secs(5));
    commit(db, vec![failed(two, "line 22 is bad", false, db), failed(three, "the disk is full", false, db)]).await;
    commit(db, vec![done(four)]).await;

    let groups = ledger::failures(db, workspace, &JobFilter::default(), 10).await.unwrap();
    assert_eq!(groups.len(), 2);
    let lines = &groups[0];
    assert_eq!((lines.pattern.as_str(), lines.sample.as_str()), ("line N is bad", "line 22 is bad"));
    assert_eq!((lines.jobs, lines.retrying, lines.dead), (2, 1, 1));
    assert_eq!(lines.kinds, BTreeMap::from([("a.one".to_owned(), 1), ("b.two".to_owned(), 1)]));
    assert_eq!((lines.first_seen, lines.last_seen), (Some(began), Some(db.now())));
    assert_eq!((groups[1].pattern.as_str(), groups[1].jobs), ("the disk is full", 1));

    let of_cause = JobFilter { fingerprint: Some(lines.fingerprint.clone()), ..JobFilter::default() };
    assert_eq!(found(db, workspace, &of_cause).await.len(), 2);
    let dead_of_cause = JobFilter { state: Some(JobState::Dead), ..of_cause };
    assert_eq!(found(db, workspace, &dead_of_cause).await, [dead_id]);
    let of_kind = JobFilter { kind: Some("b.two".to_owned()), ..JobFilter::default() };
    assert_eq!(ledger::failures(db, workspace, &of_kind, 10).await.unwrap()[0].jobs, 1);
    assert_eq!(ledger::failures(db, workspace, &JobFilter::default(), 1).await.unwrap().len(), 1);
}

async fn a_job_that_succeeds_at_once_has_no_cause(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let id = enqueue_one(db, noop(workspace)).await;
    let job = lease(db, 1).await.remove(0);
    commit(db, vec![done(job)]).await;
    assert_eq!(ground::job(db, workspace, id).await.fingerprint, None);
    assert!(ledger::failures(db, workspace, &JobFilter::default(), 10).await.unwrap().is_empty());
}

/// Runs an act to its end. Returns how far it came and which jobs were asked to stop.
async fn act(db: &Db, workspace: Uuid, act: Act, filter: &JobFilter) -> (Acting, Vec<Uuid>) {
    let actor = Actor::cli(workspace, "test");
    let mut acting = Acting::begin(db, workspace, act, filter, db.now()).await.unwrap();
    let mut running = Vec::new();
    while !acting.finished {
        let mut tx = db.begin().await.unwrap();
        let acted = act_on_next(&mut tx, &actor, act, filter, &acting).await.unwrap();
        tx.commit().await.unwrap();
        acting = acted.acting;
        running.extend(acted.running);
    }
    (acting, running)
}

async fn many_dead_jobs_are_retried_and_their_batch_goes_on(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 2_300]).await;
    let jobs = lease(db, 5_000).await;
    commit(db, jobs.into_iter().map(dead).collect()).await;
    let filter = JobFilter { state: Some(JobState::Dead), batch_id: Some(batch), ..JobFilter::default() };
    assert_eq!(ledger::matching(db, workspace, Act::Retry, &filter).await.unwrap().count, 2_300);
    let (acting, _) = act(db, workspace, Act::Retry, &filter).await;
    assert_eq!((acting.of, acting.seen, acting.changed, acting.skipped()), (2_300, 2_300, 2_300, 0));
    let shown = ground::batch(db, workspace, batch).await;
    assert_eq!((shown.state.as_str(), counters(&shown)), ("running", (2_300, 0, 0, 0)));
    let rows = audit::log(db, workspace, &AuditFilter::default(), 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.affected.unwrap()).collect::<Vec<_>>(), [300, 1_000, 1_000]);
    assert!(rows.iter().all(|row| row.action == "jobs.retry" && row.who == "cli:test"));
    let jobs = lease(db, 5_000).await;
    assert_eq!(jobs.len(), 2_300);
    commit(db, jobs.into_iter().map(done).collect()).await;
    let shown = ground::batch(db, workspace, batch).await;
    assert_eq!((shown.state.as_str(), counters(&shown)), ("complete", (2_300, 2_300, 0, 0)));
}

async fn many_jobs_are_cancelled_and_their_batch_ends(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 5]).await;
    let other = enqueue_one(db, noop(workspace)).await;
    let started = lease(db, 100).await;
    let (running, handed_back): (Vec<_>, Vec<_>) = started.into_iter().partition(|job| job.batch_id.is_some());
    let back = |job| Finished { job, outcome: Outcome::Snooze { run_at: db.now() } };
    let (running, more): (Vec<_>, Vec<_>) = (running[..2].to_vec(), running[2..].to_vec());
    commit(db, handed_back.into_iter().chain(more).map(back).collect()).await;

    let filter = JobFilter { batch_id: Some(batch), ..JobFilter::default() };
    let (acting, mut asked) = act(db, workspace, Act::Cancel, &filter).await;
    assert_eq!((acting.changed, acting.asked), (3, 2));
    asked.sort_unstable();
    let mut expected: Vec<Uuid> = running.iter().map(|job| job.id).collect();
    expected.sort_unstable();
    assert_eq!(asked, expected);
    assert_eq!(counters(&ground::batch(db, workspace, batch).await), (5, 0, 0, 3));
    commit(db, running.into_iter().map(|job| Finished { job, outcome: Outcome::Cancelled }).collect()).await;
    let shown = ground::batch(db, workspace, batch).await;
    assert_eq!((shown.finished_at, counters(&shown)), (Some(db.now()), (5, 0, 0, 5)));
    assert_eq!(ground::job(db, workspace, other).await.state, "ready", "a job of no batch is none of its business");
}

async fn only_ended_jobs_are_deleted_and_their_counts_stay(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let other = ground::workspace_named(db, "other").await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 4]).await;
    enqueue_one(db, noop(other)).await;
    let mut jobs = lease(db, 10).await;
    let at = jobs.iter().position(|job| job.workspace_id == other).unwrap();
    let stranger = jobs.remove(at);
    let strange = stranger.id;
    let running = jobs.pop().unwrap();
    commit(db, vec![dead(jobs.remove(0)), done(jobs.remove(0)), done(stranger)]).await;
    commit(db, vec![Finished { job: jobs.remove(0), outcome: Outcome::Snooze { run_at: db.now() } }]).await;

    let (acting, _) = act(db, workspace, Act::Delete, &JobFilter::default()).await;
    assert_eq!(acting.changed, 2);
    let left = found(db, workspace, &JobFilter::default()).await;
    assert_eq!(left.len(), 2);
    assert!(left.contains(&running.id));
    assert_eq!(ground::job(db, other, strange).await.state, "succeeded");
    assert_eq!(counters(&ground::batch(db, workspace, batch).await), (4, 1, 1, 0));
    assert_eq!(ground::number(db, "select cast(sum(jobs) as bigint) from job_counts").await, 2);
    assert_eq!(ground::number(db, "select count(*) from job_errors").await, 0);
    let mut tx = db.begin().await.unwrap();
    assert!(!ledger::delete_job_in(&mut tx, workspace, running.id).await.unwrap(), "it lives");
    assert!(!ledger::delete_job_in(&mut tx, workspace, strange).await.unwrap(), "it is another workspace's");
    assert!(ledger::delete_job_in(&mut tx, other, strange).await.unwrap());
    tx.commit().await.unwrap();
}

async fn an_act_goes_on_where_it_was_cut_off_and_leaves_newer_jobs_alone(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    enqueue(db, vec![noop(workspace); 1_500]).await;
    let (actor, filter) = (Actor::cli(workspace, "test"), JobFilter::default());
    let acting = Acting::begin(db, workspace, Act::Cancel, &filter, db.now()).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let first = act_on_next(&mut tx, &actor, Act::Cancel, &filter, &acting).await.unwrap();
    drop(tx);
    assert_eq!(ledger::matching(db, workspace, Act::Cancel, &filter).await.unwrap().count, 1_500, "nothing happened");
    assert!(audit::log(db, workspace, &AuditFilter::default(), 9).await.unwrap().is_empty(), "nor is it told");
    let mut tx = db.begin().await.unwrap();
    let again = act_on_next(&mut tx, &actor, Act::Cancel, &filter, &acting).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((again.acting.seen, &again.acting), (1_000, &first.acting));
    db.clock().advance(Duration::from_secs(1));
    enqueue(db, vec![noop(workspace); 10]).await;
    // As it is kept between two attempts.
    let kept: Acting = serde_json::from_value(serde_json::to_value(&again.acting).unwrap()).unwrap();
    let mut tx = db.begin().await.unwrap();
    let last = act_on_next(&mut tx, &actor, Act::Cancel, &filter, &kept).await.unwrap();
    tx.commit().await.unwrap();
    assert!(last.acting.finished);
    assert_eq!(last.acting.changed, 1_500);
    assert_eq!(ledger::matching(db, workspace, Act::Cancel, &filter).await.unwrap().count, 10);
}

async fn acting_beside_working_processes_keeps_the_counters_true(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    const JOBS: usize = 600;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); JOBS]).await;
    let mut working = JoinSet::new();
    for seed in 1..=3 {
        let db = database.connect(Clock::manual(db.now()), Ids::seeded(seed)).await;
        working.spawn(async move {
            for round in 0..40 {
                let Ok(dispatched) = ledger::dispatch(
                    &db,
                    &[ledger::Demand { queue: ground::QUEUE.to_owned(), limit: 20, waiting: 0 }],
                    "a worker",
                    ground::LEASE,
                )
                .await
                else {
                    continue;
                };
                let finished: Vec<Finished> = dispatched
                    .jobs
                    .into_iter()
                    .enumerate()
                    .map(|(at, job)| if (at + round) % 3 == 0 { dead(job) } else { done(job) })
                    .collect();
                // Two transactions may meet; the one that gives way is tried again, as the committer does.
                while let Err(error) = ledger::commit(&db, &finished).await {
                    assert!(matches!(&error, ledger::EnqueueError::Db(error) if error.is_transient()), "{error}");
                }
            }
        });
    }
    for seed in 10..=12 {
        let db = database.connect(Clock::manual(db.now()), Ids::seeded(seed)).await;
        working.spawn(async move {
            let filter = JobFilter { batch_id: Some(batch), ..JobFilter::default() };
            let actor = Actor::cli(workspace, "test");
            for round in 0..6 {
                let act = if round % 2 == 0 { Act::Retry } else { Act::Cancel };
                let acting = Acting::begin(&db, workspace, act, &filter, db.now()).await.unwrap();
                loop {
                    let mut tx = db.begin().await.unwrap();
                    match act_on_next(&mut tx, &actor, act, &filter, &acting).await {
                        Ok(_) => match tx.commit().await {
                            Ok(()) => break,
                            Err(error) => assert!(error.is_transient(), "{error}"),
                        },
                        Err(ledger::EnqueueError::Db(error)) => assert!(error.is_transient(), "{error}"),
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        });
    }
    working.join_all().await;
    let shown = ground::batch(db, workspace, batch).await;
    for (state, counted) in [("succeeded", shown.succeeded), ("dead", shown.dead), ("cancelled", shown.cancelled)] {
        let there = ground::number(db, &format!("select count(*) from jobs where state = '{state}'")).await;
        assert_eq!(counted, there, "{state}");
    }
    assert_eq!(shown.total, JOBS as i64);
    assert_eq!(audit::verify(db, workspace).await.unwrap().broken, None);
}

async fn the_audit_log_is_one_chain_however_many_write(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let other = ground::workspace_named(db, "other").await;
    let mut writing = JoinSet::new();
    for seed in 1..=6_u64 {
        let db = database.connect(Clock::manual(db.now()), Ids::seeded(seed)).await;
        writing.spawn(async move {
            for turn in 0..10 {
                let workspace = if turn % 5 == 4 { other } else { workspace };
                let mut tx = db.begin().await.unwrap();
                let entry = Entry::of("test.act\0", turn)
                    .affecting(turn)
                    .with(json!({"seed": seed, "text": "ü\0\"", "f": 1.50}));
                let actor = Actor::token(workspace, Uuid::nil(), "a\0b", Some(format!("request-{seed}")));
                audit::record(&mut tx, &actor, entry).await.unwrap();
                // Some acts fail after all.
                if turn % 4 == 3 { drop(tx) } else { tx.commit().await.unwrap() }
            }
        });
    }
    writing.join_all().await;
    let verified = audit::verify(db, workspace).await.unwrap();
    assert_eq!((verified.rows, verified.broken), (36, None));
    assert_eq!(audit::verify(db, other).await.unwrap().rows, 12);
    let rows = audit::log(db, workspace, &AuditFilter::default(), 100).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), (1..=36).rev().collect::<Vec<_>>());
    assert_eq!((rows[0].hash.as_str(), rows[0].action.as_str()), (verified.head.as_str(), "test.act"));
    let page = AuditFilter { before: Some(3), action: Some("test.act".to_owned()), ..AuditFilter::default() };
    assert_eq!(audit::log(db, workspace, &page, 100).await.unwrap().len(), 2);
    let nobody = AuditFilter { who: Some("cli:nobody".to_owned()), ..AuditFilter::default() };
    assert!(audit::log(db, workspace, &nobody, 100).await.unwrap().is_empty());
}

async fn a_changed_or_missing_row_of_the_audit_log_shows(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let empty = audit::verify(db, workspace).await.unwrap();
    assert_eq!((empty.rows, empty.broken), (0, None));
    let actor = Actor::cli(workspace, "test");
    for act in ["a.one", "a.two", "a.three"] {
        let mut tx = db.begin().await.unwrap();
        audit::record(&mut tx, &actor, Entry::of(act, "it")).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(audit::verify(db, workspace).await.unwrap().broken, None);
    ground::run_sql(db, "update audit_log set who = 'cli:nobody' where seq = 2").await;
    let broken = audit::verify(db, workspace).await.unwrap();
    assert_eq!((broken.rows, broken.broken.as_deref()), (1, Some("row 2 was changed")));
    ground::run_sql(db, "update audit_log set who = 'cli:test' where seq = 2").await;
    assert_eq!(audit::verify(db, workspace).await.unwrap().broken, None);
    ground::run_sql(db, "delete from audit_log where seq = 3").await;
    assert!(audit::verify(db, workspace).await.unwrap().broken.unwrap().contains("ends at row 2"));
    ground::run_sql(db, "delete from audit_log where seq = 1").await;
    assert_eq!(audit::verify(db, workspace).await.unwrap().broken.as_deref(), Some("row 1 is missing"));
}
