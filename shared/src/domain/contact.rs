//! Contacts: people, deduplicated by external id, else e-mail, else the row they came from.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::db::{Bulk, Column, Db, FromRow, Json, Result, Tx, query};

/// A contact.
#[derive(Clone, Debug, FromRow, Serialize)]
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
    pub fields: Json<BTreeMap<String, String>>,
    /// Where their latest invitation is.
    pub invitation_link: Option<String>,
    /// The number on it.
    pub lucky_number: Option<String>,
    /// When they were first imported.
    pub created_at: DateTime<Utc>,
    /// When they last changed.
    pub updated_at: DateTime<Utc>,
}

/// A person as a list names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guest {
    /// What makes two rows the same person where there is neither external id nor e-mail; unique in its list.
    pub row_key: String,
    /// Their id in the system they come from.
    pub external_id: Option<String>,
    /// Lower case.
    pub email: Option<String>,
    /// E.164 where known.
    pub phone: Option<String>,
    /// Full name.
    pub name: String,
    /// Where their picture is: `file:`, `store:` or `http(s):`.
    pub picture: Option<String>,
    /// Every other field.
    pub fields: BTreeMap<String, String>,
}

impl Guest {
    fn dedupe_key(&self) -> String {
        match (&self.external_id, &self.email) {
            (Some(id), _) => format!("id:{id}"),
            (None, Some(email)) => format!("email:{email}"),
            (None, None) => format!("row:{}", self.row_key),
        }
    }
}

/// What became of one guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upserted {
    /// The contact they are.
    pub contact_id: Uuid,
    /// Whether a known contact's name, picture or fields changed.
    pub changed: bool,
    /// What could not be taken over, and why.
    pub note: Option<String>,
}

const COLUMNS: &str = "id, dedupe_key, external_id, email, phone, name, picture, fields, invitation_link, lucky_number, created_at, updated_at";

/// A contact of a workspace.
pub async fn contact(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Contact>> {
    query(&format!("select {COLUMNS} from contacts where workspace_id = $1 and id = $2"))
        .bind(workspace_id)
        .bind(id)
        .optional(db)
        .await
}

/// What a list of contact ids stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Ids the workspace has no contact for.
    pub unknown: Vec<Uuid>,
    /// The custom fields that at least one of the contacts has.
    pub custom_fields: BTreeSet<String>,
}

