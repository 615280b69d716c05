//! The wire between processes: Redis lists. Schedulers push leased jobs, workers take them, many at a time.
//!
//! Nothing here is kept for its own sake. Whatever Redis loses, the ledger still has: the leases of lost jobs run out
//! and they are dispatched again. So every failure is an event (a log line, a metric, another try) and never the end of
//! a process.
//!
//! | Key | What |
//! |---|---|
//! | `<prefix>:queue:<name>` | list of leased jobs, as JSON; at most what the live workers can take |
//! | `<prefix>:limit:{<class>}:<seconds>:<subject>` | hash of how many requests came in each part of a time ([`crate::rate_limits`]) |
//! | `<prefix>:schedulers` | hash of the schedulers and when each was last there, for people to see |
//! | `<prefix>:events` | channel: `work` (a job became ready), `room` (a worker took some), `schedules` (one was changed), `cancel <job>` |

mod events;
mod link;
mod schedulers;
mod script;
mod server;
mod taker;

use std::sync::Arc;

use redis::{Value, cmd, pipe};
use thiserror::Error;
use tokio::sync::broadcast;
use uuid::Uuid;

pub(crate) use self::script::Script;
pub use self::{events::Event, schedulers::SCHEDULER_SAYS, server::About, taker::Taker};
use self::{link::Link, server::Server};
use crate::{JobKey, Leased};
use herald_base::{boxed, telemetry::Answer};

/// Where the Redis is and how keys begin.
#[derive(Clone)]
pub struct RedisConfig {
    /// `redis://`, `rediss://`, `redis+sentinel://` or `redis+cluster://`, see the settings.
    pub url: String,
    /// Herald's keys and channels begin with this.
    pub prefix: String,
}

/// Why the wire does not carry now.
#[derive(Debug, Error)]
pub enum RedisWireError {
    /// The address is not a Redis address.
    #[error("setting redis.url: {0}")]
    Url(String),
    /// The server is too old.
    #[error("the Redis at redis.url is version {0}: version 7 or later is needed")]
    TooOld(String),
    /// The server did not answer, or not as expected.
    #[error("redis: {0}")]
    Redis(#[from] redis::RedisError),
    /// No answer in time.
    #[error("redis did not answer within {0} s")]
    TimedOut(u64),
}

impl RedisWireError {
    /// The server answered that it did not do it: out of memory, read only, no permission. After any other error nobody
    /// knows.
    pub fn was_refused(&self) -> bool {
        matches!(self, Self::Redis(error) if error.code().is_some())
    }

    /// How it is counted.
    fn answer(&self) -> Answer {
        match self {
            Self::Url(_) | Self::TooOld(_) => Answer::Config,
            Self::Redis(error) => match error.code() {
                Some("OOM") => Answer::Full,
                Some("NOAUTH" | "WRONGPASS" | "NOPERM") => Answer::Auth,
                Some(_) => Answer::Refused,
                None => Answer::Transient,
            },
            Self::TimedOut(_) => Answer::Transient,
        }
    }
}

/// The wire. Clones share its connection.
#[derive(Clone)]
pub struct RedisWire(Arc<Inner>);

struct Inner {
    server: Arc<Server>,
    link: Link,
    prefix: String,
    events: broadcast::Sender<Event>,
}

impl RedisWire {
    /// Connects, and begins to listen for events. Fails if the Redis is not there now: a process that starts without
    /// its wire should say so at once.
    #[boxed]
    pub async fn connect(config: &RedisConfig) -> Result<Self, RedisWireError> {
        let server = Arc::new(Server::parse(&config.url)?);
        let link = Link::new(server.clone());
        server::check_version(&link).await?;
        let (events, _) = broadcast::channel(4_096);
        let wire = Self(Arc::new(Inner { server, link, prefix: config.prefix.clone(), events }));
        events::listen(&wire.0.server, wire.channel(), wire.0.events.clone());
        Ok(wire)
    }

    /// Puts leased jobs on the list of their queue, in one round trip.
    #[boxed]
    pub async fn push(&self, queue: &str, jobs: &[Leased]) -> Result<(), RedisWireError> {
        if jobs.is_empty() {
            return Ok(());
        }
        let mut push = cmd("RPUSH");
        push.arg(self.key(queue));
        for job in jobs {
            push.arg(serde_json::to_vec(job).expect("a leased job is plain data"));
        }
        self.0.link.run::<Value>(&push).await.map(drop)
    }

    /// How many jobs wait on the wire, for each of these queues.
    #[boxed]
    pub async fn depths(&self, queues: &[&str]) -> Result<Vec<usize>, RedisWireError> {
        if queues.is_empty() {
            return Ok(Vec::new());
        }
        let mut all = pipe();
        for queue in queues {
            all.cmd("LLEN").arg(self.key(queue));
        }
        self.0.link.run_all(&all).await
    }

    /// The jobs that wait on the wire for a queue. Their leases must be renewed.
    #[boxed]
    pub async fn waiting(&self, queue: &str) -> Result<Vec<JobKey>, RedisWireError> {
        let mut range = cmd("LRANGE");
        range.arg(self.key(queue)).arg(0).arg(-1);
        let jobs: Vec<Vec<u8>> = self.0.link.run(&range).await?;
        Ok(jobs.iter().filter_map(|job| taker::decode(job)).map(|job| job.key()).collect())
    }

    /// One worker's end of a queue, on a connection of its own, because taking waits.
    pub fn taker(&self, queue: &str) -> Taker {
        Taker::new(self.0.server.clone(), self.key(queue))
    }

    /// Tells every scheduler that a job became ready.
    #[boxed]
    pub async fn tell_work(&self) -> Result<(), RedisWireError> {
        self.publish(&Event::Work).await
    }

    /// Tells every scheduler that a worker took jobs, so that there is room for more.
    #[boxed]
    pub async fn tell_room(&self) -> Result<(), RedisWireError> {
        self.publish(&Event::Room).await
    }

    /// Tells every scheduler that a schedule was changed.
    #[boxed]
    pub async fn tell_schedules(&self) -> Result<(), RedisWireError> {
        self.publish(&Event::Schedules).await
    }

    /// Tells every worker to stop this job.
    #[boxed]
    pub async fn cancel(&self, job: Uuid) -> Result<(), RedisWireError> {
        self.publish(&Event::Cancel(job)).await
    }

    /// The messages from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.0.events.subscribe()
    }

    /// Whether the server answers.
    #[boxed]
    pub async fn ping(&self) -> Result<(), RedisWireError> {
        self.0.link.run::<Value>(&cmd("PING")).await.map(drop)
    }

    /// What the server says of itself.
    #[boxed]
    pub async fn about(&self) -> Result<About, RedisWireError> {
        server::about(&self.0.link).await
    }

    fn link(&self) -> &Link {
        &self.0.link
    }

    /// What its keys begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.0.prefix
    }

    async fn publish(&self, event: &Event) -> Result<(), RedisWireError> {
        let mut publish = cmd("PUBLISH");
        publish.arg(self.channel()).arg(event.to_string());
        self.0.link.run::<Value>(&publish).await.map(drop)
    }

    fn channel(&self) -> String {
        format!("{}:events", self.0.prefix)
    }

    fn key(&self, queue: &str) -> String {
        format!("{}:queue:{queue}", self.0.prefix)
    }
}
