//! What came within a time, counted in a window that slides.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// Units that came in the last `length`.
#[derive(Debug)]
pub(super) struct Window {
    length: Duration,
    came: VecDeque<(Instant, u64)>,
    sum: u64,
    most: u64,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        Self { length, came: VecDeque::new(), sum: 0, most: 0 }
    }

    /// What is in the window now.
    pub(super) fn sum(&mut self, now: Instant) -> u64 {
        while self.came.front().is_some_and(|(at, _)| now.duration_since(*at) >= self.length) {
            self.sum -= self.came.pop_front().map_or(0, |(_, units)| units);
        }
        self.sum
    }

    pub(super) fn add(&mut self, now: Instant, units: u64) {
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
}

impl Quota {
    /// No limit; windows of a minute.
    pub(super) fn none() -> Self {
        Self::new(None, Duration::from_secs(60))
    }

    pub(super) fn new(limit: Option<u64>, window: Duration) -> Self {
        Self { limit, granted: Window::new(window), came: Window::new(window), exceeded: 0 }
    }

    /// Whether so many units more are within the limit. They count.
    pub(super) fn grants(&mut self, units: u64) -> bool {
        self.grants_at(Instant::now(), units)
    }

    fn grants_at(&mut self, now: Instant, units: u64) -> bool {
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
        self.limit.unwrap_or(u64::MAX).saturating_sub(self.granted.sum(Instant::now()))
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
        let (second, start) = (Duration::from_secs(1), Instant::now());
        let mut quota = Quota::new(Some(3), 10 * second);
        assert!(quota.grants_at(start, 2));
        assert!(quota.grants_at(start + 5 * second, 1));
        assert!(!quota.grants_at(start + 5 * second, 1));
        assert!(quota.grants_at(start + 10 * second, 2));
        assert!(!quota.grants_at(start + 10 * second, 1));
        assert_eq!((quota.exceeded(), quota.busiest()), (2, 5));
    }
}
