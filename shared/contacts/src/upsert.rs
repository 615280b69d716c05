//! People of a list become contacts: known by their external id, else by e-mail and name, else by the row they came
//! from.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use uuid::Uuid;

use super::{Contact, known_contacts::Known};
use herald_db::{Bulk, Json, Result, Tx, query};
use herald_sheets::{find_key, find_last, name_key};

/// A person as a list names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// What makes two rows the same person where there is neither external id nor e-mail; unique in its list.
    pub row_key: String,
    /// The row key of a list that had neither external id nor e-mail of theirs, if this list has nobody else it could
    /// be.
    pub row_key_before: Option<String>,
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

impl Person {
    pub(super) fn dedupe_key(&self) -> String {
        dedupe_key(self.external_id.as_deref(), self.email.as_deref(), &self.name)
            .unwrap_or_else(|| format!("row:{}", self.row_key))
    }
}

/// What nobody else has: the external id, else e-mail and name together. An older release left the name out.
pub(super) fn dedupe_key(external_id: Option<&str>, email: Option<&str>, name: &str) -> Option<String> {
    match (external_id, email) {
        (Some(id), _) => Some(format!("id:{id}")),
        (None, Some(email)) => Some(format!("email:{email} {}", name_key(name))),
        (None, None) => None,
    }
}

/// What became of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upserted {
    /// The contact they are.
    pub contact_id: Uuid,
    /// Whether a known contact's name, picture or fields changed.
    pub changed: bool,
    /// What could not be taken over, and why.
    pub note: Option<String>,
}

/// Makes or updates the contacts of a chunk of a list, in order. A field the list leaves empty keeps its old value.
///
/// An address is not a person: people with one e-mail and different ids or names are different contacts, and a note
/// says so.
#[boxed]
pub async fn upsert_people(tx: &mut Tx, workspace_id: Uuid, people: &[Person]) -> Result<Vec<Upserted>> {
    let mut known = Known::read(tx, workspace_id, people).await?;
    let now = tx.db().now();
    let mut fresh: Vec<Contact> = Vec::new();
    let mut results = Vec::with_capacity(people.len());
    for person in people {
        let Some(contact) = known.find(person).cloned() else {
            let contact = new_contact(tx.db().new_id(), person, now);
            results.push(Upserted { contact_id: contact.id, changed: false, note: known.note(contact.id, person) });
            known.remember(contact.clone());
            fresh.push(contact);
            continue;
        };
        let updated = merge(&contact, person);
        let changed =
            updated.name != contact.name || updated.picture != contact.picture || updated.fields.0 != contact.fields.0;
        let touched = changed
            || updated.phone != contact.phone
            || updated.email != contact.email
            || updated.external_id != contact.external_id
            || updated.trashed_at != contact.trashed_at;
        results.push(Upserted { contact_id: contact.id, changed, note: known.note(contact.id, person) });
        if touched {
            update(tx, workspace_id, &updated, now).await?;
            fresh.iter_mut().filter(|contact| contact.id == updated.id).for_each(|contact| *contact = updated.clone());
            known.replace(&contact, updated);
        }
    }
    insert(tx, workspace_id, fresh).await?;
    Ok(results)
}

fn new_contact(id: Uuid, person: &Person, now: DateTime<Utc>) -> Contact {
    Contact {
        id,
        dedupe_key: person.dedupe_key(),
        external_id: person.external_id.clone(),
        email: person.email.clone(),
        phone: person.phone.clone(),
        name: person.name.clone(),
        picture: person.picture.clone(),
        fields: Json(person.fields.clone()),
        invitation_link: None,
        lucky_number: None,
        locale: None,
        time_zone: None,
        country: None,
        preferred_channel: None,
        source: None,
        trashed_at: None,
        created_at: now,
        updated_at: now,
    }
}

fn merge(contact: &Contact, person: &Person) -> Contact {
    let mut merged = contact.clone();
    merged.name.clone_from(&person.name);
    merged.phone = person.phone.clone().or(merged.phone);
    merged.email = person.email.clone().or(merged.email);
    merged.picture = person.picture.clone().or(merged.picture);
    // Whom a list names again is wanted again.
    merged.trashed_at = None;
    merged.external_id = merged.external_id.or_else(|| person.external_id.clone());
    for (field, value) in &person.fields {
        if !value.is_empty() || !merged.fields.0.contains_key(field) {
            merged.fields.0.insert(field.clone(), value.clone());
        }
    }
    // A person who got an id or an address is known by it from now on.
    if let Some(key) = dedupe_key(merged.external_id.as_deref(), merged.email.as_deref(), &merged.name) {
        merged.dedupe_key = key;
    }
    merged
}

async fn update(tx: &mut Tx, workspace_id: Uuid, contact: &Contact, now: DateTime<Utc>) -> Result<()> {
    query(
        "update contacts set name = $3, name_key = $4, phone = $5, email = $6, external_id = $7, picture = $8, \
         fields = $9,
                dedupe_key = $10, updated_at = $11, find_key = $12, find_last = $13, trashed_at = $14
         where workspace_id = $1 and id = $2",
    )
    .bind(workspace_id)
    .bind(contact.id)
    .bind(contact.name.as_str())
    .bind(name_key(&contact.name))
    .bind(contact.phone.clone())
    .bind(contact.email.clone())
    .bind(contact.external_id.clone())
    .bind(contact.picture.clone())
    .bind(serde_json::to_value(&contact.fields.0).expect("fields are text"))
    .bind(contact.dedupe_key.as_str())
    .bind(now)
    .bind(find_key(&contact.name))
    .bind(find_last(&contact.name))
    .bind(contact.trashed_at)
    .execute(tx)
    .await?;
    Ok(())
}

async fn insert(tx: &mut Tx, workspace_id: Uuid, contacts: Vec<Contact>) -> Result<()> {
    Bulk::new(
        "insert into contacts (id, workspace_id, dedupe_key, external_id, email, phone, name, name_key, picture, \
         fields, created_at, updated_at, find_key, find_last)
         select id, workspace_id, dedupe_key, external_id, email, phone, name, name_key, picture, fields, at, \
         at, find_key, find_last from {rows}",
    )
    .column("id", contacts.iter().map(|contact| contact.id).collect())
    .column("workspace_id", contacts.iter().map(|_| workspace_id).collect())
    .column("dedupe_key", contacts.iter().map(|contact| contact.dedupe_key.clone()).collect())
    .column("external_id", contacts.iter().map(|contact| contact.external_id.clone()).collect())
    .column("email", contacts.iter().map(|contact| contact.email.clone()).collect())
    .column("phone", contacts.iter().map(|contact| contact.phone.clone()).collect())
    .column("name", contacts.iter().map(|contact| contact.name.clone()).collect())
    .column("name_key", contacts.iter().map(|contact| name_key(&contact.name)).collect())
    .column("picture", contacts.iter().map(|contact| contact.picture.clone()).collect())
    .column(
        "fields",
        contacts.iter().map(|contact| serde_json::to_value(&contact.fields.0).expect("fields are text")).collect(),
    )
    .column("at", contacts.iter().map(|contact| contact.created_at).collect())
    .column("find_key", contacts.iter().map(|contact| find_key(&contact.name)).collect())
    .column("find_last", contacts.iter().map(|contact| find_last(&contact.name)).collect())
    .execute(tx)
    .await
}
