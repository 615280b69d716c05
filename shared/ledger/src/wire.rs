//! The wire carries leased jobs from the dispatcher to the workers. It is a seam and nothing more: what it loses, the
//! ledger still has. This is the wire within one process; [`crate::redis_wire`] goes between processes and ends in one
//! of these.
//!
//! Within one process it is a queue in memory. Its promises, which every kind of wire keeps:
//! - it never holds more of a queue than the consumers' capacity ([`Wire::demand`] tells what is free);
//! - a job is given to one consumer;
//! - [`Wire::cancel`] reaches every worker.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use tokio::sync::{Notify, broadcast, watch};
use uuid::Uuid;

use crate::{Demand, JobKey, Leased};

/// The wire. Clones are the same wire.
#[derive(Clone)]
pub struct Wire(Arc<InProcess>);

struct InProcess {
    queues: Mutex<BTreeMap<String, Queue>>,
    demand: Notify,
    /// Counted up with every change of a queue's room.
    room: watch::Sender<u64>,
    cancels: broadcast::Sender<Uuid>,
}

#[derive(Default)]
struct Queue {
    capacity: usize,
    waiting: VecDeque<Leased>,
    waker: Option<Waker>,
    closed: bool,
}

/// How many more jobs to bring where `waiting` wait and `capacity` may: none until half of them are gone. Nobody there
/// is idle yet, and a handful costs as many round trips as a hundred.
pub fn room_for(capacity: usize, waiting: usize) -> usize {
    if waiting <= capacity / 2 { capacity - waiting } else { 0 }
}

impl Queue {
    fn room(&self) -> usize {
        if self.closed { 0 } else { room_for(self.capacity, self.waiting.len()) }
    }
}

impl Wire {
    /// A wire within this process.
    pub fn in_process() -> Self {
        let (cancels, _) = broadcast::channel(1_024);
        Self(Arc::new(InProcess {
            queues: Mutex::default(),
            demand: Notify::new(),
            room: watch::Sender::default(),
            cancels,
        }))
    }

    /// Takes part in a queue's work. `capacity` is how many jobs may wait on the wire for it.
    pub fn consumer(&self, queue: &str, capacity: usize) -> Consumer {
        let mut queues = self.queues();
        let entry = queues.entry(queue.to_owned()).or_default();
        entry.capacity = capacity;
        entry.closed = false;
        drop(queues);
        self.0.more_room();
        Consumer { wire: self.clone(), queue: queue.to_owned() }
    }

    /// How many more jobs of each queue the wire should be given; see [`room_for`].
    pub fn demand(&self) -> Vec<Demand> {
        self.queues()
            .iter()
            .map(|(name, queue)| Demand { queue: name.clone(), limit: queue.room(), waiting: queue.waiting.len() })
            .filter(|demand| demand.limit > 0)
            .collect()
    }

    /// How many more jobs of a queue the wire should be given; see [`room_for`].
    pub fn room(&self, queue: &str) -> usize {
        self.queues().get(queue).map_or(0, Queue::room)
    }

    /// Changes whenever a consumer has come or has emptied half of its queue, for any number of watchers.
    pub fn room_changes(&self) -> watch::Receiver<u64> {
        self.0.room.subscribe()
    }

    /// Returns when a consumer has come or has emptied half of its queue.
    #[boxed]
    pub async fn demand_rose(&self) {
        self.0.demand.notified().await;
    }

    /// Puts leased jobs on the wire. Returns those of queues without a consumer, to be handed back.
    pub fn push(&self, jobs: Vec<Leased>) -> Vec<Leased> {
        let mut refused = Vec::new();
        let mut queues = self.queues();
        for job in jobs {
            match queues.get_mut(&job.queue).filter(|queue| !queue.closed) {
                Some(queue) => queue.waiting.push_back(job),
                None => refused.push(job),
            }
        }
        for queue in queues.values_mut().filter(|queue| !queue.waiting.is_empty()) {
            if let Some(waker) = queue.waker.take() {
                waker.wake();
            }
        }
        refused
    }

    /// The jobs on the wire: their leases must be renewed too.
    pub fn waiting(&self) -> Vec<JobKey> {
        self.queues().values().flat_map(|queue| queue.waiting.iter().map(Leased::key)).collect()
    }

    /// Notes that the leases of these waiting jobs last until then.
    pub fn renewed(&self, jobs: &HashSet<Uuid>, until: DateTime<Utc>) {
        self.queues()
            .values_mut()
            .flat_map(|queue| &mut queue.waiting)
            .filter(|job| jobs.contains(&job.id))
            .for_each(|job| job.lease_until = until);
    }

    /// Tells every worker to stop this job.
    pub fn cancel(&self, job: Uuid) {
        // Nobody listening means nobody runs it.
        let _ = self.0.cancels.send(job);
    }

    /// The jobs that are to be stopped, from now on.
    pub fn cancels(&self) -> broadcast::Receiver<Uuid> {
        self.0.cancels.subscribe()
    }

    /// Ends a queue's consumer and returns what still waited for it, to be handed back.
    pub fn close(&self, queue: &str) -> Vec<Leased> {
        let mut queues = self.queues();
        let Some(queue) = queues.get_mut(queue) else { return Vec::new() };
        queue.closed = true;
        if let Some(waker) = queue.waker.take() {
            waker.wake();
        }
        queue.waiting.drain(..).collect()
    }

    fn queues(&self) -> MutexGuard<'_, BTreeMap<String, Queue>> {
        self.0.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InProcess {
    fn more_room(&self) {
        self.demand.notify_one();
        self.room.send_modify(|changes| *changes += 1);
    }
}

/// One worker's end of a queue.
pub struct Consumer {
    wire: Wire,
    queue: String,
}

impl Consumer {
    /// The next job; pending while there is none, `None` once [`Wire::close`] was called. `taken` sees the job before
    /// it leaves the wire, so that a caller who looks at the wire first, and then at the taken jobs, finds it.
    pub fn poll_next(&mut self, cx: &mut Context<'_>, taken: impl FnOnce(&Leased)) -> Poll<Option<Leased>> {
        let mut queues = self.wire.queues();
        let Some(queue) = queues.get_mut(&self.queue) else { return Poll::Ready(None) };
        if queue.closed {
            return Poll::Ready(None);
        }
        let Some(job) = queue.waiting.pop_front() else {
            queue.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        taken(&job);
        if queue.room() > 0 {
            self.wire.0.more_room();
        }
        Poll::Ready(Some(job))
    }
}

#[cfg(test)]
mod tests {
    use super::room_for;

    #[test]
    fn more_is_brought_once_half_is_gone_and_one_place_is_enough() {
        assert_eq!([8, 5, 4, 0].map(|waiting| room_for(8, waiting)), [0, 0, 4, 8]);
        assert_eq!([1, 0].map(|waiting| room_for(1, waiting)), [0, 1]);
        assert_eq!([3, 0].map(|waiting| room_for(0, waiting)), [0, 0], "nobody is there");
    }
}
