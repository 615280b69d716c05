//! `campaign.check`: makes the message of everybody in the audience of a campaign, before somebody approves it.
//!
//! Safe to run twice: the transaction that writes what was found in a part also moves the check's cursor.

use std::sync::Arc;

use herald_app::jobs::CampaignCheck;
use herald_messaging::{Checked, MessagingError, check_next};

use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

pub(crate) async fn run(context: Arc<Context>, task: Task<CampaignCheck>) -> Result<Done, Failure> {
    loop {
        if task.cancelled.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        match check_next(&context.db, task.workspace_id, task.args.campaign_id, &task.args.hash).await {
            Ok(Checked::More) => {}
            Ok(Checked::Over) => return Ok(Done::default()),
            Err(MessagingError::Db(error)) => return Err(error.into()),
            // Another attempt would find the same.
            Err(error) => return Err(Failure::Fail(error.to_string())),
        }
    }
}
