//! Takes an erased person out of the messages. What became of them stays, so that the counts of campaigns add up.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::MessageState;
use crate::campaign::count;
use herald_db::{Result, Tx, query};

/// Forgets who the recipient of messages was. What still waits is not sent.
pub(crate) async fn forget_recipient(tx: &mut Tx, workspace_id: Uuid, contact_id: Uuid) -> Result<()> {
    let now = tx.db().now();
    let waiting: Vec<(Uuid,)> = query(
        "update messages set state = 'suppressed', cause = 'erased', updated_at = $3
         where workspace_id = $1 and contact_id = $2 and state = 'pending' returning campaign_id",
    )
    .bind(workspace_id)
    .bind(contact_id)
    .bind(now)
    .all(&mut *tx)
    .await?;
    for (campaign_id,) in waiting {
        let changes = BTreeMap::from([(MessageState::Pending, -1), (MessageState::Suppressed, 1)]);
        count(&mut *tx, workspace_id, campaign_id, &changes).await?;
    }
    query(
        "update messages set contact_id = null, address = '', address_key = null, language = null, time_zone = null,
           params = $3, said = null, provider_id = null, updated_at = $4,
           reason = case when state = 'suppressed' then 'the contact was erased' else null end
         where workspace_id = $1 and contact_id = $2",
    )
    .bind(workspace_id)
    .bind(contact_id)
    .bind(serde_json::json!({}))
    .bind(now)
    .execute(&mut *tx)
    .await?;
    query(
        "delete from campaign_members where workspace_id = $1 and contact_id = $2 and campaign_id in
             (select k.id from campaigns as k where k.workspace_id = $1 and k.state in ('sending', 'paused'))",
    )
    .bind(workspace_id)
    .bind(contact_id)
    .execute(tx)
    .await?;
    Ok(())
}
