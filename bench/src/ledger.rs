//! The ledger without any work in its jobs: how many go in, through and out a second, and how soon one starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use herald_base::clock::Clock;
use herald_base::ids::Ids;
use herald_db::{Db, DbConfig};
use herald_ledger as ledger;
use herald_ledger::wire::Wire;
use herald_ledger::{Demand, Finished, NewJob, Outcome, Unique};
use herald_scheduler::{Outlet, Scheduler};
use herald_worker::runner::{Done, Handler, InFlight, QueueShare, Runner};
use serde::Serialize;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::table::{self, Table};

pub(crate) const QUEUE: &str = "bench";
pub(crate) const LEASE: Duration = Duration::from_secs(30);
/// Rows a transaction: what an import or a campaign enqueues at once.
pub(crate) const CHUNK: usize = 1_000;
/// Single jobs whose start is timed, and the quiet before each.
const SINGLES: usize = 1_000;
const QUIET: Duration = Duration::from_millis(5);
const AIM_PER_SECOND: f64 = 30_000.0;
const AIM_P99_MS: f64 = 10.0;

#[derive(Serialize)]
struct Figures {
    engine: &'static str,
    jobs: usize,
    enqueued_per_second: f64,
    leased_per_second: f64,
    finished_per_second: f64,
    drained_per_second: f64,
    through_per_second: f64,
    start_p50_ms: f64,
    start_p99_ms: f64,
    start_max_ms: f64,
    start_after_commit_p50_ms: f64,
    start_after_commit_p99_ms: f64,
}

/// Measures SQLite in a file under `scratch`, and PostgreSQL if there is a URL.
pub(crate) fn run(scratch: &Path, postgres: Option<String>, results: &Path, jobs: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting tokio")?;
    let mut all = Vec::new();
    let file = SqliteFile::new(scratch)?;
    all.push(runtime.block_on(measure("SQLite", &DbConfig::Sqlite { path: file.0.clone() }, jobs))?);
    drop(file);
    if let Some(url) = postgres {
        all.push(runtime.block_on(measure("PostgreSQL", &DbConfig::Postgres { url, max_connections: 10 }, jobs))?);
    }
    table::publish(results, "ledger", &report(&all), &all)
}

fn report(all: &[Figures]) -> String {
    let mut text = Table::new(&["no-op jobs a second", "enqueue", "lease", "finish", "drain", "through", "aim"]);
    let mut latency = Table::new(&[
        "ms from enqueue to start",
        "p50",
        "p99",
        "worst",
        "after commit p50",
        "after commit p99",
        "aim p99",
    ]);
    let mark = |good: bool| if good { "reached" } else { "missed" };
    for f in all {
        let rate = |v: f64| format!("{v:.0}");
        text.row(vec![
            format!("{}, {} jobs", f.engine, f.jobs),
            rate(f.enqueued_per_second),
            rate(f.leased_per_second),
            rate(f.finished_per_second),
            rate(f.drained_per_second),
            rate(f.through_per_second),
            format!("{AIM_PER_SECOND}: {}", mark(f.through_per_second >= AIM_PER_SECOND)),
        ]);
        let ms = |v: f64| format!("{v:.2}");
        latency.row(vec![
            format!("{}, {SINGLES} jobs", f.engine),
            ms(f.start_p50_ms),
            ms(f.start_p99_ms),
            ms(f.start_max_ms),
            ms(f.start_after_commit_p50_ms),
            ms(f.start_after_commit_p99_ms),
            format!("{AIM_P99_MS}: {}", mark(f.start_p99_ms < AIM_P99_MS)),
        ]);
    }
    format!("{text}\n{latency}")
}

