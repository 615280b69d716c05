//! Finding campaigns.

use herald_base::boxed;
use uuid::Uuid;

use super::{Campaign, CampaignState, campaign_row};
use herald_db::{Db, Result, contains, query};

/// Which campaigns.
#[derive(Clone, Debug, Default)]
pub struct CampaignFilter {
    /// Those in this state.
    pub state: Option<CampaignState>,
    /// Those whose name has this text in it.
    pub text: Option<String>,
}

/// The campaigns of a workspace, the newest first, at most `limit`, from before the campaign `before`.
#[boxed]
pub async fn list_campaigns(
    db: &Db,
    workspace_id: Uuid,
    filter: &CampaignFilter,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Campaign>> {
    query(concat!(
        "select ",
        campaign_row!(),
        " from campaigns where workspace_id = $1 and ($2 is null or state = $2)
          and ($3 is null or lower(name) like $3 escape '\\') and ($4 is null or id < $4)
          order by id desc limit $5"
    ))
    .bind(workspace_id)
    .bind(filter.state.map(|state| state.as_str().to_owned()))
    .bind(filter.text.as_deref().map(|text| contains(&text.to_lowercase())))
    .bind(before)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await
}
