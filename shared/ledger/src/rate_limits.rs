//! How many requests Herald takes, from whom, and in what time.
//!
//! A [`Class`] of requests has one or more [`Window`]s, such as 500 an hour and 2,000 a day. A [`Subject`] is the one
//! that is counted: an address, a token, a person, an account. A request is taken only if every window of every subject
//! has room for it; one that is refused is not counted.
//!
//! # What a limit means
//! A window slides: *in no stretch of time as long as the window are more requests taken than the limit*. Its time is
//! cut into [`SLOTS`] parts, a request is counted in the part in which it comes, and a part is given back when it lies
//! behind the window as a whole. So a request counts for at least the window and at most a sixtieth longer: of 5 a
//! minute, the sixth waits for 60 to 61 seconds after the first.
//!
//! Other ways were not taken: windows that begin on the minute let twice the limit through around the stroke; a leaky
//! bucket (GCRA) lets nearly twice the limit through in the window that begins with a full burst, which for guesses of
//! a password is twice too many; a list of every request's time is exact to the microsecond and needs 2,000 entries for
//! a day's chat, where this needs 61 numbers. A request can be [given back](RateLimits::give_back) exactly, to the part
//! it was counted in.
//!
//! # Where the counts are
//! With one process, in its memory. In a fleet, in Redis, so that all processes have one limit together: each check is
//! one script, in one round trip. Both take the time from the [`Clock`] they are given. In a fleet that is the
//! database's, for all processes the same within milliseconds, so no clock of a Redis needs to be right, and a test can
//! move the time for both in the same way.
//!
//! # When Redis is away
//! Classes that keep secrets from being guessed or cost money ([`Class::guards`]) are counted in the process's own
//! memory, so that a fleet of five lets five times the limit through, but never everything. The others are let through
//! without being counted: a Herald without a Redis shall answer its people. A metric counts both, and the log says when
//! it begins and ends.

mod class;
mod decision;
mod generations;
mod memory;
mod redis;
mod settings;
mod subject;
mod window;

use std::{net::IpAddr, sync::Arc};

use chrono::{DateTime, Utc};

pub use self::{
    class::Class,
    decision::{Decision, Taken},
    settings::{LimitsSettings, ProxyHeader},
    subject::Subject,
    window::{SLOTS, Window, WindowState},
};
use self::{decision::Place, memory::Memory, redis::Redis};
use crate::redis_wire::RedisWire;
use herald_base::{
    boxed,
    clock::Clock,
    telemetry::catalog::{RATE_LIMITED, RATE_LIMITS_UNCHECKED},
};

/// Counts requests and says which may go on. Cheap to clone.
#[derive(Clone)]
pub struct RateLimits(Arc<Inner>);

struct Inner {
    clock: Clock,
    /// Hides secrets behind keyed hashes, which can be compared.
    key: [u8; 32],
    /// By class, in the order of [`Class::ALL`].
    windows: [Vec<Window>; Class::ALL.len()],
    backend: Backend,
}

enum Backend {
    Memory(Memory),
    /// And what counts for the guarding classes while it is away.
    Redis(Redis, Memory),
}

/// A request that asks to be taken.
struct Asked<'a> {
    class: Class,
    windows: &'a [Window],
    subjects: &'a [Subject],
    cost: u32,
    /// Microseconds since 1970.
    now: i64,
}

/// How many requests were counted in each part of a window's time, before this one: one for each subject and window,
/// subjects first.
type Counts = Vec<Vec<(i64, u32)>>;

/// Counters begin at zero, so that Prometheus sees the first event.
pub fn count_from_zero() {
    for class in Class::ALL.map(Class::name) {
        RATE_LIMITED.add([class], 0);
        RATE_LIMITS_UNCHECKED.add([class], 0);
    }
}

impl RateLimits {
    /// Counts in this process. The `key` hides accounts; see [`RateLimits::account`].
    pub fn in_memory(limits: &LimitsSettings, clock: &Clock, key: [u8; 32]) -> Self {
        Self::new(limits, clock, key, Backend::Memory)
    }

    /// Counts for all processes with this Redis and its prefix together. The `key` must be the same for all.
    pub fn in_redis(limits: &LimitsSettings, clock: &Clock, key: [u8; 32], redis: RedisWire) -> Self {
        Self::new(limits, clock, key, |memory| Backend::Redis(Redis::new(redis), memory))
    }

    fn new(limits: &LimitsSettings, clock: &Clock, key: [u8; 32], backend: impl FnOnce(Memory) -> Backend) -> Self {
        let windows = Class::ALL.map(|class| class.windows(limits));
        let backend = backend(Memory::new(&windows));
        Self(Arc::new(Inner { clock: clock.clone(), key, windows, backend }))
    }

    /// Takes a request of `cost` if every window of the class has room for it with every one of the subjects, or says
    /// when to come again. A cost of 0 only looks.
    #[boxed]
    pub async fn decide(&self, subjects: &[Subject], class: Class, cost: u32) -> Decision {
        let windows = self.0.windows[class.number()].as_slice();
        if windows.is_empty() || subjects.is_empty() {
            return Decision::unlimited();
        }
        let asked = Asked { class, windows, subjects, cost, now: micros(self.0.clock.now()) };
        let (place, allowed, counts) = match &self.0.backend {
            Backend::Memory(memory) => with(Place::Memory, memory.take(&asked)),
            Backend::Redis(redis, fallback) => match redis.take(&asked).await {
                Some(taken) => with(Place::Redis, taken),
                None => {
                    RATE_LIMITS_UNCHECKED.add([class.name()], 1);
                    if !class.guards() {
                        return Decision::unlimited();
                    }
                    with(Place::Memory, fallback.take(&asked))
                }
            },
        };
        if !allowed {
            RATE_LIMITED.add([class.name()], 1);
        }
        Decision::new(&asked, allowed, &counts, place)
    }

    /// Counts a request no longer that was taken and turned out to be none of those that are limited.
    #[boxed]
    pub async fn give_back(&self, taken: Taken) {
        let windows = self.0.windows[taken.class.number()].as_slice();
        let asked = Asked { class: taken.class, windows, subjects: &taken.subjects, cost: taken.cost, now: taken.at };
        match (&self.0.backend, taken.place) {
            (Backend::Memory(memory) | Backend::Redis(_, memory), Place::Memory) => memory.give_back(&asked),
            (Backend::Redis(redis, _), Place::Redis) => redis.give_back(&asked).await,
            // Only limits with a Redis count a request there, so this cannot be.
            (Backend::Memory(_), Place::Redis) => {}
        }
    }

    /// The account that a client tries to open with this e-mail address, whether or not it exists, and the part of the
    /// world's networks from which the client comes. Herald keeps neither the e-mail address nor a hash that could be
    /// guessed without the key.
    pub fn account(&self, email: &str, from: IpAddr) -> Subject {
        Subject::account(&self.0.key, email, from)
    }
}

fn with(place: Place, (allowed, counts): (bool, Counts)) -> (Place, bool, Counts) {
    (place, allowed, counts)
}

fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}
