//! Counts in Redis, for a whole fleet.
//!
//! The braces in a key make all keys of a class lie in one slot of a cluster, so that one script may see the address
//! and the account of a request together.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use super::{Asked, Counts};
use crate::redis_wire::{RedisWire, RedisWireError, Script};

/// How long a request waits for its counts; they come in well under a millisecond.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a Redis that did not answer is not asked, in microseconds: one request pays for finding out, not all of
/// them.
const AWAY: i64 = 2_000_000;

pub(super) struct Redis {
    wire: RedisWire,
    take: Script,
    give_back: Script,
    /// Until when it is not asked, in microseconds since 1970; 0 while it answers.
    away_until: AtomicI64,
}

impl Redis {
    pub(super) fn new(wire: RedisWire) -> Self {
        Self {
            wire,
            take: Script::new(include_str!("take.lua")),
            give_back: Script::new(include_str!("give_back.lua")),
            away_until: AtomicI64::new(0),
        }
    }

    /// Takes a request if there is room everywhere, and returns whether, and the counts before it. None: Redis is away.
    pub(super) async fn take(&self, asked: &Asked<'_>) -> Option<(bool, Counts)> {
        if !self.may_be_asked(asked.now) {
            return None;
        }
        let mut arguments = vec![i64::from(asked.cost)];
        for window in asked.subjects.iter().flat_map(|_| asked.windows) {
            let kept = i64::try_from(window.kept().as_millis()).unwrap_or(i64::MAX);
            arguments.extend([window.oldest(asked.now), window.slot(asked.now), i64::from(window.limit), kept]);
        }
        let answer = self.wire.script(&self.take, &self.keys(asked), &arguments, PATIENCE).await;
        let (allowed, before): (i64, Vec<Vec<i64>>) = self.heard(answer, asked.now)?;
        Some((allowed == 1, before.iter().map(|flat| sorted(flat)).collect()))
    }

    /// Takes away the requests that were counted at that time. If Redis does not answer, they count until their time is
    /// over.
    pub(super) async fn give_back(&self, asked: &Asked<'_>) {
        let slots = asked.subjects.iter().flat_map(|_| asked.windows).map(|window| window.slot(asked.now));
        let arguments: Vec<i64> = [i64::from(asked.cost)].into_iter().chain(slots).collect();
        let answer = self.wire.script::<i64>(&self.give_back, &self.keys(asked), &arguments, PATIENCE).await;
        self.heard(answer, asked.now);
    }

    /// Subjects first, as in [`Counts`].
    fn keys(&self, asked: &Asked<'_>) -> Vec<String> {
        let (prefix, class) = (self.wire.prefix(), asked.class.name());
        let of = |subject| {
            let seconds = asked.windows.iter().map(|window| window.period.as_secs());
            seconds.map(move |seconds| format!("{prefix}:limit:{{{class}}}:{seconds}:{subject}"))
        };
        asked.subjects.iter().flat_map(of).collect()
    }

    /// While it is away, one request every [`AWAY`] finds out whether it is back, and the others do not wait for it.
    fn may_be_asked(&self, now: i64) -> bool {
        let until = self.away_until.load(Ordering::Relaxed);
        // A clock that was set back must not make it wait for ever.
        if until != 0 && (until - AWAY..until).contains(&now) {
            return false;
        }
        until == 0 || self.away_until.compare_exchange(until, now + AWAY, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn heard<T>(&self, answer: Result<T, RedisWireError>, now: i64) -> Option<T> {
        match answer {
            Ok(answer) => {
                if self.away_until.swap(0, Ordering::Relaxed) != 0 {
                    tracing::info!("redis counts requests again");
                }
                Some(answer)
            }
            Err(error) => {
                if self.away_until.swap(now + AWAY, Ordering::Relaxed) == 0 {
                    tracing::warn!(%error, "redis does not count requests: this process counts what must be counted");
                }
                None
            }
        }
    }
}

/// A hash comes in any order.
fn sorted(flat: &[i64]) -> Vec<(i64, u32)> {
    let mut counts: Vec<(i64, u32)> =
        flat.chunks_exact(2).map(|pair| (pair[0], u32::try_from(pair[1]).unwrap_or(u32::MAX))).collect();
    counts.sort_unstable();
    counts
}
