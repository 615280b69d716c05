//! The pool of children. They start when they are first needed, up to the number that may work at once, and stay for
//! further requests.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use herald_base::telemetry::catalog::STUDIO_ENDED;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    desk::Reply,
    process::{Ending, Process},
    request::{Ask, SetUp},
};

/// The children of a studio. They end when the pool is dropped.
pub(super) struct Pool {
    program: PathBuf,
    set_up: SetUp,
    at_once: usize,
    slots: Arc<Semaphore>,
    idle: Mutex<Vec<Process>>,
}

impl Pool {
    pub(super) fn new(program: PathBuf, set_up: SetUp, at_once: usize) -> Arc<Self> {
        let slots = Arc::new(Semaphore::new(at_once));
        Arc::new(Self { program, set_up, at_once, slots, idle: Mutex::default() })
    }

    /// Starts the children, so that the first requests find them ready.
    pub(super) fn warm_up(self: &Arc<Self>) {
        for _ in 0..self.at_once {
            let pool = self.clone();
            tokio::spawn(async move {
                match pool.take(false).await {
                    Ok(child) => child.give_back(),
                    // The first request reports the same error to its caller.
                    Err(error) => tracing::warn!(%error, "a drawing process does not start"),
                }
            });
        }
    }

    /// Takes a child for one request; a new one if `fresh`. Waits while all children are busy.
    pub(super) async fn take(self: &Arc<Self>, fresh: bool) -> std::io::Result<Lent> {
        let slot = self.slots.clone().acquire_owned().await.expect("the slots are never closed");
        let kept = self.kept();
        let process = match kept.filter(|_| !fresh) {
            Some(process) => process,
            None => Process::start(&self.program, &self.set_up).await?,
        };
        Ok(Lent { pool: self.clone(), process: Some(process), busy: false, _slot: slot })
    }

    /// Returns a living child that is idle.
    fn kept(&self) -> Option<Process> {
        let mut idle = self.idle();
        while let Some(mut process) = idle.pop() {
            if !process.has_ended() {
                return Some(process);
            }
            STUDIO_ENDED.add(["died"], 1);
            tracing::warn!("a drawing process ended while it had nothing to do");
        }
        None
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Process>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A child with the right to work. If this value is dropped during a request, the child is killed and its slot becomes
/// free.
pub(super) struct Lent {
    pool: Arc<Pool>,
    process: Option<Process>,
    busy: bool,
    _slot: OwnedSemaphorePermit,
}

impl Lent {
    /// Sends a request and waits for the answer. After an [`Ending`], the child answers no more requests.
    pub(super) async fn ask(&mut self, ask: &Ask, pieces: &[Bytes]) -> Result<Reply, Ending> {
        let limits = self.pool.set_up.limits;
        let process = self.process.as_mut().expect("a child whose end was told is asked nothing");
        self.busy = true;
        let answer = tokio::time::timeout(limits.answer_within(), process.ask(ask, pieces)).await;
        self.busy = false;
        let ending = match (answer, self.process.take()) {
            (Ok(Ok(reply)), process) => {
                self.process = process;
                return Ok(reply);
            }
            (Ok(Err(_)), Some(process)) => process.end(&limits).await,
            _ => Ending::Silent { seconds: limits.answer_seconds },
        };
        STUDIO_ENDED.add([ending.reason()], 1);
        tracing::warn!(%ending, "a drawing process ended in the middle of its work");
        Err(ending)
    }

    /// Keeps the child for the next request.
    pub(super) fn give_back(mut self) {
        self.pool.idle().extend(self.process.take());
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.busy {
            STUDIO_ENDED.add(["cancelled"], 1);
        }
    }
}
