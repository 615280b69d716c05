//! Herald's own program for the queue bench: PostgreSQL ledger, Redis wire, and the runner, with jobs that do nothing. The roles and the
//! lines it prints are those of `bench/queue/README.md`.

use std::{
    io::BufRead,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use herald_scheduler::{Outlet, Scheduler};
use herald_shared::{
    clock::Clock,
    db::{Db, DbConfig},
    domain::ensure_default_workspace,
    ids::Ids,
    ledger::{self, NewJob, Unique},
    redis_wire::{RedisConfig, RedisWire},
    wire::Wire,
};
use herald_worker::{
    presence::Presence,
    puller::Puller,
    runner::{Attempt, Done, Failure, Handler, InFlight, QueueShare, Runner},
};
use nix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const QUEUE: &str = "bench";
/// Jobs at once; as many more wait at hand, and ten times as many on the wire.
const CONCURRENCY: usize = 200;
/// The default.
const LEASE: Duration = Duration::from_secs(8);

/// What both sides of a queue have.
struct Ground {
    db: Db,
    redis: RedisWire,
    workspace: Uuid,
}

impl Ground {
    async fn open() -> anyhow::Result<Self> {
        let url = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
        let config = DbConfig::Postgres { url: url("QUEUE_POSTGRES_URL")?, max_connections: 10 };
        let db = Db::connect(&config, Clock::system(), Ids::random()).await?;
        db.migrate().await?;
        let redis =
            RedisWire::connect(&RedisConfig { url: url("QUEUE_REDIS_URL")?, prefix: "bench".to_owned() }).await?;
        let workspace = ensure_default_workspace(&db).await?;
        Ok(Self { db, redis, workspace })
    }

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
    let ground = Ground::open().await?;
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
    let Ground { db, redis, .. } = ground;
    let (stop, wire, in_flight, done) =
        (CancellationToken::new(), Wire::in_process(), InFlight::default(), Arc::new(AtomicUsize::new(0)));
    let share = QueueShare { queue: QUEUE.to_owned(), concurrency: CONCURRENCY, prefetch: CONCURRENCY * 10 };
    let worker_id = db.new_id();
    let (quiet, quiet_now) = watch::channel(false);
    let (_never, quiet_here) = watch::channel(false);
    let scheduler = Scheduler {
        db: db.clone(),
        outlet: Outlet::fleet(redis.clone()),
        lease: LEASE,
        tick: Duration::from_secs(5),
        keep: Duration::from_secs(30 * 86_400),
    };
    let presence = Presence {
        db: db.clone(),
        redis: redis.clone(),
        worker_id,
        name: "bench".to_owned(),
        queues: vec![share.clone()],
        in_flight: in_flight.clone(),
        quiet,
        quiet_here,
    };
    let runner = Runner {
        db: db.clone(),
        wire: wire.clone(),
        queues: vec![QueueShare { prefetch: CONCURRENCY, ..share }],
        lease: LEASE,
        stop_after: Duration::from_secs(10),
        holder: Some("bench".to_owned()),
        in_flight: in_flight.clone(),
        handler: handler(done.clone()),
    };
    let puller = Puller { db, redis, wire, queue: QUEUE.to_owned(), worker_id, lease: LEASE, quiet: quiet_now };
    say("ready", json!({ "setup": format!("{CONCURRENCY} jobs at once, lease {} s", LEASE.as_secs()) }));
    tokio::spawn(presence.run(stop.clone(), stop.clone()));
    tokio::spawn(runner.run(stop.clone()));
    tokio::spawn(puller.run(stop.clone()));
    tokio::spawn(scheduler.run(stop.clone()));
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
