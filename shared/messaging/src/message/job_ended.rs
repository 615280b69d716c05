//! What it means for a campaign that one of its jobs ended without having done its work.

use std::collections::BTreeMap;

use futures::{FutureExt, future::BoxFuture};
use uuid::Uuid;

use super::MessageState;
use crate::{MessagingError, campaign::count, fail_campaign, pause_for};
use herald_db::{Result, Tx, query};
use herald_ledger::Effect;

/// A job of a campaign was given up, or a person cancelled it. What it had in its hands is unknown, and what it should
/// have done is left: so the campaign pauses, and goes on with the rest when a person resumes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CampaignJobEnded {
    /// The campaign.
    pub(crate) campaign_id: Uuid,
    /// The first and the last message of the job; none of one that plans.
    pub(crate) messages: Option<(Uuid, Uuid)>,
    /// Why it ended.
    pub(crate) reason: String,
}

impl Effect for CampaignJobEnded {
    fn write_all<'a>(changes: Vec<(Uuid, &'a Self)>, tx: &'a mut Tx) -> BoxFuture<'a, Result<()>> {
        async move {
            for (workspace_id, change) in changes {
                change.write(workspace_id, &mut *tx).await?;
            }
            Ok(())
        }
        .boxed()
    }
}

impl CampaignJobEnded {
    async fn write(&self, workspace_id: Uuid, tx: &mut Tx) -> Result<()> {
        if let Some((from, to)) = self.messages {
            let now = tx.db().now();
            let given_up = query(
                "update messages set state = 'unknown', cause = 'process_ended', updated_at = $5,
                   reason = 'the job that handed it over ended before it heard the answer'
                 where workspace_id = $1 and campaign_id = $2 and state = 'claimed' and id >= $3 and id <= $4",
            )
            .bind(workspace_id)
            .bind(self.campaign_id)
            .bind(from)
            .bind(to)
            .bind(now)
            .execute(&mut *tx)
            .await?;
            let by = i64::try_from(given_up).unwrap_or(i64::MAX);
            let changes = BTreeMap::from([(MessageState::Claimed, -by), (MessageState::Unknown, by)]);
            count(&mut *tx, workspace_id, self.campaign_id, &changes).await?;
        }
        let paused = format!("a job of it ended: {}; resume it to go on", self.reason);
        let failed = format!("the job that was to begin it ended: {}; duplicate it to send it", self.reason);
        let told = match pause_for(&mut *tx, workspace_id, self.campaign_id, &paused).await {
            // One that has not begun has nothing to go on with.
            Ok(false) => fail_campaign(tx, workspace_id, self.campaign_id, &failed).await,
            told => told,
        };
        match told {
            Ok(_) => Ok(()),
            Err(MessagingError::Db(error)) => Err(error),
            Err(error) => {
                tracing::error!(%error, campaign = %self.campaign_id, "a campaign could not be paused");
                Ok(())
            }
        }
    }
}
