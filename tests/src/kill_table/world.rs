//! One scenario's surroundings: a database and key prefix of its own, its processes, the effect log, a client.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use herald_base::{clock::Clock, ids::Ids};
use herald_db::{Db, DbConfig, query};
use rand::rngs::StdRng;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::{
    Options,
    client::Client,
    processes::{Plan, Processes},
    servers::{Servers, free_port, succeed},
    sink::Sink,
};
use crate::{Proxy, fakes::FakeSmtp};

/// Where a scenario plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ground {
    /// One API, two schedulers, three workers, on PostgreSQL and Redis.
    Fleet,
    /// The same, and its workers take every queue.
    Lists,
    /// The same, with a mail server.
    Mails,
    /// A fleet whose last worker and scheduler have a clock that can be set.
    Clocks,
    /// `herald up` on SQLite.
    Up,
    /// The same with a mail server.
    UpMails,
    /// `herald up` on a disk of its own.
    SmallDisk,
}

/// Everything a fault can reach.
pub(super) struct World {
    pub(super) processes: Processes,
    pub(super) client: Client,
    pub(super) sink: Arc<Sink>,
    pub(super) random: StdRng,
    pub(super) short: bool,
    /// The mail server, where there is one.
    pub(super) mail_server: Option<FakeSmtp>,
    /// Before the mail server, where there is one.
    pub(super) relay: Option<Proxy>,
    /// Between `worker-0` and Redis.
    pub(super) proxy: Option<Proxy>,
    /// Jobs that ran when something was killed.
    pub(super) bereaved: Vec<Uuid>,
    pub(super) lease: Duration,
    pub(super) root: PathBuf,
    /// The scenario's name in the names of its probes.
    pub(super) tag: String,
    db: Db,
    runtime: Arc<Runtime>,
    mounted: bool,
    folder: Option<TempDir>,
}

