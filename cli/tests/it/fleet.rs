//! `herald api`, `worker` and `scheduler` as processes of their own, on a real PostgreSQL and a real Redis.

mod bucket;
mod seen;

use std::{
    fs::File,
    io::{BufRead, BufReader},
    process::{Child, Command},
    time::{Duration, Instant},
};

use herald_db::DbConfig;
use herald_tests::{EngineKind, TestDatabase};
use tokio::runtime::Runtime;

use crate::{
    http::{ask, form},
    stage::{Stage, end, signal},
};

/// How long the fleet may take for what these tests ask of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A stage whose processes share a database and a Redis of the test's own.
struct Fleet {
    stage: Stage,
    runtime: Runtime,
    database: Option<TestDatabase>,
    prefix: String,
}

impl Fleet {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let database = runtime.block_on(TestDatabase::new(EngineKind::Postgres));
        let stage = Stage::new();
        let prefix = format!("test-{}", stage.path("").file_name().unwrap_or_default().to_string_lossy());
        Self { stage, runtime, database: Some(database), prefix }
    }

    fn url(&self) -> String {
        match self.database.as_ref().unwrap().config() {
            DbConfig::Postgres { url, .. } => url.clone(),
            DbConfig::Sqlite { .. } => unreachable!("a fleet has a PostgreSQL"),
        }
    }

    fn herald(&self, arguments: &[&str]) -> Command {
        let redis = std::env::var("HERALD_TEST_REDIS_URL").expect("./tests/run starts a Redis and sets it");
        let mut command = self.stage.herald(arguments);
        command.env("HERALD__DATABASE__URL", self.url());
        command.env("HERALD__REDIS__URL", redis).env("HERALD__REDIS__PREFIX", &self.prefix);
        command.env("HERALD__LEDGER__LEASE_SECONDS", "2");
        command
    }

    /// Starts a role; what it logs is in a file of its name.
    fn start(&self, name: &str, arguments: &[&str]) -> Role {
        let mut command = self.herald(arguments);
        command.stderr(File::create(self.stage.path(&format!("{name}.log"))).unwrap());
        Role(command.spawn().unwrap())
    }

    /// Starts an API and returns where it serves.
    fn start_api(&self) -> (Role, String) {
        let mut role = self.start("api", &["api", "--listen", "127.0.0.1:0"]);
        let address = role.address();
        (role, address)
    }

    /// The only number a statement returns.
    fn number(&self, sql: &str) -> i64 {
        let db = &self.database.as_ref().unwrap().db;
        let (number,): (i64,) = self.runtime.block_on(herald_db::query(sql).one(db)).unwrap();
        number
    }

    #[track_caller]
    fn wait_until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let started = Instant::now();
        while !holds() {
            assert!(started.elapsed() < PATIENCE, "it is still not so that {what}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn logs(&self) -> String {
        let folder = std::fs::read_dir(self.stage.path("")).unwrap();
        let logs =
            folder.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "log"));
        logs.map(|path| format!("{}:\n{}\n", path.display(), std::fs::read_to_string(&path).unwrap())).collect()
    }

    /// Uploads a list to an API that is killed right after.
    fn start_run(&self, guests: usize) {
        let rows: String =
            (0..guests).map(|guest| format!("Guest Example {guest},guest{guest}@example.com\n")).collect();
        let (api, address) = self.start_api();
        let form = form(&[
            ("event", None, b"gala"),
            ("template", None, b"Winter Gala"),
            ("guests", Some("guests.csv"), format!("name,email\n{rows}").as_bytes()),
        ]);
        let answer = ask(&address, "POST", "/api/v1/invitation-runs", Some(&self.token()), Some(&form));
        assert_eq!(answer.status, 202, "{}", answer.json());
        api.kill();
    }

    fn token(&self) -> String {
        let database = self.database.as_ref().unwrap();
        self.runtime.block_on(async {
            let workspace = herald_people::ensure_default_workspace(&database.db).await.unwrap();
            herald_people::first_key(&database.db, workspace, "test").await.unwrap()
        })
    }
}

impl Drop for Fleet {
    /// The database goes while the runtime it was made on still runs.
    fn drop(&mut self) {
        let _in = self.runtime.enter();
        self.database = None;
    }
}

/// An address nobody listens at now.
fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A process that is killed when the test is done with it.
struct Role(Child);

