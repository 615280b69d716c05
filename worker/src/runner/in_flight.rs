//! The attempts that this process holds, from the moment they leave the wire until their outcome is committed.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use herald_ledger::JobKey;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The attempts in flight. The workers, the committer, the lease keeper, and callers that need their number share it.
#[derive(Clone, Default)]
pub struct InFlight(Arc<Mutex<HashMap<Uuid, Held>>>);

struct Held {
    attempt: i64,
    lease_until: DateTime<Utc>,
    cancelled: CancellationToken,
    handed_back: bool,
}

impl InFlight {
    /// Adds an attempt when it leaves the wire.
    pub(super) fn add(&self, key: JobKey, lease_until: DateTime<Utc>) {
        let held = Held { attempt: key.attempt, lease_until, cancelled: CancellationToken::new(), handed_back: false };
        if let Some(older) = self.held().insert(key.id, held) {
            // The lease of the older attempt was lost, and the job has come back to the same process.
            older.cancelled.cancel();
        }
    }

    /// Returns the token that is cancelled when an attempt should stop. Returns `None` if its lease has run out by
    /// `now`, or a later attempt has taken its place. Another worker then has the job or will get it, so this attempt
    /// must not begin.
    pub(super) fn begin(&self, key: JobKey, now: DateTime<Utc>) -> Option<CancellationToken> {
        let mut held = self.held();
        let ours = held.get(&key.id).filter(|held| held.attempt == key.attempt)?;
        if ours.lease_until <= now {
            held.remove(&key.id);
            return None;
        }
        Some(ours.cancelled.clone())
    }

    /// Records that the leases of these jobs last until `until`.
    pub(super) fn renewed(&self, jobs: &HashSet<Uuid>, until: DateTime<Utc>) {
        self.held().iter_mut().filter(|(id, _)| jobs.contains(id)).for_each(|(_, held)| held.lease_until = until);
    }

    /// Removes an attempt.
    pub(super) fn remove(&self, key: JobKey) {
        let mut held = self.held();
        if held.get(&key.id).is_some_and(|held| held.attempt == key.attempt) {
            held.remove(&key.id);
        }
    }

    /// The keys of all attempts.
    pub(super) fn keys(&self) -> Vec<JobKey> {
        self.held().iter().map(|(id, held)| JobKey { id: *id, attempt: held.attempt }).collect()
    }

    /// Asks an attempt to stop. Returns whether this process holds it.
    pub(super) fn cancel(&self, job: Uuid) -> bool {
        self.held().get(&job).map(|held| held.cancelled.cancel()).is_some()
    }

    /// Asks an attempt to stop, unless a later attempt has taken its place.
    pub(super) fn cancel_attempt(&self, key: JobKey) {
        if let Some(held) = self.held().get(&key.id).filter(|held| held.attempt == key.attempt) {
            held.cancelled.cancel();
        }
    }

    /// Asks every attempt to stop, so that its job goes back to the ledger.
    pub(super) fn hand_back_all(&self) {
        for held in self.held().values_mut().filter(|held| !held.cancelled.is_cancelled()) {
            held.handed_back = true;
            held.cancelled.cancel();
        }
    }

    /// Whether a cancelled attempt was stopped only because the process ends.
    pub(super) fn is_handed_back(&self, key: JobKey) -> bool {
        self.held().get(&key.id).is_some_and(|held| held.attempt == key.attempt && held.handed_back)
    }

    /// The number of attempts.
    pub fn count(&self) -> usize {
        self.held().len()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Uuid, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const KEY: JobKey = JobKey { id: Uuid::from_u128(7), attempt: 2 };

    fn time(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn an_attempt_begins_while_its_lease_lasts_as_it_was_renewed() {
        let in_flight = InFlight::default();
        in_flight.add(KEY, time(8));
        assert_eq!(in_flight.keys(), [KEY], "its lease is renewed before it begins");
        in_flight.renewed(&HashSet::from([KEY.id]), time(16));
        assert!(in_flight.begin(KEY, time(15)).is_some());
        assert!(in_flight.begin(KEY, time(16)).is_none());
        assert_eq!(in_flight.count(), 0, "and is renewed no more once it is lost");
    }

    #[test]
    fn a_later_attempt_takes_the_place_of_an_earlier_one() {
        let in_flight = InFlight::default();
        in_flight.add(KEY, time(8));
        let earlier = in_flight.begin(KEY, time(0)).unwrap();
        let later = JobKey { attempt: 3, ..KEY };
        in_flight.add(later, time(20));
        assert!(earlier.is_cancelled());
        assert!(in_flight.begin(KEY, time(0)).is_none());
        in_flight.remove(KEY);
        assert!(!in_flight.begin(later, time(0)).unwrap().is_cancelled());
    }
}
