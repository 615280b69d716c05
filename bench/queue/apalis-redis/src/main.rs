//! apalis-redis as it ships. `../README.md` says what the roles are; `reproduce` shows what
//! `docs/adr/0002-apalis-redis.md` found.
//!
//! ```sh
//! ./tests/run --with cargo run --release --locked --manifest-path bench/queue/apalis-redis/Cargo.toml -- reproduce
//! ```

mod reproduce;

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use apalis::prelude::*;
use apalis_redis::{Config, RedisStorage};
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::sleep;

#[derive(Clone, Debug, Deserialize, Serialize)]
enum Job {
    Noop(usize),
    Timed { enqueued: i64 },
    Sleeper,
}

/// Not the defaults (30 s and 10) but what flatters it: it looks for work on its heartbeat, and so often it costs
/// little.
const HEARTBEAT: Duration = Duration::from_millis(100);
const BATCH: usize = 500;
const CONCURRENCY: usize = 100;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let role = arguments.next().unwrap_or_default();
    let count: usize = arguments.next().map_or(0, |word| word.parse().expect("the second argument is a number"));
    match role.as_str() {
        "push" => push(count).await,
        "singles" => singles(count).await,
        "load" => load().await,
        "sleeper" => storage(flattered()).await.push(Job::Sleeper).await.expect("the job is taken"),
        "work" => work(count, flattered(), "heartbeat 100 ms, batches of 500, 100 jobs at once").await,
        // How soon a job runs again is asked with its own settings.
        "work-by-default" => work(count, Config::default(), "its defaults").await,
        "reproduce" => reproduce::run().await,
        _ => panic!("no such role: {role:?}"),
    }
}

fn flattered() -> Config {
    Config::default().heartbeat_interval(HEARTBEAT).batch_size(BATCH)
}

async fn storage(config: Config) -> RedisStorage<Job> {
    let url = std::env::var("QUEUE_REDIS_URL").expect("QUEUE_REDIS_URL is set");
    RedisStorage::new(apalis_redis::connect(url).await.expect("the Redis answers")).with_config(config)
}

fn now() -> i64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has this clock");
    now.tv_sec() * 1_000_000_000 + now.tv_nsec()
}

fn say(event: &str) {
    println!("{}", json!({ "event": event, "at": now() }));
}

async fn push_noops(storage: &mut RedisStorage<Job>, count: usize) {
    storage.push_bulk((0..count).map(Job::Noop).collect()).await.expect("the jobs are taken");
}

async fn push(jobs: usize) {
    let mut storage = storage(flattered()).await;
    say("ready");
    std::io::stdin().read_line(&mut String::new()).expect("standard input is read");
    say("begin");
    for first in (0..jobs).step_by(1_000) {
        push_noops(&mut storage, 1_000.min(jobs - first)).await;
    }
    say("end");
    pending().await
}

async fn singles(jobs: usize) {
    let mut storage = storage(flattered()).await;
    for _ in 0..jobs {
        sleep(Duration::from_millis(5)).await;
        storage.push(Job::Timed { enqueued: now() }).await.expect("the job is taken");
    }
}

async fn load() {
    let mut storage = storage(flattered()).await;
    loop {
        push_noops(&mut storage, 20).await;
        sleep(Duration::from_millis(100)).await;
    }
}

async fn work(jobs: usize, config: Config, setup: &str) {
    let done_key = config.done_jobs_set();
    let mut storage = storage(config).await;
    let mut connection = storage.get_connection().clone();
    let handled = Arc::new(AtomicUsize::new(0));
    let count = handled.clone();
    let handle = move |job: Job| {
        let count = count.clone();
        async move {
            match job {
                Job::Noop(_) => {
                    if count.fetch_add(1, Ordering::Relaxed) == 0 {
                        say("begin");
                    }
                }
                Job::Timed { enqueued } => {
                    println!("{}", json!({ "event": "timed", "at": now(), "enqueued": enqueued }));
                }
                Job::Sleeper => {
                    say("asleep");
                    sleep(Duration::from_secs(300)).await;
                }
            }
            Ok::<(), BoxDynError>(())
        }
    };
    let name = format!("bench-{}", std::process::id());
    let worker = WorkerBuilder::new(name).backend(storage).concurrency(CONCURRENCY).build(handle);
    println!("{}", json!({ "event": "ready", "at": now(), "setup": setup }));
    // In a task of its own: it looks for work whenever its task wakes, and nothing here may wake it.
    let mut worker = tokio::spawn(worker.run());
    let acknowledged = async {
        while jobs == 0 || handled.load(Ordering::Relaxed) < jobs {
            sleep(Duration::from_millis(5)).await;
        }
        // Finished jobs stay in a set, for ever.
        let done = redis::cmd("SCARD").arg(&done_key).clone();
        while done.query_async::<usize>(&mut connection).await.expect("the Redis answers") < jobs {
            sleep(Duration::from_millis(2)).await;
        }
        say("end");
        pending::<()>().await;
    };
    tokio::select! {
        ended = &mut worker => eprintln!("the worker ended by itself: {ended:?}"),
        () = acknowledged => {}
    }
}