impl World {
    pub(super) fn make(
        options: &Options,
        servers: &Servers,
        runtime: &Arc<Runtime>,
        tag: &str,
        ground: Ground,
        random: StdRng,
    ) -> Result<Self> {
        let folder = TempDir::with_prefix("herald-kill-table-")?;
        let root = folder.path().to_owned();
        std::fs::create_dir(root.join("data"))?;
        let mounted = ground == Ground::SmallDisk;
        if mounted {
            let mut mount = std::process::Command::new("mount");
            succeed(mount.args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"]).arg(root.join("data")))?;
        }
        let sink = Sink::serve(options.delay())?;
        let api = format!("127.0.0.1:{}", free_port()?);
        let lease = options.lease();
        let mut settings = format!(
            "[probe]\nurl = \"http://{}/\"\n[ledger]\nlease_seconds = {}\n[http]\nlisten = \"{api}\"\n",
            sink.address,
            lease.as_secs()
        );
        let fleet = matches!(ground, Ground::Fleet | Ground::Lists | Ground::Mails | Ground::Clocks);
        let (mut owner, mut reader) = (DbConfig::Sqlite { path: root.join("data/herald.db") }, None);
        if fleet {
            let (of_fleet, of_owner, of_reader) = servers.of_a_fleet(tag)?;
            settings += &of_fleet;
            (owner, reader) = (of_owner, Some(of_reader));
        }
        let mails = matches!(ground, Ground::Mails | Ground::UpMails);
        let mail_server = mails.then(|| runtime.block_on(FakeSmtp::start()));
        let before = |server: &FakeSmtp| Proxy::to(SocketAddr::from(([127, 0, 0, 1], server.port())));
        let relay = mail_server.as_ref().map(|server| runtime.block_on(before(server)));
        if let (Some(server), Some(relay)) = (&mail_server, &relay) {
            let certificate = root.join("mail.pem");
            server.write_certificate(&certificate);
            // Several people register from this machine within a minute.
            let port = |port: u16| format!("port = {port}\n");
            let mail = server.settings(&certificate).replace(&port(server.port()), &port(relay.address().port()));
            settings += &format!("[limits]\nsign_in_per_minute = 60\n[mail]\n{mail}");
        }
        std::fs::write(root.join("herald.toml"), settings)?;
        std::fs::write(root.join("clock"), "+0")?;
        let (db, token) = runtime.block_on(open(&owner, reader.as_ref()))?;
        let proxy = fleet.then(|| runtime.block_on(Proxy::to(servers.redis_address())));
        let plans = plans(ground, proxy.as_ref().map(Proxy::address), &root);
        Ok(Self {
            processes: Processes::start(&options.herald, &root, plans)?,
            client: Client::new(api, token),
            sink,
            random,
            short: options.short,
            mail_server,
            relay,
            proxy,
            bereaved: Vec::new(),
            lease,
            root,
            tag: tag.to_owned(),
            db,
            runtime: runtime.clone(),
            mounted,
            folder: Some(folder),
        })
    }

    /// Part of a fault: how long it lasts.
    pub(super) fn pause(&self, milliseconds: u64) {
        std::thread::sleep(Duration::from_millis(milliseconds));
    }

    /// Sends KILL to a process, and remembers what ran.
    pub(super) fn kill(&mut self, name: &str) -> Result<()> {
        let running = query("select id from jobs where kind = 'probe.run' and state = 'running'");
        let running: Vec<(Uuid,)> = self.runtime.block_on(running.all(&self.db)).unwrap_or_default();
        self.processes.signal(name, "KILL")?;
        self.bereaved.extend(running.into_iter().map(|(id,)| id));
        Ok(())
    }

    /// Jobs that have not ended; `None` while the database cannot be asked.
    pub(super) fn open_jobs(&self) -> Option<i64> {
        self.count("select count(*) from jobs where state in ('ready', 'running')")
    }

    /// What the database says of a count; `None` while it cannot be asked.
    pub(super) fn count(&self, statement: &str) -> Option<i64> {
        let counted: Result<(i64,), _> = self.runtime.block_on(query(statement).one(&self.db));
        counted.ok().map(|(count,)| count)
    }

    /// The jobs that succeeded.
    pub(super) fn succeeded(&self) -> Result<Vec<Uuid>> {
        let succeeded = query("select id from jobs where kind = 'probe.run' and state = 'succeeded'");
        let rows: Vec<(Uuid,)> = self.runtime.block_on(succeeded.all(&self.db)).context("asking the ledger")?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// The dead jobs' tries and what their histories say.
    pub(super) fn dead(&self) -> Result<Vec<(i64, String)>> {
        let dead = query(
            "select j.attempt, e.message from jobs as j join job_errors as e on e.job_id = j.id where j.state = 'dead' \
             order by e.attempt",
        );
        self.runtime.block_on(dead.all(&self.db)).context("asking the ledger")
    }

    /// Until every job that ran at a kill has run.
    pub(super) fn recovered(&self, began: Instant, patience: Duration) -> Option<Duration> {
        while began.elapsed() < patience {
            if let Ok(succeeded) = self.succeeded() {
                let succeeded: std::collections::HashSet<_> = succeeded.into_iter().collect();
                if self.bereaved.iter().all(|job| succeeded.contains(job)) {
                    return Some(began.elapsed());
                }
            }
            self.pause(20);
        }
        None
    }

    /// Keeps the logs where they outlive the scenario.
    pub(super) fn keep_logs(&self, into: &Path) -> Result<()> {
        let into = into.join(&self.tag);
        std::fs::create_dir_all(&into)?;
        for name in self.processes.names("") {
            let log = format!("{name}.log");
            std::fs::copy(self.root.join(&log), into.join(&log))?;
        }
        Ok(())
    }

    /// Ends the processes, and then what they worked on.
    pub(super) fn end(self) -> Result<()> {
        let Self { processes, db, runtime, mounted, folder, root, .. } = self;
        drop(processes);
        runtime.block_on(db.close());
        if mounted {
            succeed(std::process::Command::new("umount").arg("-l").arg(root.join("data")))?;
        }
        drop(folder);
        Ok(())
    }
}

/// Brings a database up to date. What reads it from now on, and a token for its API.
pub(super) async fn open(owner: &DbConfig, reader: Option<&DbConfig>) -> Result<(Db, String)> {
    let db = Db::connect(owner, Clock::system(), Ids::random()).await?;
    db.migrate().await?;
    let workspace = herald_people::ensure_default_workspace(&db).await?;
    let token = herald_people::first_key(&db, workspace, "kill-table").await?;
    let Some(reader) = reader else { return Ok((db, token)) };
    db.close().await;
    Ok((Db::connect(reader, Clock::system(), Ids::random()).await?, token))
}

/// Debian's libfaketime.
pub(super) const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

fn plans(ground: Ground, proxy: Option<SocketAddr>, root: &Path) -> Vec<Plan> {
    let Some(proxy) = proxy else { return vec![Plan::new("up-0", &["up"])] };
    let takes_all = matches!(ground, Ground::Lists | Ground::Mails);
    let worker: &[&str] = if takes_all { &["worker"] } else { &["worker", "--queues", "sync=8"] };
    let mut plans = vec![
        Plan::new("api-0", &["api"]),
        Plan::new("scheduler-0", &["scheduler"]),
        Plan::new("scheduler-1", &["scheduler"]),
        Plan::new("worker-0", worker).with("HERALD__REDIS__URL", &format!("redis://{proxy}")),
        Plan::new("worker-1", worker),
        Plan::new("worker-2", worker),
    ];
    if ground == Ground::Clocks {
        let file = root.join("clock");
        for plan in plans.iter_mut().filter(|plan| ["scheduler-1", "worker-2"].contains(&plan.name.as_str())) {
            let set = plan.clone().with("LD_PRELOAD", FAKETIME).with("FAKETIME_NO_CACHE", "1");
            *plan = set
                .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                .with("FAKETIME_TIMESTAMP_FILE", &file.display().to_string());
        }
    }
    plans
}
