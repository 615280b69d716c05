//! One connection, from its first byte to its end.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    http::{Version, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use herald_base::telemetry::catalog::HTTP_CONNECTIONS_CUT;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{
    bounds::Times,
    paced::{Answer, Paced},
    pulse::{Pulse, Why},
};
use crate::front::problem::{Kind, Problem};

/// The largest headers of a request, in bytes.
const HEADER_BYTES: usize = 64 << 10;
/// The most headers of a request.
const HEADERS: usize = 100;
/// The most concurrent requests of one HTTP/2 connection.
const STREAMS: u32 = 100;
/// The most HTTP/2 requests that a client may reset before Herald has handled them.
const RESETS: usize = 20;
/// How often HTTP/2 sends a ping to the client, and how long it waits for the answer.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(15));
/// How long an idle connection may take to shut down gracefully.
const GOODBYE: Duration = Duration::from_secs(1);
/// How long a connection of the reserve may take to send its headers.
const RESERVE_HEAD: Duration = Duration::from_secs(2);

/// The router and the limits for a connection.
pub(super) struct Terms {
    router: Router,
    times: Times,
    builder: Builder<TokioExecutor>,
}

impl Terms {
    /// Serves every endpoint.
    pub(super) fn new(router: Router, times: Times) -> Self {
        Self { router, times, builder: builder() }
    }

    /// Serves probes alone, one for each connection.
    pub(super) fn reserve(router: Router, times: Times) -> Self {
        let times = Times { head: times.head.min(RESERVE_HEAD), ..times };
        let mut builder = builder().http1_only();
        builder.http1().keep_alive(false);
        Self { router: router.layer(middleware::from_fn(only_probes)), times, builder }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // The pulse measures the times, because hyper's own limit for headers would also end connections between two
    // requests.
    let mut http1 = builder.http1();
    http1.timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(HEADER_BYTES).max_headers(HEADERS);
    let mut http2 = builder.http2();
    http2
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEADER_BYTES).expect("it is small"))
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(RESETS)
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1);
    builder
}

/// Answers a request over the caps, without using a service that could be busy.
async fn only_probes(request: Request, next: Next) -> Response {
    if ["/healthz", "/readyz", "/metrics"].contains(&request.uri().path()) {
        return next.run(request).await;
    }
    Problem::new(Kind::Unavailable, "too many connections are open: close some of yours, or try again in a moment")
        .header(header::RETRY_AFTER, "5")
        .into_response()
}

/// Serves a connection until it ends or makes Herald wait for too long. After `stop` is cancelled, it serves until the
/// last request is answered.
pub(super) async fn serve<S>(stream: S, peer: SocketAddr, terms: &Terms, stop: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let pulse = Arc::new(Pulse::new(Instant::now()));
    let stream = TokioIo::new(Watched { stream, pulse: pulse.clone() });
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let begun = pulse.begins(request.version() == Version::HTTP_2);
        let stall = terms.times.stall;
        let mut request = request.map(|body| Body::new(Paced::new(body, stall)));
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = terms.router.clone();
        async move {
            let Ok(response) = router.oneshot(request).await;
            Ok::<_, Infallible>(response.map(|body| Answer { body, _request: begun }))
        }
    });
    let mut connection = pin!(terms.builder.serve_connection(stream, service));
    let why = tokio::select! {
        // Errors are the client's: it closed the connection, or does not speak HTTP.
        _ = connection.as_mut() => return,
        why = pulse.overdue(&terms.times) => why,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                _ = connection.as_mut() => return,
                why = pulse.overdue(&terms.times) => why,
            }
        }
    };
    HTTP_CONNECTIONS_CUT.add([why.name()], 1);
    if why == Why::Idle {
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(GOODBYE, connection).await;
    }
}

/// A stream that reports its reads and writes to the connection's pulse.
struct Watched<S> {
    stream: S,
    pulse: Arc<Pulse>,
}

impl<S> Watched<S> {
    fn note(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(_) => self.pulse.sent(),
            Poll::Pending => self.pulse.blocked(Instant::now()),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.pulse.received(Instant::now());
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
