//! Ctrl-C and SIGTERM: the first signal asks for a clean end, the second one ends the process at once.

use tokio_util::sync::CancellationToken;

/// Returns a token that the first signal cancels. The second signal ends the process; the ledger makes that safe.
pub(crate) fn on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        signal().await;
        asked.cancel();
        say("stopping: finishing the running jobs; press Ctrl-C again to stop at once");
        signal().await;
        std::process::exit(130);
    });
    stop
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        _ => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[expect(clippy::print_stderr, reason = "the answer to the person who pressed the keys")]
fn say(text: &str) {
    eprintln!("{text}");
}
