//! Limits of requests: one suite for counts in memory and counts in Redis, which must decide alike.
//!
//! It needs no database, so it does not stand on a `herald_tests::App`. `api/rate_limits.rs` does: there the limits are
//! as clients meet them.

mod alike;
mod away;
mod deciding;

use herald_app::config::{Limits, Settings};
use herald_base::clock::Clock;
use herald_ledger::{
    rate_limits::{Decision, RateLimits, WindowState},
    redis_wire::RedisWire,
};
use herald_tests::TestDatabase;

use crate::fleet;

/// Hides accounts in these tests.
pub(crate) const KEY: [u8; 32] = [5; 32];

/// Where a test's limits count.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counted {
    InMemory,
    InRedis,
}

/// Limits of their own, by a clock the test moves.
struct Counter {
    clock: Clock,
    limits: RateLimits,
    redis: Option<RedisWire>,
    settings: Limits,
}

impl Counter {
    async fn new(counted: Counted, set: impl FnOnce(&mut Limits)) -> Self {
        let clock = Clock::manual(TestDatabase::start());
        let mut settings = defaults();
        set(&mut settings);
        let redis = match counted {
            Counted::InMemory => None,
            Counted::InRedis => Some(fleet::redis().await.1),
        };
        let mut counter = Self { limits: RateLimits::in_memory(&settings, &clock, KEY), clock, redis, settings };
        counter.limits = counter.process();
        counter
    }

    /// The limits of a process; those in Redis share their counts with all others.
    fn process(&self) -> RateLimits {
        match &self.redis {
            None => RateLimits::in_memory(&self.settings, &self.clock, KEY),
            Some(redis) => RateLimits::in_redis(&self.settings, &self.clock, KEY, redis.clone()),
        }
    }
}

fn defaults() -> Limits {
    Settings::load(None).unwrap().limits
}

/// What clients see of a decision.
fn seen(decision: &Decision) -> (bool, Vec<WindowState>) {
    (decision.allowed, decision.windows.clone())
}

/// Makes two tests of each function named: one with counts in memory, one with counts in Redis.
macro_rules! counted_both_ways {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[tokio::test]
            async fn in_memory() {
                super::$test($crate::rate_limits::Counted::InMemory).await;
            }

            #[tokio::test]
            async fn in_redis() {
                super::$test($crate::rate_limits::Counted::InRedis).await;
            }
        }
    )+};
}
use counted_both_ways;
