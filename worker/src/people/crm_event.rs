//! `crm.event`: processes a webhook of the agency's CRM.
//!
//! Safe to run twice: the changes and the record of the processing are one transaction.

use std::sync::Arc;

use herald_app::jobs::CrmEvent;
use herald_people::PeopleError;

use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

pub(crate) async fn run(context: Arc<Context>, task: Task<CrmEvent>) -> Result<Done, Failure> {
    let outcome = match context.people.do_crm_event(&task.args.event_id).await {
        Ok(outcome) => outcome,
        // Another attempt would find the same error. The body stays stored for a person who investigates.
        Err(error @ (PeopleError::CrmEvent(_) | PeopleError::NoCrm)) => return Err(Failure::Fail(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    Ok(Done { result: Some(serde_json::json!({ "outcome": outcome })), ..Done::default() })
}
