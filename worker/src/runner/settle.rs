//! The tower layer that runs a handler and sends its outcome on. This is the only place where an attempt begins and
//! ends.

use std::{
    convert::Infallible,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use apalis_core::task::Task;
use futures::future::BoxFuture;
use herald_base::telemetry::{
    Span,
    catalog::{JOB_RUN, JOB_WAIT, JOBS_RUNNING, LEASES_LOST},
};
use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{Finished, Leased, kind_label};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tower::{Layer, Service};
use tracing::Instrument;

use super::{Attempt, Done, Failure, Handler, in_flight::InFlight, outcome::outcome_of};

/// The time limit of a job whose kind has no policy.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

#[derive(Clone)]
pub(super) struct SettleLayer {
    pub(super) db: Db,
    pub(super) in_flight: InFlight,
    pub(super) outcomes: mpsc::Sender<Finished>,
    pub(super) handler: Handler,
}

/// apalis needs a task function at the end of the stack. The layer above it runs the handler and never calls this
/// function.
pub(super) async fn never_reached(_: Leased) {}

impl<S> Layer<S> for SettleLayer {
    type Service = Settle;

    fn layer(&self, _: S) -> Settle {
        Settle(self.clone())
    }
}

#[derive(Clone)]
pub(super) struct Settle(SettleLayer);

impl Service<Task<Leased>> for Settle {
    type Response = ();
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, task: Task<Leased>) -> Self::Future {
        let SettleLayer { db, in_flight, outcomes, handler } = self.0.clone();
        let job = task.args;
        Box::pin(async move {
            let Some(cancelled) = in_flight.begin(job.key(), db.now()) else {
                LEASES_LOST.add([], 1);
                return Ok(());
            };
            if let Some(outcome) = job.untimely(db.now()) {
                let _ = outcomes.send(Finished { job, outcome }).await;
                return Ok(());
            }
            let trace = Span::attempt(kind_label(&job.kind), job.id, job.traceparent.as_deref(), db.ids(), db.clock());
            let context = trace.context();
            let span = tracing::info_span!(
                "job", id = %job.id, kind = %job.kind, attempt = job.attempt,
                trace = context.trace_id(), span = context.span_id(),
            );
            let work = attempt(&db, &in_flight, &handler, &job, cancelled, &trace);
            let mut answer = work.instrument(span.clone()).await;
            span.in_scope(|| record(&job, &answer, &trace));
            drop(trace);
            if let Ok(done) = &mut answer {
                // The trace of a follow-up job continues from this attempt, not from the cause of this job.
                let follow_ups = done.then.iter_mut().filter(|job| job.traceparent.is_none());
                follow_ups.for_each(|job| job.traceparent = Some(context.to_string()));
            }
            let outcome = outcome_of(&db, &job, answer);
            // The committer outlives the workers.
            let _ = outcomes.send(Finished { job, outcome }).await;
            Ok(())
        })
    }
}

async fn attempt(
    db: &Db,
    in_flight: &InFlight,
    handler: &Handler,
    job: &Leased,
    cancelled: CancellationToken,
    trace: &Span,
) -> Result<Done, Failure> {
    let stopped = || match in_flight.is_handed_back(job.key()) {
        true => Failure::Snooze(Duration::ZERO),
        false => Failure::Cancelled,
    };
    if cancelled.is_cancelled() {
        return Err(stopped());
    }
    let waited = (db.now() - job.run_at).to_std().unwrap_or_default();
    JOB_WAIT.record([&job.queue], waited.as_secs_f64());
    let _running = JOBS_RUNNING.hold([&job.queue]);
    let started = Instant::now();
    let timeout = ledger::policy(&job.kind).map_or(DEFAULT_TIMEOUT, |policy| policy.timeout);
    // The handler runs in a separate task. It may use another core, its panic stays in the task, and this function can
    // abort it.
    let attempt = Attempt { job: job.clone(), cancelled: cancelled.clone() };
    let handler = handler.clone();
    let work = trace.scope(async move { handler(attempt).await });
    let mut running = tokio::spawn(work.instrument(tracing::Span::current()));
    let answer = tokio::select! {
        ended = &mut running => match ended {
            Ok(answer) => answer,
            Err(error) => Err(Failure::Retry { error: panic_message(error), after: None }),
        },
        () = db.clock().sleep(timeout) => {
            running.abort();
            Err(Failure::Retry { error: format!("it took longer than its limit of {} s", timeout.as_secs()),
                after: None })
        }
        () = cancelled.cancelled() => {
            running.abort();
            Err(stopped())
        }
    };
    JOB_RUN.record([kind_label(&job.kind)], started.elapsed().as_secs_f64());
    answer
}

fn panic_message(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "it was stopped".to_owned() };
    let text =
        panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    format!("it panicked: {}", text.unwrap_or_else(|| "without a message".to_owned()))
}

fn record(job: &Leased, answer: &Result<Done, Failure>, trace: &Span) {
    let outcome = match answer {
        Ok(_) => "done",
        Err(Failure::Retry { .. }) if !job.is_last_attempt() => "retry",
        Err(Failure::Retry { .. } | Failure::Fail(_)) => "dead",
        Err(Failure::Snooze(_)) => "snooze",
        Err(Failure::Limited { .. }) => "limited",
        Err(Failure::Cancelled) => "cancelled",
    };
    trace.note("herald.job.id", job.id);
    trace.note("herald.job.attempt", job.attempt);
    trace.note("herald.job.queue", &job.queue);
    trace.note("herald.outcome", outcome);
    if matches!(outcome, "retry" | "dead") {
        trace.fail();
    }
    match answer {
        Err(Failure::Retry { error, .. } | Failure::Fail(error)) if outcome == "dead" => {
            tracing::error!(%error, "job failed for good");
        }
        Err(Failure::Retry { error, .. }) => tracing::warn!(%error, "job failed, will be tried again"),
        _ => tracing::debug!(outcome, "job ended"),
    }
}
