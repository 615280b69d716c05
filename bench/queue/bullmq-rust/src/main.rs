//! BullMQ's own Rust library on Redis, with the settings of `../bullmq`. `../README.md` says what the roles are.

use std::{
    future::pending,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bullmq::{
    BulkJob, Job, Queue, QueueOptions, Worker, WorkerOptions, options::RedisConnectionOptions, types::RemoveOnFinish,
    worker::WorkerEvent,
};
use nix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tokio::time::sleep;

const NAME: &str = "bench";
const CONCURRENCY: usize = 100;

static BEGUN: AtomicBool = AtomicBool::new(false);

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let role = arguments.next().unwrap_or_default();
    let count: usize = arguments.next().map_or(0, |word| word.parse().expect("the second argument is a number"));
    match role.as_str() {
        "push" => push(count).await,
        "singles" => singles(count).await,
        "load" => load().await,
        "sleeper" => add(&queue().await, "sleeper", json!({})).await,
        "work" => work(count).await,
        _ => panic!("no such role: {role:?}"),
    }
}

fn connection() -> RedisConnectionOptions {
    RedisConnectionOptions::new().url(std::env::var("QUEUE_REDIS_URL").expect("QUEUE_REDIS_URL is set"))
}

async fn queue() -> Queue {
    let options = QueueOptions::new().connection(connection());
    Queue::with_options(NAME, options).await.expect("the Redis answers")
}

fn now() -> i64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has this clock");
    now.tv_sec() * 1_000_000_000 + now.tv_nsec()
}

fn say(event: &str) {
    println!("{}", json!({ "event": event, "at": now() }));
}

async fn add(queue: &Queue, name: &str, data: Value) {
    queue.add(name, data).await.expect("the job is taken");
}

async fn add_noops(queue: &Queue, count: usize) {
    let jobs = (0..count).map(|number| BulkJob::new("noop", json!({ "number": number }))).collect();
    queue.add_bulk(jobs).await.expect("the jobs are taken");
}

async fn push(jobs: usize) {
    let queue = queue().await;
    say("ready");
    std::io::stdin().read_line(&mut String::new()).expect("standard input is read");
    say("begin");
    for first in (0..jobs).step_by(1_000) {
        add_noops(&queue, 1_000.min(jobs - first)).await;
    }
    say("end");
    pending().await
}

async fn singles(jobs: usize) {
    let queue = queue().await;
    for _ in 0..jobs {
        sleep(Duration::from_millis(5)).await;
        add(&queue, "timed", json!({ "enqueued": now() })).await;
    }
}

async fn load() {
    let queue = queue().await;
    loop {
        add_noops(&queue, 20).await;
        sleep(Duration::from_millis(100)).await;
    }
}

async fn handle(job: Job) {
    match job.name() {
        "timed" => println!("{}", json!({ "event": "timed", "at": now(), "enqueued": job.data()["enqueued"] })),
        "sleeper" => {
            say("asleep");
            sleep(Duration::from_secs(300)).await;
        }
        _ => {
            if !BEGUN.swap(true, Ordering::Relaxed) {
                say("begin");
            }
        }
    }
}

async fn work(jobs: usize) {
    let mut options = WorkerOptions::new().connection(connection()).concurrency(CONCURRENCY);
    // Finished jobs are kept for ever by default; nobody runs it so.
    options.remove_on_complete = Some(RemoveOnFinish::Bool(true));
    let handler = |job: Job, _| async move {
        handle(job).await;
        Ok(Value::Null)
    };
    let worker = Worker::with_options(NAME, handler, options).await.expect("the Redis answers");
    println!("{}", json!({ "event": "ready", "at": now(), "setup": format!("one worker, concurrency {CONCURRENCY}") }));
    let mut done = 0;
    while let Some(event) = worker.next_event().await {
        match event {
            WorkerEvent::Completed { .. } => {
                done += 1;
                if done == jobs {
                    say("end");
                }
            }
            WorkerEvent::Error(error) => eprintln!("{error}"),
            _ => {}
        }
    }
}
