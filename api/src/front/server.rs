//! The HTTP server. It accepts connections, hands their requests to a router, and ends connections that make no
//! progress.
//!
//! ```text
//! listener ─▶ admission ─▶ connection (pulse: head, idle and stall limits) ─▶ router
//!            caps, reserve
//! ```
//!
//! hyper alone keeps a connection open for as long as its client likes. The client may send half a request, send
//! nothing, or not read the answer. `docs/limits.md` describes the limits, and ADR 23 gives the reasons.

mod admission;
mod bounds;
mod connection;
mod host;
mod listen;
mod paced;
mod pulse;
#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use herald_base::telemetry::catalog::{HTTP_CONNECTIONS, HTTP_CONNECTIONS_CUT};
use tokio::net::TcpStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    admission::{Admission, Place},
    connection::Terms,
    listen::Pause,
};
pub(crate) use self::{bounds::Bounds, host::named, listen::Listen};

/// Serves until `stop` is cancelled, then finishes the requests in progress, for at most `patience`.
///
/// # Errors
/// If the listener can never accept a connection again.
pub(crate) async fn serve(
    listener: impl Listen,
    router: Router,
    bounds: Bounds,
    stop: CancellationToken,
    patience: Duration,
) -> io::Result<()> {
    let front = Front {
        whole: Arc::new(Terms::new(router.clone(), bounds.times)),
        reserve: Arc::new(Terms::reserve(router, bounds.times)),
        admission: Admission::new(bounds),
        stop,
        cut: CancellationToken::new(),
        connections: TaskTracker::new(),
    };
    // If this future is dropped, its connections end, too.
    let cut = front.cut.clone().drop_guard();
    let ended = front.accept(&listener).await;
    drop(listener);
    front.connections.close();
    if tokio::time::timeout(patience, front.connections.wait()).await.is_err() {
        tracing::warn!(seconds = patience.as_secs(), "requests still in progress were cut off");
    }
    drop(cut);
    ended
}

struct Front {
    whole: Arc<Terms>,
    reserve: Arc<Terms>,
    admission: Admission,
    stop: CancellationToken,
    /// Ends every connection at once.
    cut: CancellationToken,
    connections: TaskTracker,
}

impl Front {
    async fn accept(&self, listener: &impl Listen) -> io::Result<()> {
        let mut pause = Pause::default();
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                accepted = listener.next() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    pause = Pause::default();
                    self.admit(stream, peer);
                }
                Err(error) if listen::is_for_good(&error) => return Err(error),
                // The error concerns one client, which has closed its connection.
                Err(error) if listen::is_the_clients(&error) => {}
                Err(error) => {
                    if pause.is_first() {
                        tracing::warn!(%error, "no connection can be accepted, will try again");
                    }
                    HTTP_CONNECTIONS_CUT.add(["accept"], 1);
                    tokio::select! {
                        () = self.stop.cancelled() => return Ok(()),
                        () = tokio::time::sleep(pause.next()) => {}
                    }
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let (terms, permit) = match self.admission.admit(peer.ip()) {
            Place::Whole(permit) => (self.whole.clone(), permit),
            Place::Reserve(permit) => (self.reserve.clone(), permit),
            Place::No(why) => {
                HTTP_CONNECTIONS_CUT.add([why], 1);
                listen::refuse(stream);
                return;
            }
        };
        if let Err(error) = listen::prepare(&stream) {
            // The client closed the connection before Herald could prepare it.
            tracing::debug!(%error, "a connection could not be prepared");
            return;
        }
        let (stop, cut) = (self.stop.clone(), self.cut.clone());
        self.connections.spawn(async move {
            let counted = HTTP_CONNECTIONS.hold([]);
            tokio::select! {
                () = connection::serve(stream, peer, &terms, &stop) => {}
                () = cut.cancelled() => {}
            }
            drop((counted, permit));
        });
    }
}
