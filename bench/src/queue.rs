//! Herald's own program for the queue bench: PostgreSQL ledger, Redis wire, and the runner, with jobs that do nothing.
//! The roles and the lines it prints are those of `bench/queue/README.md`.

use std::{
    io::BufRead,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::bail;
use herald_ledger as ledger;
use herald_ledger::{NewJob, Unique};
use herald_worker::runner::{Attempt, Done, Failure, Handler, QueueShare};
use nix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::fleet::{Ground, LEASE};

const QUEUE: &str = "bench";
/// Jobs at once; as many more wait at hand, and ten times as many on the wire.
const CONCURRENCY: usize = 200;

impl Ground {
    fn job(&self, kind: &str, args: Value) -> NewJob {
        NewJob {
            workspace_id: self.workspace,
            kind: kind.to_owned(),
            queue: QUEUE.to_owned(),
            args,
            priority: 0,
            max_attempts: 10,
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

    /// One transaction, and word of it to the schedulers.
    async fn enqueue(&self, jobs: Vec<NewJob>) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        ledger::enqueue(&mut tx, jobs).await?;
        tx.commit().await?;
        self.redis.tell_work().await?;
        Ok(())
    }

    async fn enqueue_noops(&self, count: usize) -> anyhow::Result<()> {
        self.enqueue((0..count).map(|number| self.job("noop", json!({ "number": number }))).collect()).await
    }
}

/// Runs one role.
pub(crate) async fn run(role: &str, count: usize) -> anyhow::Result<()> {
    let ground = Ground::open("QUEUE_POSTGRES_URL", "QUEUE_REDIS_URL").await?;
    match role {
        "push" => {
            say("ready", Value::Null);
            tokio::task::spawn_blocking(|| std::io::stdin().lock().read_line(&mut String::new())).await??;
            say("begin", Value::Null);
            for from in (0..count).step_by(1_000) {
                ground.enqueue_noops((count - from).min(1_000)).await?;
            }
            say("end", Value::Null);
            std::future::pending().await
        }
        "singles" => {
            for _ in 0..count {
                tokio::time::sleep(Duration::from_millis(5)).await;
                ground.enqueue(vec![ground.job("timed", json!({ "enqueued": now() }))]).await?;
            }
            Ok(())
        }
        "load" => loop {
            ground.enqueue_noops(20).await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        },
        "sleeper" => ground.enqueue(vec![ground.job("sleeper", json!({}))]).await,
        "work" => work(ground, count).await,
        _ => bail!("no such role: {role:?}"),
    }
}

/// A scheduler and a worker, as two processes of a fleet have them, in one.
async fn work(ground: Ground, count: usize) -> anyhow::Result<()> {
    let (stop, done) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let share = QueueShare { queue: QUEUE.to_owned(), concurrency: CONCURRENCY, prefetch: CONCURRENCY * 10 };
    say("ready", json!({ "setup": format!("{CONCURRENCY} jobs at once, lease {} s", LEASE.as_secs()) }));
    let in_flight = ground.worker("bench", share, handler(done.clone()), &stop);
    ground.scheduler(&stop);
    if count == 0 {
        return std::future::pending().await;
    }
    // An attempt is in flight until its outcome is committed.
    while done.load(Ordering::Relaxed) < count || in_flight.count() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    say("end", Value::Null);
    std::future::pending().await
}

fn handler(done: Arc<AtomicUsize>) -> Handler {
    Arc::new(move |attempt: Attempt| {
        match attempt.job.kind.as_str() {
            "noop" => {
                if done.fetch_add(1, Ordering::Relaxed) == 0 {
                    say("begin", Value::Null);
                }
            }
            "timed" => say("timed", json!({ "enqueued": attempt.job.args.0["enqueued"] })),
            _ => {
                say("asleep", Value::Null);
                return Box::pin(async {
                    tokio::time::sleep(Duration::from_secs(300)).await;
                    Ok::<_, Failure>(Done::default())
                });
            }
        }
        Box::pin(async { Ok(Done::default()) })
    })
}

fn now() -> i64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has this clock");
    now.tv_sec() * 1_000_000_000 + now.tv_nsec()
}

/// A line of JSON: what happened and when.
fn say(event: &str, more: Value) {
    let mut line = json!({ "event": event, "at": now() });
    if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
        line.extend(more);
    }
    println!("{line}");
}
