//! The attempts this process holds: taken from the wire, outcome not yet committed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use herald_shared::ledger::JobKey;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Shared by the workers, the committer and the lease keeper.
#[derive(Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<HashMap<Uuid, Held>>>);

struct Held {
    attempt: i64,
    cancelled: CancellationToken,
}

impl InFlight {
    /// Takes an attempt in; the token is cancelled when it should stop.
    pub(super) fn add(&self, key: JobKey) -> CancellationToken {
        let cancelled = CancellationToken::new();
        self.held().insert(key.id, Held { attempt: key.attempt, cancelled: cancelled.clone() });
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

    /// Asks every attempt to stop.
    pub(super) fn cancel_all(&self) {
        self.held().values().for_each(|held| held.cancelled.cancel());
    }

    pub(super) fn len(&self) -> usize {
        self.held().len()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Uuid, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
