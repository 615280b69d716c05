//! Finding jobs, and grouping their failures by what caused them.

use std::{collections::BTreeMap, time::Duration};

use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{ArgFilter, Finished, JobFilter, JobState, NewJob, Outcome};
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::json;
use uuid::Uuid;

use crate::ground::{self, commit, done, enqueue, enqueue_one, lease, noop};

on_both_engines! {
    jobs_are_found_by_an_argument,
    jobs_are_found_by_the_beginning_of_their_kind_and_by_time,
    a_look_for_rare_jobs_ends_where_it_is_told_and_goes_on_there,
    failures_are_grouped_by_cause,
    a_job_that_succeeds_at_once_has_no_cause,
}

fn arg(text: &str) -> JobFilter {
    JobFilter { arg: Some(text.parse::<ArgFilter>().unwrap()), ..JobFilter::default() }
}

/// Of a filter without an index: two jobs among ten, found by looks at three each, and none is missed or seen twice.
async fn a_look_for_rare_jobs_ends_where_it_is_told_and_goes_on_there(database: &TestDatabase) {
    let db = &database.db;
    let (workspace, other) = (ground::workspace(db).await, ground::workspace(db).await);
    let mut ids = Vec::new();
    for n in 0..10 {
        db.clock().advance(Duration::from_millis(1));
        ids.push(enqueue_one(db, NewJob { args: json!({"rare": n == 1 || n == 6}), ..noop(workspace) }).await);
    }
    let time_of = |id: Uuid| id.as_u128() >> 80;
    let mut walked = ids.clone();
    walked.sort_unstable_by(|one, other| other.cmp(one));
    let mut filter = arg("rare:true");
    let (mut seen, mut looks) = (Vec::new(), 0);
    loop {
        let (jobs, oldest) = ledger::list_jobs_within(db, workspace, &filter, 5, 3).await.unwrap();
        looks += 1;
        seen.extend(jobs.iter().map(|job| job.id));
        assert_eq!(oldest.map(time_of), walked.get(3 * looks - 1).copied().map(time_of));
        filter.before = oldest;
        if oldest.is_none() {
            break;
        }
    }
    let mut rare = vec![ids[1], ids[6]];
    rare.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!((seen, looks), (rare, 4));
    // What has an index, and what fits in one look, is found whole; another workspace has none of it.
    let all = ledger::list_jobs_within(db, workspace, &JobFilter::default(), 20, 3).await.unwrap();
    assert_eq!((all.0.len(), all.1), (10, None));
    let whole = ledger::list_jobs_within(db, workspace, &arg("rare:true"), 5, 11).await.unwrap();
    assert_eq!((whole.0.len(), whole.1), (2, None));
    let (none, oldest) = ledger::list_jobs_within(db, other, &arg("rare:true"), 5, 3).await.unwrap();
    assert_eq!((none.len(), oldest.map(time_of)), (0, walked.get(2).copied().map(time_of)));
}

/// The ids of the jobs that a filter finds, in order.
pub(super) async fn found(db: &Db, workspace: Uuid, filter: &JobFilter) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> =
        ledger::list_jobs(db, workspace, filter, 10_000).await.unwrap().into_iter().map(|job| job.id).collect();
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
    let chosen = |ids: &[Uuid]| JobFilter {
        ids: Some(ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(",").parse().unwrap()),
        ..JobFilter::default()
    };
    let three = [first[0], second[1], Uuid::nil()];
    assert_eq!(found(db, workspace, &chosen(&three)).await, sorted(&three[..2]));
    let of_kind = JobFilter { kind: Some("a.*".to_owned()), ..chosen(&three) };
    assert_eq!(found(db, workspace, &of_kind).await, [first[0]]);
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
        false => Outcome::Dead { error },
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

    let groups = ledger::list_failure_groups(db, workspace, &JobFilter::default(), 10).await.unwrap();
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
    assert_eq!(ledger::list_failure_groups(db, workspace, &of_kind, 10).await.unwrap()[0].jobs, 1);
    assert_eq!(ledger::list_failure_groups(db, workspace, &JobFilter::default(), 1).await.unwrap().len(), 1);
}

async fn a_job_that_succeeds_at_once_has_no_cause(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let id = enqueue_one(db, noop(workspace)).await;
    let job = lease(db, 1).await.remove(0);
    commit(db, vec![done(job)]).await;
    assert_eq!(ground::job(db, workspace, id).await.fingerprint, None);
    assert!(ledger::list_failure_groups(db, workspace, &JobFilter::default(), 10).await.unwrap().is_empty());
}
