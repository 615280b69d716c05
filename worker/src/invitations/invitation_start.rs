//! `invitation.start`: starts a planned run.
//!
//! Safe to run twice: a source is read from the place where the last run stopped, and each guest is invited once. While
//! a run of the same plan is still reading, the job waits. Otherwise guests who came after that run's last page would
//! be missed.

use std::{sync::Arc, time::Duration};

use herald_app::jobs::InvitationStart;
use herald_base::telemetry;
use herald_invitations::{PlanError, TakeUp, start_planned};
use serde_json::json;

use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

/// How long the job waits for a run that is still reading.
const STILL_READING: Duration = Duration::from_secs(30);

pub(crate) async fn run(context: Arc<Context>, task: Task<InvitationStart>) -> Result<Done, Failure> {
    let plan = &task.args.run;
    let traceparent = telemetry::traceparent();
    match start_planned(&context.db, task.workspace_id, plan, TakeUp::Unread, context.format, traceparent).await {
        Ok(started) if started.resumed => Err(Failure::Snooze(STILL_READING)),
        Ok(started) => {
            let result = json!({ "run_id": started.id });
            Ok(Done { result: Some(result), ..Done::default() })
        }
        Err(error @ PlanError::Field { .. }) => Err(Failure::Fail(error.to_string())),
        Err(error) => Err(error.into()),
    }
}
