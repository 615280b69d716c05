//! Spans: the parts of a trace, from beginning to end. A request, an attempt of a job and a call to a provider are one
//! span each.
//!
//! The open span is known to the code inside [`Span::scope`]. Jobs that this code enqueues carry the `traceparent` of
//! the span, and its calls are children of the span. A task that this code spawns does not know the span unless it gets
//! a scope of its own. Every span has ids, even if it is not recorded, so that log lines and job rows can be joined.
//! Only recorded spans go to the [exporter](super::otlp).

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{context::TraceContext, otlp};
use crate::{clock::Clock, ids::Ids};

tokio::task_local! {
    static OPEN: Open;
}

/// The data needed to begin a span below the open one.
#[derive(Clone)]
struct Open {
    context: TraceContext,
    ids: Ids,
    clock: Clock,
}

/// The kind of a span, in the terms of OpenTelemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpanKind {
    /// Internal work of this process: a command.
    Internal,
    /// Answering a request.
    Server,
    /// Sending a request.
    Client,
    /// Running a job from a queue.
    Consumer,
}

/// A finished span, ready for export.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) context: TraceContext,
    pub(super) parent: Option<[u8; 8]>,
    pub(super) kind: SpanKind,
    pub(super) name: String,
    pub(super) began: DateTime<Utc>,
    pub(super) ended: DateTime<Utc>,
    pub(super) attributes: Vec<(&'static str, String)>,
    pub(super) failed: bool,
}

/// A span. It ends when it is dropped, even by cancellation.
#[derive(Debug)]
pub struct Span {
    ids: Ids,
    clock: Clock,
    context: TraceContext,
    parent: Option<[u8; 8]>,
    kind: SpanKind,
    name: String,
    began: (DateTime<Utc>, Instant),
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    attributes: Vec<(&'static str, String)>,
    failed: bool,
}

impl Span {
    /// Begins the span of an HTTP request below the span of its `traceparent`. A missing or invalid one begins a trace.
    pub fn request(name: String, traceparent: Option<&str>, ids: &Ids, clock: &Clock) -> Self {
        let parent = traceparent.and_then(|text| text.parse().ok());
        Self::begin(SpanKind::Server, name, parent, ids, clock)
    }

    /// Begins the span of a command that a person typed, in a trace of its own.
    pub fn command(name: &str, ids: &Ids, clock: &Clock) -> Self {
        Self::begin(SpanKind::Internal, name.to_owned(), None, ids, clock)
    }

    /// Begins the span of a job's attempt, below the span that enqueued the job. Without such a span, the job's own id
    /// is the trace, so that all its attempts are in one trace.
    pub fn attempt(kind: &str, job: uuid::Uuid, traceparent: Option<&str>, ids: &Ids, clock: &Clock) -> Self {
        match traceparent.and_then(|text| text.parse().ok()) {
            Some(parent) => Self::begin(SpanKind::Consumer, kind.to_owned(), Some(parent), ids, clock),
            None => {
                let trace = job.into_bytes();
                let context = TraceContext::root(trace, otlp::samples(&trace), ids);
                Self::with(SpanKind::Consumer, kind.to_owned(), context, None, ids, clock)
            }
        }
    }

    /// Begins the span of a call to a provider, if the call is made inside a span.
    pub(super) fn call(name: &str) -> Option<Self> {
        let Open { context, ids, clock } = OPEN.try_with(Clone::clone).ok()?;
        Some(Self::begin(SpanKind::Client, name.to_owned(), Some(context), &ids, &clock))
    }

    fn begin(kind: SpanKind, name: String, parent: Option<TraceContext>, ids: &Ids, clock: &Clock) -> Self {
        let context = match parent {
            Some(parent) => parent.child(ids),
            None => TraceContext::random(otlp::samples, ids),
        };
        Self::with(kind, name, context, parent.map(|parent| parent.bytes().1), ids, clock)
    }