async fn measure(engine: &'static str, config: &DbConfig, jobs: usize) -> anyhow::Result<Figures> {
    let db = Db::connect(config, Clock::system(), Ids::random()).await.context("opening the database")?;
    db.migrate().await.context("making the tables")?;
    let workspace = db.new_id();

    let start = Instant::now();
    enqueue(&db, workspace, jobs).await?;
    let enqueued_per_second = rate(jobs, start);
    let (leased_per_second, finished_per_second) = by_hand(&db, jobs).await?;

    enqueue(&db, workspace, jobs).await?;
    let start = Instant::now();
    let fleet = Fleet::start(&db, None);
    fleet.wait_for(jobs).await?;
    let drained_per_second = rate(jobs, start);

    let start = Instant::now();
    enqueue(&db, workspace, jobs).await?;
    fleet.wait_for(2 * jobs).await?;
    let through_per_second = rate(jobs, start);
    fleet.stop().await?;

    let (mut whole, mut after_commit) = starts(&db, workspace).await?;
    db.close().await;
    let at = |values: &mut Vec<f64>, part: f64| {
        values.sort_by(f64::total_cmp);
        values[((values.len() - 1) as f64 * part).round() as usize]
    };
    Ok(Figures {
        engine,
        jobs,
        enqueued_per_second,
        leased_per_second,
        finished_per_second,
        drained_per_second,
        through_per_second,
        start_p50_ms: at(&mut whole, 0.5),
        start_p99_ms: at(&mut whole, 0.99),
        start_max_ms: at(&mut whole, 1.0),
        start_after_commit_p50_ms: at(&mut after_commit, 0.5),
        start_after_commit_p99_ms: at(&mut after_commit, 0.99),
    })
}

/// Leases and finishes the backlog with nothing in between: what the two statements cost alone.
async fn by_hand(db: &Db, jobs: usize) -> anyhow::Result<(f64, f64)> {
    let demand = [Demand { queue: QUEUE.into(), limit: CHUNK, waiting: 0 }];
    let (mut leasing, mut finishing) = (Duration::ZERO, Duration::ZERO);
    let mut done = 0;
    while done < jobs {
        let start = Instant::now();
        let leased = ledger::dispatch(db, &demand, "bench", LEASE).await.context("leasing")?.jobs;
        leasing += start.elapsed();
        ensure!(!leased.is_empty(), "{done} of {jobs} jobs could be leased");
        done += leased.len();
        let finished: Vec<Finished> = leased.into_iter().map(|job| Finished { job, outcome: done_outcome() }).collect();
        let start = Instant::now();
        let committed = ledger::commit(db, &finished).await.context("finishing")?;
        finishing += start.elapsed();
        ensure!(committed.written == finished.len(), "an outcome was not written");
    }
    Ok((jobs as f64 / leasing.as_secs_f64(), jobs as f64 / finishing.as_secs_f64()))
}

/// One job after the other on an idle fleet. Milliseconds from before the transaction, and from after its commit, until
/// the handler runs.
async fn starts(db: &Db, workspace: Uuid) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let (started, mut starts) = mpsc::unbounded_channel();
    let fleet = Fleet::start(db, Some(started));
    let (mut whole, mut after_commit) = (Vec::new(), Vec::new());
    for index in 0..SINGLES + 10 {
        tokio::time::sleep(QUIET).await;
        let before = Instant::now();
        let mut tx = db.begin().await?;
        ledger::enqueue(&mut tx, vec![noop(workspace, index)]).await?;
        tx.commit().await?;
        let committed = Instant::now();
        let start: Instant = starts.recv().await.context("the fleet ended")?;
        // The first ones fill pools and caches.
        if index >= 10 {
            whole.push((start - before).as_secs_f64() * 1e3);
            // A start can be seen before commit() has returned here.
            after_commit.push(start.saturating_duration_since(committed).as_secs_f64() * 1e3);
        }
    }
    fleet.wait_for(SINGLES + 10).await?;
    fleet.stop().await?;
    Ok((whole, after_commit))
}

/// A scheduler and a runner in this process, as `herald up` has them.
struct Fleet {
    db: Db,
    stop: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    handled: Arc<AtomicUsize>,
    progress: Arc<Notify>,
}

