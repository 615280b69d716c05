//! Of two contacts that are one no address is lost: the survivor keeps its primary ones, and all others are further
//! ones of it. The rows of the merged contact move as those of other tables do; what is done here goes before and
//! behind that.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Result, moving::Moved};
use crate::{
    Channel, Contact,
    address::{Row, first_of, in_contact, rows_of},
};
use herald_db::{Bulk, Tx, query};

pub(super) const TABLE: &str = "contact_addresses";

/// What a merge did besides moving rows.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Gained {
    /// Rows that the survivor got for primary addresses that it does not have as its own, and their addresses.
    added: BTreeMap<Uuid, String>,
    /// Rows of the survivor that were verified on the other contact, and when.
    verified: BTreeMap<Uuid, DateTime<Utc>>,
}

/// Gives the survivor what would be lost. To be called before rows move, with the survivor before and behind the merge.
pub(super) async fn keep_all(
    tx: &mut Tx,
    workspace_id: Uuid,
    (before, merged, after): (&Contact, &Contact, &Contact),
) -> Result<Gained> {
    let own: Vec<Row> = rows_of(workspace_id, before.id).all(&mut *tx).await?;
    let theirs: Vec<Row> = rows_of(workspace_id, merged.id).all(&mut *tx).await?;
    let mut gained = Gained::default();
    for (kind, value) in unheld(&own, &theirs, (before, merged, after)) {
        let id = crate::address::insert(&mut *tx, workspace_id, before.id, (kind, value)).await?;
        gained.added.insert(id, value.clone());
    }
    let is_same = |one: &Row, other: &Row| one.kind == other.kind && one.value == other.value;
    for row in own.iter().filter(|row| row.verified_at.is_none()) {
        let verified = theirs.iter().find(|other| is_same(row, other)).filter(|other| other.verified_at.is_some());
        let Some((other, at)) = verified.and_then(|other| Some((other, other.verified_at?))) else { continue };
        verify(&mut *tx, workspace_id, row.id, other).await?;
        gained.verified.insert(row.id, at);
    }
    stay_first(tx, workspace_id, &own).await?;
    Ok(gained)
}

/// The primary addresses of both that are in no row, and not the survivor's primary ones behind the merge.
fn unheld<'a>(
    own: &[Row],
    theirs: &[Row],
    (before, merged, after): (&'a Contact, &'a Contact, &Contact),
) -> Vec<(Channel, &'a String)> {
    let mut all: Vec<(Channel, &String)> = Vec::new();
    for kind in [Channel::Email, Channel::Phone] {
        for value in [before, merged].into_iter().filter_map(|contact| in_contact(contact, kind)) {
            let mut rows = own.iter().chain(theirs);
            let has_row = rows.any(|row| row.kind == kind.as_str() && row.value == *value);
            if !has_row && in_contact(after, kind) != Some(value) && !all.contains(&(kind, value)) {
                all.push((kind, value));
            }
        }
    }
    all
}

async fn verify(tx: &mut Tx, workspace_id: Uuid, id: Uuid, as_in: &Row) -> Result<()> {
    query(
        "update contact_addresses set verified_at = $3, verified_how = $4, verified_by = $5
         where workspace_id = $1 and id = $2",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(as_in.verified_at)
    .bind(as_in.verified_how.clone())
    .bind(as_in.verified_by.clone())
    .execute(tx)
    .await?;
    Ok(())
}

/// The survivor's own primary address of WhatsApp stays the primary one, whatever comes over.
async fn stay_first(tx: &mut Tx, workspace_id: Uuid, own: &[Row]) -> Result<()> {
    let of_whatsapp: Vec<&Row> = own.iter().filter(|row| row.kind == Channel::Whatsapp.as_str()).collect();
    let Some(first) = first_of(&of_whatsapp) else { return Ok(()) };
    let now = tx.db().now();
    query("update contact_addresses set preferred_at = $3 where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(first.id)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// Takes back what the survivor gained, but for what was edited since.
pub(super) async fn take_back(tx: &mut Tx, workspace_id: Uuid, survivor: Uuid, gained: &Gained) -> Result<()> {
    let Gained { added, verified } = gained;
    Bulk::new(
        "delete from contact_addresses where (workspace_id, contact_id, id, value) in
           (select workspace_id, contact_id, id, value from {rows}) and label is null and verified_at is null",
    )
    .column("workspace_id", added.iter().map(|_| workspace_id).collect())
    .column("contact_id", added.iter().map(|_| survivor).collect())
    .column("id", added.keys().copied().collect())
    .column("value", added.values().cloned().collect())
    .execute(&mut *tx)
    .await?;
    Bulk::new(
        "update contact_addresses set verified_at = null, verified_how = null, verified_by = null from {rows}
         where contact_addresses.workspace_id = rows.workspace_id and contact_addresses.id = rows.id
           and contact_addresses.verified_at = rows.at",
    )
    .column("workspace_id", verified.iter().map(|_| workspace_id).collect())
    .column("id", verified.keys().copied().collect())
    .column("at", verified.values().copied().collect())
    .execute(tx)
    .await?;
    Ok(())
}

/// Leaves with the survivor the rows that were changed into an address which the other contact has.
pub(super) async fn leave_doubles(tx: &mut Tx, workspace_id: Uuid, merged: Uuid, moved: &mut Moved) -> Result<()> {
    let Some(ids) = moved.get_mut(TABLE) else { return Ok(()) };
    let doubles: Vec<(Uuid,)> = Bulk::new(
        "select a.id from {rows} join contact_addresses as a on a.id = rows.id
           join contact_addresses as o
             on o.workspace_id = a.workspace_id and o.kind = a.kind and o.value = a.value
         where a.workspace_id = rows.workspace_id and o.contact_id = rows.merged_id",
    )
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .column("id", ids.iter().copied().collect())
    .column("merged_id", ids.iter().map(|_| merged).collect())
    .all(tx)
    .await?;
    ids.retain(|id| !doubles.contains(&(*id,)));
    Ok(())
}
