//! The limits on the size and the duration of a request.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream, HttpBody},
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt};

use crate::front::problem::{Kind, Problem};

/// The largest body of a request that is not an upload, in bytes.
pub(crate) const JSON_BYTES: usize = 1 << 20;
/// The longest duration of a request that is not an upload.
const LIGHT: Duration = Duration::from_secs(30);
/// The longest time in which an upload may make no progress.
pub(crate) const STALLED: Duration = Duration::from_secs(30);
/// How long Herald reads the rest of a refused upload.
const DRAIN: Duration = Duration::from_secs(5);

/// Ends requests that take longer than [`LIGHT`]. Only the time until the answer begins counts: its body may stream for
/// longer.
pub(crate) async fn in_time(request: Request, next: Next) -> Result<Response, Problem> {
    within(LIGHT, request, next).await
}

async fn within(longest: Duration, request: Request, next: Next) -> Result<Response, Problem> {
    tokio::time::timeout(longest, next.run(request)).await.map_err(|_| {
        Problem::new(Kind::TimedOut, format!("Herald did not answer within {} seconds: try again", longest.as_secs()))
    })
}

/// Guards a route for uploads. It refuses an upload whose announced length exceeds `limit` bytes before reading it.
///
/// The rest of an upload that is refused half-way, or that is already known, is read and discarded. A client that
/// cannot send its body would not read the answer either.
pub(crate) async fn upload(limit: u64, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let announced = body.size_hint().lower();
    let rest = Rest(Arc::new(Mutex::new(body.into_data_stream())));
    let response = if announced > limit {
        too_large(limit).into_response()
    } else {
        next.run(Request::from_parts(parts, Body::from_stream(rest.clone()))).await
    };
    // A body that was accepted has no rest. A body that was refused, or answered without being read, may have one.
    let drained = rest.for_each(async |_| {});
    let _ = tokio::time::timeout(DRAIN, drained).await;
    response
}

/// The rest of a body. The handler reads from it, and the part that the handler leaves can still be read.
#[derive(Clone)]
struct Rest(Arc<Mutex<BodyDataStream>>);

impl Stream for Rest {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(cx)
    }
}

/// The refusal of an upload that is larger than `limit` bytes.
pub(crate) fn too_large(limit: u64) -> Problem {
    Problem::new(
        Kind::TooLarge,
        format!("the upload is larger than {} MB: send less at once, or raise http.max_upload_mb", limit >> 20),
    )
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::StatusCode, middleware, routing::get};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn what_is_not_answered_in_time_is_a_problem() {
        let router: Router = Router::new()
            .route("/", get(std::future::pending::<&str>))
            .layer(middleware::from_fn(|request, next| within(Duration::ZERO, request, next)));
        let answer = router.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}
