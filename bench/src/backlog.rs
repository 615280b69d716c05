//! What a job costs when a thousand or a million others wait: leasing and finishing at each size of backlog, and
//! cancelling all of it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use herald_base::clock::Clock;
use herald_base::ids::Ids;
use herald_db::{Db, DbConfig, EngineKind, query};
use herald_ledger as ledger;
use herald_ledger::{Callbacks, Demand, Finished, NewBatch, NewJob};
use herald_people::ensure_default_workspace;
use serde::Serialize;
use uuid::Uuid;

use crate::ledger::{CHUNK, LEASE, QUEUE, SqliteFile, done_outcome, noop};
use crate::table::{self, Table};

/// Jobs leased and finished at each size.
const SAMPLE: usize = 20_000;

#[derive(Serialize)]
struct Figures {
    engine: &'static str,
    waiting: usize,
    enqueue_us: f64,
    lease_us: f64,
    finish_us: f64,
    one_lease_ms: f64,
}

#[derive(Serialize)]
struct Cancelled {
    engine: &'static str,
    jobs: usize,
    answer_ms: f64,
    all_ended_s: f64,
}

/// Measures each size on SQLite, and on PostgreSQL if there is a URL.
pub(crate) fn run(scratch: &Path, postgres: Option<String>, results: &Path, sizes: &[usize]) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting tokio")?;
    let file = SqliteFile::new(scratch)?;
    let mut engines = vec![("SQLite", DbConfig::Sqlite { path: file.0.clone() })];
    engines.extend(postgres.map(|url| ("PostgreSQL", DbConfig::Postgres { url, max_connections: 4 })));
    let (mut all, mut cancelled, mut plans) = (Vec::new(), Vec::new(), String::new());
    for (engine, config) in engines {
        let (figures, end, plan) = runtime.block_on(measure(engine, &config, sizes))?;
        all.extend(figures);
        cancelled.push(end);
        plans.push_str(&format!("\n{engine}:\n\n```\n{plan}\n```\n"));
    }
    let mut text = Table::new(&["µs a job", "enqueue", "lease", "finish", "lease of one, ms"]);
    for f in &all {
        let us = |value: f64| format!("{value:.1}");
        text.row(vec![
            format!("{}, {} waiting", f.engine, f.waiting),
            us(f.enqueue_us),
            us(f.lease_us),
            us(f.finish_us),
            format!("{:.2}", f.one_lease_ms),
        ]);
    }
    let mut ends = Table::new(&["cancelling a batch", "nothing starts after, ms", "all ended after, s"]);
    for f in &cancelled {
        ends.row(vec![
            format!("{}, {} jobs", f.engine, f.jobs),
            format!("{:.1}", f.answer_ms),
            format!("{:.1}", f.all_ended_s),
        ]);
    }
    let report =
        format!("{text}\n{ends}\nThe plan by which a lane's head is leased, with the largest backlog:\n{plans}");
    table::publish(results, "backlog", &report, &(all, cancelled))
}

async fn measure(
    engine: &'static str,
    config: &DbConfig,
    sizes: &[usize],
) -> anyhow::Result<(Vec<Figures>, Cancelled, String)> {
    let db = Db::connect(config, Clock::system(), Ids::random()).await.context("opening the database")?;
    db.migrate().await.context("making the tables")?;
    let workspace = ensure_default_workspace(&db).await?;
    let mut tx = db.begin().await?;
    let new = NewBatch { workspace_id: workspace, name: "backlog".into(), callbacks: Callbacks::default() };
    let batch = ledger::create_batch(&mut tx, new).await?;
    tx.commit().await?;
    let mut all = Vec::new();
    let mut waiting = 0;
    for size in sizes {
        let start = Instant::now();
        let more = size.saturating_sub(waiting);
        enqueue(&db, workspace, batch, more).await?;
        let enqueue_us = per_job(start.elapsed(), more);
        waiting = *size;
        let sample = SAMPLE.min(size / 2);
        let (leasing, finishing) = lease_and_finish(&db, sample).await?;
        let one_lease_ms = one_lease(&db).await?;
        all.push(Figures {
            engine,
            waiting: *size,
            enqueue_us,
            lease_us: per_job(leasing, sample),
            finish_us: per_job(finishing, sample),
            one_lease_ms,
        });
        waiting -= sample + 20;
    }
    let plan = plan(&db, workspace).await?;
    let start = Instant::now();
    let mut tx = db.begin().await?;
    ledger::cancel_batch(&mut tx, workspace, batch).await?;
    tx.commit().await?;
    let answer_ms = start.elapsed().as_secs_f64() * 1e3;
    ensure!(lease(&db, 1).await?.is_empty(), "a job of a cancelled batch was leased");
    while ledger::sweep_cancelled(&db).await? > 0 {}
    let end = Cancelled { engine, jobs: waiting, answer_ms, all_ended_s: start.elapsed().as_secs_f64() };
    db.close().await;
    Ok((all, end, plan))
}

