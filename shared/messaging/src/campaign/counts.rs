//! How many messages of a campaign are in which state. The transaction that moves messages keeps the counts.

use std::collections::BTreeMap;

use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::message::MessageState;
use herald_db::{Bulk, Db, Result, Tx, query};

/// How many messages of a campaign are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct CampaignCounts {
    /// All of them that are planned.
    pub planned: i64,
    /// They wait.
    pub pending: i64,
    /// They are just being handed over.
    pub claimed: i64,
    /// The other side has them.
    pub sent: i64,
    /// They have arrived.
    pub delivered: i64,
    /// They were refused for good.
    pub failed: i64,
    /// They were not to be sent.
    pub suppressed: i64,
    /// They may have been sent or not.
    pub unknown: i64,
}

impl CampaignCounts {
    fn add(&mut self, state: MessageState, messages: i64) {
        self.planned += messages;
        let of_state = match state {
            MessageState::Pending => &mut self.pending,
            MessageState::Claimed => &mut self.claimed,
            MessageState::Sent => &mut self.sent,
            MessageState::Delivered => &mut self.delivered,
            MessageState::Failed => &mut self.failed,
            MessageState::Suppressed => &mut self.suppressed,
            MessageState::Unknown => &mut self.unknown,
        };
        *of_state += messages;
    }

    /// Those that were tried and have an end.
    pub fn tried(&self) -> i64 {
        self.sent + self.delivered + self.failed + self.unknown
    }

    /// Those that the other side took, whether they have arrived or not.
    pub fn handed_over(&self) -> i64 {
        self.sent + self.delivered
    }

    /// Those that have no end yet.
    pub fn open(&self) -> i64 {
        self.pending + self.claimed
    }
}

/// The counts of campaigns, by their ids.
#[boxed]
pub async fn counts_of(db: &Db, workspace_id: Uuid, ids: Vec<Uuid>) -> Result<BTreeMap<Uuid, CampaignCounts>> {
    let mut tx = db.begin().await?;
    counts_in(&mut tx, workspace_id, ids).await
}

/// The same within a transaction.
pub(crate) async fn counts_in(
    tx: &mut Tx,
    workspace_id: Uuid,
    ids: Vec<Uuid>,
) -> Result<BTreeMap<Uuid, CampaignCounts>> {
    let mut all: BTreeMap<Uuid, CampaignCounts> = ids.iter().map(|id| (*id, CampaignCounts::default())).collect();
    let rows: Vec<(Uuid, String, i64)> = Bulk::new(
        "select n.campaign_id, n.state, n.messages from {rows}
         join campaign_counts as n on n.campaign_id = rows.id where n.workspace_id = rows.workspace_id",
    )
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .column("id", ids.into_iter().collect())
    .all(tx)
    .await?;
    for (id, state, messages) in rows {
        if let (Some(counts), Ok(state)) = (all.get_mut(&id), state.parse()) {
            counts.add(state, messages);
        }
    }
    Ok(all)
}

/// Adds to the counts of a campaign: by state, how many came and went.
pub(crate) async fn count(
    tx: &mut Tx,
    workspace_id: Uuid,
    campaign_id: Uuid,
    changes: &BTreeMap<MessageState, i64>,
) -> Result<()> {
    // In one order everywhere, so that two transactions never wait for each other.
    let changes: Vec<(MessageState, i64)> =
        changes.iter().filter(|(_, by)| **by != 0).map(|(state, by)| (*state, *by)).collect();
    if changes.is_empty() {
        return Ok(());
    }
    Bulk::new(
        "insert into campaign_counts (workspace_id, campaign_id, state, messages)
         select workspace_id, campaign_id, state, messages from {rows} where true
         on conflict (campaign_id, state) do update set messages = campaign_counts.messages + excluded.messages
         where campaign_counts.workspace_id = excluded.workspace_id",
    )
    .column("workspace_id", changes.iter().map(|_| workspace_id).collect())
    .column("campaign_id", changes.iter().map(|_| campaign_id).collect())
    .column("state", changes.iter().map(|(state, _)| state.as_str().to_owned()).collect())
    .column("messages", changes.iter().map(|(_, by)| *by).collect())
    .execute(tx)
    .await
}

/// Counts the messages of a campaign anew, row by row, and puts the counts right. Returns whether they were wrong.
#[boxed]
pub async fn recount(tx: &mut Tx, workspace_id: Uuid, campaign_id: Uuid) -> Result<bool> {
    let rows: Vec<(String, i64)> =
        query("select state, count(*) from messages where workspace_id = $1 and campaign_id = $2 group by state")
            .bind(workspace_id)
            .bind(campaign_id)
            .all(&mut *tx)
            .await?;
    let mut counted = CampaignCounts::default();
    let mut changes: BTreeMap<MessageState, i64> = BTreeMap::new();
    for (state, messages) in rows {
        if let Ok(state) = state.parse() {
            counted.add(state, messages);
            *changes.entry(state).or_default() += messages;
        }
    }
    let kept = counts_in(&mut *tx, workspace_id, vec![campaign_id]).await?.remove(&campaign_id).unwrap_or_default();
    for state in MessageState::ALL {
        let of = |counts: &CampaignCounts| match state {
            MessageState::Pending => counts.pending,
            MessageState::Claimed => counts.claimed,
            MessageState::Sent => counts.sent,
            MessageState::Delivered => counts.delivered,
            MessageState::Failed => counts.failed,
            MessageState::Suppressed => counts.suppressed,
            MessageState::Unknown => counts.unknown,
        };
        *changes.entry(*state).or_default() = of(&counted) - of(&kept);
    }
    count(tx, workspace_id, campaign_id, &changes).await?;
    Ok(counted != kept)
}
