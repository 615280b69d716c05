//! `campaign.winner`: chooses the subject that goes to the rest of a campaign's audience.
//!
//! Safe to run twice: the winner is written once.

use std::sync::Arc;

use herald_app::jobs::CampaignWinner;
use herald_messaging::choose_winner;

use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

pub(crate) async fn run(context: Arc<Context>, task: Task<CampaignWinner>) -> Result<Done, Failure> {
    let db = &context.db;
    match choose_winner(db, task.workspace_id, task.args.campaign_id).await? {
        None => Ok(Done::default()),
        Some(at) => Err(Failure::Snooze((at - db.now()).to_std().unwrap_or_default())),
    }
}
