//! What became of messages that were claimed.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use uuid::Uuid;

use super::{MessageState, tally::count_outcome};
use crate::{
    Campaign, NewSuppression, SuppressionReason, add_suppressions,
    campaign::{count, count_minute},
};
use herald_db::{Bulk, EngineKind, Result, Tx, query};

/// A message that is put off this often has failed.
const MOST_TRIES: i64 = 12;
/// How long a message waits after it was put off the first time, and at most.
const WAIT: TimeDelta = TimeDelta::minutes(2);
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(4);
/// The longest answer that is kept, in characters.
const LONGEST: usize = 500;

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageOutcome {
    /// The other side has it.
    Sent {
        /// Its answer.
        said: String,
        /// Its id for the message.
        provider_id: Option<String>,
    },
    /// The other side refused it for good, for this recipient.
    Failed {
        /// Why, in a word.
        cause: &'static str,
        /// Why, in a sentence.
        reason: String,
    },
    /// The other side wants it later.
    PutOff {
        /// Why, in a sentence.
        reason: String,
    },
    /// The other side wants it later, and not before this time has passed.
    PutOffFor {
        /// Why, in a sentence.
        reason: String,
        /// How long it waits.
        wait: TimeDelta,
    },
    /// It was not handed over, and waits again as if nothing had been.
    NotTried,
    /// It was handed over, and nobody heard the end.
    Unknown {
        /// Why, in a sentence.
        reason: String,
    },
}

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The message.
    pub id: Uuid,
    /// Its address.
    pub address: String,
    /// How often it was put off before.
    pub tries: i64,
    /// What became of it.
    pub outcome: MessageOutcome,
}

/// A row to write.
struct Row {
    id: Uuid,
    state: MessageState,
    cause: Option<&'static str>,
    reason: Option<String>,
    said: Option<String>,
    provider_id: Option<String>,
    tries: i64,
    due_at: Option<DateTime<Utc>>,
    sent_at: Option<DateTime<Utc>>,
}

impl Tried {
    /// Why nobody writes to its address any more, if that is so.
    fn closes(&self) -> Option<SuppressionReason> {
        let MessageOutcome::Failed { cause, .. } = &self.outcome else { return None };
        suppression_for(cause)
    }

    fn row(self, now: DateTime<Utc>) -> Row {
        let Self { id, tries, outcome, .. } = self;
        let row = |state| Row {
            id,
            state,
            cause: None,
            reason: None,
            said: None,
            provider_id: None,
            tries,
            due_at: None,
            sent_at: None,
        };
        match outcome {
            MessageOutcome::Sent { said, provider_id } => {
                Row { said: Some(cut(&said)), provider_id, sent_at: Some(now), ..row(MessageState::Sent) }
            }
            MessageOutcome::Failed { cause, reason } => {
                Row { cause: Some(cause), reason: Some(cut(&reason)), ..row(MessageState::Failed) }
            }
            MessageOutcome::PutOff { reason } | MessageOutcome::PutOffFor { reason, .. } if tries + 1 >= MOST_TRIES => {
                Row {
                    cause: Some("put_off"),
                    reason: Some(cut(&format!("put off {MOST_TRIES} times; the last time: {reason}"))),
                    tries: tries + 1,
                    ..row(MessageState::Failed)
                }
            }
            MessageOutcome::PutOff { reason } => {
                let doublings = u32::try_from(tries).unwrap_or(u32::MAX).min(16);
                let wait = WAIT.checked_mul(1 << doublings).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
                Row {
                    cause: Some("put_off"),
                    reason: Some(cut(&reason)),
                    tries: tries + 1,
                    due_at: Some(now + wait),
                    ..row(MessageState::Pending)
                }
            }
            MessageOutcome::PutOffFor { reason, wait } => Row {
                cause: Some("put_off"),
                reason: Some(cut(&reason)),
                tries: tries + 1,
                due_at: Some(now + wait),
                ..row(MessageState::Pending)
            },
            MessageOutcome::NotTried => row(MessageState::Pending),
            MessageOutcome::Unknown { reason } => Row {
                cause: Some("unanswered"),
                reason: Some(cut(&reason)),
                sent_at: Some(now),
                ..row(MessageState::Unknown)
            },
        }
    }
}

/// Why an address is not written to any more after a message failed for this cause, if that is so.
pub(crate) fn suppression_for(cause: &str) -> Option<SuppressionReason> {
    match cause {
        "no_such_address" => Some(SuppressionReason::HardBounce),
        "opted_out" => Some(SuppressionReason::Stop),
        "no_advertising" => Some(SuppressionReason::Unsubscribed),
        _ => None,
    }
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(LONGEST).collect()
}

