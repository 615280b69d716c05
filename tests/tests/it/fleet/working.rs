//! Schedulers and workers together: nothing is lost, nothing runs twice, whoever goes away.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use herald_base::ids::Ids;
use herald_db::{Db, query};
use herald_ledger as ledger;
use herald_ledger::{
    NewJob,
    redis_wire::{RedisConfig, RedisWire},
};
use herald_tests::{EngineKind, TestDatabase, wait_until};
use herald_worker::runner::{Attempt, Done, Failure, Handler};
use uuid::Uuid;

use super::{OneScheduler, OneWorker, OtherProcess, redis, server};
use crate::ground::{self, batch_of, counters, enqueue, noop, number};

/// Counts how often each job was run.
#[derive(Clone, Default)]
struct Runs(Arc<Mutex<HashMap<Uuid, usize>>>);

impl Runs {
    fn handler(&self) -> Handler {
        let runs = self.clone();
        Arc::new(move |attempt: Attempt| {
            *runs.0.lock().unwrap().entry(attempt.job.id).or_default() += 1;
            Box::pin(async { Ok(Done::default()) })
        })
    }

    /// How many jobs ran at all, and the most often any did.
    fn counted(&self) -> (usize, usize) {
        let runs = self.0.lock().unwrap();
        (runs.len(), runs.values().copied().max().unwrap_or(0))
    }
}

fn never_ends() -> Handler {
    Arc::new(|_| Box::pin(std::future::pending::<Result<Done, Failure>>()))
}

/// What every test here stands on.
struct Stand {
    database: TestDatabase,
    config: RedisConfig,
    wire: RedisWire,
    workspace: Uuid,
    runs: Runs,
}

impl Stand {
    async fn new() -> Self {
        let database = TestDatabase::new(EngineKind::Postgres).await;
        let workspace = ground::workspace(&database.db).await;
        let (config, wire) = redis().await;
        Self { database, config, wire, workspace, runs: Runs::default() }
    }

    fn db(&self) -> &Db {
        &self.database.db
    }

    /// A worker in this process that counts what it runs.
    fn worker(&self, name: &str, concurrency: usize) -> OneWorker {
        OneWorker::start(self.db(), &self.wire, name, concurrency, self.runs.handler())
    }

    /// Waits until the workers have said that so many jobs may wait for them.
    async fn wait_for_room(&self, jobs: usize) {
        wait_until("the workers are known", async || {
            ledger::capacity(self.db(), self.db().now()).await.unwrap().values().sum::<usize>() == jobs
        })
        .await;
    }
}

#[tokio::test]
async fn two_schedulers_and_three_workers_do_everything_once() {
    let stand = Stand::new().await;
    let (db, wire, workspace) = (stand.db(), &stand.wire, stand.workspace);
    let workers: Vec<OneWorker> = (0..3).map(|n| stand.worker(&format!("worker {n}"), 20)).collect();
    stand.wait_for_room(60).await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 3_000]).await;
    let schedulers = [OneScheduler::start(db, wire), OneScheduler::start(db, wire)];
    wait_until("the batch is complete", async || {
        // What the schedulers know of the workers goes stale by this clock, too.
        db.clock().advance(Duration::from_millis(1));
        ground::batch(db, workspace, batch).await.state.as_str() == "complete"
    })
    .await;
    assert_eq!(stand.runs.counted(), (3_000, 1));
    assert_eq!(counters(&ground::batch(db, workspace, batch).await), (3_000, 3_000, 0, 0));
    for worker in workers {
        worker.stop().await;
    }
    for scheduler in schedulers {
        scheduler.stop().await;
    }
    assert!(
        ledger::list_workers(db, TestDatabase::start()).await.unwrap().is_empty(),
        "who stops takes itself off the list"
    );
}

#[tokio::test]
async fn a_job_enqueued_elsewhere_starts_without_a_tick() {
    let stand = Stand::new().await;
    let (db, wire, workspace) = (stand.db(), &stand.wire, stand.workspace);
    let worker = stand.worker("worker", 2);
    stand.wait_for_room(2).await;
    let scheduler = OneScheduler::start(db, wire);
    // Another process's handle: its nudge does not reach this one's scheduler but over Redis.
    let elsewhere = stand.database.connect(db.clock().clone(), Ids::seeded(5)).await;
    for job in 1..=5 {
        enqueue(&elsewhere, vec![noop(workspace)]).await;
        wire.tell_work().await.unwrap();
        wait_until("it has run", async || stand.runs.counted().0 == job).await;
    }
    worker.stop().await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_killed_workers_jobs_are_done_by_another_and_the_try_counts() {
    let stand = Stand::new().await;
    let (db, wire, workspace) = (stand.db(), &stand.wire, stand.workspace);
    let killed = OtherProcess::start(&stand.database, &stand.config, "killed", 4, never_ends()).await;
    stand.wait_for_room(4).await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 4]).await;
    let scheduler = OneScheduler::start(db, wire);
    wait_until("it has taken them", async || {
        number(db, "select count(*) from claims").await > 0 && wire.depths(&[ground::QUEUE]).await.unwrap() == [0]
    })
    .await;
    killed.kill();
    let worker = stand.worker("heir", 4);
    wait_until("another does them", async || {
        db.clock().advance(Duration::from_secs(1));
        ground::batch(db, workspace, batch).await.state.as_str() == "complete"
    })
    .await;
    assert_eq!(stand.runs.counted(), (4, 1));
    let errors: Vec<(i64, String)> = query("select attempt, message from job_errors").all(db).await.unwrap();
    assert_eq!(errors.len(), 4, "each lost one try, and its history says so: {errors:?}");
    worker.stop().await;
    scheduler.stop().await;
}

