//! The wire on every kind of Redis: a cluster, and a master that sentinels watch and replace. The servers are the
//! tests' own.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ::redis::{Client, cmd};
use herald_db::Db;
use herald_ledger::redis_wire::{RedisConfig, RedisWire};
use herald_tests::{EngineKind, TestDatabase, wait_until};
use herald_worker::runner::{Done, Handler};
use tempfile::TempDir;

use super::{LEASE, OneScheduler, OneWorker};
use crate::ground::{self, enqueue, noop, number};

const PASSWORD: &str = "hunter2";

/// A Redis process, killed when dropped.
struct Server {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Server {
    /// Starts one with these settings besides a free port, a password and no disk.
    fn start(settings: &str) -> Self {
        Self::start_as(settings, &[])
    }

    fn start_as(settings: &str, arguments: &[&str]) -> Self {
        let (folder, port) = (TempDir::with_prefix("herald-test-").unwrap(), free_port());
        let file = folder.path().join("redis.conf");
        std::fs::write(&file, format!("port {port}\nbind 127.0.0.1\ndir {}\n{settings}\n", folder.path().display()))
            .unwrap();
        let process = Command::new("redis-server")
            .arg(file)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("./tests/run installs redis-server");
        Self { process, port, _folder: folder }
    }

    /// The answer of the server itself, past sentinels and clusters; empty while it does not answer.
    async fn ask(&self, password: bool, words: &[&str]) -> String {
        let login = if password { format!(":{PASSWORD}@") } else { String::new() };
        let client = Client::open(format!("redis://{login}127.0.0.1:{}", self.port)).unwrap();
        let Ok(mut connection) = client.get_multiplexed_async_connection().await else { return String::new() };
        let mut command = cmd(words[0]);
        command.arg(&words[1..]);
        match command.query_async::<::redis::Value>(&mut connection).await {
            Ok(answer) => format!("{answer:?}"),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nobody had a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn member() -> String {
    format!("save \"\"\nrequirepass {PASSWORD}\nmasterauth {PASSWORD}\n")
}

/// A scheduler and a worker on one Redis, and how many jobs they ran.
struct Pair {
    db: Db,
    workspace: uuid::Uuid,
    ran: Arc<AtomicUsize>,
    scheduler: OneScheduler,
    worker: OneWorker,
}

impl Pair {
    async fn start(database: &TestDatabase, url: String) -> Self {
        let db = database.db.clone();
        let workspace = ground::workspace(&db).await;
        let wire = RedisWire::connect(&RedisConfig { url, prefix: "kinds".to_owned() }).await.unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        let handler: Handler = {
            let ran = ran.clone();
            Arc::new(move |_| {
                ran.fetch_add(1, Ordering::SeqCst);
                Box::pin(async { Ok(Done::default()) })
            })
        };
        let scheduler = OneScheduler::start(&db, &wire);
        let worker = OneWorker::start(&db, &wire, "worker", 4, handler);
        Self { db, workspace, ran, scheduler, worker }
    }

    /// Runs some more jobs, `step` of time at each look: after a break it is their leases that bring jobs back.
    async fn run(&self, jobs: usize, step: Duration) {
        let done = "select count(*) from jobs where state = 'succeeded'";
        let before = number(&self.db, done).await;
        enqueue(&self.db, vec![noop(self.workspace); jobs]).await;
        wait_until("they have run", async || {
            self.db.clock().advance(step);
            number(&self.db, done).await - before == i64::try_from(jobs).unwrap()
        })
        .await;
    }

    async fn stop(self) {
        self.worker.stop().await;
        self.scheduler.stop().await;
    }
}

#[tokio::test]
async fn a_fleet_works_on_a_cluster() {
    let settings = format!("{}cluster-enabled yes\ncluster-port {}\n", member(), free_port());
    let node = Server::start(&settings);
    wait_until("the node answers", async || node.ask(true, &["PING"]).await.contains("PONG")).await;
    node.ask(true, &["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
    wait_until("the cluster is whole", async || {
        node.ask(true, &["CLUSTER", "INFO"]).await.contains("cluster_state:ok")
    })
    .await;
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let url = format!("redis+cluster://:{PASSWORD}@127.0.0.1:{}", node.port);
    let fleet = Pair::start(&database, url).await;
    fleet.run(100, Duration::ZERO).await;
    assert_eq!(fleet.ran.load(Ordering::SeqCst), 100);
    fleet.stop().await;
}

#[tokio::test]
async fn a_fleet_goes_on_with_the_new_master_when_the_old_one_is_killed() {
    let master = Server::start(&member());
    let replica = Server::start(&format!("{}replicaof 127.0.0.1 {}\n", member(), master.port));
    wait_until("the replica follows", async || {
        replica.ask(true, &["INFO", "replication"]).await.contains("master_link_status:up")
    })
    .await;
    let watch = format!(
        "sentinel monitor herald 127.0.0.1 {} 1\nsentinel auth-pass herald {PASSWORD}\n\
         sentinel down-after-milliseconds herald 1500\nsentinel failover-timeout herald 3000\n",
        master.port
    );
    let sentinel = Server::start_as(&watch, &["--sentinel"]);
    wait_until("the sentinel knows the replica", async || {
        sentinel.ask(false, &["SENTINEL", "replicas", "herald"]).await.contains(&replica.port.to_string())
    })
    .await;
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let url = format!("redis+sentinel://:{PASSWORD}@127.0.0.1:{}/herald", sentinel.port);
    let fleet = Pair::start(&database, url).await;
    fleet.run(50, Duration::ZERO).await;

    drop(master);
    wait_until("the replica is the master", async || {
        replica.ask(true, &["INFO", "replication"]).await.contains("role:master")
    })
    .await;
    fleet.run(50, LEASE / 100).await;
    fleet.stop().await;
}
