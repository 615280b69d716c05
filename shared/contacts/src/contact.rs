//! One contact, and those of a list of ids.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use uuid::Uuid;

use super::ContactError;
use herald_db::{Bulk, Db, EngineKind, FromRow, Json, Result, Tx, query};

herald_base::text_enum! {
    /// A way to reach a person.
    pub enum Channel, "there is no channel {:?}" {
        /// Mail.
        Email "email",
        /// A call or a text message.
        Phone "phone",
        /// WhatsApp.
        Whatsapp "whatsapp",
    }
}

/// A contact.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize, utoipa::ToSchema)]
pub struct Contact {
    /// Their id.
    pub id: Uuid,
    /// What makes two rows of a list the same person.
    #[serde(skip)]
    pub dedupe_key: String,
    /// Their id in the system they come from.
    pub external_id: Option<String>,
    /// Lower case.
    pub email: Option<String>,
    /// E.164 where known.
    pub phone: Option<String>,
    /// Full name.
    pub name: String,
    /// Where their picture is: `file:`, `store:` or `http(s):`.
    #[serde(skip)]
    pub picture: Option<String>,
    /// Every other field.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub fields: Json<BTreeMap<String, String>>,
    /// Where their latest invitation is.
    pub invitation_link: Option<String>,
    /// The number on it.
    pub lucky_number: Option<String>,
    /// Their language, as a BCP 47 tag.
    pub locale: Option<String>,
    /// Their time zone, as an IANA name.
    pub time_zone: Option<String>,
    /// Their country, as two letters of ISO 3166-1.
    pub country: Option<String>,
    /// The channel over which they want to be reached.
    pub preferred_channel: Option<String>,
    /// How the workspace came by them: `run`, `import`, `api` or `console`. None: before this was remembered.
    pub source: Option<String>,
    /// Since when they lie in the trash.
    pub trashed_at: Option<DateTime<Utc>>,
    /// The contact into which they were merged: that one is the person now.
    pub merged_into: Option<Uuid>,
    /// When they were first imported.
    pub created_at: DateTime<Utc>,
    /// When they last changed.
    pub updated_at: DateTime<Utc>,
}

impl Contact {
    /// Whether the contact still is the person.
    ///
    /// # Errors
    /// [`ContactError::WrongState`], with the contact that is, if it was merged into another one.
    pub fn is_itself(&self) -> std::result::Result<(), ContactError> {
        let Some(survivor) = self.merged_into else { return Ok(()) };
        let detail = format!("contact {} was merged into contact {survivor}: use that contact", self.id);
        Err(ContactError::WrongState(detail))
    }
}

/// The columns of a [`Contact`], of the table `c`.
macro_rules! contact_row {
    () => {
        "c.id, c.dedupe_key, c.external_id, c.email, c.phone, c.name, c.picture, c.fields, c.invitation_link, \
         c.lucky_number, c.locale, c.time_zone, c.country, c.preferred_channel, c.source, c.trashed_at, \
         c.merged_into, c.created_at, c.updated_at"
    };
}
pub(super) use contact_row;

/// A contact of a workspace.
#[boxed]
pub async fn find_contact(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Contact>> {
    query(concat!("select ", contact_row!(), " from contacts as c where c.workspace_id = $1 and c.id = $2"))
        .bind(workspace_id)
        .bind(id)
        .optional(db)
        .await
}

/// The contacts of ids, as they are; those that are gone are not among them.
#[boxed]
pub async fn contacts_of(tx: &mut Tx, workspace_id: Uuid, ids: Vec<Uuid>) -> Result<Vec<Contact>> {
    Bulk::new(concat!(
        "select ",
        contact_row!(),
        " from contacts as c join {rows} on c.id = rows.id where c.workspace_id = rows.workspace_id"
    ))
    .column("id", ids.iter().copied().collect())
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .all(tx)
    .await
}

/// Who a contact is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactNow {
    /// The survivor, if the contact was merged, or else the contact itself.
    pub contact_id: Uuid,
    /// Where their picture is.
    pub picture: Option<String>,
    /// Whether they lie in the trash.
    pub is_trashed: bool,
}

/// Who contacts are now, by the ids that they are asked by. Those that are gone are not in it. Until the transaction
/// ends, nobody merges, trashes or erases the contacts that are asked for.
#[boxed]
pub async fn contacts_now(tx: &mut Tx, workspace_id: Uuid, mut ids: Vec<Uuid>) -> Result<HashMap<Uuid, ContactNow>> {
    // Rows are locked in the order of ids. A transaction of SQLite is alone.
    ids.sort_unstable();
    ids.dedup();
    let lock = match tx.engine() {
        EngineKind::Postgres => " order by c.id for share of c",
        EngineKind::Sqlite => "",
    };
    let led: Vec<(Uuid, Uuid)> = Bulk::new(format!(
        "select c.id, coalesce(c.merged_into, c.id) from contacts as c join {{rows}} on c.id = rows.id
         where c.workspace_id = rows.workspace_id{lock}"
    ))
    .column("id", ids.iter().copied().collect())
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .all(&mut *tx)
    .await?;
    let mut survivors: Vec<Uuid> = led.iter().map(|(_, survivor)| *survivor).collect();
    survivors.sort_unstable();
    survivors.dedup();
    let found: Vec<(Uuid, Option<String>, bool)> = Bulk::new(
        "select c.id, c.picture, c.trashed_at is not null from contacts as c join {rows} on c.id = rows.id
         where c.workspace_id = rows.workspace_id",
    )
    .column("id", survivors.iter().copied().collect())
    .column("workspace_id", survivors.iter().map(|_| workspace_id).collect())
    .all(tx)
    .await?;
    let found: HashMap<Uuid, ContactNow> = found
        .into_iter()
        .map(|(contact_id, picture, is_trashed)| (contact_id, ContactNow { contact_id, picture, is_trashed }))
        .collect();
    Ok(led.into_iter().filter_map(|(id, survivor)| Some((id, found.get(&survivor)?.clone()))).collect())
}

/// The contacts that a list of ids stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Ids the workspace has no contact for.
    pub unknown: Vec<Uuid>,
    /// The custom fields that at least one of the contacts has.
    pub custom_fields: BTreeSet<String>,
}

/// Looks up the contacts of a list of ids.
#[boxed]
pub async fn listed_contacts(db: &Db, workspace_id: Uuid, ids: &[Uuid]) -> Result<Listed> {
    let mut tx = db.begin().await?;
    let found: Vec<(Uuid, Json<BTreeMap<String, String>>)> = Bulk::new(
        "select c.id, c.fields from contacts as c join {rows} on c.id = rows.id where c.workspace_id = \
         rows.workspace_id and c.merged_into is null",
    )
    .column("id", ids.iter().copied().collect())
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .all(&mut tx)
    .await?;
    let known: HashSet<Uuid> = found.iter().map(|(id, _)| *id).collect();
    Ok(Listed {
        unknown: ids.iter().copied().filter(|id| !known.contains(id)).collect(),
        custom_fields: found.into_iter().flat_map(|(_, fields)| fields.0.into_keys()).collect(),
    })
}
