//! Ids and randomness as parameters, so that a test can repeat a run exactly.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use uuid::{Builder, Uuid};

/// A source of ids and random numbers. Clones share their state.
#[derive(Clone, Debug)]
pub struct Ids(Arc<Mutex<StdRng>>);

impl Ids {
    /// Creates a source with a seed from the operating system.
    pub fn random() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that draws a seed from the system")]
        let rng = StdRng::from_rng(&mut rand::rng());
        Self(Arc::new(Mutex::new(rng)))
    }

    /// Creates a source that returns the same ids in the same order for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Creates a UUIDv7 (RFC 9562). It sorts by its time of creation, so that inserts touch the end of the index.
    pub fn uuid(&self, now: DateTime<Utc>) -> Uuid {
        let millis = now.timestamp_millis().try_into().unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }

    /// Returns `N` random bytes, fit for keys and tokens.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        bytes
    }

    /// Returns a number in `0..end`, for random choices.
    ///
    /// # Panics
    /// When `end` is 0.
    pub fn below(&self, end: usize) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..end)
    }

    /// Returns a number in `0.0..1.0`, for jitter.
    pub fn fraction(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }
}
