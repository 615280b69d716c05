//! Of two consents the stricter one wins: whoever took one back is not written to because of a merge.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Result;
use herald_db::{Bulk, Tx, query};

/// Writes a withdrawal for each channel for which one of the contacts had taken its consent back, and the newest of
/// both is a consent. To be called before the consents move. Returns the ids of the withdrawals.
pub(super) async fn stricter_wins(
    tx: &mut Tx,
    workspace_id: Uuid,
    (survivor, merged): (Uuid, Uuid),
    merge_id: Uuid,
) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid, String, bool)> = query(
        "select contact_id, channel, given from contact_consents
         where workspace_id = $1 and contact_id in ($2, $3) order by at, id",
    )
    .bind(workspace_id)
    .bind(survivor)
    .bind(merged)
    .all(&mut *tx)
    .await?;
    // The newest comes last, of each contact and of both.
    let mut newest: BTreeMap<(String, Uuid), bool> = BTreeMap::new();
    let mut of_both: BTreeMap<String, bool> = BTreeMap::new();
    for (contact, channel, given) in rows {
        newest.insert((channel.clone(), contact), given);
        of_both.insert(channel, given);
    }
    let is_withdrawn = |channel: &String| newest.iter().any(|((of, _), given)| of == channel && !given);
    let channels: Vec<String> = of_both
        .iter()
        .filter(|(channel, given)| **given && is_withdrawn(channel))
        .map(|(channel, _)| channel.clone())
        .collect();
    let now = tx.db().now();
    let ids: Vec<Uuid> = channels.iter().map(|_| tx.db().new_id()).collect();
    Bulk::new(
        "insert into contact_consents (id, workspace_id, contact_id, channel, given, wording, source, proof, at)
         select id, workspace_id, contact_id, channel, false, 'The stricter consent of two contacts holds.', 'merge',
           proof, at from {rows}",
    )
    .column("id", ids.iter().copied().collect())
    .column("workspace_id", channels.iter().map(|_| workspace_id).collect())
    .column("contact_id", channels.iter().map(|_| survivor).collect())
    .column("proof", channels.iter().map(|_| merge_id.to_string()).collect())
    .column("at", channels.iter().map(|_| now).collect())
    .column("channel", channels.into_iter().collect())
    .execute(tx)
    .await?;
    Ok(ids)
}

/// Takes back the withdrawals that a merge wrote.
pub(super) async fn take_back(tx: &mut Tx, workspace_id: Uuid, ids: &[Uuid]) -> Result<()> {
    Bulk::new("delete from contact_consents where (workspace_id, id) in (select workspace_id, id from {rows})")
        .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
        .column("id", ids.iter().copied().collect())
        .execute(tx)
        .await?;
    Ok(())
}
