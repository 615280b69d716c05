//! What campaigns there are in the installation, for its metrics.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use herald_contacts::Channel;

use super::CampaignState;
use crate::MessageState;
use herald_db::{Db, Result, query};

/// The states in which something is still to happen with a campaign.
const LIVE: [CampaignState; 5] = [
    CampaignState::InReview,
    CampaignState::Approved,
    CampaignState::Scheduled,
    CampaignState::Sending,
    CampaignState::Paused,
];

/// The campaigns of all workspaces, as numbers.
#[derive(Clone, Debug, Default)]
pub struct CampaignLoad {
    /// How many campaigns are in each state in which something is still to happen with them.
    pub campaigns: Vec<(CampaignState, i64)>,
    /// How many of their messages are in each state, by the channel; unknown ones of all campaigns.
    pub messages: Vec<(Channel, MessageState, i64)>,
    /// When the first message was planned that waits in a campaign that is sending.
    pub oldest_pending: Option<DateTime<Utc>>,
}

/// Counts the campaigns of all workspaces.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn campaign_load(db: &Db) -> Result<CampaignLoad> {
    let rows: Vec<(String, i64)> = query(
        "select state, count(*) from campaigns
         where state in ('in_review', 'approved', 'scheduled', 'sending', 'paused') group by state",
    )
    .all(db)
    .await?;
    let campaigns = of_states(&rows);
    let rows: Vec<(String, String, i64)> = query(
        "select c.channel, n.state, cast(sum(n.messages) as bigint) from campaign_counts as n
         join campaigns as c on c.id = n.campaign_id
         where c.state in ('sending', 'paused') or n.state = 'unknown' group by c.channel, n.state",
    )
    .all(db)
    .await?;
    let messages = of_channels(&rows);
    let (oldest_pending,): (Option<DateTime<Utc>>,) = query(
        "select min((select m.updated_at from messages as m where m.workspace_id = c.workspace_id
           and m.campaign_id = c.id and m.state = 'pending' order by m.id limit 1))
         from campaigns as c where c.state = 'sending'",
    )
    .one(db)
    .await?;
    Ok(CampaignLoad { campaigns, messages, oldest_pending })
}

/// The numbers of campaigns in each state, also where there are none: a gauge keeps its last value.
fn of_states(rows: &[(String, i64)]) -> Vec<(CampaignState, i64)> {
    let of = |state: CampaignState| rows.iter().find(|(name, _)| name == state.as_str()).map_or(0, |(_, count)| *count);
    LIVE.iter().map(|state| (*state, of(*state))).collect()
}

/// The same of messages, by the channel.
fn of_channels(rows: &[(String, String, i64)]) -> Vec<(Channel, MessageState, i64)> {
    let mut all = Vec::new();
    for channel in [Channel::Email, Channel::Whatsapp] {
        for state in MessageState::ALL {
            let found = rows.iter().find(|(of, name, _)| of == channel.as_str() && name == state.as_str());
            all.push((channel, *state, found.map_or(0, |(.., count)| *count)));
        }
    }
    all
}
