//! Finding messages.

use herald_base::boxed;
use uuid::Uuid;

use super::{Message, MessageState, message_row};
use herald_db::{Db, Result, query};
use herald_sheets::email_key;

/// Which messages.
#[derive(Clone, Debug, Default)]
pub struct MessageFilter {
    /// Those of this campaign.
    pub campaign_id: Option<Uuid>,
    /// Those to this contact.
    pub contact_id: Option<Uuid>,
    /// Those in this state.
    pub state: Option<MessageState>,
    /// Those to this address.
    pub address: Option<String>,
}

/// A message of a workspace.
#[boxed]
pub async fn find_message(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Message>> {
    query(concat!(
        "select ",
        message_row!(),
        " from messages as m left join contacts as c on c.workspace_id = m.workspace_id and c.id = m.contact_id
          where m.workspace_id = $1 and m.id = $2"
    ))
    .bind(workspace_id)
    .bind(id)
    .optional(db)
    .await
}

/// The messages of a workspace, the newest first, at most `limit`, from before the message `before`. One of campaign
/// and contact must be given: no index leads through all messages.
#[boxed]
pub async fn list_messages(
    db: &Db,
    workspace_id: Uuid,
    filter: &MessageFilter,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Message>> {
    // Each state goes through its part of the index by itself, and so do all of them, one after the other.
    query(concat!(
        "select ",
        message_row!(),
        " from messages as m left join contacts as c on c.workspace_id = m.workspace_id and c.id = m.contact_id
          where m.workspace_id = $1 and ($2 is null or m.campaign_id = $2) and ($3 is null or m.contact_id = $3)
            and ($4 is null or m.state = $4) and ($5 is null or m.address_key = $5) and ($6 is null or m.id < $6)
          order by m.id desc limit $7"
    ))
    .once()
    .bind(workspace_id)
    .bind(filter.campaign_id)
    .bind(filter.contact_id)
    .bind(filter.state.map(|state| state.as_str().to_owned()))
    .bind(filter.address.as_deref().map(email_key))
    .bind(before)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await
}
