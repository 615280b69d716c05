//! The roles of a fleet: `herald api`, `herald worker` and `herald scheduler`, any number of each, on one PostgreSQL
//! and one Redis.
//!
//! The processes also share the files and the link key: either a bucket and the setting that holds the key, or a data
//! folder, which holds both.

mod scheduler;
mod worker;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use chrono::TimeDelta;
use herald_app::{config::Settings, open_files};
use herald_base::telemetry;
use herald_db::Db;
use herald_ledger::{
    rate_limits::RateLimits,
    redis_wire::{Event, RedisConfig, RedisWire},
    wire::Wire,
};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

pub(crate) use self::{scheduler::run as scheduler, worker::run as worker};
use crate::{
    args::{Common, Up},
    home::{self, Home},
    stop, up,
};

/// The tools of a role.
struct Role {
    home: Home,
    redis: RedisWire,
    metrics: PrometheusHandle,
    stop: CancellationToken,
}

impl Role {
    /// Opens the shared parts of the fleet. The error names all missing parts at once.
    async fn open(common: &Common, name: &'static str) -> anyhow::Result<Self> {
        let settings = home::settings(common)?;
        home::start_logging(&settings.log)?;
        open_files::raise();
        let metrics = telemetry::start_metrics();
        herald_ledger::count_from_zero();
        herald_ledger::rate_limits::count_from_zero();
        telemetry::start_export(&settings.telemetry, name)?;
        telemetry::this_process(name, &common.data, &metrics);
        let redis = redis_config(&settings)?;
        let home = Home::share(common, settings).await?;
        keep_time(&home.db).await?;
        let redis = RedisWire::connect(&redis).await.context("connecting to Redis")?;
        Ok(Self { home, redis, metrics, stop: stop::on_signal() })
    }

    async fn close(self) {
        self.home.close().await;
    }
}

/// How often the clock is compared with the database's clock.
const COMPARED: Duration = Duration::from_secs(10);
/// The slowest answer that still says enough about the time.
const PROMPT: Duration = Duration::from_millis(500);
/// A difference that people should know about.
const REMARKABLE: TimeDelta = TimeDelta::seconds(1);

/// Sets the clock by the database's clock from now on. So a lease means the same to the process that writes it and to
/// the process that reads it, independent of the machines' clocks.
async fn keep_time(db: &Db) -> anyhow::Result<()> {
    compare_clocks(db).await.context("reading the database's clock")?;
    let db = db.clone();
    tokio::spawn(async move {
        loop {
            db.clock().sleep(COMPARED).await;
            if let Err(error) = compare_clocks(&db).await {
                tracing::debug!(%error, "the database does not tell its time, will ask again");
            }
        }
    });
    Ok(())
}

async fn compare_clocks(db: &Db) -> herald_db::Result<()> {
    let asked = Instant::now();
    let Some(theirs) = db.server_time().await? else { return Ok(()) };
    let took = asked.elapsed();
    if took > PROMPT {
        return Ok(());
    }
    // The database read its clock at some moment between the query and the answer.
    let by = db.clock().set(theirs + took / 2);
    if by.abs() > REMARKABLE {
        tracing::warn!(seconds = by.as_seconds_f64(), "this process's clock was set to the database's");
    }
    Ok(())
}

fn redis_config(settings: &Settings) -> anyhow::Result<RedisConfig> {
    let missing: Vec<&str> = [
        (settings.database.url.is_empty(), "database.url (a PostgreSQL database: postgres://user:password@host/name)"),
        (settings.redis.url.is_empty(), "redis.url (redis://host:6379)"),
        (
            !settings.files.url.is_empty() && settings.links.key.is_empty(),
            "links.key (the same for all processes, which share no folder: `openssl rand -hex 32`)",
        ),
    ]
    .into_iter()
    .filter_map(|(missing, what)| missing.then_some(what))
    .collect();
    if !missing.is_empty() {
        bail!(
            "a fleet needs the settings {}: set them, or run everything in one process with `herald up`",
            missing.join(" and ")
        );
    }
    if !settings.database.url.starts_with("postgres") {
        bail!(
            "the setting database.url does not name a PostgreSQL database, which a fleet needs: set it to postgres://…"
        );
    }
    Ok(RedisConfig { url: settings.redis.url.clone(), prefix: settings.redis.prefix.clone() })
}

/// `herald api`
pub(crate) async fn api(common: &Common, options: Up) -> anyhow::Result<ExitCode> {
    let role = Role::open(common, "api").await?;
    let wire = Wire::in_process();
    tokio::spawn(tell_work(role.home.db.clone(), role.redis.clone()));
    tokio::spawn(tell_schedules(role.home.db.clone(), role.redis.clone()));
    tokio::spawn(tell_cancels(wire.clone(), role.redis.clone()));
    let (home, redis) = (&role.home, role.redis.clone());
    let limits = RateLimits::in_redis(&home.settings.limits, home.db.clock(), home.limits_key(), redis);
    let served =
        up::serve(home, wire, limits, role.metrics.clone(), options.listen, up::Filled::No, role.stop.clone()).await;
    role.close().await;
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Tells the schedulers that this process has put a job into the ledger.
async fn tell_work(db: Db, redis: RedisWire) {
    loop {
        db.nudged().await;
        if let Err(error) = redis.tell_work().await {
            // Schedulers also look for jobs themselves at every tick.
            tracing::warn!(%error, "schedulers could not be told of a job");
        }
    }
}

/// Tells the schedulers that this process has changed a schedule.
async fn tell_schedules(db: Db, redis: RedisWire) {
    loop {
        db.schedules_nudged().await;
        if let Err(error) = redis.tell_schedules().await {
            // Schedulers also look for changes themselves at every tick.
            tracing::warn!(%error, "schedulers could not be told of a changed schedule");
        }
    }
}

/// Tells the workers which jobs a person cancelled in this process.
async fn tell_cancels(wire: Wire, redis: RedisWire) {
    let mut cancels = wire.cancels();
    loop {
        match cancels.recv().await {
            Ok(job) => {
                if let Err(error) = redis.cancel(job).await {
                    // The worker learns it at the next renewal of the job's lease.
                    tracing::warn!(%error, "workers could not be told of a cancellation");
                }
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// Passes cancellations from other processes to the workers of this process.
async fn hear_cancels(redis: RedisWire, wire: Wire) {
    let mut events = redis.events();
    loop {
        match events.recv().await {
            Ok(Event::Cancel(job)) => wire.cancel(job),
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// The name of this process in the list of workers.
fn process_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::env::var("HOSTNAME"))
        .unwrap_or_else(|_| "unknown".to_owned());
    format!("{}:{}", host.trim(), std::process::id())
}

/// Serves `/metrics`, `/healthz` and `/readyz` of a role that has no API, if an address is given.
async fn monitor(role: &Role, listen: Option<&str>) -> anyhow::Result<()> {
    let Some(listen) = listen else { return Ok(()) };
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("listening on {listen}: choose another address with --monitor"))?;
    let state = herald_api::Monitor {
        db: role.home.db.clone(),
        files: role.home.files.clone(),
        redis: role.redis.clone(),
        metrics: role.metrics.clone(),
    };
    let stop = role.stop.clone();
    tokio::spawn(async move {
        if let Err(error) = herald_api::serve_monitor(listener, state, stop).await {
            tracing::error!(%error, "the monitor ended: nobody can read this process's metrics any more");
        }
    });
    Ok(())
}
