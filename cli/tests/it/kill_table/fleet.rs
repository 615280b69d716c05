//! The processes, their supervisor, and the client that hands jobs in.

use std::{
    fs::OpenOptions,
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::Child,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use herald_shared::{
    clock::Clock,
    db::{Db, DbConfig, query},
    domain,
    ids::Ids,
};
use tokio::runtime::Runtime;

use super::{
    effects::Effects,
    servers::{Servers, free_port, until},
};
use crate::stage::{Stage, signal};

/// As a unit with `Restart=always` and this `RestartSec`.
const RESTART_AFTER: Duration = Duration::from_millis(100);
/// Between two requests of the client, and before a repetition.
const PACE: Duration = Duration::from_millis(150);

struct Process {
    name: String,
    arguments: Vec<String>,
    child: Child,
    restarts: usize,
}

pub(super) struct Fleet {
    pub(super) effects: Arc<Effects>,
    servers: Mutex<Servers>,
    processes: Arc<Mutex<Vec<Process>>>,
    stage: Arc<Stage>,
    runtime: Runtime,
    db: Db,
    token: String,
    api: String,
    stop: Arc<AtomicBool>,
    supervisor: Option<JoinHandle<()>>,
}

impl Fleet {
    pub(super) fn start() -> Self {
        let servers = Servers::start();
        let effects = Effects::serve();
        let stage = Arc::new(Stage::new());
        let runtime = Runtime::new().unwrap();
        let url = format!("postgres://herald@127.0.0.1:{}/postgres", servers.postgres_port);
        let (db, token) = runtime.block_on(async {
            let config = DbConfig::Postgres { url: url.clone(), max_connections: 2 };
            let db = Db::connect(&config, Clock::system(), Ids::random()).await.unwrap();
            db.migrate().await.unwrap();
            let workspace = domain::ensure_default_workspace(&db).await.unwrap();
            let token = domain::make_token(&db, workspace, "kill-table").await.unwrap();
            (db, token)
        });
        stage.write(
            "herald.toml",
            format!(
                "[database]\nurl = \"{url}\"\n[redis]\nurl = \"redis://127.0.0.1:{}\"\n[probe]\nurl = \"http://{}/\"\n",
                servers.redis_port, effects.address
            ),
        );
        let api = format!("127.0.0.1:{}", free_port());
        let roles = [
            ("scheduler-0", vec!["scheduler"]),
            ("scheduler-1", vec!["scheduler"]),
            ("worker-0", vec!["worker"]),
            ("worker-1", vec!["worker"]),
            ("api-0", vec!["api", "--listen", &api]),
        ];
        let processes = roles.map(|(name, arguments)| {
            let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
            Process { name: name.to_owned(), child: spawn(&stage, name, &arguments), arguments, restarts: 0 }
        });
        let processes = Arc::new(Mutex::new(Vec::from(processes)));
        let stop = Arc::new(AtomicBool::new(false));
        let supervisor = Some(std::thread::spawn({
            let (processes, stage, stop) = (processes.clone(), stage.clone(), stop.clone());
            move || supervise(&processes, &stage, &stop)
        }));
        let servers = Mutex::new(servers);
        Self { effects, servers, processes, stage, runtime, db, token, api, stop, supervisor }
    }

    pub(super) fn servers(&self) -> MutexGuard<'_, Servers> {
        self.servers.lock().unwrap()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.processes.lock().unwrap().iter().map(|process| process.name.clone()).collect()
    }

    pub(super) fn signal(&self, name: &str, with: &str) {
        let mut processes = self.processes.lock().unwrap();
        let process = processes.iter_mut().find(|process| process.name == name).unwrap();
        // One that is dead already is between two lives.
        if process.child.try_wait().unwrap().is_none() {
            signal(&process.child, with);
        }
    }

    pub(super) fn restarts(&self) -> usize {
        self.processes.lock().unwrap().iter().map(|process| process.restarts).sum()
    }

    pub(super) fn all_alive(&self) -> bool {
        self.processes.lock().unwrap().iter_mut().all(|process| process.child.try_wait().unwrap().is_none())
    }

    /// Ends every connection to the database but the one that asks.
    pub(super) fn end_backends(&self) {
        let ended = query(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where pid <> pg_backend_pid() and backend_type = 'client backend'",
        );
        let _: (i64,) = self.runtime.block_on(ended.one(&self.db)).unwrap();
    }

    /// Hands jobs in; what is not acknowledged is handed in again under the same name.
    pub(super) fn feed(&self, scenario: &str, requests: usize, jobs: usize) {
        for request in 0..requests {
            let body = format!("{{\"name\": \"{scenario}-{request}\", \"jobs\": {jobs}}}");
            until("the api takes a request", || {
                let status = self.post("/api/v1/probes", &body).unwrap_or(0);
                assert!(!(400..500).contains(&status) || status == 429, "the api answered {status}");
                std::thread::sleep(PACE);
                status == 202
            });
        }
    }

    fn post(&self, path: &str, body: &str) -> Option<u16> {
        let mut stream = TcpStream::connect(&self.api).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.api,
            self.token,
            body.len()
        )
        .ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
    }

    /// Jobs of a scenario that the ledger has as done; none while it cannot be asked.
    pub(super) fn succeeded(&self, scenario: &str) -> usize {
        let asked = query("select cast(coalesce(sum(succeeded), 0) as bigint) from batches where name like $1")
            .bind(format!("probe {scenario}-%"));
        let answer: Result<(i64,), _> = self.runtime.block_on(asked.one(&self.db));
        answer.map_or(0, |(jobs,)| usize::try_from(jobs).unwrap())
    }

    /// Copies the logs to where they outlive the test.
    pub(super) fn keep_logs(&self) -> PathBuf {
        let kept = tempfile::Builder::new().prefix("herald-kill-table-").tempdir().unwrap().keep();
        for name in self.names() {
            std::fs::copy(self.stage.path(&format!("{name}.log")), kept.join(format!("{name}.log"))).unwrap();
        }
        kept
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(supervisor) = self.supervisor.take() {
            let _ = supervisor.join();
        }
        for process in self.processes.lock().unwrap().iter_mut() {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

fn spawn(stage: &Stage, name: &str, arguments: &[String]) -> Child {
    let mut command = stage.herald(&["--config", "herald.toml"]);
    let log = OpenOptions::new().create(true).append(true).open(stage.path(&format!("{name}.log"))).unwrap();
    command.args(arguments).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

/// Starts again what has ended, for whatever reason, as systemd would.
fn supervise(processes: &Mutex<Vec<Process>>, stage: &Stage, stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        for process in processes.lock().unwrap().iter_mut() {
            if process.child.try_wait().unwrap().is_some() {
                process.child = spawn(stage, &process.name, &process.arguments);
                process.restarts += 1;
            }
        }
        std::thread::sleep(RESTART_AFTER);
    }
}
