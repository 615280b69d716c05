//! Lets an address be written to again: because a person of the workspace says why.

use chrono::TimeDelta;
use herald_base::boxed;
use herald_contacts::{NewActivity, has_agreed_since, record_activities, take_back_withdrawal};
use serde_json::json;
use uuid::Uuid;

use super::{MessagingError, Result, Suppression, SuppressionReason, suppression_row, words};
use herald_db::{Db, EngineKind, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

/// For this number of days an owner can undo what was not the person's own act.
pub const UNDO_DAYS: i64 = 30;

/// Lifts a suppression. One that is the person's own will stays, unless the person has agreed anew since. `None`: there
/// is no such suppression.
///
/// # Errors
/// [`MessagingError::Field`] without a reason; [`MessagingError::WrongState`] if it may not be lifted.
#[boxed]
pub async fn lift_suppression(db: &Db, actor: &Actor, id: Uuid, why: &str) -> Result<Option<Suppression>> {
    let why = words("why", why)?;
    let mut tx = db.begin().await?;
    let Some(row) = locked(&mut tx, actor.workspace_id, id).await? else { return Ok(None) };
    is_in_force(&row)?;
    if row.reason.is_the_persons_will() {
        let agreed = match row.contact_id {
            Some(contact) => has_agreed_since(&mut tx, actor.workspace_id, contact, row.channel, row.at).await?,
            None => false,
        };
        if !agreed {
            return Err(MessagingError::WrongState(format!(
                "the person said no ({}): the address stays suppressed until a consent of the contact that is newer is \
                 written down; if somebody else did it, an owner can undo it for {UNDO_DAYS} days",
                row.reason
            )));
        }
    }
    lifted(tx, actor, row, ("suppression.lift", why)).await.map(Some)
}

/// Undoes an unsubscription that was not the person's own act, such as by somebody to whom a message was forwarded. The
/// consent that held before holds again. `None`: there is no such suppression.
///
/// # Errors
/// [`MessagingError::Field`] without a reason; [`MessagingError::WrongState`] if it is not an unsubscription, or is
/// older than 30 days.
#[boxed]
pub async fn undo_unsubscription(db: &Db, actor: &Actor, id: Uuid, why: &str) -> Result<Option<Suppression>> {
    let why = words("why", why)?;
    let mut tx = db.begin().await?;
    let Some(row) = locked(&mut tx, actor.workspace_id, id).await? else { return Ok(None) };
    is_in_force(&row)?;
    if row.reason != SuppressionReason::Unsubscribed {
        let detail = format!("the reason is {}: only an unsubscription can be undone", row.reason);
        return Err(MessagingError::WrongState(detail));
    }
    if tx.db().now() - row.at > TimeDelta::days(UNDO_DAYS) {
        let detail = format!(
            "the unsubscription is older than {UNDO_DAYS} days: write down a new consent of the person, and lift it"
        );
        return Err(MessagingError::WrongState(detail));
    }
    if let Some(consent) = row.consent_id {
        take_back_withdrawal(&mut tx, actor.workspace_id, consent).await?;
    }
    lifted(tx, actor, row, ("suppression.undo", why)).await.map(Some)
}

fn is_in_force(row: &Suppression) -> Result<()> {
    match row.lifted_at {
        None => Ok(()),
        Some(_) => Err(MessagingError::WrongState("the suppression has been lifted already".to_owned())),
    }
}

/// A suppression that nobody else changes until the transaction ends.
async fn locked(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<Option<Suppression>> {
    let lock = match tx.engine() {
        EngineKind::Postgres => " for update of s",
        EngineKind::Sqlite => "",
    };
    let sql =
        format!("select {} from suppressions as s where s.workspace_id = $1 and s.id = $2{lock}", suppression_row!());
    Ok(query(&sql).bind(workspace_id).bind(id).optional(tx).await?)
}

async fn lifted(mut tx: Tx, actor: &Actor, row: Suppression, (act, why): (&str, String)) -> Result<Suppression> {
    set_lifted(&mut tx, actor.workspace_id, row.id, (&actor.who, &why)).await?;
    let detail = json!({ "channel": row.channel.as_str(), "reason": row.reason.as_str() });
    let told = row
        .contact_id
        .map(|contact| NewActivity::of(contact, "suppression.lifted", &actor.who).about(row.id).with(detail.clone()));
    record_activities(&mut tx, actor.workspace_id, told.into_iter().collect()).await?;
    audit::record(&mut tx, actor, Entry::of(act, row.id).affecting(1).with(detail)).await?;
    let at = tx.db().now();
    tx.commit().await?;
    Ok(Suppression { lifted_at: Some(at), lifted_by: Some(actor.who.clone()), lifted_why: Some(why), ..row })
}

/// Writes down that a suppression holds no longer.
pub(crate) async fn set_lifted(tx: &mut Tx, workspace_id: Uuid, id: Uuid, (by, why): (&str, &str)) -> Result<()> {
    let now = tx.db().now();
    query(
        "update suppressions set lifted_at = $3, lifted_by = $4, lifted_why = $5
         where workspace_id = $1 and id = $2 and lifted_at is null",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(now)
    .bind(by)
    .bind(why)
    .execute(tx)
    .await?;
    Ok(())
}