impl Fleet {
    fn start(db: &Db, started: Option<mpsc::UnboundedSender<Instant>>) -> Self {
        let (stop, wire) = (CancellationToken::new(), Wire::in_process());
        let (handled, progress) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let handler: Handler = {
            let (handled, progress) = (handled.clone(), progress.clone());
            Arc::new(move |_| {
                if let Some(started) = &started {
                    // The receiver is gone only when the bench failed.
                    let _ = started.send(Instant::now());
                }
                handled.fetch_add(1, Ordering::Relaxed);
                progress.notify_one();
                Box::pin(async { Ok(Done::default()) })
            })
        };
        let scheduler = Scheduler {
            db: db.clone(),
            outlet: Outlet::in_process(wire.clone(), "bench".into()),
            lease: LEASE,
            tick: Duration::from_secs(5),
            keep: Duration::from_secs(30 * 86_400),
            keep_members: Duration::from_secs(90 * 86_400),
        };
        let runner = Runner {
            db: db.clone(),
            wire,
            queues: vec![QueueShare { queue: QUEUE.into(), concurrency: 256, prefetch: 2_000 }],
            lease: LEASE,
            stop_after: Duration::from_secs(10),
            holder: None,
            in_flight: InFlight::default(),
            handler,
        };
        let tasks = vec![tokio::spawn(runner.run(stop.clone())), tokio::spawn(scheduler.run(stop.clone()))];
        Self { db: db.clone(), stop, tasks, handled, progress }
    }

    /// Waits until so many jobs were handled since the start and every outcome is in the ledger.
    async fn wait_for(&self, jobs: usize) -> anyhow::Result<()> {
        let limit = Duration::from_secs(120);
        tokio::time::timeout(limit, async {
            while self.handled.load(Ordering::Relaxed) < jobs {
                self.progress.notified().await;
            }
        })
        .await
        .with_context(|| format!("{} of {jobs} jobs ran in {limit:?}", self.handled.load(Ordering::Relaxed)))?;
        loop {
            let queues = ledger::list_queues(&self.db).await?;
            if queues.iter().all(|queue| queue.ready + queue.running == 0) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        for task in self.tasks {
            task.await.context("the fleet ended badly")?;
        }
        Ok(())
    }
}

pub(crate) async fn enqueue(db: &Db, workspace: Uuid, jobs: usize) -> anyhow::Result<()> {
    for first in (0..jobs).step_by(CHUNK) {
        let chunk = (first..jobs.min(first + CHUNK)).map(|index| noop(workspace, index)).collect();
        let mut tx = db.begin().await?;
        ledger::enqueue(&mut tx, chunk).await?;
        tx.commit().await?;
    }
    Ok(())
}

pub(crate) fn noop(workspace: Uuid, index: usize) -> NewJob {
    NewJob {
        workspace_id: workspace,
        kind: "bench.noop".into(),
        queue: QUEUE.into(),
        args: serde_json::json!({ "invitation": index }),
        priority: 0,
        max_attempts: 5,
        run_at: None,
        unique_key: None,
        unique: Unique::UntilDone,
        batch_id: None,
        traceparent: None,
        limit_key: None,
        cost: 1,
        expires_at: None,
        open_hours: None,
    }
}

pub(crate) fn done_outcome() -> Outcome {
    Outcome::Done { result: None, changes: Vec::new(), then: Vec::new() }
}

fn rate(jobs: usize, since: Instant) -> f64 {
    jobs as f64 / since.elapsed().as_secs_f64()
}

/// A database file that is removed with what lies beside it.
pub(crate) struct SqliteFile(pub(crate) PathBuf);

impl SqliteFile {
    pub(crate) fn new(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join(format!("ledger-{}", std::process::id()));
        std::fs::create_dir_all(&folder).context("making a folder for the database")?;
        Ok(Self(folder.join("herald.db")))
    }
}

impl Drop for SqliteFile {
    fn drop(&mut self) {
        if let Some(folder) = self.0.parent() {
            // What is left lies in the cache folder.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
