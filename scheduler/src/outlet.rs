//! The outlet for leased jobs: the workers of this process, or over Redis those of the fleet.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::telemetry::catalog::WIRE_DEPTH;
use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{
    Demand, Leased, ON_THE_WIRE, WORKER_BELIEVED,
    redis_wire::{Event, RedisWire},
    wire::{Wire, room_for},
};
use tokio::sync::{Mutex, broadcast};

/// How long the reported capacity of the workers is used before it is read again.
const CAPACITY_KEPT: TimeDelta = TimeDelta::milliseconds(500);

/// The place where a scheduler puts the jobs that it has leased.
#[derive(Clone)]
pub struct Outlet(Kind);

#[derive(Clone)]
enum Kind {
    /// The workers of this process.
    InProcess { wire: Wire, name: String },
    /// The workers of the fleet.
    Fleet(Arc<Fleet>),
}

struct Fleet {
    redis: RedisWire,
    capacity: Mutex<Option<Known>>,
    events: Mutex<broadcast::Receiver<Event>>,
    /// The events for the loop that fires schedules, which is not the loop that dispatches.
    schedule_events: Mutex<broadcast::Receiver<Event>>,
}

/// The result of putting jobs on the wire.
#[derive(Default)]
pub(crate) struct Pushed {
    /// The jobs that were not accepted, and must be handed back.
    pub(crate) refused: Vec<Leased>,
    /// Whether the wire does not work now. An immediate retry would only lease more jobs in vain.
    pub(crate) failed: bool,
}

/// The room of the workers, and when it was read.
struct Known {
    at: DateTime<Utc>,
    capacity: BTreeMap<String, usize>,
}

impl Outlet {
    /// Creates an outlet to the workers of this process, which are called `name`.
    pub fn in_process(wire: Wire, name: String) -> Self {
        Self(Kind::InProcess { wire, name })
    }

    /// Creates an outlet to the workers of the fleet.
    pub fn fleet(redis: RedisWire) -> Self {
        let (events, schedule_events) = (Mutex::new(redis.events()), Mutex::new(redis.events()));
        Self(Kind::Fleet(Arc::new(Fleet { redis, capacity: Mutex::default(), events, schedule_events })))
    }

    /// The name under which jobs are leased.
    pub(crate) fn holder(&self) -> &str {
        match &self.0 {
            Kind::InProcess { name, .. } => name,
            Kind::Fleet(_) => ON_THE_WIRE,
        }
    }

    /// Whether workers in other processes take the jobs.
    pub(crate) fn is_fleet(&self) -> bool {
        matches!(self.0, Kind::Fleet(_))
    }

    /// Returns how many more jobs of each queue the workers can take.
    pub(crate) async fn demand(&self, db: &Db) -> anyhow::Result<Vec<Demand>> {
        match &self.0 {
            Kind::InProcess { wire, .. } => Ok(wire.demand()),
            Kind::Fleet(fleet) => fleet.demand(db).await,
        }
    }

    /// Puts leased jobs on the wire.
    pub(crate) async fn push(&self, jobs: Vec<Leased>) -> Pushed {
        match &self.0 {
            Kind::InProcess { wire, .. } => Pushed { refused: wire.push(jobs), failed: false },
            Kind::Fleet(fleet) => fleet.push(jobs).await,
        }
    }

    /// Returns when the workers may have room again, or a job elsewhere became ready. A caller without due jobs does
    /// not wait for room.
    pub(crate) async fn changed(&self, wants_room: bool) {
        match &self.0 {
            Kind::InProcess { wire, .. } => wire.demand_rose().await,
            Kind::Fleet(fleet) => fleet.changed(wants_room).await,
        }
    }

    /// Returns when another process of the fleet may have changed a schedule.
    pub(crate) async fn schedules_changed(&self) {
        match &self.0 {
            Kind::InProcess { .. } => std::future::pending().await,
            Kind::Fleet(fleet) => fleet.schedules_changed().await,
        }
    }

    /// Renews the leases of the jobs that wait on the wire. Within one process, the worker does that.
    pub(crate) async fn renew_waiting(&self, db: &Db, lease: Duration) -> anyhow::Result<()> {
        let Kind::Fleet(fleet) = &self.0 else { return Ok(()) };
        for queue in fleet.capacity(db).await?.keys() {
            let waiting = fleet.redis.waiting(queue).await?;
            WIRE_DEPTH.set([queue], waiting.len() as f64);
            ledger::renew(db, &waiting, lease).await?;
        }
        Ok(())
    }
}

impl Fleet {
    async fn capacity(&self, db: &Db) -> anyhow::Result<BTreeMap<String, usize>> {
        let now = db.now();
        let mut kept = self.capacity.lock().await;
        if let Some(known) = kept.as_ref().filter(|known| now - known.at < CAPACITY_KEPT) {
            return Ok(known.capacity.clone());
        }
        let capacity = ledger::capacity(db, now - WORKER_BELIEVED).await?;
        // A fleet without workers is not cached: a new worker announces itself and should get jobs at once.
        *kept = (!capacity.is_empty()).then(|| Known { at: now, capacity: capacity.clone() });
        Ok(capacity)
    }

    async fn demand(&self, db: &Db) -> anyhow::Result<Vec<Demand>> {
        let capacity = self.capacity(db).await?;
        let queues: Vec<&str> = capacity.keys().map(String::as_str).collect();
        let depths = self.redis.depths(&queues).await?;
        Ok(capacity
            .iter()
            .zip(depths)
            .map(|((queue, room), depth)| Demand {
                queue: queue.clone(),
                limit: room_for(*room, depth),
                waiting: depth,
            })
            .filter(|demand| demand.limit > 0)
            .collect())
    }

    async fn push(&self, jobs: Vec<Leased>) -> Pushed {
        let mut pushed = Pushed::default();
        let mut by_queue: BTreeMap<String, Vec<Leased>> = BTreeMap::new();
        for job in jobs {
            by_queue.entry(job.queue.clone()).or_default().push(job);
        }
        for (queue, jobs) in by_queue {
            let Err(error) = self.redis.push(&queue, &jobs).await else { continue };
            pushed.failed = true;
            if error.was_refused() {
                tracing::warn!(%error, jobs = jobs.len(), "redis refuses jobs: they are handed back");
                pushed.refused.extend(jobs);
            } else {
                // The jobs may be on the wire if only the answer was lost. So nobody else may get them before their
                // leases run out.
                tracing::warn!(%error, jobs = jobs.len(), "jobs may not have reached the wire: their leases will tell");
            }
        }
        pushed
    }

    async fn changed(&self, wants_room: bool) {
        let mut events = self.events.lock().await;
        loop {
            match events.recv().await {
                Ok(Event::Work) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Ok(Event::Room) if wants_room => return,
                Ok(Event::Room | Event::Schedules | Event::Cancel(_)) => {}
                // The listener lives as long as the wire.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    async fn schedules_changed(&self) {
        let mut events = self.schedule_events.lock().await;
        loop {
            match events.recv().await {
                Ok(Event::Schedules) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
