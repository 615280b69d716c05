//! `invitation.start`: starts a run as planned.
//!
//! Safe to run twice: a run of the same plan that has not ended is taken up, and a source is read on from where it was read to.

use std::sync::Arc;

use herald_shared::{
    domain::{PlanError, start_planned},
    jobs::InvitationStart,
    telemetry,
};
use serde_json::json;

use super::{Context, Task};
use crate::runner::{Done, Failure};

pub(super) async fn run(context: Arc<Context>, task: Task<InvitationStart>) -> Result<Done, Failure> {
    let plan = &task.args.run;
    match start_planned(&context.db, task.workspace_id, plan, &context.format, telemetry::traceparent()).await {
        Ok(started) => {
            let result = json!({ "run_id": started.id, "resumed": started.resumed });
            Ok(Done { result: Some(result), ..Done::default() })
        }
        Err(error @ PlanError::Field { .. }) => Err(Failure::Fail(error.to_string())),
        Err(error) => Err(error.into()),
    }
}