impl Role {
    /// Where an API that was just started serves.
    fn address(&mut self) -> String {
        let out = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let line = out.map(Result::unwrap).find(|line| line.starts_with("herald serves http://")).expect("it serves");
        line["herald serves http://".len()..].split(' ').next().unwrap().to_owned()
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Asks it to stop, and returns its exit code.
    fn stop(mut self) -> Option<i32> {
        signal(&self.0, "TERM");
        self.0.wait().unwrap().code()
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_role_says_what_it_lacks() {
    let stage = Stage::new();
    for role in ["api", "worker", "scheduler"] {
        end(stage.herald(&[role])).with_error(
            "a fleet needs the settings database.url (a PostgreSQL database: postgres://user:password@host/name) and \
             redis.url (redis://host:6379): set them, or run everything in one process with `herald up`",
        );
        let mut half = stage.herald(&[role]);
        half.env("HERALD__DATABASE__URL", "postgres://127.0.0.1:1/herald");
        end(half).with_error(
            "a fleet needs the settings redis.url (redis://host:6379): set them, or run everything in \
             one process with `herald up`",
        );
    }
    let mut wrong = stage.herald(&["worker", "--queues", "cpu=many"]);
    wrong
        .env("HERALD__DATABASE__URL", "postgres://127.0.0.1:1/herald")
        .env("HERALD__REDIS__URL", "redis://127.0.0.1:1");
    end(wrong).with_error("--queues: \"cpu=many\" is not QUEUE=JOBS, such as cpu=2 (1 to 10000 jobs at once)");
}

#[test]
fn a_fleet_of_processes_makes_every_invitation_though_its_members_are_killed() {
    const GUESTS: i64 = 200;
    let fleet = Fleet::new();
    fleet.start_run(usize::try_from(GUESTS).unwrap());
    let made = || fleet.number("select count(*) from invitations where state = 'made'");
    let mut schedulers = vec![fleet.start("scheduler-0", &["scheduler"])];
    let mut workers = vec![fleet.start("worker-0", &["worker"]), fleet.start("worker-1", &["worker"])];
    for kill in 1..=6 {
        fleet.wait_until("some more are made", || made() >= GUESTS * kill / 8);
        workers.remove(0).kill();
        workers.push(fleet.start(&format!("worker-{}", kill + 1), &["worker"]));
        if kill % 2 == 0 {
            schedulers.remove(0).kill();
            schedulers.push(fleet.start(&format!("scheduler-{kill}"), &["scheduler"]));
        }
    }
    fleet.wait_until("the run is complete", || {
        fleet.number("select count(*) from invitation_runs where state = 'complete'") == 1
    });
    assert_eq!(made(), GUESTS);
    assert_eq!(fleet.number("select count(distinct lucky_number) from invitations"), GUESTS);
    assert_eq!(fleet.number("select count(*) from jobs where state = 'dead'"), 0);
    let files = fleet.stage.stored("invitations");
    // A process that was killed while it wrote leaves a draft, whose name has a `#`.
    let whole = files.keys().filter(|name| !name.contains('#')).count();
    assert_eq!(whole, usize::try_from(GUESTS).unwrap());
    for role in workers.into_iter().chain(schedulers) {
        assert_eq!(role.stop(), Some(0), "{}", fleet.logs());
    }
}

#[test]
fn the_fleets_workers_are_listed_made_quiet_and_resumed() {
    let fleet = Fleet::new();
    let worker = fleet.start("worker", &["worker", "--queues", "cpu=3"]);
    let states = || {
        let listed = end(fleet.herald(&["workers", "--json"])).with(0);
        listed.events().iter().map(|worker| worker["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    fleet.wait_until("the worker runs", || states() == ["running"]);
    assert!(end(fleet.herald(&["workers"])).with(0).out.contains("cpu=3"));
    assert_eq!(end(fleet.herald(&["workers", "--quiet"])).with(0).out, "asked 1 workers to take no more jobs\n");
    fleet.wait_until("the worker is quiet", || states() == ["quiet"]);
    end(fleet.herald(&["workers", "--resume"])).with(0);
    fleet.wait_until("the worker runs again", || states() == ["running"]);
    signal(&worker.0, "USR1");
    fleet.wait_until("a signal makes it quiet, too", || states() == ["quiet"]);
    assert_eq!(worker.stop(), Some(0), "{}", fleet.logs());
    assert!(states().is_empty(), "who stops takes itself off the list");
    end(fleet.herald(&["workers", "--quiet", "--name", "nobody"])).with(1);
}

#[test]
fn a_fleet_shares_its_folder_and_a_process_that_wants_it_alone_is_refused() {
    let fleet = Fleet::new();
    let worker = fleet.start("worker", &["worker"]);
    fleet.wait_until("the worker runs", || fleet.number("select count(*) from workers") == 1);
    let alone = end(fleet.stage.herald(&["up", "--listen", "127.0.0.1:0"])).with(2);
    assert!(alone.err.contains("in use by"), "{}", alone.err);
    assert_eq!(worker.stop(), Some(0));
}
