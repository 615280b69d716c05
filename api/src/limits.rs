//! How large a request may be and how long it may take.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    middleware::Next,
    response::Response,
};
use futures::StreamExt;

use crate::problem::{Kind, Problem};

/// The largest body of a request that is no upload, in bytes.
pub(crate) const JSON_BYTES: usize = 1 << 20;
/// How long a request that is no upload may take.
const LIGHT: Duration = Duration::from_secs(30);
/// How long an upload may stand still.
pub(crate) const STALLED: Duration = Duration::from_secs(30);
/// How long the rest of a refused upload is read, so that its sender comes to read the answer.
const DRAIN: Duration = Duration::from_secs(5);

/// Ends requests that take longer than [`LIGHT`]. Only the answer's beginning counts: a body may stream for longer.
pub(crate) async fn in_time(request: Request, next: Next) -> Result<Response, Problem> {
    tokio::time::timeout(LIGHT, next.run(request))
        .await
        .map_err(|_| Problem::new(Kind::TimedOut, format!("no answer within {} seconds; try again", LIGHT.as_secs())))
}

/// Refuses an upload whose announced length is over `limit` bytes before it is taken in.
pub(crate) async fn announced_length(limit: u64, request: Request, next: Next) -> Result<Response, Problem> {
    let announced = request.body().size_hint().lower();
    if announced <= limit {
        return Ok(next.run(request).await);
    }
    drain(request.into_body()).await;
    Err(too_large(limit))
}

/// Reads what a client still sends into nothing: one that cannot send does not read the answer either.
async fn drain(body: Body) {
    let mut rest = body.into_data_stream();
    let _ = tokio::time::timeout(DRAIN, async { while let Some(Ok(_)) = rest.next().await {} }).await;
}

/// The refusal of an upload over `limit` bytes.
pub(crate) fn too_large(limit: u64) -> Problem {
    Problem::new(
        Kind::TooLarge,
        format!("the upload is over {} MB: send less at once, or raise http.max_upload_mb", limit >> 20),
    )
}
