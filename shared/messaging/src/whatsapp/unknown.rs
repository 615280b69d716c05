//! Messages over WhatsApp whose end nobody heard.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use herald_contacts::Channel;
use uuid::Uuid;

use crate::Result;
use herald_db::{Bulk, Db, FromRow, Json, query};

/// A message whose end nobody heard.
#[derive(Clone, Debug, FromRow)]
pub struct UnknownMessage {
    /// Its id.
    pub id: Uuid,
    /// The number that it went to, if it went.
    pub address: String,
    /// What the template needs of the person.
    pub params: Json<BTreeMap<String, String>>,
    /// When it was handed over.
    pub claimed_at: DateTime<Utc>,
}

/// Messages of a campaign whose end nobody heard, and of which the provider has said nothing, at most `limit`, behind
/// the message `from`.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn unknown_messages(
    db: &Db,
    workspace_id: Uuid,
    campaign_id: Uuid,
    (from, limit): (Option<Uuid>, usize),
) -> Result<Vec<UnknownMessage>> {
    Ok(query(
        "select id, address, params, claimed_at from messages
         where workspace_id = $1 and campaign_id = $2 and state = 'unknown' and id > $3 and channel = $4
           and provider_id is null and claimed_at is not null and address <> '' order by id limit $5",
    )
    .bind(workspace_id)
    .bind(campaign_id)
    .bind(from.unwrap_or_else(Uuid::nil))
    .bind(Channel::Whatsapp.as_str())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await?)
}

/// Those of a provider's ids that messages of the workspace have.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn known_provider_ids(db: &Db, workspace_id: Uuid, ids: BTreeSet<String>) -> Result<BTreeSet<String>> {
    let mut tx = db.begin().await?;
    let known: Vec<(String,)> = Bulk::new(
        "select m.provider_id from {rows} join messages as m
           on m.workspace_id = rows.workspace_id and m.channel = rows.channel and m.provider_id = rows.provider_id",
    )
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .column("channel", ids.iter().map(|_| Channel::Whatsapp.as_str().to_owned()).collect())
    .column("provider_id", ids.into_iter().collect())
    .all(&mut tx)
    .await?;
    Ok(known.into_iter().map(|(id,)| id).collect())
}

/// Notes that the provider does not have a message. It stays unknown: a person decides whether it is sent again.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn note_not_found(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<()> {
    let mut tx = db.begin().await?;
    let now = tx.db().now();
    query(
        "update messages set cause = 'not_found', updated_at = $3,
           reason = 'the provider does not list the message, so it was most likely not sent'
         where workspace_id = $1 and id = $2 and state = 'unknown' and cause <> 'not_found'",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(now)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(())
}
