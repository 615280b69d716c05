//! A PostgreSQL and a Redis that may be killed: nobody else uses them.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use herald_db::DbConfig;
use tempfile::TempDir;

/// How long a server may take to answer.
const START: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// The two servers of a run. Gone with the value.
pub(super) struct Servers {
    folder: TempDir,
    postgres: Child,
    redis: Child,
    pub(super) postgres_port: u16,
    pub(super) redis_port: u16,
}

impl Servers {
    pub(super) fn start() -> Result<Self> {
        let folder = TempDir::with_prefix("herald-kill-table-")?;
        let (postgres_port, redis_port) = (free_port()?, free_port()?);
        if is_root()? {
            succeed(Command::new("chown").arg("postgres").arg(folder.path()))?;
        }
        let mut initdb = as_postgres("initdb")?;
        initdb.args(["--username=herald", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "-D"]);
        succeed(initdb.arg(folder.path().join("postgres")).stdout(Stdio::null()))?;
        let postgres = postgres(folder.path(), postgres_port)?;
        let redis = redis(folder.path(), redis_port)?;
        let servers = Self { folder, postgres, redis, postgres_port, redis_port };
        servers.wait_for_postgres()?;
        servers.wait_for_redis()?;
        Ok(servers)
    }

    /// A database's address for one of the server's users.
    fn database(&self, user: &str, name: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{name}", self.postgres_port)
    }

    /// Makes a database and gives it a prefix in Redis. What a fleet's settings say of the two, who the fleet is there,
    /// and a user whom no limit of connections holds up.
    pub(super) fn of_a_fleet(&self, name: &str) -> Result<(String, DbConfig, DbConfig)> {
        self.sql(&format!("create database {name} owner fleet"))?;
        let (url, redis) = (self.database("fleet", name), self.redis_address());
        let settings =
            format!("[database]\nurl = \"{url}\"\n[redis]\nurl = \"redis://{redis}\"\nprefix = \"{name}\"\n");
        let reader = DbConfig::Postgres { url: self.database("herald", name), max_connections: 2 };
        Ok((settings, DbConfig::Postgres { url, max_connections: 1 }, reader))
    }

    pub(super) fn redis_address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.redis_port))
    }

    /// Sends Redis one command on a connection of its own.
    pub(super) fn redis(&self, command: &str) -> Result<()> {
        let mut stream = TcpStream::connect(self.redis_address())?;
        write!(stream, "{command}\r\n")?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        ensure!(answer.starts_with('+'), "Redis answered {command} with {answer}");
        Ok(())
    }

    /// Runs a statement as the server's first user, whom no limit holds up.
    pub(super) fn sql(&self, statement: &str) -> Result<()> {
        let mut psql = Command::new(program("psql"));
        psql.args(["-qXAt", "-v", "ON_ERROR_STOP=1", &self.database("herald", "postgres"), "-c", statement]);
        succeed(psql.stdout(Stdio::null()))
    }

    pub(super) fn signal_redis(&self, name: &str) -> Result<()> {
        signal(self.redis.id(), name)
    }

    /// Kills Redis and starts it again after a while, empty.
    pub(super) fn restart_redis(&mut self, away: Duration) -> Result<()> {
        self.redis.kill()?;
        self.redis.wait()?;
        std::thread::sleep(away);
        self.redis = redis(self.folder.path(), self.redis_port)?;
        self.wait_for_redis()
    }

    /// Stops PostgreSQL by a signal (INT is its fast way, QUIT its immediate one) and starts it again.
    pub(super) fn restart_postgres(&mut self, name: &str) -> Result<()> {
        signal(self.postgres.id(), name)?;
        self.postgres.wait()?;
        self.postgres = postgres(self.folder.path(), self.postgres_port)?;
        self.wait_for_postgres()
    }

    fn wait_for_postgres(&self) -> Result<()> {
        let port = self.postgres_port.to_string();
        let mut ready = Command::new(program("pg_isready"));
        ready.args(["-q", "-h", "127.0.0.1", "-p", &port]);
        until("PostgreSQL answers", START, || Ok(ready.status()?.success()))
    }

    fn wait_for_redis(&self) -> Result<()> {
        until("Redis answers", START, || Ok(TcpStream::connect(self.redis_address()).is_ok()))
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.redis.kill();
        let _ = self.redis.wait();
        let _ = signal(self.postgres.id(), "QUIT");
        let _ = self.postgres.wait();
    }
}

/// Looks again and again until something holds.
pub(super) fn until(what: &str, patience: Duration, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !holds()? {
        ensure!(started.elapsed() < patience, "after {} s it is still not so that {what}", patience.as_secs());
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// Sends a signal to a process of ours. The standard library can only kill.
pub(super) fn signal(process: u32, name: &str) -> Result<()> {
    succeed(Command::new("sh").args(["-c", &format!("kill -s {name} {process}")]))
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

pub(super) fn is_root() -> Result<bool> {
    Ok(Command::new("id").arg("-u").output()?.stdout == b"0\n")
}

fn postgres(folder: &Path, port: u16) -> Result<Child> {
    let mut command = as_postgres("postgres")?;
    command.arg("-D").arg(folder.join("postgres")).args(["-p", &port.to_string()]);
    for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=150", "jit=off"] {
        command.args(["-c", setting]);
    }
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("postgres.log"))?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn().context("starting PostgreSQL")
}

fn redis(folder: &Path, port: u16) -> Result<Child> {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no", "--dir"]);
    command.arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().context("starting Redis: install redis-server")
}

/// PostgreSQL refuses to run as root.
fn as_postgres(name: &str) -> Result<Command> {
    if !is_root()? {
        return Ok(Command::new(program(name)));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program(name));
    Ok(command)
}

/// The newest one that Debian's packages brought, or the one on the path.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin").join(name)).filter(|program| program.exists());
    found.max().unwrap_or_else(|| PathBuf::from(name))
}

pub(super) fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("running {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}
