//! Whether a queue's rate holds: two schedulers and four workers on PostgreSQL and Redis, for a minute.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use herald_ledger as ledger;
use herald_ledger::QueueLimits;
use herald_worker::runner::{Attempt, Done, Handler, QueueShare};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::fleet::Ground;
use crate::ledger::{QUEUE, enqueue};
use crate::table::{self, Table};

const WORKERS: usize = 4;
const SCHEDULERS: usize = 2;
/// Not counted: workers come, and the burst goes.
const WARM_UP: Duration = Duration::from_secs(2);
/// How far a minute's rate may be from what was set.
const AIM_PERCENT: f64 = 2.0;

#[derive(Serialize)]
struct Figures {
    set_per_second: i64,
    seconds: u64,
    started: usize,
    per_second: f64,
    off_percent: f64,
    fewest_in_a_second: usize,
    most_in_a_second: usize,
}

/// Measures each of `rates`.
pub(crate) fn run(results: &Path, rates: &[i64], seconds: u64) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting tokio")?;
    let mut all = Vec::new();
    for rate in rates {
        all.push(runtime.block_on(measure(*rate, seconds))?);
    }
    let mut text = Table::new(&["set, jobs/s", "started", "jobs/s", "off", "fewest in 1 s", "most in 1 s", "aim"]);
    for f in &all {
        text.row(vec![
            f.set_per_second.to_string(),
            format!("{} in {} s", f.started, f.seconds),
            format!("{:.1}", f.per_second),
            format!("{:+.2} %", f.off_percent),
            f.fewest_in_a_second.to_string(),
            f.most_in_a_second.to_string(),
            format!("±{AIM_PERCENT} %: {}", if f.off_percent.abs() <= AIM_PERCENT { "reached" } else { "missed" }),
        ]);
    }
    table::publish(results, "limits", &text.to_string(), &all)
}

async fn measure(rate: i64, seconds: u64) -> anyhow::Result<Figures> {
    let ground = Ground::open("HERALD_TEST_POSTGRES_URL", "HERALD_TEST_REDIS_URL").await?;
    let limits = QueueLimits { rate: Some(rate), rate_seconds: 1, ..QueueLimits::default() };
    let mut tx = ground.db.begin().await?;
    ledger::set_limits(&mut tx, QUEUE, &limits).await?;
    tx.commit().await?;
    let length = Duration::from_secs(seconds);
    // More than can start, so that the rate alone ends it.
    let backlog = usize::try_from(rate)? * (usize::try_from(seconds)? + 10);
    enqueue(&ground.db, ground.workspace, backlog).await?;
    let (started, mut starts) = mpsc::unbounded_channel();
    let handler: Handler = Arc::new(move |_: Attempt| {
        // The receiver is gone when the minute is over.
        let _ = started.send(Instant::now());
        Box::pin(async { Ok(Done::default()) })
    });
    let stop = CancellationToken::new();
    for worker in 0..WORKERS {
        let share = QueueShare { queue: QUEUE.to_owned(), concurrency: 50, prefetch: 100 };
        ground.worker(&format!("worker-{worker}"), share, handler.clone(), &stop);
    }
    for _ in 0..SCHEDULERS {
        ground.scheduler(&stop);
    }
    starts.recv().await.context("nothing starts")?;
    let begin = Instant::now() + WARM_UP;
    let mut by_second = vec![0_usize; usize::try_from(seconds)?];
    while let Some(at) = starts.recv().await {
        let Some(since) = at.checked_duration_since(begin) else { continue };
        if since >= length {
            break;
        }
        by_second[usize::try_from(since.as_secs())?] += 1;
    }
    stop.cancel();
    let mut tx = ground.db.begin().await?;
    herald_db::query("delete from jobs where queue = $1").bind(QUEUE).execute(&mut tx).await?;
    tx.commit().await?;
    let started: usize = by_second.iter().sum();
    let per_second = started as f64 / length.as_secs_f64();
    Ok(Figures {
        set_per_second: rate,
        seconds,
        started,
        per_second,
        off_percent: (per_second / rate as f64 - 1.0) * 100.0,
        fewest_in_a_second: by_second.iter().copied().min().unwrap_or(0),
        most_in_a_second: by_second.iter().copied().max().unwrap_or(0),
    })
}
