//! The ledger: every job is a row, and the row is the truth.
//!
//! ```text
//!            enqueue                     dispatch (lease, attempt + 1)
//!   ────────────────────▶ ready ─────────────────────────────────────▶ running
//!                          ▲  │                                         │ │ │ │
//!                          │  │ cancel      retry · snooze · lease lost │ │ │ │ done
//!                          │  │          ◀──────────────────────────────┘ │ │ └─────▶ succeeded
//!                          │  └────────────▶ cancelled ◀── cancel ────────┘ │
//!                          │                    │                           │ failed for good, or out of tries
//!                          └────────────────────┴──────────── dead ◀────────┘
//!                                 retried by a person
//! ```
//!
//! A job is put in the ledger by the transaction that makes it necessary ([`enqueue()`]), leased by a dispatcher
//! ([`dispatch()`]), run by a worker, and finished together with the changes and follow-up jobs it caused
//! ([`commit()`]). An outcome carries the attempt it belongs to: one that comes too late, from a worker that lost its
//! lease, changes nothing.

mod args;
pub mod audit;
mod audit_seal;
mod audit_verify;
mod batch;
mod block;
mod bulk;
mod cancel;
mod chosen_jobs;
mod claim;
mod commit;
mod dispatch;
mod effect;
mod enqueue;
mod error;
mod failures;
mod fingerprint;
mod gate;
pub mod idempotency;
mod inspect;
mod job;
mod jobs_act;
mod kind;
mod lanes;
mod lease;
mod load;
mod named;
mod open_hours;
pub mod orders;
mod pace;
mod progress;
mod queue;
mod queue_counts;
mod queue_status;
pub mod quotas;
pub mod rate_limits;
pub mod redis_wire;
mod retention;
mod retry;
pub mod rows;
pub mod schedules;
mod search;
mod share;
mod standing;
mod start;
mod thing;
mod throughput;
mod unique;
pub mod wire;
mod worker;

pub use args::ArgsError;
pub use batch::{Batch, BatchState, Callbacks, NewBatch, create_batch, find_batch};
pub use block::{unblock, unblock_key};
pub use bulk::{ACTS, Act, Acted, Acting, CHUNK, Match, act_on_next, delete_job_in, matching};
pub use cancel::{Cancelled, cancel_batch, cancel_job, cancel_job_in, drop_expired, sweep_cancelled};
pub use chosen_jobs::ChosenJobs;
pub use claim::{ON_THE_WIRE, claim, forget_claims, holders};
pub use commit::{Committed, commit, count_from_zero, kind_label};
pub use dispatch::{Demand, Dispatched, dispatch};
pub use effect::{Change, Effect};
pub use enqueue::{Entered, MAX_ARGS_BYTES, enqueue, enqueue_alone, enqueued_at, enter};
pub use error::LedgerError;
pub use failures::{FailureGroup, list_failure_groups};
pub use fingerprint::{Cause, cause};
pub use gate::charge;
pub use inspect::{JobError, JobRow, find_job, list_job_errors};
pub use job::{Finished, JobKey, JobState, Leased, NewJob, Outcome, Timely, Unique};
pub use jobs_act::JobsAct;
pub use kind::{Described, End, Kind, Payload, Policy, StandingOf, changes_on, install, kind, kinds, policy};
pub use lease::{LostJob, Renewal, lost_jobs, renew, renew_as};
pub use load::{COUNTED, Load, load, running_batches};
pub use named::{FoundSchedule, search_queues, search_schedules};
pub use open_hours::{OpenHours, OpenHoursError};
pub use pace::Rate;
pub use progress::{keep_progress, kept_progress};
pub use queue::{
    BadLimit, KeyRow, QueueLimits, find_limits, lock_limits, queue_keys, set_key_concurrency, set_limits, set_paused,
    set_up_outside,
};
pub use queue_counts::QueueCounts;
pub use queue_status::{QueueStatus, find_queue, list_queues, list_queues_with, oldest_due};
pub use retention::{Pruned, prune};
pub use retry::{Backoff, retry_batch, retry_job, retry_job_in, tries_of};
pub use search::{ArgFilter, JobFilter, list_jobs, list_jobs_within};
pub use standing::Standing;
pub use start::{Draft, STEP, StartError, Starter, Starts, Way, admit, admit_all, installation, may_start, staff};
pub use thing::{BATCH, Thing};
pub use unique::{forget_throttles, job_with_key};
pub use worker::{
    Capacity, WORKER_BELIEVED, WorkerRow, WorkerState, ask_quiet, ask_quiet_in, capacity, forget_workers, list_workers,
    worker_left, worker_seen,
};
