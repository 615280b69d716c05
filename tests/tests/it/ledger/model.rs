//! Random histories of a ledger, step by step against a model of it in memory.
//!
//! The model is the rules in their plainest form: a job is a state, an attempt and a number of tries, and a batch's
//! counters are the states of its jobs. After every step each row must be what the model says, and when the history is
//! over every job must come to an end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use herald_db::{Db, FromRow, query};
use herald_ledger as ledger;
use herald_ledger::{Cancelled, Finished, Leased, NewJob, Outcome};
use herald_scheduler::rescue_all;
use herald_tests::{EngineKind, TestDatabase};
use proptest::{
    prelude::*,
    sample::Index,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use uuid::Uuid;

use crate::ground::{self, batch_of, counters, enqueue, lease_from, noop};

/// Histories tried. Each is some twenty steps, and each step some ten statements.
const HISTORIES: u32 = 200;

#[derive(Clone, Debug)]
enum Step {
    Enqueue { jobs: Vec<Wanted> },
    Dispatch { limit: usize },
    Commit { ends: Vec<(Index, End)>, stale: Option<Index> },
    Rescue,
    Cancel { job: Index },
    CancelBatch { batch: usize },
    Retry { job: Index, tries: i64 },
    RetryBatch { batch: usize, tries: i64 },
    Wait,
}

#[derive(Clone, Debug)]
struct Wanted {
    key: Option<u8>,
    batch: Option<usize>,
    delayed: bool,
    priority: i64,
    tries: i64,
}

#[derive(Clone, Debug)]
enum End {
    Done { then: Vec<Option<u8>> },
    Retry,
    Snooze,
    Dead,
    Cancelled,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || proptest::option::weighted(0.4, 0..3_u8);
    let wanted = (key(), proptest::option::weighted(0.7, 0..2_usize), prop::bool::weighted(0.2), -1..2_i64, 1..4_i64)
        .prop_map(|(key, batch, delayed, priority, tries)| Wanted { key, batch, delayed, priority, tries });
    let end = prop_oneof![
        3 => prop::collection::vec(key(), 0..3).prop_map(|then| End::Done { then }),
        2 => Just(End::Retry),
        1 => Just(End::Snooze),
        2 => Just(End::Dead),
        1 => Just(End::Cancelled),
    ];
    prop_oneof![
        4 => prop::collection::vec(wanted, 1..4).prop_map(|jobs| Step::Enqueue { jobs }),
        4 => (1..5_usize).prop_map(|limit| Step::Dispatch { limit }),
        4 => (prop::collection::vec((any::<Index>(), end), 1..4), proptest::option::of(any::<Index>()))
            .prop_map(|(ends, stale)| Step::Commit { ends, stale }),
        1 => Just(Step::Rescue),
        1 => any::<Index>().prop_map(|job| Step::Cancel { job }),
        1 => (0..2_usize).prop_map(|batch| Step::CancelBatch { batch }),
        2 => (any::<Index>(), 1..3_i64).prop_map(|(job, tries)| Step::Retry { job, tries }),
        1 => (0..2_usize, 1..3_i64).prop_map(|(batch, tries)| Step::RetryBatch { batch, tries }),
        1 => Just(Step::Wait),
    ]
}

/// A job, in the model and as it is read.
#[derive(Clone, Debug, PartialEq, FromRow)]
struct Job {
    state: String,
    attempt: i64,
    max_attempts: i64,
    run_at: DateTime<Utc>,
    priority: i64,
    unique_key: Option<String>,
    batch_id: Option<Uuid>,
    cancel_requested: bool,
}

impl Job {
    fn is(&self, state: &str) -> bool {
        self.state == state
    }

    fn is_live(&self) -> bool {
        self.is("ready") || self.is("running")
    }
}

/// A batch in the model. Its counters are not here: they follow from the jobs.
struct Batch {
    id: Uuid,
    state: &'static str,
    /// How often its end was told.
    ends: i64,
}

struct History<'a> {
    db: &'a Db,
    workspace: Uuid,
    queue: String,
    jobs: BTreeMap<Uuid, Job>,
    batches: Vec<Batch>,
    /// Attempts that hold their job.
    held: Vec<Leased>,
    /// Attempts that do not any more.
    past: Vec<Leased>,
}

