//! What happened with a campaign, and who did it.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use herald_db::{Db, FromRow, Json, Result, Tx, query};

/// Something that happened with a campaign.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct CampaignEvent {
    /// Its id.
    pub id: Uuid,
    /// What happened, such as `approved`.
    pub kind: String,
    /// Who did it; none: Herald itself.
    pub who: Option<String>,
    /// More about it.
    #[schema(value_type = serde_json::Map<String, Value>)]
    pub detail: Json<Value>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Writes down what happens with a campaign, in the transaction in which it happens.
pub(crate) async fn note(
    tx: &mut Tx,
    workspace_id: Uuid,
    campaign_id: Uuid,
    (kind, who, detail): (&str, Option<&str>, Value),
) -> Result<()> {
    let (id, now) = (tx.db().new_id(), tx.db().now());
    query(
        "insert into campaign_log (id, workspace_id, campaign_id, kind, who, detail, at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id)
    .bind(workspace_id)
    .bind(campaign_id)
    .bind(kind)
    .bind(who.map(str::to_owned))
    .bind(detail)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// What happened with a campaign, the newest first, at most `limit`, from before the event `before`.
#[boxed]
pub async fn list_campaign_log(
    db: &Db,
    workspace_id: Uuid,
    campaign_id: Uuid,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<CampaignEvent>> {
    query(
        "select id, kind, who, detail, at from campaign_log
         where workspace_id = $1 and campaign_id = $2 and ($3 is null or id < $3) order by id desc limit $4",
    )
    .bind(workspace_id)
    .bind(campaign_id)
    .bind(before)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await
}
