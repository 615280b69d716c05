//! What came within a time, counted in a window that slides.

use std::{collections::VecDeque, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::clock::Clock;

/// Units that came in the last `length`.
#[derive(Debug)]
pub(super) struct Window {
    length: Duration,
    came: VecDeque<(DateTime<Utc>, u64)>,
    sum: u64,
    most: u64,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        Self { length, came: VecDeque::new(), sum: 0, most: 0 }
    }

    /// What is in the window now.
    pub(super) fn sum(&mut self, now: DateTime<Utc>) -> u64 {
        while self
            .came
            .front()
            .is_some_and(|(at, _)| now - *at >= TimeDelta::from_std(self.length).unwrap_or(TimeDelta::MAX))
        {
            self.sum -= self.came.pop_front().map_or(0, |(_, units)| units);
        }
        self.sum
    }

    pub(super) fn add(&mut self, now: DateTime<Utc>, units: u64) {
        self.came.push_back((now, units));
        self.sum += units;
        self.most = self.most.max(self.sum(now));
    }
}

/// A limit on what may come within a window, and what became of it.
#[derive(Debug)]
pub(super) struct Quota {
    limit: Option<u64>,
    /// What was let through; what was refused does not count against the limit.
    granted: Window,
    /// All that came.
    came: Window,
    exceeded: usize,
    clock: Clock,
}

impl Quota {
    /// No limit; windows of a minute.
    pub(super) fn none(clock: Clock) -> Self {
        Self::new(None, Duration::from_secs(60), clock)
    }

    pub(super) fn new(limit: Option<u64>, window: Duration, clock: Clock) -> Self {
        Self { limit, granted: Window::new(window), came: Window::new(window), exceeded: 0, clock }
    }

    /// Whether so many units more are within the limit. They count.
    pub(super) fn grants(&mut self, units: u64) -> bool {
        self.grants_at(self.clock.now(), units)
    }

    fn grants_at(&mut self, now: DateTime<Utc>, units: u64) -> bool {
        self.came.add(now, units);
        if self.limit.is_some_and(|limit| self.granted.sum(now) + units > limit) {
            self.exceeded += 1;
            return false;
        }
        self.granted.add(now, units);
        true
    }

    pub(super) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// What the limit still leaves.
    pub(super) fn left(&mut self) -> u64 {
        self.limit.unwrap_or(u64::MAX).saturating_sub(self.granted.sum(self.clock.now()))
    }

    pub(super) fn window(&self) -> Duration {
        self.granted.length
    }

    pub(super) fn exceeded(&self) -> usize {
        self.exceeded
    }

    /// The most units that ever came within one window.
    pub(super) fn busiest(&self) -> u64 {
        self.came.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_frees_what_has_left_the_window_and_keeps_the_busiest() {
        let (second, start) = (TimeDelta::seconds(1), DateTime::UNIX_EPOCH);
        let mut quota = Quota::new(Some(3), Duration::from_secs(10), Clock::manual(start));
        assert!(quota.grants_at(start, 2));
        assert!(quota.grants_at(start + second * 5, 1));
        assert!(!quota.grants_at(start + second * 5, 1));
        assert!(quota.grants_at(start + second * 10, 2));
        assert!(!quota.grants_at(start + second * 10, 1));
        assert_eq!((quota.exceeded(), quota.busiest()), (2, 5));
    }
}