#[tokio::test]
async fn what_redis_forgets_runs_all_the_same_and_costs_no_try() {
    let stand = Stand::new().await;
    let (db, wire, workspace) = (stand.db(), &stand.wire, stand.workspace);
    // It runs ten for ever, has ten more at hand, and ten wait for it on the wire.
    let full = OtherProcess::start(&stand.database, &stand.config, "asleep", 10, never_ends()).await;
    stand.wait_for_room(10).await;
    enqueue(db, vec![NewJob { max_attempts: 1, ..noop(workspace) }; 40]).await;
    let scheduler = OneScheduler::start(db, wire);
    wait_until("the wire is full", async || wire.depths(&[ground::QUEUE]).await.unwrap()[0] == 10).await;
    let mut server = server().await;
    let key = format!("{}:queue:{}", stand.config.prefix, ground::QUEUE);
    let _: i64 = ::redis::cmd("DEL").arg(&key).query_async(&mut server).await.unwrap();
    full.kill();
    let worker = stand.worker("awake", 10);
    wait_until("all that no worker had are done", async || {
        db.clock().advance(Duration::from_secs(1));
        number(db, "select count(*) from jobs where state in ('ready', 'running')").await == 0
    })
    .await;
    let (done, most) = stand.runs.counted();
    assert_eq!(most, 1);
    // One try each: those the killed worker had died of it, those that were lost on the wire did not.
    assert_eq!(number(db, "select count(*) from jobs where state = 'succeeded'").await, i64::try_from(done).unwrap());
    assert!(done >= 20, "at most twenty were with the killed worker, {done} were done");
    worker.stop().await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_quiet_worker_takes_nothing_until_it_is_resumed() {
    let stand = Stand::new().await;
    let (db, wire, workspace) = (stand.db(), &stand.wire, stand.workspace);
    let worker = stand.worker("worker", 2);
    wait_until("it runs", async || {
        ledger::list_workers(db, TestDatabase::start()).await.unwrap().iter().any(|w| w.state.as_str() == "running")
    })
    .await;
    worker.quiet.send_replace(true);
    wait_until("it is quiet", async || {
        ledger::list_workers(db, TestDatabase::start()).await.unwrap().iter().any(|w| w.state.as_str() == "quiet")
    })
    .await;
    let scheduler = OneScheduler::start(db, wire);
    db.clock().advance(Duration::from_secs(1));
    enqueue(db, vec![noop(workspace); 5]).await;
    assert!(ledger::capacity(db, TestDatabase::start()).await.unwrap().is_empty());
    assert_eq!(stand.runs.counted().0, 0);
    worker.quiet.send_replace(false);
    wait_until("it goes on", async || {
        db.clock().advance(Duration::from_secs(1));
        wire.tell_work().await.unwrap();
        stand.runs.counted().0 == 5
    })
    .await;
    worker.stop().await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_worker_that_stops_hands_back_what_it_has_not_begun() {
    let stand = Stand::new().await;
    let (db, wire, workspace) = (stand.db(), &stand.wire, stand.workspace);
    let worker = OneWorker::start(db, wire, "worker", 3, never_ends());
    stand.wait_for_room(3).await;
    let scheduler = OneScheduler::start(db, wire);
    enqueue(db, vec![noop(workspace); 6]).await;
    wait_until("three run and three wait", async || worker.wire.waiting().len() == 3).await;
    scheduler.stop().await;
    worker.stop.cancel();
    wait_until("it has stopped", async || {
        db.clock().advance(Duration::from_secs(1));
        worker.tasks.iter().all(|task| task.is_finished())
    })
    .await;
    worker.stop().await;
    let rows: Vec<(String, i64, i64)> =
        query("select state, max_attempts - attempt, count(*) from jobs group by state, max_attempts - attempt")
            .all(db)
            .await
            .unwrap();
    assert_eq!(rows, [("ready".to_owned(), 3, 6)], "each has all its tries");
}

#[tokio::test]
async fn a_redis_that_refuses_jobs_costs_them_no_try() {
    let stand = Stand::new().await;
    let (db, workspace) = (stand.db(), stand.workspace);
    // As a Redis without memory or a replica does: it answers, and takes nothing.
    let mut server = server().await;
    let user = stand.config.prefix.clone();
    let mut acl = async |rule: &str| {
        let rules = ["SETUSER", &user, "on", ">secret", "~*", "&*", "+@all", rule];
        ::redis::cmd("ACL").arg(&rules).query_async::<()>(&mut server).await.unwrap();
    };
    acl("-rpush").await;
    let mut url = url::Url::parse(&stand.config.url).unwrap();
    url.set_username(&user).unwrap();
    url.set_password(Some("secret")).unwrap();
    let refusing = RedisWire::connect(&RedisConfig { url: url.to_string(), ..stand.config.clone() }).await.unwrap();
    let worker = stand.worker("worker", 5);
    stand.wait_for_room(5).await;
    enqueue(db, vec![noop(workspace); 5]).await;
    let scheduler = OneScheduler::start(db, &refusing);
    let handed_back = "select count(*) from jobs where state = 'ready' and attempt >= 2 and max_attempts - attempt = 3";
    wait_until("they were handed back, twice", async || {
        db.clock().advance(Duration::from_millis(250));
        number(db, handed_back).await == 5
    })
    .await;
    acl("+rpush").await;
    wait_until("they are done", async || {
        db.clock().advance(Duration::from_millis(250));
        number(db, "select count(*) from jobs where state = 'succeeded' and max_attempts - attempt = 2").await == 5
    })
    .await;
    assert_eq!(stand.runs.counted(), (5, 1));
    worker.stop().await;
    scheduler.stop().await;
}
