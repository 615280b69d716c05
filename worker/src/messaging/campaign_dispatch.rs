//! `campaign.dispatch`: begins a campaign at its time, and plans its messages.
//!
//! Safe to run twice: the transaction that plans a part of the recipients also moves the campaign's cursor, and a
//! recipient has one row a step. Jobs that are enqueued twice find nothing to send.

use std::sync::Arc;

use herald_app::jobs::CampaignDispatch;
use herald_messaging::{
    CHUNK, Campaign, CampaignState, MessagingError, Planned, Planning, Sender, begin_due, cut_again, end_planning,
    fail_campaign, find_campaign, find_sender, plan_next, suppress_waiting,
    template::{Compiled, MessageContent},
};
use serde_json::json;
use uuid::Uuid;

use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

pub(crate) async fn run(context: Arc<Context>, task: Task<CampaignDispatch>) -> Result<Done, Failure> {
    let (db, workspace_id, id) = (&context.db, task.workspace_id, task.args.campaign_id);
    match begin_due(db, workspace_id, id).await {
        Ok(Ok(_)) => {}
        Ok(Err(at)) => return Err(Failure::Snooze((at - db.now()).to_std().unwrap_or_default())),
        Err(MessagingError::Db(error)) => return Err(error.into()),
        // Another attempt would find the same, and a campaign that silently never begins is the worst of all.
        Err(error) => return fail(&context, &task, &format!("it could not begin: {error}")).await,
    }
    let Some(campaign) = find_campaign(db, workspace_id, id).await? else { return Ok(Done::default()) };
    match campaign.state {
        CampaignState::Cancelled => end_waiting(&context, &task, &campaign).await,
        CampaignState::Sending if is_of_round(&task, &campaign) => plan(&context, &task, &campaign).await,
        _ => Ok(Done::default()),
    }
}

/// Whether the job belongs to this start of the campaign. One that was enqueued for the campaign's time begins a round
/// itself.
fn is_of_round(task: &Task<CampaignDispatch>, campaign: &Campaign) -> bool {
    campaign.round == task.args.round || campaign.round == task.args.round + 1
}

/// Gives messages of a cancelled campaign their end.
async fn end_waiting(context: &Context, task: &Task<CampaignDispatch>, campaign: &Campaign) -> Result<Done, Failure> {
    let mut all = 0;
    loop {
        let mut tx = context.db.begin().await?;
        let ended = suppress_waiting(&mut tx, task.workspace_id, campaign).await?;
        tx.commit().await?;
        all += ended;
        if ended == 0 {
            return Ok(Done { result: Some(json!({ "suppressed": all })), ..Done::default() });
        }
    }
}

async fn plan(context: &Context, task: &Task<CampaignDispatch>, campaign: &Campaign) -> Result<Done, Failure> {
    let workspace_id = task.workspace_id;
    let content = match content_of(campaign) {
        Ok(content) => content,
        Err(reason) => return fail(context, task, &reason).await,
    };
    let chunk = chunk_of(context, workspace_id, campaign).await?;
    let mut cut = None;
    loop {
        let mut tx = context.db.begin().await?;
        cut = cut_again(&mut tx, workspace_id, campaign, (cut, chunk)).await?;
        tx.commit().await?;
        if cut.is_none() {
            break;
        }
    }
    let planning = Planning { campaign, content: &content, chunk };
    let mut from = campaign.planned_to;
    while campaign.planned_at.is_none() {
        if task.cancelled.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let mut tx = context.db.begin().await?;
        match plan_next(&mut tx, workspace_id, &planning, from).await? {
            Planned::UpTo(last) => from = Some(last),
            Planned::All => break,
            Planned::Stopped => return Ok(Done::default()),
        }
        tx.commit().await?;
    }
    let mut tx = context.db.begin().await?;
    end_planning(&mut tx, workspace_id, campaign).await?;
    tx.commit().await?;
    Ok(Done::default())
}

/// Notes that the campaign cannot be sent, and tells its people.
async fn fail(context: &Context, task: &Task<CampaignDispatch>, reason: &str) -> Result<Done, Failure> {
    let mut tx = context.db.begin().await?;
    fail_campaign(&mut tx, task.workspace_id, task.args.campaign_id, reason).await?;
    tx.commit().await?;
    Ok(Done { result: Some(json!({ "failed": reason })), ..Done::default() })
}

/// How many messages a job gets: those of about a second, so that others of the workspace come between.
async fn chunk_of(context: &Context, workspace_id: Uuid, campaign: &Campaign) -> Result<usize, Failure> {
    let Some(id) = campaign.sender_id else { return Ok(CHUNK) };
    let sender = find_sender(&context.db, workspace_id, id).await?;
    let rate = sender.and_then(|sender| sender.rate());
    // A slow sender's job would run for minutes.
    Ok(rate.map_or(CHUNK, |rate| ((rate * 10.0) as usize).clamp(20, CHUNK)))
}

/// What recipients of a campaign need values for, compiled; else why there is nothing.
fn content_of(campaign: &Campaign) -> Result<Compiled, String> {
    compiled(campaign.content_to_plan(), "")
}

/// What a campaign says to everybody, or to the rest of its audience, with the footer of its sender.
pub(super) fn mail_of(campaign: &Campaign, sender: &Sender) -> Result<Compiled, String> {
    compiled(campaign.content_of_all(), &sender.footer)
}

/// What it says with each of the subjects that are tried.
pub(super) fn mails_tried(campaign: &Campaign, sender: &Sender) -> Result<Vec<Compiled>, String> {
    campaign.contents_tried().into_iter().map(|content| compiled(Some(content), &sender.footer)).collect()
}

fn compiled(content: Option<MessageContent>, footer: &str) -> Result<Compiled, String> {
    let Some(content) = content else { return Err("it was sent without being submitted".to_owned()) };
    // It was compiled when it was submitted, perhaps by another version.
    Compiled::with_footer(&content, footer).map_err(|findings| {
        let first = findings.first().map(|one| format!(": {}", one.problem)).unwrap_or_default();
        format!("its template has a fault{first}")
    })
}
