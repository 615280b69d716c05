//! The wire as an apalis backend.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    task::{Task, task_id::RandomId},
    worker::context::WorkerContext,
};
use herald_ledger::{Leased, wire::Consumer};
use tower::layer::util::Identity;

use super::in_flight::InFlight;

/// Yields leased jobs until its queue on the wire is closed. It records each job as held before the job leaves the
/// wire.
pub(super) struct WireBackend {
    pub(super) consumer: Consumer,
    pub(super) in_flight: InFlight,
}

impl Backend for WireBackend {
    type Task = Task<Leased>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        let next = self.consumer.poll_next(cx, |job| self.in_flight.add(job.key(), job.lease_until));
        if matches!(next, Poll::Ready(None)) {
            // The end of the backend alone does not end an apalis worker. The worker is running, so it can be stopped.
            let _ = worker.stop();
        }
        next.map(|job| job.map(|job| Ok(Task::new(job))))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
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
