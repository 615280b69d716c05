//! Makes a contact, changes one, puts one into the trash and takes it out again.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde_json::json;
use uuid::Uuid;

use super::{
    Channel, Contact, ContactError, NewActivity, Person, Profile,
    contact::contact_row,
    field::fitted,
    holders::{address_erased_before, erased_before},
    known_contacts::{Keys, Known},
    record_activities, tag,
    upsert::rekey,
};
use herald_db::{Db, DbError, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};
use herald_sheets::{find_key, find_last, name_key};

/// Whether the caller knows this state of a contact.
pub type Seen = Box<dyn Fn(&Contact) -> bool + Send + Sync>;

type Result<T> = std::result::Result<T, ContactError>;

/// Makes a contact.
///
/// # Errors
/// [`ContactError::Field`]; [`ContactError::Known`] if the workspace has the person already, in the trash or not.
#[boxed]
pub async fn create_contact(db: &Db, actor: &Actor, profile: Profile, source: &str) -> Result<Contact> {
    let mut profile = profile.tidied()?;
    let mut tx = db.begin().await?;
    profile.fields = fitted(&mut tx, actor.workspace_id, &profile.fields, &BTreeMap::new()).await?;
    let contact = fresh(&tx, &profile, source)?;
    if let Some(known) = same_person(&mut tx, actor.workspace_id, &contact).await? {
        return Err(is_known(&known, &contact));
    }
    insert(&mut tx, actor, &contact, &profile).await?;
    tx.commit().await?;
    Ok(contact)
}

/// Finds the person whom a profile describes, or makes them. Somebody whom the workspace knows gains what is missing,
/// and loses nothing. Also says whether they are new.
///
/// # Errors
/// [`ContactError::Field`]; [`ContactError::Known`] if another request makes them at this moment.
#[boxed]
pub async fn take_contact(tx: &mut Tx, actor: &Actor, profile: Profile, source: &str) -> Result<(Contact, bool)> {
    let mut profile = profile.tidied()?;
    profile.fields = fitted(&mut *tx, actor.workspace_id, &profile.fields, &BTreeMap::new()).await?;
    let described = fresh(tx, &profile, source)?;
    let Some(known) = same_person(tx, actor.workspace_id, &described).await? else {
        insert(tx, actor, &described, &profile).await?;
        return Ok((described, true));
    };
    let mut contact = known.clone();
    apply(&mut contact, &profile.only_missing(&known));
    contact.trashed_at = None;
    let changed = changes(&known, &contact);
    if !changed.is_empty() || known.trashed_at.is_some() {
        contact.updated_at = tx.db().now();
        write(tx, actor.workspace_id, &contact, false).await.map_err(|error| taken(error, &contact))?;
        let detail = told(&mut *tx, actor.workspace_id, (&known, &contact), json!({ "fields": changed })).await?;
        let activity = NewActivity::of(contact.id, "contact.changed", &actor.who).with(detail);
        record_activities(tx, actor.workspace_id, vec![activity]).await?;
    }
    let tags = tag::tidied(profile.tags.as_deref().unwrap_or_default())?;
    tag::add_tags(tx, actor.workspace_id, &tags, tags.keys().map(|key| (contact.id, key.clone())).collect()).await?;
    Ok((contact, false))
}

/// The contact that a profile describes, not written yet.
fn fresh(tx: &Tx, profile: &Profile, source: &str) -> Result<Contact> {
    let Some(name) = profile.name.clone() else {
        return Err(ContactError::field("name", "the contact has no name: give one"));
    };
    let mut contact = blank(tx.db().new_id(), name, source, tx.db().now());
    apply(&mut contact, profile);
    Ok(contact)
}