    fn with(
        kind: SpanKind,
        name: String,
        context: TraceContext,
        parent: Option<[u8; 8]>,
        ids: &Ids,
        clock: &Clock,
    ) -> Self {
        let began = (clock.now(), Instant::now());
        Self { ids: ids.clone(), clock: clock.clone(), context, parent, kind, name, began, notes: Mutex::default() }
    }

    /// The position of the span in its trace.
    pub fn context(&self) -> TraceContext {
        self.context
    }

    /// Adds a note for people who read the trace: no names, addresses, numbers or tokens.
    pub fn note(&self, key: &'static str, value: impl ToString) {
        if self.context.is_sampled() {
            self.notes().attributes.push((key, value.to_string()));
        }
    }

    /// Marks the span as failed.
    pub fn fail(&self) {
        self.notes().failed = true;
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a future inside the span.
    pub fn scope<F: Future>(&self, inside: F) -> impl Future<Output = F::Output> + use<F> {
        let open = Open { context: self.context, ids: self.ids.clone(), clock: self.clock.clone() };
        OPEN.scope(open, inside)
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if !self.context.is_sampled() || !otlp::is_on() {
            return;
        }
        let (began, started) = self.began;
        let took = TimeDelta::from_std(started.elapsed()).unwrap_or_default();
        let notes = std::mem::take(&mut *self.notes());
        otlp::send(Ended {
            context: self.context,
            parent: self.parent,
            kind: self.kind,
            name: std::mem::take(&mut self.name),
            began,
            ended: began + took,
            attributes: notes.attributes,
            failed: notes.failed,
        });
    }
}

/// Returns the `traceparent` of the open span, if there is one.
pub fn traceparent() -> Option<String> {
    OPEN.try_with(|open| open.context.to_string()).ok()
}

/// Lets a future run inside the span that is open here, even in a task of its own.
pub fn carried<F: Future>(inside: F) -> impl Future<Output = F::Output> {
    let open = OPEN.try_with(Open::clone).ok();
    async move {
        match open {
            Some(open) => OPEN.scope(open, inside).await,
            None => inside.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    fn place() -> (Ids, Clock) {
        (Ids::seeded(7), Clock::manual(DateTime::UNIX_EPOCH))
    }

    #[tokio::test]
    async fn what_runs_in_a_span_knows_it_and_what_runs_beside_it_does_not() {
        let (ids, clock) = place();
        let request = Span::request("GET /".to_owned(), Some(HEADER), &ids, &clock);
        assert_eq!(request.context().trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(request.parent, Some([0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]));
        let (inside, call) = request.scope(async { (traceparent(), Span::call("files")) }).await;
        assert_eq!(inside, Some(request.context().to_string()));
        let call = call.expect("a call made in a span has one");
        assert_eq!(call.parent, Some(request.context().bytes().1));
        assert_eq!(call.context().trace_id(), request.context().trace_id());
        assert_eq!(traceparent(), None);
        assert!(Span::call("files").is_none());
    }

    #[test]
    fn a_bad_header_begins_a_trace() {
        let (ids, clock) = place();
        let one = Span::request("GET /".to_owned(), Some("00-bad"), &ids, &clock);
        let two = Span::request("GET /".to_owned(), None, &ids, &clock);
        assert_eq!((one.parent, two.parent), (None, None));
        assert_ne!(one.context().trace_id(), two.context().trace_id());
    }

    #[test]
    fn a_job_without_a_trace_has_one_for_all_its_attempts() {
        let (ids, clock) = place();
        let job = ids.uuid(clock.now());
        let attempts = [(); 2].map(|()| Span::attempt("test.noop", job, Some("nonsense"), &ids, &clock).context());
        assert_eq!(attempts[0].trace_id(), job.simple().to_string());
        assert_eq!(attempts[0].trace_id(), attempts[1].trace_id());
        assert_ne!(attempts[0].span_id(), attempts[1].span_id());
    }
}
