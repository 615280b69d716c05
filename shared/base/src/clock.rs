//! Time as a parameter: the system's clock in production, the database's clock in a fleet, a manual clock in tests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use tokio::sync::watch;

use crate::boxed;

/// A source of the current time. Cheap to clone; clones of a manual clock share its time.
#[derive(Clone, Debug)]
pub struct Clock(Inner);

#[derive(Clone, Debug)]
enum Inner {
    System,
    Steady(Arc<Steady>),
    Manual(Arc<watch::Sender<DateTime<Utc>>>),
}

/// The time since the process began, by a clock that nobody can set, and the time of day at the beginning.
#[derive(Debug)]
struct Steady {
    origin: Instant,
    /// The time of the origin, in microseconds since 1970.
    at_origin: AtomicI64,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Inner::System)
    }

    /// Creates a clock that starts with the machine's time and then runs independently of the machine's clock, until
    /// [`Clock::set`] sets it. The processes of a fleet set it by their database's clock: a lease must mean the same to
    /// the process that writes it and to the process that reads it.
    pub fn steady() -> Self {
        let now = Self::system().now();
        Self(Inner::Steady(Arc::new(Steady {
            origin: Instant::now(),
            at_origin: AtomicI64::new(now.timestamp_micros()),
        })))
    }

    /// Sets a steady clock, and returns the difference. It has no effect on other clocks.
    pub fn set(&self, now: DateTime<Utc>) -> TimeDelta {
        let Inner::Steady(steady) = &self.0 else { return TimeDelta::zero() };
        let at_origin = now.timestamp_micros() - steady.elapsed();
        TimeDelta::microseconds(at_origin - steady.at_origin.swap(at_origin, Ordering::Relaxed))
    }

    /// Creates a clock that stands still until [`Clock::advance`] moves it.
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self(Inner::Manual(Arc::new(watch::Sender::new(micros(start)))))
    }

    /// Returns the current time in UTC, truncated to microseconds. PostgreSQL stores this precision, so a time that is
    /// read back equals the time that was written.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
            Inner::System => micros(Utc::now()),
            Inner::Steady(steady) => {
                let micros = steady.at_origin.load(Ordering::Relaxed) + steady.elapsed();
                DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
            }
            Inner::Manual(time) => *time.borrow(),
        }
    }

    /// Moves a manual clock forward and wakes the tasks that sleep on it. It has no effect on other clocks.
    pub fn advance(&self, by: Duration) {
        if let Inner::Manual(time) = &self.0 {
            time.send_modify(|now| *now += TimeDelta::from_std(by).expect("a test's step fits a TimeDelta"));
        }
    }

    /// Waits until the time `until`. On a manual clock, it waits for [`Clock::advance`].
    #[boxed]
    pub async fn sleep_until(&self, until: DateTime<Utc>) {
        match &self.0 {
            Inner::System | Inner::Steady(_) => {
                let wait = (until - self.now()).to_std().unwrap_or_default();
                tokio::time::sleep(wait).await;
            }
            Inner::Manual(time) => {
                // The sender lives as long as `self`, so waiting cannot fail.
                let _ = time.subscribe().wait_for(|now| *now >= until).await;
            }
        }
    }

    /// Returns after `wait`.
    #[boxed]
    pub async fn sleep(&self, wait: Duration) {
        let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX / 4);
        self.sleep_until(self.now() + wait).await;
    }
}

impl Steady {
    /// The time since the origin, in microseconds.
    fn elapsed(&self) -> i64 {
        i64::try_from(self.origin.elapsed().as_micros()).unwrap_or(i64::MAX / 2)
    }
}

fn micros(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_clock_is_what_it_was_set_to_and_goes_on_from_there() {
        let clock = Clock::steady();
        let (was, hour) = (clock.now(), TimeDelta::hours(1));
        let by = clock.set(was - hour);
        assert!(by <= -hour && by > -hour - TimeDelta::seconds(30), "{by}");
        let first = clock.now();
        assert!(first >= was - hour && first < was - hour + TimeDelta::seconds(30), "{first}");
        assert!(clock.clone().now() >= first);
        assert_eq!(Clock::manual(was).set(first), TimeDelta::zero());
    }

    #[tokio::test]
    async fn a_sleeper_on_a_manual_clock_wakes_when_it_is_advanced() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(60)).await }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        sleeper.await.unwrap();
    }
}