async fn insert(tx: &mut Tx, actor: &Actor, contact: &Contact, profile: &Profile) -> Result<()> {
    let tags = tag::tidied(profile.tags.as_deref().unwrap_or_default())?;
    write(tx, actor.workspace_id, contact, true).await.map_err(|error| taken(error, contact))?;
    tag::set_tags(tx, actor.workspace_id, contact.id, &tags).await?;
    let mut detail = json!({ "source": contact.source });
    if let Some(at) = erased_before(&mut *tx, actor.workspace_id, &[contact]).await?.get(&contact.id) {
        detail["erased_before"] = json!(at);
    }
    let made = NewActivity::of(contact.id, "contact.created", &actor.who).with(detail);
    record_activities(tx, actor.workspace_id, vec![made]).await?;
    audit::record(tx, actor, Entry::of("contact.create", contact.id).affecting(1)).await?;
    Ok(())
}

/// Changes a contact, and its tags if some are given. `seen` says whether the caller knows the state that is changed.
/// `None`: there is no such contact.
///
/// # Errors
/// [`ContactError::Field`], [`ContactError::Known`], [`ContactError::Changed`].
#[boxed]
pub async fn change_contact(db: &Db, actor: &Actor, id: Uuid, profile: Profile, seen: Seen) -> Result<Option<Contact>> {
    let mut profile = profile.tidied()?;
    let tags = profile.tags.as_deref().map(tag::tidied).transpose()?;
    let mut tx = db.begin().await?;
    let Some(old) = locked(&mut tx, actor.workspace_id, id).await? else { return Ok(None) };
    old.is_itself()?;
    if !seen(&old) {
        return Err(ContactError::Changed);
    }
    profile.fields = fitted(&mut tx, actor.workspace_id, &profile.fields, &old.fields.0).await?;
    let mut contact = old.clone();
    apply(&mut contact, &profile);
    contact.updated_at = tx.db().now();
    if let Some(known) = same_person(&mut tx, actor.workspace_id, &contact).await? {
        return Err(is_known(&known, &contact));
    }
    write(&mut tx, actor.workspace_id, &contact, false).await.map_err(|error| taken(error, &contact))?;
    let mut changed = changes(&old, &contact);
    if let Some(tags) = &tags {
        tag::set_tags(&mut tx, actor.workspace_id, id, tags).await?;
        changed.push("tags".to_owned());
    }
    if !changed.is_empty() {
        let detail = json!({ "fields": changed });
        let of_timeline = told(&mut tx, actor.workspace_id, (&old, &contact), detail.clone()).await?;
        let activity = NewActivity::of(id, "contact.changed", &actor.who).with(of_timeline);
        record_activities(&mut tx, actor.workspace_id, vec![activity]).await?;
        audit::record(&mut tx, actor, Entry::of("contact.change", id).affecting(1).with(detail)).await?;
    }
    tx.commit().await?;
    Ok(Some(contact))
}

/// What the timeline says of a change: also that a person with an address that the contact gets was erased.
async fn told(
    tx: &mut Tx,
    workspace_id: Uuid,
    (old, new): (&Contact, &Contact),
    mut detail: serde_json::Value,
) -> herald_db::Result<serde_json::Value> {
    let email = (Channel::Email, &old.email, new.email.as_deref());
    let phone = (Channel::Phone, &old.phone, new.phone.as_deref());
    let gets = [email, phone].into_iter().filter(|(_, old, new)| old.as_deref() != *new);
    let gets: Vec<(Channel, &str)> = gets.filter_map(|(kind, _, new)| Some((kind, new?))).collect();
    if let Some(at) = address_erased_before(tx, workspace_id, &gets).await? {
        detail["erased_before"] = json!(at);
    }
    Ok(detail)
}