#[test]
fn every_history_keeps_the_ledgers_promises() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(TestDatabase::new(EngineKind::Sqlite));
    let config = Config { cases: HISTORIES, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let number = std::cell::Cell::new(0);
    let outcome = TestRunner::new(config).run(&prop::collection::vec(step(), 5..40), |steps| {
        number.set(number.get() + 1);
        runtime.block_on(async {
            let mut history = History::begin(&database.db, number.get()).await;
            for step in steps {
                history.take(step).await;
                history.check().await;
            }
            history.come_to_an_end().await;
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

impl<'a> History<'a> {
    async fn begin(db: &'a Db, number: u32) -> Self {
        // A history that failed has left its running jobs behind.
        rescue_all(db).await.unwrap();
        let workspace = ground::workspace_named(db, &format!("history-{number}")).await;
        let queue = format!("history-{number}");
        let end = NewJob { queue: format!("{queue}-end"), ..noop(workspace) };
        let mut batches = Vec::new();
        for _ in 0..2 {
            let (id, _) = batch_of(db, workspace, Some(end.clone()), Vec::new()).await;
            batches.push(Batch { id, state: "running", ends: 0 });
        }
        Self { db, workspace, queue, jobs: BTreeMap::new(), batches, held: Vec::new(), past: Vec::new() }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Enqueue { jobs } => self.enqueue(jobs).await,
            Step::Dispatch { limit } => self.dispatch(limit).await,
            Step::Commit { ends, stale } => self.commit(ends, stale).await,
            Step::Rescue => self.rescue().await,
            Step::Cancel { job } => self.cancel(job).await,
            Step::CancelBatch { batch } => self.cancel_batch(batch).await,
            Step::Retry { job, tries } => self.retry(job, tries).await,
            Step::RetryBatch { batch, tries } => self.retry_batch(batch, tries).await,
            Step::Wait => self.db.clock().advance(Duration::from_secs(5)),
        }
    }

    async fn enqueue(&mut self, wanted: Vec<Wanted>) {
        let new: Vec<NewJob> = wanted.iter().map(|wanted| self.new_job(wanted)).collect();
        let ids = enqueue(self.db, new.clone()).await;
        for (id, new) in ids.into_iter().zip(new) {
            match self.live_with_key(new.unique_key.as_deref()) {
                Some(live) if self.takes_jobs(new.batch_id) => {
                    assert_eq!(id, live, "a duplicate is told the live job's id")
                }
                _ => self.expect_new(id, &new),
            }
        }
    }

    fn new_job(&self, wanted: &Wanted) -> NewJob {
        NewJob {
            queue: self.queue.clone(),
            priority: wanted.priority,
            max_attempts: wanted.tries,
            run_at: wanted.delayed.then(|| self.db.now() + Duration::from_secs(5)),
            unique_key: wanted.key.map(|key| key.to_string()),
            batch_id: wanted.batch.map(|batch| self.batches[batch].id),
            ..noop(self.workspace)
        }
    }

    /// Puts a job in the model, unless it is a duplicate or its batch takes none any more.
    fn expect_new(&mut self, id: Uuid, new: &NewJob) {
        if !self.takes_jobs(new.batch_id) || self.live_with_key(new.unique_key.as_deref()).is_some() {
            return;
        }
        let job = Job {
            state: "ready".to_owned(),
            attempt: 0,
            max_attempts: new.max_attempts,
            run_at: new.run_at.unwrap_or(self.db.now()),
            priority: new.priority,
            unique_key: new.unique_key.clone(),
            batch_id: new.batch_id,
            cancel_requested: false,
        };
        self.jobs.insert(id, job);
        if let Some(batch) = self.batches.iter_mut().find(|batch| Some(batch.id) == new.batch_id) {
            batch.state = "running";
        }
    }

    fn takes_jobs(&self, batch: Option<Uuid>) -> bool {
        self.batches.iter().all(|known| Some(known.id) != batch || known.state != "cancelled")
    }

    fn live_with_key(&self, key: Option<&str>) -> Option<Uuid> {
        let key = key?;
        self.jobs.iter().find(|(_, job)| job.is_live() && job.unique_key.as_deref() == Some(key)).map(|(id, _)| *id)
    }

    async fn dispatch(&mut self, limit: usize) {
        let leased = lease_from(self.db, &self.queue, limit).await;
        let now = self.db.now();
        let due = self.jobs.values().filter(|job| job.is("ready") && job.run_at <= now).count();
        assert_eq!(leased.len(), limit.min(due), "all that is due is leased, up to the limit");
        let ids: BTreeSet<Uuid> = leased.iter().map(|job| job.id).collect();
        // Of each batch and priority, the longest due of those that were left.
        let mut left: BTreeMap<(i64, Option<Uuid>), DateTime<Utc>> = BTreeMap::new();
        for (_, job) in self.jobs.iter().filter(|(id, job)| job.is("ready") && job.run_at <= now && !ids.contains(id)) {
            let oldest = left.entry((job.priority, job.batch_id)).or_insert(job.run_at);
            *oldest = job.run_at.min(*oldest);
        }
        let most_urgent_left = left.keys().map(|(priority, _)| *priority).min();
        for job in leased {
            let model = self.jobs.get_mut(&job.id).expect("only known jobs are leased");
            assert!(model.is("ready") && model.run_at <= now, "{model:?}");
            assert!(
                left.get(&(model.priority, model.batch_id)).is_none_or(|left| model.run_at <= *left),
                "of equals, the longest due go first"
            );
            assert!(
                most_urgent_left.is_none_or(|left| model.priority <= left)
                    || now - model.run_at > TimeDelta::seconds(60),
                "the urgent go first, but for what has waited long"
            );
            model.state = "running".to_owned();
            model.attempt += 1;
            assert_eq!((job.attempt, job.max_attempts), (model.attempt, model.max_attempts));
            self.held.push(job);
        }
    }

    async fn commit(&mut self, ends: Vec<(Index, End)>, stale: Option<Index>) {
        let mut group: Vec<(Leased, End)> = Vec::new();
        for (index, end) in ends {
            if !self.held.is_empty() {
                group.push((self.held.remove(index.index(self.held.len())), end));
            }
        }
        let mut finished: Vec<Finished> = group.iter().map(|(job, end)| self.finished(job.clone(), end)).collect();
        let written = finished.len();
        if let Some(stale) = stale.filter(|_| !self.past.is_empty()) {
            let job = self.past[stale.index(self.past.len())].clone();
            finished.insert(0, self.finished(job, &End::Done { then: vec![None] }));
        }
        let stale = finished.len() - written;
        let committed = ledger::commit(self.db, &finished).await.unwrap();
        assert_eq!((committed.written, committed.stale), (written, stale));
        let mut follow_ups = Vec::new();
        let mut ended = BTreeSet::new();
        for ((job, end), finished) in group.iter().zip(&finished[stale..]) {
            let model = self.jobs.get_mut(&job.id).unwrap();
            let (state, run_at) = match end {
                End::Done { .. } => ("succeeded", None),
                End::Dead => ("dead", None),
                End::Cancelled => ("cancelled", None),
                End::Retry | End::Snooze if model.cancel_requested => ("cancelled", Some(self.db.now())),
                End::Retry | End::Snooze => ("ready", Some(self.db.now())),
            };
            model.state = state.to_owned();
            model.run_at = run_at.unwrap_or(model.run_at);
            model.max_attempts += i64::from(matches!(end, End::Snooze));
            if state != "ready" {
                ended.extend(job.batch_id);
            }
            if let Outcome::Done { then, .. } = &finished.outcome {
                follow_ups.extend(then.iter().map(|next| NewJob { batch_id: job.batch_id, ..next.clone() }));
            }
        }
        self.past.extend(group.into_iter().map(|(job, _)| job));
        self.expect_follow_ups(follow_ups).await;
        self.tell_ends(&ended);
    }

    fn finished(&self, job: Leased, end: &End) -> Finished {
        let outcome = match end {
            End::Done { then } => {
                let next = |key: &Option<u8>| NewJob {
                    queue: self.queue.clone(),
                    unique_key: key.map(|key| key.to_string()),
                    ..noop(self.workspace)
                };
                Outcome::Done { result: None, changes: Vec::new(), then: then.iter().map(next).collect() }
            }
            End::Retry => Outcome::Retry { error: String::new(), run_at: self.db.now() },
            End::Snooze => Outcome::Snooze { run_at: self.db.now() },
            End::Dead => Outcome::Dead { error: String::new() },
            End::Cancelled => Outcome::Cancelled,
        };
        Finished { job, outcome }
    }

    /// Follow-ups get their ids in the commit: the rows that are new must be the ones wanted, under whatever id.
    async fn expect_follow_ups(&mut self, wanted: Vec<NewJob>) {
        let mut unknown: Vec<(Uuid, Job)> =
            self.rows().await.into_iter().filter(|(id, _)| !self.jobs.contains_key(id)).collect();
        for new in wanted {
            let made =
                unknown.iter().position(|(_, row)| row.unique_key == new.unique_key && row.batch_id == new.batch_id);
            // Where none was made the model must agree that none was due.
            let id = made.map_or(Uuid::nil(), |at| unknown.remove(at).0);
            self.expect_new(id, &new);
        }
        assert!(unknown.is_empty(), "nobody wanted {unknown:?}");
    }

    /// A batch whose last job ended in this transaction tells its end.
    fn tell_ends(&mut self, touched: &BTreeSet<Uuid>) {
        for batch in self.batches.iter_mut().filter(|batch| touched.contains(&batch.id)) {
            let open = self.jobs.values().any(|job| job.batch_id == Some(batch.id) && job.is_live());
            if !open {
                batch.ends += 1;
                if batch.state == "running" {
                    batch.state = "complete";
                }
            }
        }
    }

    async fn rescue(&mut self) {
        assert_eq!(rescue_all(self.db).await.unwrap(), self.held.len());
        let mut ended = BTreeSet::new();
        for job in std::mem::take(&mut self.held) {
            let model = self.jobs.get_mut(&job.id).unwrap();
            let state = match (model.attempt >= model.max_attempts, model.cancel_requested) {
                (true, _) => "dead",
                (false, true) => "cancelled",
                (false, false) => "ready",
            };
            model.state = state.to_owned();
            if state != "dead" {
                model.run_at = self.db.now();
            }
            if state != "ready" {
                ended.extend(job.batch_id);
            }
            self.past.push(job);
        }
        self.tell_ends(&ended);
    }

    fn pick(&self, index: Index) -> Option<Uuid> {
        (!self.jobs.is_empty()).then(|| *self.jobs.keys().nth(index.index(self.jobs.len())).expect("within the length"))
    }

    async fn cancel(&mut self, index: Index) {
        let Some(id) = self.pick(index) else { return };
        let cancelled = ledger::cancel_job(self.db, self.workspace, id).await.unwrap();
        let model = self.jobs.get_mut(&id).unwrap();
        match model.state.as_str() {
            "ready" => {
                assert_eq!(cancelled, Cancelled::AtOnce);
                model.state = "cancelled".to_owned();
                model.cancel_requested = true;
                let batch = model.batch_id.into_iter().collect();
                self.tell_ends(&batch);
            }
            "running" => {
                assert_eq!(cancelled, Cancelled::Asked);
                model.cancel_requested = true;
            }
            ended => assert_eq!(cancelled, Cancelled::AlreadyEnded(ended.parse().unwrap())),
        }
    }

    async fn cancel_batch(&mut self, batch: usize) {
        let id = self.batches[batch].id;
        let mut tx = self.db.begin().await.unwrap();
        let asked = ledger::cancel_batch(&mut tx, self.workspace, id).await.unwrap();
        tx.commit().await.unwrap();
        if self.batches[batch].state != "running" {
            assert_eq!(asked, None);
            return;
        }
        self.batches[batch].state = "cancelled";
        let (mut running, mut waiting) = (BTreeSet::new(), 0);
        for (job_id, job) in self.jobs.iter_mut().filter(|(_, job)| job.batch_id == Some(id) && job.is_live()) {
            let asked_before = std::mem::replace(&mut job.cancel_requested, true);
            if job.is("ready") {
                job.state = "cancelled".to_owned();
                waiting += 1;
            } else if !asked_before {
                running.insert(*job_id);
            }
        }
        assert_eq!(asked.map(BTreeSet::from_iter), Some(running));
        if waiting > 0 {
            self.tell_ends(&BTreeSet::from([id]));
        }
    }

    async fn retry(&mut self, index: Index, tries: i64) {
        let Some(id) = self.pick(index) else { return };
        let retried = ledger::retry_job(self.db, self.workspace, id, tries).await.unwrap();
        let ended = self.jobs[&id].is("dead") || self.jobs[&id].is("cancelled");
        let free = self.live_with_key(self.jobs[&id].unique_key.clone().as_deref()).is_none();
        assert_eq!(retried, ended && free, "{:?}", self.jobs[&id]);
        if retried {
            self.revive(id, tries);
        }
    }

    async fn retry_batch(&mut self, batch: usize, tries: i64) {
        let batch = self.batches[batch].id;
        let mut tx = self.db.begin().await.unwrap();
        let retried = ledger::retry_batch(&mut tx, self.workspace, batch, tries).await.unwrap();
        tx.commit().await.unwrap();
        let mut dead: Vec<Uuid> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.batch_id == Some(batch) && job.is("dead"))
            .map(|(id, _)| *id)
            .collect();
        // Of several with one key the newest lives.
        dead.reverse();
        let mut expected = 0;
        for id in dead {
            if self.live_with_key(self.jobs[&id].unique_key.clone().as_deref()).is_none() {
                self.revive(id, tries);
                expected += 1;
            }
        }
        assert_eq!(retried, expected);
    }

    fn revive(&mut self, id: Uuid, tries: i64) {
        let now = self.db.now();
        let job = self.jobs.get_mut(&id).unwrap();
        job.state = "ready".to_owned();
        job.run_at = now;
        job.max_attempts = job.attempt + tries;
        job.cancel_requested = false;
        let batch = job.batch_id;
        if let Some(batch) = self.batches.iter_mut().find(|known| Some(known.id) == batch) {
            batch.state = "running";
        }
    }

    async fn rows(&self) -> BTreeMap<Uuid, Job> {
        #[derive(FromRow)]
        struct Row {
            id: Uuid,
            #[sqlx(flatten)]
            job: Job,
        }
        let rows: Vec<Row> = query(
            "select id, state, attempt, max_attempts, run_at, priority, unique_key, batch_id, cancel_requested
             from jobs where workspace_id = $1 and queue = $2",
        )
        .bind(self.workspace)
        .bind(self.queue.as_str())
        .all(self.db)
        .await
        .unwrap();
        rows.into_iter().map(|row| (row.id, row.job)).collect()
    }

    async fn check(&self) {
        let rows = self.rows().await;
        for (id, expected) in &self.jobs {
            assert_eq!(rows.get(id), Some(expected), "job {id}");
        }
        assert_eq!(rows.len(), self.jobs.len(), "there are no other jobs");
        for batch in &self.batches {
            let of = |state: &str| {
                self.jobs
                    .values()
                    .filter(|job| job.batch_id == Some(batch.id) && (state.is_empty() || job.is(state)))
                    .count() as i64
            };
            let row = ground::batch(self.db, self.workspace, batch.id).await;
            assert_eq!(counters(&row), (of(""), of("succeeded"), of("dead"), of("cancelled")));
            assert_eq!(row.state.as_str(), batch.state);
            assert_eq!(
                row.finished_at.is_some(),
                batch.state != "running" && of("ready") + of("running") == 0 && of("") > 0
            );
        }
        let (ends,): (i64,) = query("select count(*) from jobs where workspace_id = $1 and queue = $2")
            .bind(self.workspace)
            .bind(format!("{}-end", self.queue))
            .one(self.db)
            .await
            .unwrap();
        assert_eq!(ends, self.batches.iter().map(|batch| batch.ends).sum::<i64>(), "each end was told once");
    }

    /// Whatever has happened, the work can be brought to its end.
    async fn come_to_an_end(mut self) {
        self.rescue().await;
        self.db.clock().advance(Duration::from_secs(5));
        while self.jobs.values().any(Job::is_live) {
            self.dispatch(100).await;
            assert!(!self.held.is_empty(), "a live job is due and yet cannot be leased");
            let ends = self.held.iter().map(|_| (any_first(), End::Done { then: Vec::new() })).collect();
            self.commit(ends, None).await;
            self.check().await;
        }
        let end = format!("{}-end", self.queue);
        let ends: Vec<Finished> = lease_from(self.db, &end, 1_000).await.into_iter().map(ground::done).collect();
        ground::commit(self.db, ends).await;
    }
}

/// Picks the first of whatever there is.
fn any_first() -> Index {
    let mut runner = TestRunner::deterministic();
    any::<Index>().new_tree(&mut runner).expect("an index can be drawn").current()
}
