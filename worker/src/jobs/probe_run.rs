//! `probe.run`: calls the address of `probe.url`, if one is set.
//!
//! Safe to run twice: each call of a job carries the job's id as its `Idempotency-Key`, and "done already" is success.

use std::sync::Arc;

use herald_shared::jobs::ProbeRun;
use serde_json::json;

use super::{Context, Task};
use crate::runner::{Done, Failure};

pub(super) async fn run(context: Arc<Context>, task: Task<ProbeRun>) -> Result<Done, Failure> {
    let body =
        json!({ "job": task.key.id, "probe": task.args.probe, "number": task.args.number, "attempt": task.attempt });
    match context.probe.call(task.key.id, &body).await {
        Ok(()) => Ok(Done::default()),
        Err(error) if error.is_transient() => {
            Err(Failure::Retry { error: error.to_string(), after: error.retry_after() })
        }
        Err(error) => Err(Failure::Fail(error.to_string())),
    }
}
