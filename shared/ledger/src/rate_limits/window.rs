//! One window: its parts, and how it stands. Only arithmetic; times are microseconds since 1970.

use std::time::Duration;

/// How many parts a window's time has. More of them give requests back more exactly, and cost more to add up.
pub const SLOTS: i64 = 60;

/// At most `limit` requests in any stretch of time as long as `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its name in headers.
    pub name: &'static str,
    /// How many.
    pub limit: u32,
    /// In how much time: whole minutes.
    pub period: Duration,
}

/// How a window stands after a decision, for the subject that has least room in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowState {
    /// The window.
    pub window: Window,
    /// What may still be used.
    pub remaining: u32,
    /// The time within which no more than that should be used: until all that was used is given back, or, if this
    /// window refuses the request, until it has room for it.
    pub reset_after: Duration,
    /// How long until this window has room for the request; zero if it has.
    pub retry_after: Duration,
}

impl Window {
    fn slot_length(&self) -> i64 {
        whole_micros(self.period) / SLOTS
    }

    /// The part of the time that is now.
    pub(super) fn slot(&self, now: i64) -> i64 {
        now.div_euclid(self.slot_length())
    }

    /// The oldest part that still counts. Together with the present one, which is not over, they are longer than the
    /// window.
    pub(super) fn oldest(&self, now: i64) -> i64 {
        self.slot(now) - SLOTS
    }

    /// When a part does not count any more.
    fn expires(&self, slot: i64) -> i64 {
        (slot + SLOTS + 1) * self.slot_length()
    }

    /// How long counts must be kept.
    pub(super) fn kept(&self) -> Duration {
        micros(whole_micros(self.period) + self.slot_length())
    }

    /// Whether it has room. `counts` are those before the request.
    pub(super) fn has_room(&self, counts: &[(i64, u32)], cost: u32) -> bool {
        used(counts) + u64::from(cost) <= u64::from(self.limit)
    }

    /// How it stands after the decision. `counts` are those before the request, the oldest first.
    pub(super) fn state(&self, now: i64, counts: &[(i64, u32)], cost: u32, allowed: bool) -> WindowState {
        let charged = if allowed { cost } else { 0 };
        let after = used(counts) + u64::from(charged);
        let remaining = u32::try_from(u64::from(self.limit).saturating_sub(after)).unwrap_or(u32::MAX);
        let until = |time: i64| micros(time - now);
        if !self.has_room(counts, cost) {
            let retry_after = until(self.room_at(now, counts, cost));
            return WindowState { window: *self, remaining, reset_after: retry_after, retry_after };
        }
        let newest = if charged > 0 { Some(self.slot(now)) } else { None };
        let newest = newest.max(counts.last().map(|(slot, _)| *slot));
        let reset_after = newest.map_or(Duration::ZERO, |slot| until(self.expires(slot)));
        WindowState { window: *self, remaining, reset_after, retry_after: Duration::ZERO }
    }

    /// The time when there will be room for a request that has none now: when enough of the oldest parts are given
    /// back. A request that costs more than the limit never has room; it is told the longest possible wait.
    fn room_at(&self, now: i64, counts: &[(i64, u32)], cost: u32) -> i64 {
        let mut over = (used(counts) + u64::from(cost)).saturating_sub(u64::from(self.limit));
        for (slot, count) in counts {
            over = over.saturating_sub(u64::from(*count));
            if over == 0 {
                return self.expires(*slot);
            }
        }
        self.expires(self.slot(now))
    }
}

fn used(counts: &[(i64, u32)]) -> u64 {
    counts.iter().map(|(_, count)| u64::from(*count)).sum()
}

fn whole_micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn micros(time: i64) -> Duration {
    Duration::from_micros(u64::try_from(time).unwrap_or(0))
}
