//! Why messages of a campaign failed, were left out, or have an end that nobody knows: each cause, counted over all of
//! them.

use std::collections::BTreeMap;

use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::counts_in;
use crate::message::MessageState;
use herald_db::{Db, Result, query};

/// The states whose messages have a cause.
const STATES: [MessageState; 3] = [MessageState::Failed, MessageState::Suppressed, MessageState::Unknown];

/// Why messages are in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CampaignCause {
    /// The state: `failed`, `suppressed` or `unknown`.
    pub state: MessageState,
    /// Why, in a word; none: nothing is known.
    pub cause: Option<String>,
    /// The number of messages.
    pub messages: i64,
    /// The reason of the newest of them.
    pub example: Option<String>,
}

/// The causes of a campaign's messages, the most frequent first.
#[boxed]
pub async fn causes_of(db: &Db, workspace_id: Uuid, campaign_id: Uuid) -> Result<Vec<CampaignCause>> {
    let mut tx = db.begin().await?;
    let counts = counts_in(&mut tx, workspace_id, vec![campaign_id]).await?.remove(&campaign_id).unwrap_or_default();
    let mut rest: BTreeMap<MessageState, i64> = BTreeMap::from([
        (MessageState::Failed, counts.failed),
        (MessageState::Suppressed, counts.suppressed),
        (MessageState::Unknown, counts.unknown),
    ]);
    let rows: Vec<(String, String, i64)> = query(
        "select state, cause, count(*) from messages
         where workspace_id = $1 and campaign_id = $2 and cause is not null group by state, cause",
    )
    .bind(workspace_id)
    .bind(campaign_id)
    .all(&mut tx)
    .await?;
    let mut causes = Vec::new();
    for (state, cause, messages) in rows {
        let Some(state) = state.parse().ok().filter(|state| STATES.contains(state)) else { continue };
        let newest: Option<(Option<String>,)> = query(
            "select reason from messages
             where workspace_id = $1 and campaign_id = $2 and state = $3 and cause = $4 order by id desc limit 1",
        )
        .bind(workspace_id)
        .bind(campaign_id)
        .bind(state.as_str())
        .bind(cause.as_str())
        .optional(&mut tx)
        .await?;
        *rest.entry(state).or_default() -= messages;
        let example = newest.and_then(|(reason,)| reason);
        causes.push(CampaignCause { state, cause: Some(cause), messages, example });
    }
    let others = rest.into_iter().filter(|(_, messages)| *messages > 0);
    causes.extend(others.map(|(state, messages)| CampaignCause { state, cause: None, messages, example: None }));
    causes.sort_by_key(|one| (std::cmp::Reverse(one.messages), one.state, one.cause.clone()));
    Ok(causes)
}
