//! Waiting for what other tasks bring about, where no notification can be awaited.

use std::time::{Duration, Instant};

/// Generous: it is only ever reached by a test that fails.
const LONGEST: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(2);

/// Returns as soon as `condition` holds.
///
/// # Panics
/// When it does not within a minute; the message names `what`.
pub async fn wait_until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < LONGEST, "after {} s it is still not so that {what}", LONGEST.as_secs());
        tokio::time::sleep(PAUSE).await;
    }
}