/// Puts a contact into the trash, or takes it out. `None`: there is no such contact.
///
/// # Errors
/// [`ContactError::WrongState`] if it was merged into another contact.
#[boxed]
pub async fn set_trashed(db: &Db, actor: &Actor, id: Uuid, trashed: bool) -> Result<Option<Contact>> {
    let mut tx = db.begin().await?;
    let Some(mut contact) = locked(&mut tx, actor.workspace_id, id).await? else { return Ok(None) };
    let now = tx.db().now();
    let to = trashed.then_some(now);
    let changed = query(
        "update contacts set trashed_at = $3, updated_at = $4 where workspace_id = $1 and id = $2
         and merged_into is null and (trashed_at is null) = $5",
    )
    .bind(actor.workspace_id)
    .bind(id)
    .bind(to)
    .bind(now)
    .bind(trashed)
    .execute(&mut tx)
    .await?;
    if changed == 0 && contact.trashed_at.is_some() == trashed {
        return Ok(Some(contact));
    }
    if changed == 0 {
        let detail = "the contact was merged into another one: undo the merge instead";
        return Err(ContactError::WrongState(detail.to_owned()));
    }
    let (kind, action) = match trashed {
        true => ("contact.trashed", "contact.trash"),
        false => ("contact.restored", "contact.restore"),
    };
    record_activities(&mut tx, actor.workspace_id, vec![NewActivity::of(id, kind, &actor.who)]).await?;
    audit::record(&mut tx, actor, Entry::of(action, id).affecting(1)).await?;
    tx.commit().await?;
    (contact.trashed_at, contact.updated_at) = (to, now);
    Ok(Some(contact))
}

