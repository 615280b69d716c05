//! The wire as an apalis backend.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    task::{Task, task_id::RandomId},
    worker::context::WorkerContext,
};
use herald_shared::{
    ledger::{Finished, Leased, Outcome},
    wire::Consumer,
};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tower::layer::util::Identity;

/// Yields leased jobs until told to stop; then it is exhausted, and what still waited for it is handed back.
pub(super) struct WireBackend {
    consumer: Consumer,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    stopped: bool,
    outcomes: mpsc::Sender<Finished>,
    handing_back: Option<tokio::task::JoinHandle<()>>,
}

impl WireBackend {
    pub(super) fn new(consumer: Consumer, stop: CancellationToken, outcomes: mpsc::Sender<Finished>) -> Self {
        Self { consumer, stop: Box::pin(stop.cancelled_owned()), stopped: false, outcomes, handing_back: None }
    }
}

impl Backend for WireBackend {
    type Task = Task<Leased>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Self::Task, Infallible>>> {
        if !self.stopped && self.stop.as_mut().poll(cx).is_ready() {
            self.stopped = true;
            let outcomes = self.outcomes.clone();
            let waiting = self.consumer.close();
            self.handing_back = Some(tokio::spawn(async move {
                for job in waiting {
                    let outcome = Outcome::Snooze { run_at: job.run_at };
                    // The committer outlives the backends.
                    let _ = outcomes.send(Finished { job, outcome }).await;
                }
            }));
        }
        self.consumer.poll_next(cx).map(|job| job.map(|job| Ok(Task::new(job))))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        match &mut self.handing_back {
            Some(handing_back) => Pin::new(handing_back).poll(cx).map(|_| Ok(())),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl BackendConfig for WireBackend {
    type Args = Leased;
    type Id = RandomId;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
