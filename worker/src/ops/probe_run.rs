//! `probe.run`: calls the address of `probe.url`, if one is set.
//!
//! Safe to run twice: each call of a job carries the job's id as its `Idempotency-Key`, and the answer "already done"
//! counts as success.

use std::{sync::Arc, time::Duration};

use herald_app::jobs::ProbeRun;
use serde_json::json;

use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

/// How long the queue waits if the server limits the rate and does not name a time.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn run(context: Arc<Context>, task: Task<ProbeRun>) -> Result<Done, Failure> {
    let body = json!({ "probe": task.args.probe, "number": task.args.number, "attempt": task.attempt });
    match context.probe.call(task.key.id, &body).await {
        Ok(()) => Ok(Done::default()),
        Err(error) if error.asks_for_patience() => {
            Err(Failure::Limited { after: error.retry_after().unwrap_or(PATIENCE), error: error.to_string() })
        }
        Err(error) if error.is_transient() => {
            Err(Failure::Retry { error: error.to_string(), after: error.retry_after() })
        }
        Err(error) => Err(Failure::Fail(error.to_string())),
    }
}
