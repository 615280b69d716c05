//! What is kept of one person's openings and clicks.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use herald_db::{FromRow, Result, Tx, query};

/// An opening or a click of a person, as they may see it.
#[derive(Debug, FromRow, Serialize)]
pub(crate) struct PersonsEvent {
    message_id: Uuid,
    kind: String,
    target: Option<String>,
    at: DateTime<Utc>,
}

/// What is kept of the openings and clicks of a contact.
pub(crate) async fn events_of_contact(tx: &mut Tx, workspace_id: Uuid, contact_id: Uuid) -> Result<Vec<PersonsEvent>> {
    let rows = query(
        "select e.message_id, e.kind, l.target, e.at from messages as m
         join tracking_events as e on e.workspace_id = m.workspace_id and e.message_id = m.id
         left join tracked_links as l on l.workspace_id = e.workspace_id and l.campaign_id = e.campaign_id
           and l.number = e.number
         where m.workspace_id = $1 and m.contact_id = $2 order by e.id",
    );
    rows.bind(workspace_id).bind(contact_id).all(tx).await
}

/// Forgets whose openings and clicks they were, and when: they stay counted.
pub(crate) async fn forget_reader(tx: &mut Tx, workspace_id: Uuid, contact_id: Uuid) -> Result<()> {
    query(
        "update tracking_events set message_id = null where workspace_id = $1 and message_id in
           (select m.id from messages as m where m.workspace_id = $1 and m.contact_id = $2)",
    )
    .bind(workspace_id)
    .bind(contact_id)
    .execute(tx)
    .await?;
    Ok(())
}
