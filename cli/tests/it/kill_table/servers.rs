//! A PostgreSQL and a Redis that may be killed: nobody else uses them.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::stage::signal;

pub(super) struct Servers {
    folder: TempDir,
    postgres: Child,
    redis: Child,
    pub(super) postgres_port: u16,
    pub(super) redis_port: u16,
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Servers {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (postgres_port, redis_port) = (free_port(), free_port());
        let data = folder.path().join("postgres");
        if is_root() {
            done(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        let mut initdb = as_postgres(&program("initdb"));
        initdb.args(["--username=herald", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "-D"]);
        done(initdb.arg(&data).stdout(Stdio::null()));
        let postgres = postgres(folder.path(), postgres_port);
        let redis = redis(folder.path(), redis_port);
        let servers = Self { folder, postgres, redis, postgres_port, redis_port };
        servers.wait_for_postgres();
        servers.wait_for_redis();
        servers
    }

    /// Sends one command on a connection of its own.
    pub(super) fn redis(&self, command: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.redis_port)).unwrap();
        write!(stream, "{command}\r\n").unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        assert!(answer.starts_with('+'), "{command}: {answer}");
    }

    pub(super) fn signal_redis(&self, name: &str) {
        signal(&self.redis, name);
    }

    /// Kills it and starts it again after a while, empty.
    pub(super) fn restart_redis(&mut self, away: Duration) {
        self.redis.kill().unwrap();
        self.redis.wait().unwrap();
        std::thread::sleep(away);
        self.redis = redis(self.folder.path(), self.redis_port);
        self.wait_for_redis();
    }

    /// Stops it with a signal (INT: fast, QUIT: immediate) and starts it again.
    pub(super) fn restart_postgres(&mut self, name: &str) {
        signal(&self.postgres, name);
        self.postgres.wait().unwrap();
        self.postgres = postgres(self.folder.path(), self.postgres_port);
        self.wait_for_postgres();
    }

    fn wait_for_postgres(&self) {
        let port = self.postgres_port.to_string();
        until("PostgreSQL answers", || {
            Command::new(program("pg_isready")).args(["-q", "-h", "127.0.0.1", "-p", &port]).status().unwrap().success()
        });
    }

    fn wait_for_redis(&self) {
        until("Redis answers", || TcpStream::connect(("127.0.0.1", self.redis_port)).is_ok());
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.redis.kill();
        let _ = self.redis.wait();
        signal(&self.postgres, "INT");
        let _ = self.postgres.wait();
    }
}

pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(60), "after a minute it is still not so that {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn postgres(folder: &Path, port: u16) -> Child {
    let mut command = as_postgres(&program("postgres"));
    command.arg("-D").arg(folder.join("postgres")).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
    command.args(["-c", "unix_socket_directories=", "-c", "max_connections=120"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn redis(folder: &Path, port: u16) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no", "--dir"]);
    command.arg(folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// The newest one that Debian's packages brought, or the one on the path.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin").join(name)).filter(|program| program.exists());
    found.max().unwrap_or_else(|| PathBuf::from(name))
}

fn done(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}