/// Writes what became of messages that a job has claimed. One that another job has by now stays as it is; one that was
/// given up as unknown meanwhile gets its real end.
pub(super) async fn write(
    tx: &mut Tx,
    workspace_id: Uuid,
    campaign: &Campaign,
    claim: Uuid,
    tried: Vec<Tried>,
) -> crate::Result<()> {
    if tried.is_empty() {
        return Ok(());
    }
    let now = tx.db().now();
    let gone: Vec<(Uuid, String, SuppressionReason)> =
        tried.iter().filter_map(|one| Some((one.id, one.address.clone(), one.closes()?))).collect();
    let mut rows: Vec<Row> = tried.into_iter().map(|one| one.row(now)).collect();
    rows.sort_by_key(|row| row.id);
    let lock = if tx.engine() == EngineKind::Postgres { " order by m.id for update of m" } else { "" };
    let held: Vec<(Uuid, String)> = Bulk::new(format!(
        "select m.id, m.state from messages as m join {{rows}} on m.id = rows.id
         where m.workspace_id = rows.workspace_id and m.claim = rows.claim and m.state in ('claimed', 'unknown'){lock}"
    ))
    .kept()
    .column("id", rows.iter().map(|row| row.id).collect())
    .column("workspace_id", rows.iter().map(|_| workspace_id).collect())
    .column("claim", rows.iter().map(|_| claim).collect())
    .all(&mut *tx)
    .await?;
    let held: HashMap<Uuid, MessageState> =
        held.into_iter().filter_map(|(id, state)| Some((id, state.parse().ok()?))).collect();
    let mut changes: BTreeMap<MessageState, i64> = BTreeMap::new();
    rows.retain(|row| {
        let Some(before) = held.get(&row.id) else { return false };
        // One that was given up waits for a person: an attempt that was late does not have it wait for a job again,
        // which may be over.
        if (*before, row.state) == (MessageState::Unknown, MessageState::Pending) {
            return false;
        }
        *changes.entry(*before).or_default() -= 1;
        *changes.entry(row.state).or_default() += 1;
        true
    });
    Bulk::new(
        "update messages set state = rows.state, cause = rows.cause, reason = rows.reason, said = rows.said,
           provider_id = rows.provider_id, tries = rows.tries, due_at = rows.due_at, sent_at = rows.sent_at,
           updated_at = rows.at
         from {rows} where messages.workspace_id = rows.workspace_id and messages.id = rows.id",
    )
    .kept()
    .column("id", rows.iter().map(|row| row.id).collect())
    .column("workspace_id", rows.iter().map(|_| workspace_id).collect())
    .column("state", rows.iter().map(|row| row.state.as_str().to_owned()).collect())
    .column("cause", rows.iter().map(|row| row.cause.map(str::to_owned)).collect())
    .column("reason", rows.iter().map(|row| row.reason.clone()).collect())
    .column("said", rows.iter().map(|row| row.said.clone()).collect())
    .column("provider_id", rows.iter().map(|row| row.provider_id.clone()).collect())
    .column("tries", rows.iter().map(|row| row.tries).collect())
    .column("due_at", rows.iter().map(|row| row.due_at).collect())
    .column("sent_at", rows.iter().map(|row| row.sent_at).collect())
    .column("at", rows.iter().map(|_| now).collect())
    .execute(&mut *tx)
    .await?;
    count(&mut *tx, workspace_id, campaign.id, &changes).await?;
    for row in &rows {
        count_outcome(campaign.channel, row.state, row.cause);
    }
    let ended = rows.iter().filter(|row| row.state != MessageState::Pending).count();
    count_minute(&mut *tx, workspace_id, campaign.id, ended).await?;
    let gone = gone.into_iter().filter(|(id, ..)| held.contains_key(id)).map(|(id, address, reason)| NewSuppression {
        channel: campaign.channel,
        address,
        reason,
        source: format!("message:{id}"),
        note: None,
        contact_id: None,
        consent_id: None,
    });
    add_suppressions(tx, workspace_id, gone.collect()).await?;
    Ok(())
}

/// Gives up what an earlier attempt of a job had claimed: it may have been sent or not. Returns how many there were.
#[boxed]
pub async fn abandon(tx: &mut Tx, workspace_id: Uuid, campaign_id: Uuid, claim: Uuid) -> Result<u64> {
    let now = tx.db().now();
    let given_up = query(
        "update messages set state = 'unknown', cause = 'process_ended', updated_at = $4,
           reason = 'the process that handed it over ended before it heard the answer'
         where workspace_id = $1 and campaign_id = $2 and state = 'claimed' and claim = $3",
    )
    .bind(workspace_id)
    .bind(campaign_id)
    .bind(claim)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    let by = i64::try_from(given_up).unwrap_or(i64::MAX);
    let changes = BTreeMap::from([(MessageState::Claimed, -by), (MessageState::Unknown, by)]);
    count(tx, workspace_id, campaign_id, &changes).await?;
    Ok(given_up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_put_off_waits_longer_each_time_and_fails_in_the_end() {
        let now = DateTime::UNIX_EPOCH;
        let put_off = |tries| {
            let outcome = MessageOutcome::PutOff { reason: "greylisted".to_owned() };
            Tried { id: Uuid::nil(), address: String::new(), tries, outcome }.row(now)
        };
        let waits: Vec<i64> = (0..11).map(|tries| (put_off(tries).due_at.unwrap() - now).num_minutes()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 240, 240, 240, 240]);
        assert_eq!(put_off(10).state, MessageState::Pending);
        let last = put_off(11);
        assert_eq!((last.state, last.due_at), (MessageState::Failed, None));
        assert!(last.reason.unwrap().contains("greylisted"));
    }
}
