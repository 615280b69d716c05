//! `message.email`: sends a part of a campaign's messages by mail.
//!
//! Messages are claimed a few at a time, in the transaction that writes what became of the ones before. If the process
//! dies, those that it had claimed may have been sent or not: they are `unknown`, and are not sent again by themselves.
//! So a job that runs again sends only what still waits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, stream};
use herald_app::jobs::MessageEmail;
use herald_messaging::{
    CampaignState, Claimed, MessageOutcome, Tried, Turn, TurnOf, abandon, find_campaign, find_sender, pause_for,
    put_down, take_turn, template::Compiled,
};

use super::{
    campaign_dispatch::mail_of,
    mail::{Handed, Post},
};
use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

/// The number of messages that are claimed together. So many are unknown if the process dies.
const AT_ONCE: usize = 64;
/// A job makes room for others after this time.
const LONG: Duration = Duration::from_secs(240);
/// A wait that is not worth giving the worker away for.
const SHORT: Duration = Duration::from_secs(2);
/// How long a job waits for a mail server that is away, or wants less.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn run(context: Arc<Context>, task: Task<MessageEmail>) -> Result<Done, Failure> {
    let (db, workspace_id, args) = (&context.db, task.workspace_id, &task.args);
    let claim = task.key.id;
    let Some(campaign) = find_campaign(db, workspace_id, args.campaign_id).await? else { return Ok(Done::default()) };
    let mut tx = db.begin().await?;
    let given_up = abandon(&mut tx, workspace_id, campaign.id, claim).await?;
    tx.commit().await?;
    if given_up > 0 {
        tracing::warn!(messages = given_up, campaign = %campaign.id, "nobody knows whether these messages were sent");
    }
    if campaign.state != CampaignState::Sending || campaign.round != args.round {
        return Ok(Done::default());
    }
    let sender = match campaign.sender_id {
        Some(id) => find_sender(db, workspace_id, id).await?,
        None => None,
    };
    let Some(sender) = sender else {
        return pause(&context, &task, "its sender is not there any more: choose another in a copy of it").await;
    };
    let content = match mail_of(&campaign, &sender) {
        Ok(content) => content,
        Err(reason) => return pause(&context, &task, &reason).await,
    };
    let post = match Post::of(&context, &task, &campaign, &sender).await? {
        Ok(post) => post,
        Err(reason) => return pause(&context, &task, &reason).await,
    };
    let began = db.now();
    let turn = TurnOf {
        workspace_id,
        campaign: &campaign,
        sender: &sender,
        range: (args.from, args.to),
        claim,
        most: AT_ONCE,
    };
    let mut tried = Vec::new();
    loop {
        if task.cancelled.is_cancelled() {
            put_down(db, &turn, tried).await?;
            return Err(Failure::Cancelled);
        }
        if (db.now() - began).to_std().unwrap_or_default() > LONG {
            put_down(db, &turn, tried).await?;
            return Err(Failure::Snooze(Duration::ZERO));
        }
        match take_turn(db, &turn, std::mem::take(&mut tried)).await? {
            Turn::Over => return Ok(Done::default()),
            Turn::Wait(at) => {
                let wait = (at - db.now()).to_std().unwrap_or_default();
                if wait > SHORT {
                    return Err(Failure::Snooze(wait));
                }
                db.clock().sleep(wait).await;
            }
            Turn::Send { messages, from, apart } => {
                let all = send(&context, &post, &content, messages, |at| from + apart * at).await;
                let trouble = all.iter().find_map(|(_, trouble)| trouble.clone());
                tried = all.into_iter().map(|(tried, _)| tried).collect();
                match trouble {
                    None => {}
                    Some(Trouble::NeedsAPerson(reason)) => {
                        put_down(db, &turn, tried).await?;
                        return pause(&context, &task, &reason).await;
                    }
                    Some(Trouble::Away(wait)) => {
                        put_down(db, &turn, tried).await?;
                        return Err(Failure::Snooze(wait.unwrap_or(PATIENCE)));
                    }
                }
            }
        }
    }
}

/// What is wrong with the mail server, not with a message.
#[derive(Clone, Debug)]
enum Trouble {
    NeedsAPerson(String),
    Away(Option<Duration>),
}

/// Hands messages over, each not before its moment, and tells what became of them.
async fn send(
    context: &Context,
    post: &Post,
    content: &Compiled,
    messages: Vec<Claimed>,
    moment: impl Fn(i32) -> chrono::DateTime<chrono::Utc>,
) -> Vec<(Tried, Option<Trouble>)> {
    let numbered = messages.into_iter().zip(0_i32..);
    // What the server is to one mail, it is to all: the others wait without asking it.
    let in_trouble = &AtomicBool::new(false);
    let each = numbered.map(|(message, number)| {
        let at = moment(number);
        async move {
            context.db.clock().sleep_until(at).await;
            let (outcome, trouble) = match in_trouble.load(Ordering::Relaxed) {
                true => (MessageOutcome::NotTried, None),
                false => one(post, content, &message).await,
            };
            in_trouble.fetch_or(trouble.is_some(), Ordering::Relaxed);
            (Tried { id: message.id, address: message.address, tries: message.tries, outcome }, trouble)
        }
    });
    stream::iter(each).buffer_unordered(AT_ONCE).collect().await
}

async fn one(post: &Post, content: &Compiled, message: &Claimed) -> (MessageOutcome, Option<Trouble>) {
    match post.hand_over(content, message).await {
        Handed::Over { said } => (MessageOutcome::Sent { said, provider_id: None }, None),
        Handed::Refused { cause, reason } => (MessageOutcome::Failed { cause, reason }, None),
        Handed::PutOff { reason } => (MessageOutcome::PutOff { reason }, None),
        Handed::Unanswered { reason } => (MessageOutcome::Unknown { reason }, None),
        Handed::Away { wait } => (MessageOutcome::NotTried, Some(Trouble::Away(wait))),
        Handed::NeedsAPerson { reason } => (MessageOutcome::NotTried, Some(Trouble::NeedsAPerson(reason))),
    }
}

/// Pauses the campaign until a person has looked at it.
async fn pause(context: &Context, task: &Task<MessageEmail>, reason: &str) -> Result<Done, Failure> {
    let mut tx = context.db.begin().await?;
    pause_for(&mut tx, task.workspace_id, task.args.campaign_id, reason).await?;
    tx.commit().await?;
    Ok(Done::default())
}