async fn enqueue(db: &Db, workspace: Uuid, batch: Uuid, jobs: usize) -> anyhow::Result<()> {
    for first in (0..jobs).step_by(CHUNK) {
        let chunk = (first..jobs.min(first + CHUNK))
            .map(|index| NewJob { batch_id: Some(batch), ..noop(workspace, index) })
            .collect();
        let mut tx = db.begin().await?;
        ledger::enqueue(&mut tx, chunk).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn lease(db: &Db, limit: usize) -> anyhow::Result<Vec<ledger::Leased>> {
    let demand = [Demand { queue: QUEUE.into(), limit, waiting: 0 }];
    Ok(ledger::dispatch(db, &demand, "bench", LEASE).await.context("leasing")?.jobs)
}

async fn lease_and_finish(db: &Db, jobs: usize) -> anyhow::Result<(Duration, Duration)> {
    let (mut leasing, mut finishing, mut done) = (Duration::ZERO, Duration::ZERO, 0);
    while done < jobs {
        let start = Instant::now();
        let leased = lease(db, CHUNK.min(jobs - done)).await?;
        leasing += start.elapsed();
        ensure!(!leased.is_empty(), "{done} of {jobs} jobs could be leased");
        done += leased.len();
        let finished: Vec<Finished> = leased.into_iter().map(|job| Finished { job, outcome: done_outcome() }).collect();
        let start = Instant::now();
        ledger::commit(db, &finished).await.context("finishing")?;
        finishing += start.elapsed();
    }
    Ok((leasing, finishing))
}

/// The time of a lease that brings a single job.
async fn one_lease(db: &Db) -> anyhow::Result<f64> {
    let start = Instant::now();
    for _ in 0..20 {
        ensure!(lease(db, 1).await?.len() == 1, "no job could be leased");
    }
    Ok(start.elapsed().as_secs_f64() * 1e3 / 20.0)
}

async fn plan(db: &Db, workspace: Uuid) -> anyhow::Result<String> {
    let explain = match db.kind() {
        EngineKind::Postgres => "explain (costs off)",
        EngineKind::Sqlite => "explain query plan",
    };
    let statement = format!(
        "{explain} select id from jobs where state = 'ready' and queue = '{QUEUE}' and workspace_id = $1 and lane = 1 \
         and priority = 0
         and run_at <= $2 order by run_at limit 1000"
    );
    let query = query(&statement).bind(workspace).bind(db.now());
    Ok(match db.kind() {
        EngineKind::Postgres => {
            let lines: Vec<(String,)> = query.all(db).await?;
            lines.into_iter().map(|(line,)| line).collect::<Vec<_>>().join("\n")
        }
        EngineKind::Sqlite => {
            let lines: Vec<(i64, i64, i64, String)> = query.all(db).await?;
            lines.into_iter().map(|(_, _, _, line)| line).collect::<Vec<_>>().join("\n")
        }
    })
}

fn per_job(time: Duration, jobs: usize) -> f64 {
    time.as_secs_f64() * 1e6 / jobs.max(1) as f64
}