/// Looks up the contacts of a list of ids.
pub async fn listed_contacts(db: &Db, workspace_id: Uuid, ids: &[Uuid]) -> Result<Listed> {
    let mut tx = db.begin().await?;
    let found: Vec<(Uuid, Json<BTreeMap<String, String>>)> = Bulk::new(
        "select c.id, c.fields from contacts as c join {rows} on c.id = rows.id where c.workspace_id = rows.workspace_id",
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

/// Makes or updates the contacts of a chunk of a list, in order. A field the list leaves empty keeps its old value.
///
/// An external id and an e-mail that belong to two different contacts are not merged: the id decides, and the note says so.
pub async fn upsert_guests(tx: &mut Tx, workspace_id: Uuid, guests: &[Guest]) -> Result<Vec<Upserted>> {
    let mut known = Known::read(tx, workspace_id, guests).await?;
    let now = tx.db().now();
    let mut fresh: Vec<Contact> = Vec::new();
    let mut results = Vec::with_capacity(guests.len());
    for guest in guests {
        if let Some(contact) = known.find(guest) {
            let (updated, note) = known.merge(contact, guest);
            let changed = updated.name != contact.name
                || updated.picture != contact.picture
                || updated.fields.0 != contact.fields.0;
            let touched = changed
                || updated.phone != contact.phone
                || updated.email != contact.email
                || updated.external_id != contact.external_id;
            results.push(Upserted { contact_id: contact.id, changed, note });
            if touched {
                update(tx, &updated, now).await?;
                fresh
                    .iter_mut()
                    .filter(|contact| contact.id == updated.id)
                    .for_each(|contact| *contact = updated.clone());
                known.remember(updated);
            }
            continue;
        }
        // An address that another contact has stays theirs.
        let email = guest.email.clone().filter(|email| !known.by_email.contains_key(email));
        let note = (email != guest.email).then(|| taken_email(guest));
        let contact = Contact {
            id: tx.db().new_id(),
            dedupe_key: guest.dedupe_key(),
            external_id: guest.external_id.clone(),
            email,
            phone: guest.phone.clone(),
            name: guest.name.clone(),
            picture: guest.picture.clone(),
            fields: Json(guest.fields.clone()),
            invitation_link: None,
            lucky_number: None,
            created_at: now,
            updated_at: now,
        };
        results.push(Upserted { contact_id: contact.id, changed: false, note });
        known.remember(contact.clone());
        fresh.push(contact);
    }
    insert(tx, workspace_id, fresh).await?;
    Ok(results)
}

/// The contacts a chunk may speak of, by each of their keys.
#[derive(Default)]
struct Known {
    contacts: HashMap<Uuid, Contact>,
    by_key: HashMap<String, Uuid>,
    by_external_id: HashMap<String, Uuid>,
    by_email: HashMap<String, Uuid>,
}

impl Known {
    async fn read(tx: &mut Tx, workspace_id: Uuid, guests: &[Guest]) -> Result<Self> {
        let mut known = Self::default();
        let keys: [(&'static str, HashSet<String>); 3] = [
            (
                "select c.id, c.dedupe_key, c.external_id, c.email, c.phone, c.name, c.picture, c.fields, c.invitation_link, c.lucky_number,
                        c.created_at, c.updated_at
                 from contacts as c join {rows} on c.dedupe_key = rows.value where c.workspace_id = rows.workspace_id",
                guests.iter().map(Guest::dedupe_key).collect(),
            ),
            (
                "select c.id, c.dedupe_key, c.external_id, c.email, c.phone, c.name, c.picture, c.fields, c.invitation_link, c.lucky_number,
                        c.created_at, c.updated_at
                 from contacts as c join {rows} on c.external_id = rows.value where c.workspace_id = rows.workspace_id",
                guests.iter().filter_map(|guest| guest.external_id.clone()).collect(),
            ),
            (
                "select c.id, c.dedupe_key, c.external_id, c.email, c.phone, c.name, c.picture, c.fields, c.invitation_link, c.lucky_number,
                        c.created_at, c.updated_at
                 from contacts as c join {rows} on c.email = rows.value where c.workspace_id = rows.workspace_id",
                guests.iter().filter_map(|guest| guest.email.clone()).collect(),
            ),
        ];
        for (sql, values) in keys {
            let workspaces: Column = values.iter().map(|_| workspace_id).collect();
            let found: Vec<Contact> = Bulk::new(sql)
                .column("value", values.into_iter().collect())
                .column("workspace_id", workspaces)
                .all(&mut *tx)
                .await?;
            found.into_iter().for_each(|contact| known.remember(contact));
        }
        Ok(known)
    }

    fn remember(&mut self, contact: Contact) {
        self.by_key.insert(contact.dedupe_key.clone(), contact.id);
        if let Some(external_id) = &contact.external_id {
            self.by_external_id.insert(external_id.clone(), contact.id);
        }
        if let Some(email) = &contact.email {
            self.by_email.insert(email.clone(), contact.id);
        }
        self.contacts.insert(contact.id, contact);
    }

    fn find(&self, guest: &Guest) -> Option<&Contact> {
        let by_id = guest.external_id.as_ref().map(|id| self.by_external_id.get(id));
        let id = match by_id {
            Some(Some(id)) => Some(id),
            // A new external id with a known e-mail is the same person, unless that person has another external id.
            Some(None) => guest
                .email
                .as_ref()
                .and_then(|email| self.by_email.get(email))
                .filter(|id| self.contacts.get(*id).is_some_and(|contact| contact.external_id.is_none())),
            None => guest.email.as_ref().and_then(|email| self.by_email.get(email)),
        };
        id.or_else(|| self.by_key.get(&guest.dedupe_key())).and_then(|id| self.contacts.get(id))
    }

    fn merge(&self, contact: &Contact, guest: &Guest) -> (Contact, Option<String>) {
        let mut merged = contact.clone();
        let mut note = None;
        merged.name.clone_from(&guest.name);
        merged.phone = guest.phone.clone().or(merged.phone);
        merged.picture = guest.picture.clone().or(merged.picture);
        merged.external_id = merged.external_id.or_else(|| guest.external_id.clone());
        for (field, value) in &guest.fields {
            if !value.is_empty() || !merged.fields.0.contains_key(field) {
                merged.fields.0.insert(field.clone(), value.clone());
            }
        }
        if let Some(email) = &guest.email {
            match self.by_email.get(email) {
                Some(owner) if *owner != contact.id => {
                    note = Some(taken_email(guest));
                }
                _ => merged.email = Some(email.clone()),
            }
        }
        (merged, note)
    }
}

fn taken_email(guest: &Guest) -> String {
    format!(
        "the e-mail belongs to another contact than the external id {}: it was left as it is; correct one of the two",
        guest.external_id.as_deref().unwrap_or_default()
    )
}

async fn update(tx: &mut Tx, contact: &Contact, now: DateTime<Utc>) -> Result<()> {
    query(
        "update contacts set name = $2, phone = $3, email = $4, external_id = $5, picture = $6, fields = $7, updated_at = $8 where id = $1",
    )
    .bind(contact.id)
    .bind(contact.name.as_str())
    .bind(contact.phone.clone())
    .bind(contact.email.clone())
    .bind(contact.external_id.clone())
    .bind(contact.picture.clone())
    .bind(serde_json::to_value(&contact.fields.0).expect("fields are text"))
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

async fn insert(tx: &mut Tx, workspace_id: Uuid, contacts: Vec<Contact>) -> Result<()> {
    Bulk::new(
        "insert into contacts (id, workspace_id, dedupe_key, external_id, email, phone, name, picture, fields, created_at, updated_at)
         select id, workspace_id, dedupe_key, external_id, email, phone, name, picture, fields, at, at from {rows}",
    )
    .column("id", contacts.iter().map(|contact| contact.id).collect())
    .column("workspace_id", contacts.iter().map(|_| workspace_id).collect())
    .column("dedupe_key", contacts.iter().map(|contact| contact.dedupe_key.clone()).collect())
    .column("external_id", contacts.iter().map(|contact| contact.external_id.clone()).collect())
    .column("email", contacts.iter().map(|contact| contact.email.clone()).collect())
    .column("phone", contacts.iter().map(|contact| contact.phone.clone()).collect())
    .column("name", contacts.iter().map(|contact| contact.name.clone()).collect())
    .column("picture", contacts.iter().map(|contact| contact.picture.clone()).collect())
    .column(
        "fields",
        contacts.iter().map(|contact| serde_json::to_value(&contact.fields.0).expect("fields are text")).collect(),
    )
    .column("at", contacts.iter().map(|contact| contact.created_at).collect())
    .execute(tx)
    .await
}
