//! Waiting for what other tasks bring about, where no notification can be awaited.

use std::time::{Duration, Instant};

/// Generous: it is only ever reached by a test that fails, and a machine that tests a hundred other things at once is
/// slow.
const LONGEST: Duration = Duration::from_secs(240);
const PAUSE: Duration = Duration::from_millis(2);

/// Returns as soon as `condition` holds.
///
/// # Panics
/// When it does not within four minutes; the message names `what`.
pub async fn wait_until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < LONGEST, "after {} s it is still not so that {what}", LONGEST.as_secs());
        tokio::time::sleep(PAUSE).await;
    }
}
