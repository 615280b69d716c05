//! The fleet: schedulers and workers of several processes' kind, over a real Redis.
//!
//! These tests do not stand on a `herald_tests::App`: each of its processes is a whole one, and here every process has
//! one part (a scheduler, or a worker with its presence in Redis), so that the test can stop or kill it alone.

mod redis_kinds;
mod redis_wire;
mod schedules;
mod working;

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use herald_base::ids::Ids;
use herald_db::Db;
use herald_ledger::{
    redis_wire::{RedisConfig, RedisWire},
    wire::Wire,
};
use herald_scheduler::{Outlet, Scheduler};
use herald_tests::{Proxy, TestDatabase};
use herald_worker::{
    fleet::{presence::Presence, puller::Puller},
    runner::{Handler, InFlight, QueueShare, Runner},
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::watch,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::ground::QUEUE;

/// The Redis that `./tests/run` started, under a prefix of the test's own.
fn redis_config() -> RedisConfig {
    let url = std::env::var("HERALD_TEST_REDIS_URL")
        .expect("HERALD_TEST_REDIS_URL is not set: run ./tests/run, which starts a Redis and sets it");
    RedisConfig { url, prefix: format!("test-{:016x}", RandomState::new().hash_one(0)) }
}

pub(crate) async fn redis() -> (RedisConfig, RedisWire) {
    let config = redis_config();
    let wire = RedisWire::connect(&config).await.unwrap();
    (config, wire)
}

/// The same Redis behind a network that the test can cut.
pub(crate) async fn redis_behind_a_proxy() -> (Proxy, RedisWire) {
    let config = redis_config();
    let mut url = url::Url::parse(&config.url).unwrap();
    let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap()).parse().unwrap();
    let proxy = Proxy::to(server).await;
    url.set_port(Some(proxy.address().port())).unwrap();
    let wire = RedisWire::connect(&RedisConfig { url: url.to_string(), ..config }).await.unwrap();
    (proxy, wire)
}

/// A connection of the test's own, to do to the server what happens to servers.
pub(crate) async fn server() -> ::redis::aio::MultiplexedConnection {
    let client = ::redis::Client::open(redis_config().url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

/// Lease of these fleets, by a clock the tests move.
const LEASE: Duration = Duration::from_secs(60);

/// A scheduler as a process of its own has it.
struct OneScheduler {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl OneScheduler {
    fn start(db: &Db, redis: &RedisWire) -> Self {
        let stop = CancellationToken::new();
        let scheduler = Scheduler {
            db: db.clone(),
            outlet: Outlet::fleet(redis.clone()),
            lease: LEASE,
            tick: Duration::from_secs(3_600),
            keep: Duration::from_secs(30 * 86_400),
            keep_members: Duration::from_secs(90 * 86_400),
        };
        Self { task: tokio::spawn(scheduler.run(stop.clone())), stop }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// A worker as a process of its own has it.
struct OneWorker {
    stop: CancellationToken,
    wire: Wire,
    quiet: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    gone: CancellationToken,
    presence: JoinHandle<()>,
}

impl OneWorker {
    fn start(db: &Db, redis: &RedisWire, name: &str, concurrency: usize, handler: Handler) -> Self {
        let (stop, gone, wire, in_flight) =
            (CancellationToken::new(), CancellationToken::new(), Wire::in_process(), InFlight::default());
        let share = QueueShare { queue: QUEUE.to_owned(), concurrency, prefetch: concurrency };
        let worker_id = db.new_id();
        let (quiet, quiet_here) = watch::channel(false);
        let (quiet_sender, quiet_now) = watch::channel(false);
        let presence = Presence {
            db: db.clone(),
            redis: redis.clone(),
            worker_id,
            name: name.to_owned(),
            queues: vec![share.clone()],
            in_flight: in_flight.clone(),
            quiet: quiet_sender,
            quiet_here,
        };
        let runner = Runner {
            db: db.clone(),
            wire: wire.clone(),
            queues: vec![share],
            lease: LEASE,
            stop_after: Duration::from_secs(20),
            holder: Some(name.to_owned()),
            in_flight,
            handler,
        };
        let puller = Puller {
            db: db.clone(),
            redis: redis.clone(),
            wire: wire.clone(),
            queue: QUEUE.to_owned(),
            worker_id,
            lease: LEASE,
            quiet: quiet_now,
        };
        Self {
            presence: tokio::spawn(presence.run(stop.clone(), gone.clone())),
            tasks: vec![tokio::spawn(runner.run(stop.clone())), tokio::spawn(puller.run(stop.clone()))],
            stop,
            wire,
            quiet,
            gone,
        }
    }

    /// Stops as a process does.
    async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
        self.gone.cancel();
        self.presence.await.unwrap();
    }
}

/// A worker on a runtime of its own, which can be killed as a process can: nothing of it is left, and nothing more is
/// written.
struct OtherProcess {
    runtime: Runtime,
    worker: OneWorker,
}

impl OtherProcess {
    async fn start(
        database: &TestDatabase,
        redis: &RedisConfig,
        name: &'static str,
        concurrency: usize,
        handler: Handler,
    ) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (database, clock, redis) = (database.config().clone(), database.db.clock().clone(), redis.clone());
        let worker = runtime.spawn(async move {
            let db = Db::connect(&database, clock, Ids::random()).await.unwrap();
            let redis = RedisWire::connect(&redis).await.unwrap();
            OneWorker::start(&db, &redis, name, concurrency, handler)
        });
        Self { worker: worker.await.unwrap(), runtime }
    }

    fn kill(self) {
        drop(self.worker);
        self.runtime.shutdown_background();
    }
}
