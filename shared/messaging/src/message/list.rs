//! Finding messages.

use herald_base::boxed;
use uuid::Uuid;

use super::{Message, MessageState, message_row};
use herald_db::{Db, Query, Result, Value, query};
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
    let mut values: Vec<Value> = vec![workspace_id.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
    let mut bind = |value: Value| {
        values.push(value);
        format!("${}", values.len())
    };
    // Only what is asked for stands in the statement: SQLite takes no index for a condition that may not hold.
    let mut asked = "m.workspace_id = $1".to_owned();
    if let Some(id) = filter.campaign_id {
        asked.push_str(&format!(" and m.campaign_id = {}", bind(id.into())));
    }
    if let Some(id) = filter.contact_id {
        asked.push_str(&format!(" and m.contact_id = {}", bind(id.into())));
    }
    if let Some(address) = &filter.address {
        asked.push_str(&format!(" and m.step = 1 and m.address_key = {}", bind(email_key(address).into())));
    }
    if let Some(before) = before {
        asked.push_str(&format!(" and m.id < {}", bind(before.into())));
    }
    // The index of a campaign has its messages state by state. The newest are among the newest of each state, so none
    // of a million is sorted.
    let by_state = filter.campaign_id.is_some() && filter.contact_id.is_none() && filter.address.is_none();
    let newest = |state: Option<MessageState>| {
        let state = state.map(|state| format!(" and m.state = '{state}'")).unwrap_or_default();
        let asked = &asked;
        format!("select id from (select m.id from messages as m where {asked}{state} order by m.id desc limit $2) as m")
    };
    let ids = match filter.state {
        None if by_state => MessageState::ALL.iter().map(|state| newest(Some(*state))).collect(),
        state => vec![newest(state)],
    };
    let sql = format!(
        "select {} from messages as m left join contacts as c on c.workspace_id = m.workspace_id and c.id = m.contact_id
         where m.workspace_id = $1 and m.id in ({}) order by m.id desc limit $2",
        message_row!(),
        ids.join(" union all ")
    );
    values.into_iter().fold(query(&sql).once(), Query::bind).all(db).await
}
