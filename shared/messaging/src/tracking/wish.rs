//! What the recipient of a message says about being tracked by name, on the page of preferences.

use herald_base::boxed;
use herald_contacts::{NewActivity, record_activities};
use uuid::Uuid;

use super::Tracking;
use crate::{CampaignSettings, Recipient};
use herald_db::{Db, Json, Result, query};

/// Whether the recipient of a message agrees to be tracked by name. `None`: nobody asks, because the campaign keeps no
/// names, and the person never said anything.
#[boxed]
pub async fn tracking_wish(db: &Db, recipient: &Recipient) -> Result<Option<bool>> {
    let Some(contact) = recipient.contact_id else { return Ok(None) };
    let newest: Option<(bool,)> = query(
        "select given from tracking_consents where workspace_id = $1 and contact_id = $2
         order by at desc, given, id desc limit 1",
    )
    .bind(recipient.workspace_id)
    .bind(contact)
    .optional(db)
    .await?;
    if let Some((given,)) = newest {
        return Ok(Some(given));
    }
    let settings: Option<(Json<CampaignSettings>,)> = query(
        "select k.settings from messages as m join campaigns as k on k.workspace_id = m.workspace_id
           and k.id = m.campaign_id where m.workspace_id = $1 and m.id = $2",
    )
    .bind(recipient.workspace_id)
    .bind(recipient.message_id)
    .optional(db)
    .await?;
    Ok(settings.filter(|(settings,)| settings.0.tracking == Tracking::Personal).map(|_| false))
}

/// Writes down what the recipient of a message says. `agreed`: the words of the page beside the switch. False: it was
/// so already, or nobody asked.
#[boxed]
pub async fn set_tracking_wish(db: &Db, recipient: &Recipient, given: bool, agreed: &str) -> Result<bool> {
    let Some(contact) = recipient.contact_id else { return Ok(false) };
    if tracking_wish(db, recipient).await?.is_none_or(|now| now == given) {
        return Ok(false);
    }
    let mut tx = db.begin().await?;
    let (id, at): (Uuid, _) = (db.new_id(), db.now());
    let made = query(
        "insert into tracking_consents (id, workspace_id, contact_id, given, wording, source, proof, at)
         select $1, c.workspace_id, c.id, $4, $5, 'preference page', $6, $7 from contacts as c
         where c.workspace_id = $2 and c.id = $3 and c.merged_into is null",
    )
    .bind(id)
    .bind(recipient.workspace_id)
    .bind(contact)
    .bind(given)
    .bind(agreed)
    .bind(format!("message:{}", recipient.message_id))
    .bind(at)
    .execute(&mut tx)
    .await?;
    if made > 0 {
        let kind = if given { "tracking.allowed" } else { "tracking.refused" };
        let told = NewActivity { who: None, ..NewActivity::of(contact, kind, "") }.about(id);
        record_activities(&mut tx, recipient.workspace_id, vec![told]).await?;
    }
    tx.commit().await?;
    Ok(made > 0)
}
