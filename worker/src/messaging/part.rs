//! A part of a campaign's messages, on whatever channel they go.
//!
//! Messages are claimed a few at a time, in the transaction that writes what became of the ones before. If the process
//! dies, those that it had claimed may have been sent or not: they are `unknown`, and are not sent again by themselves.
//! So a job that runs again sends only what still waits.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use chrono::TimeDelta;
use futures::{StreamExt, stream};
use herald_messaging::{
    Campaign, CampaignState, Claimed, MessageOutcome, Sender, Tried, Turn, TurnOf, abandon, find_campaign, find_sender,
    pause_for, put_down, take_turn,
};
use uuid::Uuid;

use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

/// The number of messages that are claimed together. So many are unknown if the process dies.
const AT_ONCE: usize = 64;
/// A job makes room for others after this time.
const LONG: Duration = Duration::from_secs(240);
/// A wait that is not worth giving the worker away for.
const SHORT: Duration = Duration::from_secs(2);
/// How long a job waits for an account that is away, or wants less.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which messages a job sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) campaign_id: Uuid,
    /// The number of the campaign's start or resumption.
    pub(super) round: i64,
    /// The first and the last message.
    pub(super) range: (Uuid, Uuid),
}

/// What hands the messages of a campaign over.
pub(super) trait HandOver: Sized + Send + Sync {
    /// Whether those that wait are better not tried for a while after the end of one was not heard: an account that
    /// takes messages without answering would make all of them unknown.
    const WAITS_AFTER_SILENCE: bool;

    /// Finds the account of a sender, and makes what all messages have in common. The inner error is what a person has
    /// to correct.
    ///
    /// # Errors
    /// When the account cannot be used now.
    fn open<P: Send + Sync>(
        context: &Context,
        task: &Task<P>,
        campaign: &Campaign,
        sender: &Sender,
    ) -> impl Future<Output = Result<Result<Self, String>, Failure>> + Send;

    /// Hands one message over.
    fn hand_over(&self, claimed: &Claimed) -> impl Future<Output = Handed> + Send;

    /// Notes what was seen of the accounts, when the part has ended, whatever its end.
    ///
    /// # Errors
    /// When the database refuses.
    fn ended(&self, _context: &Context) -> impl Future<Output = Result<(), Failure>> + Send {
        std::future::ready(Ok(()))
    }
}