/// A contact, which no other transaction changes until this one ends.
pub(super) async fn locked(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<Option<Contact>> {
    query("update contacts set updated_at = updated_at where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(id)
        .execute(&mut *tx)
        .await?;
    let found =
        query(concat!("select ", contact_row!(), " from contacts as c where c.workspace_id = $1 and c.id = $2"))
            .bind(workspace_id)
            .bind(id)
            .optional(tx)
            .await?;
    Ok(found)
}

pub(super) fn blank(id: Uuid, name: String, source: &str, now: DateTime<Utc>) -> Contact {
    Contact {
        id,
        dedupe_key: String::new(),
        external_id: None,
        email: None,
        phone: None,
        name,
        picture: None,
        fields: herald_db::Json(std::collections::BTreeMap::new()),
        invitation_link: None,
        lucky_number: None,
        locale: None,
        time_zone: None,
        country: None,
        preferred_channel: None,
        source: Some(source.to_owned()),
        trashed_at: None,
        merged_into: None,
        created_at: now,
        updated_at: now,
    }
}

/// Puts a profile's values into a contact: missing ones stay, empty ones go.
fn apply(contact: &mut Contact, profile: &Profile) {
    let set = |to: &mut Option<String>, from: &Option<String>| {
        if let Some(value) = from {
            *to = Some(value.clone()).filter(|value| !value.is_empty());
        }
    };
    if let Some(name) = &profile.name {
        contact.name.clone_from(name);
    }
    set(&mut contact.email, &profile.email);
    set(&mut contact.phone, &profile.phone);
    set(&mut contact.external_id, &profile.external_id);
    set(&mut contact.locale, &profile.locale);
    set(&mut contact.time_zone, &profile.time_zone);
    set(&mut contact.country, &profile.country);
    set(&mut contact.preferred_channel, &profile.preferred_channel.map(|channel| channel.as_str().to_owned()));
    for (name, value) in &profile.fields {
        match value.is_empty() {
            true => drop(contact.fields.0.remove(name)),
            false => drop(contact.fields.0.insert(name.clone(), value.clone())),
        }
    }
    rekey(contact);
}

/// The names of what differs between two states of a contact.
fn changes(old: &Contact, new: &Contact) -> Vec<String> {
    let mut changed: Vec<String> = [
        ("name", old.name != new.name),
        ("email", old.email != new.email),
        ("phone", old.phone != new.phone),
        ("external_id", old.external_id != new.external_id),
        ("locale", old.locale != new.locale),
        ("time_zone", old.time_zone != new.time_zone),
        ("country", old.country != new.country),
        ("preferred_channel", old.preferred_channel != new.preferred_channel),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(name, _)| name.to_owned())
    .collect();
    let names = old.fields.0.keys().chain(new.fields.0.keys());
    let differ: std::collections::BTreeSet<&String> =
        names.filter(|name| old.fields.0.get(*name) != new.fields.0.get(*name)).collect();
    changed.extend(differ.into_iter().cloned());
    changed
}

/// The other contact who is this person: the rule of lists (`docs/imports.md`).
pub(super) async fn same_person(tx: &mut Tx, workspace_id: Uuid, contact: &Contact) -> Result<Option<Contact>> {
    let person = Person {
        row_key: contact.id.to_string(),
        external_id: contact.external_id.clone(),
        email: contact.email.clone(),
        name: contact.name.clone(),
        ..Person::default()
    };
    let keys = [Keys::of(&person)];
    let known = Known::read(tx, workspace_id, &[&person], &keys).await?;
    Ok(known.find(&person, &keys[0]).filter(|known| known.id != contact.id).map(|known| Contact::clone(known)))
}

pub(super) fn is_known(known: &Contact, contact: &Contact) -> ContactError {
    let shared = match &contact.external_id {
        Some(id) if known.external_id.as_ref() == Some(id) => "the same external id",
        _ => "the same e-mail address and name",
    };
    let place = if known.trashed_at.is_some() { ". It lies in the trash: restore it" } else { "" };
    let detail = format!("contact {} has {shared}: change that contact instead{place}", known.id);
    ContactError::Known { id: known.id, detail }
}

/// Another request made the same person at the same time.
pub(super) fn taken(error: DbError, contact: &Contact) -> ContactError {
    if error.is_unique_violation() {
        let detail = "another request has just made this contact: read the list again".to_owned();
        return ContactError::Known { id: contact.id, detail };
    }
    error.into()
}

/// Writes what other domains note on a contact.
pub(super) async fn write_noted(tx: &mut Tx, workspace_id: Uuid, contact: &Contact) -> Result<()> {
    query(
        "update contacts set picture = $3, invitation_link = $4, lucky_number = $5 where workspace_id = $1 and id = $2",
    )
    .bind(workspace_id)
    .bind(contact.id)
    .bind(contact.picture.clone())
    .bind(contact.invitation_link.clone())
    .bind(contact.lucky_number.clone())
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes a contact, new or not.
pub(super) async fn write(
    tx: &mut Tx,
    workspace_id: Uuid,
    contact: &Contact,
    is_new: bool,
) -> std::result::Result<(), DbError> {
    let sql = match is_new {
        true => {
            "insert into contacts (id, workspace_id, dedupe_key, external_id, email, phone, name, name_key, fields,
               locale, time_zone, country, preferred_channel, source, find_key, find_last, created_at, updated_at,
               trashed_at)
             values ($2, $1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18)"
        }
        false => {
            "update contacts set dedupe_key = $3, external_id = $4, email = $5, phone = $6, name = $7, name_key = $8,
               fields = $9, locale = $10, time_zone = $11, country = $12, preferred_channel = $13, source = $14,
               find_key = $15, find_last = $16, updated_at = $17, trashed_at = $18
             where workspace_id = $1 and id = $2"
        }
    };
    query(sql)
        .bind(workspace_id)
        .bind(contact.id)
        .bind(contact.dedupe_key.as_str())
        .bind(contact.external_id.clone())
        .bind(contact.email.clone())
        .bind(contact.phone.clone())
        .bind(contact.name.as_str())
        .bind(name_key(&contact.name))
        .bind(serde_json::to_value(&contact.fields.0).expect("fields are text"))
        .bind(contact.locale.clone())
        .bind(contact.time_zone.clone())
        .bind(contact.country.clone())
        .bind(contact.preferred_channel.clone())
        .bind(contact.source.clone())
        .bind(find_key(&contact.name))
        .bind(find_last(&contact.name))
        .bind(contact.updated_at)
        .bind(contact.trashed_at)
        .execute(tx)
        .await?;
    Ok(())
}
