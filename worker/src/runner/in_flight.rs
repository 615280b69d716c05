//! The attempts this process holds: taken from the wire, outcome not yet committed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use herald_shared::ledger::JobKey;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Shared by the workers, the committer and the lease keeper; and with whoever wants to know how many there are.
#[derive(Clone, Default)]
pub struct InFlight(Arc<Mutex<HashMap<Uuid, Held>>>);

struct Held {
    attempt: i64,
    cancelled: CancellationToken,
    handed_back: bool,
}

impl InFlight {
    /// Takes an attempt in; the token is cancelled when it should stop.
    pub(super) fn add(&self, key: JobKey) -> CancellationToken {
        let cancelled = CancellationToken::new();
        let held = Held { attempt: key.attempt, cancelled: cancelled.clone(), handed_back: false };
        if let Some(older) = self.held().insert(key.id, held) {
            // Its lease was lost, and the job has come back to the same process.
            older.cancelled.cancel();
        }
        cancelled
    }

    /// Lets an attempt go.
    pub(super) fn remove(&self, key: JobKey) {
        let mut held = self.held();
        if held.get(&key.id).is_some_and(|held| held.attempt == key.attempt) {
            held.remove(&key.id);
        }
    }

    /// Every attempt held now.
    pub(super) fn keys(&self) -> Vec<JobKey> {
        self.held().iter().map(|(id, held)| JobKey { id: *id, attempt: held.attempt }).collect()
    }

    /// Asks an attempt to stop. False if it is not held here.
    pub(super) fn cancel(&self, job: Uuid) -> bool {
        self.held().get(&job).map(|held| held.cancelled.cancel()).is_some()
    }

    /// Asks an attempt to stop, unless a later one has taken its place.
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

    /// Whether a cancelled attempt was stopped only because this process ends.
    pub(super) fn is_handed_back(&self, key: JobKey) -> bool {
        self.held().get(&key.id).is_some_and(|held| held.attempt == key.attempt && held.handed_back)
    }

    /// How many attempts are held now.
    pub fn count(&self) -> usize {
        self.held().len()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Uuid, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
