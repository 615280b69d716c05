//! What a person decides about messages whose end nobody knows, or that failed.

use std::collections::BTreeMap;

use herald_base::boxed;
use serde_json::json;
use uuid::Uuid;

use super::MessageState;
use crate::{
    MessagingError, Result,
    campaign::{count, note, reopen},
};
use herald_db::{Db, query};
use herald_ledger::audit::{self, Actor, Entry};

herald_base::text_enum! {
    /// What a person says of messages whose end nobody knows.
    pub enum Decision, "nothing can be decided by {:?}" {
        /// They arrived.
        Arrived "arrived",
        /// They are to be sent again, though they may then arrive twice.
        SendAgain "send_again",
        /// They did not arrive, and are not sent again.
        Lost "lost",
    }
}

/// Decides about the messages of a campaign whose end nobody knows: about one of them, or about all. Returns how many
/// there were.
///
/// # Errors
/// [`MessagingError::WrongState`] if the campaign was cancelled.
#[boxed]
pub async fn decide_unknown(
    db: &Db,
    actor: &Actor,
    campaign_id: Uuid,
    one: Option<Uuid>,
    decision: Decision,
) -> Result<u64> {
    let (state, cause, reason) = match decision {
        Decision::Arrived => (MessageState::Sent, None, "a person says that it arrived"),
        Decision::SendAgain => (MessageState::Pending, Some("sent_again"), "a person has it sent again"),
        Decision::Lost => (MessageState::Failed, Some("lost"), "a person says that it did not arrive"),
    };
    move_all(db, actor, (campaign_id, one), (MessageState::Unknown, None), (state, cause, reason)).await
}

/// Has the messages of a campaign that were refused, or put off too often, tried again. What was sent, or may have
/// been, stays as it is. Returns how many there were.
///
/// # Errors
/// [`MessagingError::WrongState`] if the campaign was cancelled.
#[boxed]
pub async fn retry_failed(db: &Db, actor: &Actor, campaign_id: Uuid, one: Option<Uuid>) -> Result<u64> {
    let to = (MessageState::Pending, Some("tried_again"), "a person has it tried again");
    // An address that does not exist does not exist the next time either.
    move_all(db, actor, (campaign_id, one), (MessageState::Failed, Some("no_such_address")), to).await
}

async fn move_all(
    db: &Db,
    actor: &Actor,
    (campaign_id, one): (Uuid, Option<Uuid>),
    (from, but): (MessageState, Option<&str>),
    (to, cause, reason): (MessageState, Option<&str>, &str),
) -> Result<u64> {
    let workspace_id = actor.workspace_id;
    let mut tx = db.begin().await?;
    let now = tx.db().now();
    let moved = query(
        "update messages set state = $4, cause = $5, reason = $6, due_at = null, tries = 0, claim = null,
           updated_at = $7
         where workspace_id = $1 and campaign_id = $2 and state = $3 and ($8 is null or id = $8)
           and ($9 is null or coalesce(cause, '') <> $9)",
    )
    .bind(workspace_id)
    .bind(campaign_id)
    .bind(from.as_str())
    .bind(to.as_str())
    .bind(cause.map(str::to_owned))
    .bind(reason)
    .bind(now)
    .bind(one)
    .bind(but.map(str::to_owned))
    .execute(&mut tx)
    .await?;
    if moved == 0 {
        return Ok(0);
    }
    let by = i64::try_from(moved).unwrap_or(i64::MAX);
    count(&mut tx, workspace_id, campaign_id, &BTreeMap::from([(from, -by), (to, by)])).await?;
    let kind = match (from, to) {
        (MessageState::Failed, _) => "failed_tried_again",
        (_, MessageState::Pending) => "unknown_sent_again",
        _ => "unknown_decided",
    };
    note(&mut tx, workspace_id, campaign_id, (kind, Some(&actor.who), json!({ "messages": moved, "now": to }))).await?;
    if to == MessageState::Pending && !reopen(&mut tx, workspace_id, campaign_id, &actor.who).await? {
        let detail = "the campaign was cancelled: nothing of it is sent any more";
        return Err(MessagingError::WrongState(detail.to_owned()));
    }
    let entry = Entry::of("campaign.decide", campaign_id).affecting(usize::try_from(moved).unwrap_or(usize::MAX));
    audit::record(&mut tx, actor, entry.with(json!({ "from": from, "to": to }))).await?;
    tx.commit().await?;
    Ok(moved)
}
