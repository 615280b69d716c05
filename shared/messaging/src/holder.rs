//! What messaging holds about a person: their messages, and why they are not written to. When the person is erased, the
//! hash of the address stays, without the person: nobody writes to it again.

use chrono::{DateTime, Utc};
use herald_contacts::{ContactError, Held, Holder, Move, Whom};
use herald_providers::files::Key;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    mail_event::{forget_told, told_of_contact},
    message::forget_recipient,
    suppression::{forget_person, of_contact},
    tracking::{consents_of_contact, events_of_contact, forget_consents, forget_reader},
    whatsapp::{forget_inbound, inbound_of},
};
use herald_db::{FromRow, Json, Tx, query};

/// The messages, what was told of them, and the suppressions.
pub const HOLDER: Holder = Holder {
    columns: &[
        ("campaign_faults", "contact_id detail"),
        ("campaign_members", "contact_id"),
        ("inbound_messages", "contact_id provider_id from_address from_user from_name kind body"),
        ("mail_events", "said raw"),
        ("messages", "contact_id address address_key language time_zone params reason said provider_id"),
        ("suppressions", "contact_id note lifted_why"),
        ("tracking_consents", "contact_id wording source proof"),
    ],
    moves: &[
        // Nobody gets a message twice: of two of one campaign the survivor keeps its own.
        Move {
            table: "messages",
            but: " and not exists (select 1 from messages as o where o.workspace_id = $1
                     and o.campaign_id = messages.campaign_id and o.step = messages.step and o.contact_id = $3)",
        },
        Move::all("inbound_messages"),
        Move::all("suppressions"),
        Move::all("tracking_consents"),
    ],
    read: |tx, whom| Box::pin(read(tx, whom)),
    erase: |tx, whom| Box::pin(erase(tx, whom)),
};

/// A message as its recipient may see it.
#[derive(FromRow, Serialize)]
struct Sent {
    id: Uuid,
    campaign_id: Uuid,
    campaign: String,
    address: String,
    state: String,
    reason: Option<String>,
    params: Json<Value>,
    sent_at: Option<DateTime<Utc>>,
    opened_at: Option<DateTime<Utc>>,
    clicked_at: Option<DateTime<Utc>>,
}

async fn read(tx: &mut Tx, whom: &Whom) -> Result<Held, ContactError> {
    let mut held = Held::default();
    let sent: Vec<Sent> = query(
        "select m.id, m.campaign_id, k.name as campaign, m.address, m.state, m.reason, m.params, m.sent_at, m.opened_at,
           m.clicked_at
         from messages as m join campaigns as k on k.workspace_id = m.workspace_id and k.id = m.campaign_id
         where m.workspace_id = $1 and m.contact_id = $2 order by m.id",
    )
    .bind(whom.workspace_id)
    .bind(whom.contact.id)
    .all(&mut *tx)
    .await?;
    held.add("messages", sent.iter().map(|one| json!(one)).collect());
    let written = inbound_of(&mut *tx, whom.workspace_id, whom.contact.id).await?;
    held.add("inbound_messages", written.iter().map(|row| json!(row)).collect());
    let faults: Vec<(Uuid, String, String)> = query(
        "select campaign_id, cause, detail from campaign_faults where workspace_id = $1 and contact_id = $2
         order by campaign_id, cause, field",
    )
    .bind(whom.workspace_id)
    .bind(whom.contact.id)
    .all(&mut *tx)
    .await?;
    let fault =
        |(id, cause, detail): &(Uuid, String, String)| json!({ "campaign_id": id, "cause": cause, "detail": detail });
    held.add("campaign_faults", faults.iter().map(fault).collect());
    let told = told_of_contact(&mut *tx, whom.workspace_id, whom.contact.id).await?;
    held.add("mail_events", told.iter().map(|one| json!(one)).collect());
    let rows = of_contact(&mut *tx, whom.workspace_id, whom.contact.id).await?;
    held.add("suppressions", rows.iter().map(|row| json!(row)).collect());
    let events = events_of_contact(&mut *tx, whom.workspace_id, whom.contact.id).await?;
    held.add("tracking_events", events.iter().map(|one| json!(one)).collect());
    let consents = consents_of_contact(tx, whom.workspace_id, whom.contact.id).await?;
    held.add("tracking_consents", consents.iter().map(|one| json!(one)).collect());
    Ok(held)
}

async fn erase(tx: &mut Tx, whom: &Whom) -> Result<Vec<Key>, ContactError> {
    // What was told of the messages, and who read them, is found by the contact, so it goes first.
    forget_told(&mut *tx, whom.workspace_id, whom.contact.id).await?;
    forget_reader(&mut *tx, whom.workspace_id, whom.contact.id).await?;
    forget_consents(&mut *tx, whom.workspace_id, whom.contact.id).await?;
    forget_recipient(&mut *tx, whom.workspace_id, whom.contact.id).await?;
    forget_inbound(&mut *tx, whom.workspace_id, whom.contact.id).await?;
    query("delete from campaign_faults where workspace_id = $1 and contact_id = $2")
        .bind(whom.workspace_id)
        .bind(whom.contact.id)
        .execute(&mut *tx)
        .await?;
    forget_person(tx, whom.workspace_id, whom.contact.id).await?;
    Ok(Vec::new())
}
