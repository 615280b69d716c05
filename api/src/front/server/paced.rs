//! Bodies with limits. The body of a request must keep coming, and the body of an answer reports its end.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{BoxError, body::Body};
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::pulse::Request;

/// The average bytes a second that a body must bring while Herald waits for it. A modem is five times as fast.
const SLOWEST: u64 = 1_024;

/// A request's body that must keep coming. Only the time spent waiting for the client counts, in windows of the limit's
/// length.
pub(super) struct Paced<B> {
    inner: B,
    stall: Duration,
    /// The time spent waiting in this window.
    waited: Duration,
    /// The bytes received in this window.
    brought: u64,
    since: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<B> Paced<B> {
    pub(super) fn new(inner: B, stall: Duration) -> Self {
        Self { inner, stall, waited: Duration::ZERO, brought: 0, since: None, sleep: None }
    }

    fn enough(&self) -> u64 {
        SLOWEST * self.stall.as_secs().max(1)
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Paced<B>
where
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
                if let Some(since) = this.since.take() {
                    this.waited += since.elapsed();
                }
                if let Some(Ok(frame)) = &frame {
                    this.brought += frame.data_ref().map_or(0, |data| data.len() as u64);
                }
                return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
            }
            let since = *this.since.get_or_insert_with(Instant::now);
            let deadline = since + this.stall.saturating_sub(this.waited);
            let sleep = this.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
            if sleep.deadline() != deadline {
                sleep.as_mut().reset(deadline);
            }
            ready!(sleep.as_mut().poll(cx));
            if this.brought < this.enough() {
                return Poll::Ready(Some(Err("the client sent the body too slowly".into())));
            }
            (this.waited, this.brought, this.since) = (Duration::ZERO, 0, None);
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An answer's body. Its request ends when hyper drops the body.
pub(super) struct Answer {
    pub(super) body: Body,
    pub(super) _request: Request,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
