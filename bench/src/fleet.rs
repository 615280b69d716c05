//! The parts of a fleet in one process: schedulers and workers as processes of their own have them, over a real Redis.

use std::time::Duration;

use anyhow::Context;
use herald_base::clock::Clock;
use herald_base::ids::Ids;
use herald_db::{Db, DbConfig};
use herald_ledger::redis_wire::{RedisConfig, RedisWire};
use herald_ledger::wire::Wire;
use herald_people::ensure_default_workspace;
use herald_scheduler::{Outlet, Scheduler};
use herald_worker::fleet::presence::Presence;
use herald_worker::fleet::puller::Puller;
use herald_worker::runner::{Handler, InFlight, QueueShare, Runner};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The default.
pub(crate) const LEASE: Duration = Duration::from_secs(8);

/// What every member of a fleet has.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) db: Db,
    pub(crate) redis: RedisWire,
    pub(crate) workspace: Uuid,
}

impl Ground {
    /// Opens both servers; `url` says by which variable their addresses are given.
    pub(crate) async fn open(postgres: &str, redis: &str) -> anyhow::Result<Self> {
        let url = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
        let config = DbConfig::Postgres { url: url(postgres)?, max_connections: 10 };
        let db = Db::connect(&config, Clock::system(), Ids::random()).await?;
        db.migrate().await?;
        let redis = RedisWire::connect(&RedisConfig { url: url(redis)?, prefix: "bench".to_owned() }).await?;
        let workspace = ensure_default_workspace(&db).await?;
        Ok(Self { db, redis, workspace })
    }

    /// A scheduler.
    pub(crate) fn scheduler(&self, stop: &CancellationToken) {
        let scheduler = Scheduler {
            db: self.db.clone(),
            outlet: Outlet::fleet(self.redis.clone()),
            lease: LEASE,
            tick: Duration::from_secs(5),
            keep: Duration::from_secs(30 * 86_400),
            keep_members: Duration::from_secs(90 * 86_400),
        };
        tokio::spawn(scheduler.run(stop.clone()));
    }

    /// A worker that takes from one queue. Returns what it has in its hands.
    pub(crate) fn worker(&self, name: &str, share: QueueShare, handler: Handler, stop: &CancellationToken) -> InFlight {
        let (wire, in_flight, worker_id) = (Wire::in_process(), InFlight::default(), self.db.new_id());
        let (quiet, quiet_now) = watch::channel(false);
        let (never, quiet_here) = watch::channel(false);
        let presence = Presence {
            db: self.db.clone(),
            redis: self.redis.clone(),
            worker_id,
            name: name.to_owned(),
            queues: vec![share.clone()],
            in_flight: in_flight.clone(),
            quiet,
            quiet_here,
        };
        let runner = Runner {
            db: self.db.clone(),
            wire: wire.clone(),
            queues: vec![QueueShare { prefetch: share.concurrency, ..share.clone() }],
            lease: LEASE,
            stop_after: Duration::from_secs(10),
            holder: Some(name.to_owned()),
            in_flight: in_flight.clone(),
            handler,
        };
        let puller = Puller {
            db: self.db.clone(),
            redis: self.redis.clone(),
            wire,
            queue: share.queue,
            worker_id,
            lease: LEASE,
            quiet: quiet_now,
        };
        let (until, gone) = (stop.clone(), stop.clone());
        tokio::spawn(async move {
            // Nobody makes it quiet, but the other end must stay.
            let _never = never;
            presence.run(until, gone).await;
        });
        tokio::spawn(runner.run(stop.clone()));
        tokio::spawn(puller.run(stop.clone()));
        in_flight
    }
}