/// What became of a message.
pub(super) enum Handed {
    /// The other side has it, and said this.
    Over { said: String, provider_id: Option<String> },
    /// It was refused for good.
    Refused { cause: &'static str, reason: String },
    /// The other side wants it later.
    PutOff { reason: String },
    /// The other side wants it not before this time has passed.
    PutOffFor { reason: String, wait: TimeDelta },
    /// The other side had it, and did not answer.
    Unanswered { reason: String },
    /// It was not handed over: the other side is away, or wants less.
    Away { wait: Option<Duration> },
    /// It was not handed over: somebody has to correct something first.
    NeedsAPerson { reason: String },
}

/// Sends what waits of a part.
pub(super) async fn send_part<H: HandOver, P: Send + Sync>(
    context: &Context,
    task: &Task<P>,
    part: Part,
) -> Result<Done, Failure> {
    let (db, workspace_id) = (&context.db, task.workspace_id);
    let claim = task.key.id;
    let Some(campaign) = find_campaign(db, workspace_id, part.campaign_id).await? else { return Ok(Done::default()) };
    let mut tx = db.begin().await?;
    let given_up = abandon(&mut tx, workspace_id, campaign.id, claim).await?;
    tx.commit().await?;
    if given_up > 0 {
        tracing::warn!(messages = given_up, campaign = %campaign.id, "nobody knows whether these messages were sent");
    }
    if campaign.state != CampaignState::Sending || campaign.round != part.round {
        return Ok(Done::default());
    }
    let sender = match campaign.sender_id {
        Some(id) => find_sender(db, workspace_id, id).await?,
        None => None,
    };
    let Some(sender) = sender else {
        return pause(
            context,
            workspace_id,
            part.campaign_id,
            "its sender is not there any more: choose another in a copy of it",
        )
        .await;
    };
    let hand = match H::open(context, task, &campaign, &sender).await? {
        Ok(hand) => hand,
        Err(reason) => return pause(context, workspace_id, campaign.id, &reason).await,
    };
    let turn = TurnOf { workspace_id, campaign: &campaign, sender: &sender, range: part.range, claim, most: AT_ONCE };
    let done = send_all(context, task, &hand, turn).await;
    let noted = hand.ended(context).await;
    done.and_then(|done| noted.map(|()| done))
}

/// Sends what waits, turn by turn.
async fn send_all<H: HandOver, P: Send + Sync>(
    context: &Context,
    task: &Task<P>,
    hand: &H,
    turn: TurnOf<'_>,
) -> Result<Done, Failure> {
    let (db, workspace_id, campaign) = (&context.db, turn.workspace_id, turn.campaign);
    let began = db.now();
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
                let all = send(context, hand, messages, |at| from + apart * at).await;
                let trouble = all.iter().find_map(|(_, trouble)| trouble.clone());
                tried = all.into_iter().map(|(tried, _)| tried).collect();
                match trouble {
                    None => {}
                    Some(Trouble::NeedsAPerson(reason)) => {
                        put_down(db, &turn, tried).await?;
                        return pause(context, workspace_id, campaign.id, &reason).await;
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

/// What is wrong with the other side, not with a message.
#[derive(Clone, Debug)]
enum Trouble {
    NeedsAPerson(String),
    Away(Option<Duration>),
}

/// Hands messages over, each not before its moment, and tells what became of them.
async fn send<H: HandOver>(
    context: &Context,
    hand: &H,
    messages: Vec<Claimed>,
    moment: impl Fn(i32) -> chrono::DateTime<chrono::Utc>,
) -> Vec<(Tried, Option<Trouble>)> {
    let numbered = messages.into_iter().zip(0_i32..);
    // What the other side is to one message, it is to all: the others wait without asking it.
    let in_trouble = &AtomicBool::new(false);
    let each = numbered.map(|(message, number)| {
        let at = moment(number);
        async move {
            context.db.clock().sleep_until(at).await;
            let (outcome, trouble) = match in_trouble.load(Ordering::Relaxed) {
                true => (MessageOutcome::NotTried, None),
                false => one(hand, &message).await,
            };
            in_trouble.fetch_or(trouble.is_some(), Ordering::Relaxed);
            (Tried { id: message.id, address: message.address, tries: message.tries, outcome }, trouble)
        }
    });
    stream::iter(each).buffer_unordered(AT_ONCE).collect().await
}

async fn one<H: HandOver>(hand: &H, message: &Claimed) -> (MessageOutcome, Option<Trouble>) {
    match hand.hand_over(message).await {
        Handed::Over { said, provider_id } => (MessageOutcome::Sent { said, provider_id }, None),
        Handed::Refused { cause, reason } => (MessageOutcome::Failed { cause, reason }, None),
        Handed::PutOff { reason } => (MessageOutcome::PutOff { reason }, None),
        Handed::PutOffFor { reason, wait } => (MessageOutcome::PutOffFor { reason, wait }, None),
        Handed::Unanswered { reason } => {
            let trouble = H::WAITS_AFTER_SILENCE.then_some(Trouble::Away(None));
            (MessageOutcome::Unknown { reason }, trouble)
        }
        Handed::Away { wait } => (MessageOutcome::NotTried, Some(Trouble::Away(wait))),
        Handed::NeedsAPerson { reason } => (MessageOutcome::NotTried, Some(Trouble::NeedsAPerson(reason))),
    }
}

/// Pauses the campaign until a person has looked at it.
async fn pause(context: &Context, workspace_id: Uuid, campaign_id: Uuid, reason: &str) -> Result<Done, Failure> {
    let mut tx = context.db.begin().await?;
    pause_for(&mut tx, workspace_id, campaign_id, reason).await?;
    tx.commit().await?;
    Ok(Done::default())
}
