//! A backlog of so many due jobs, one worker that does nothing with each of them, and when that worker is gone,
//! another.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use apalis::prelude::*;
use apalis_redis::{Config, RedisStorage};

use crate::Job;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn run() {
    let url = std::env::var("HERALD_TEST_REDIS_URL").expect("run me with ./tests/run --with, which starts a Redis");
    for backlog in [1_000, 7_000, 10_000, 20_000] {
        let config = Config::default()
            .queue(format!("backlog-{backlog}"))
            .heartbeat_interval(crate::HEARTBEAT)
            .batch_size(crate::BATCH);
        let connection = apalis_redis::connect(url.as_str()).await.expect("the Redis answers");
        let mut storage = RedisStorage::new(connection).with_config(config);
        for first in (0..backlog).step_by(1_000) {
            storage.push_bulk((first..first + 1_000).map(Job::Noop).collect()).await.expect("the jobs are taken");
        }
        if !drain(&storage, backlog, "first").await {
            drain(&storage, backlog, "second").await;
        }
    }
}

/// Whether the worker was still there at the end.
async fn drain(storage: &RedisStorage<Job>, backlog: usize, which: &str) -> bool {
    let done = Arc::new(AtomicUsize::new(0));
    let count = done.clone();
    let worker = WorkerBuilder::new(format!("{which}-{backlog}")).backend(storage.clone()).build(move |_: Job| {
        let count = count.clone();
        async move {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<(), BoxDynError>(())
        }
    });
    let started = Instant::now();
    let worker = tokio::spawn(worker.run());
    while started.elapsed() < PATIENCE && done.load(Ordering::Relaxed) < backlog && !worker.is_finished() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (done, seconds) = (done.load(Ordering::Relaxed), started.elapsed().as_secs_f64());
    println!("backlog {backlog:>6}, {which} worker: {done:>6} done in {seconds:.1} s");
    if !worker.is_finished() {
        worker.abort();
        return true;
    }
    println!("    it ended by itself: {:?}", worker.await);
    false
}
