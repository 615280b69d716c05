//! Time as a parameter: the system's in production, a hand-set one in tests.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use tokio::sync::watch;

/// Where Herald reads the time. Cheap to clone; clones of a manual clock share its time.
#[derive(Clone, Debug)]
pub struct Clock(Inner);

#[derive(Clone, Debug)]
enum Inner {
    System,
    Manual(Arc<watch::Sender<DateTime<Utc>>>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Inner::System)
    }

    /// A clock that stands still until [`Clock::advance`] moves it.
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self(Inner::Manual(Arc::new(watch::Sender::new(micros(start)))))
    }

    /// Now, in UTC, cut to microseconds: what PostgreSQL can store, so that a time read back equals the time written.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
            Inner::System => micros(Utc::now()),
            Inner::Manual(time) => *time.borrow(),
        }
    }

    /// Moves a manual clock forward and wakes who sleeps on it. Does nothing to the system's clock.
    pub fn advance(&self, by: Duration) {
        if let Inner::Manual(time) = &self.0 {
            time.send_modify(|now| *now += TimeDelta::from_std(by).expect("a test's step fits a TimeDelta"));
        }
    }

    /// Returns when `until` has come. On a manual clock it waits for [`Clock::advance`].
    pub async fn sleep_until(&self, until: DateTime<Utc>) {
        match &self.0 {
            Inner::System => {
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
    pub async fn sleep(&self, wait: Duration) {
        let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX / 4);
        self.sleep_until(self.now() + wait).await;
    }
}

fn micros(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

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
