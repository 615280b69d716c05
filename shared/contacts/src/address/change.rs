//! Adds an address to a contact, changes one, makes one the primary, marks one as verified, and removes one.
//!
//! All of them hold the contact's row, so that two at once do not both take the last place, or both become the primary.

use herald_base::boxed;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Address, MOST, arranged, in_contact, rows_of, spelling};
use crate::{
    Channel, Contact, ContactError, NewActivity,
    edit::{is_known, locked, same_person, taken, write},
    holders::address_erased_before,
    record_activities,
    upsert::rekey,
};
use herald_db::{Db, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

type Result<T> = std::result::Result<T, ContactError>;

/// A new address.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewContactAddress)]
pub struct NewAddress {
    /// What it is for.
    pub kind: Channel,
    /// An e-mail address; a number with `+` and the country code; for WhatsApp also the id of somebody who hides the
    /// number.
    #[schema(example = "ana@example.org")]
    pub value: String,
    /// What the workspace calls it: at most 50 characters.
    #[schema(example = "work")]
    pub label: Option<String>,
    /// How somebody made sure that it is the person's: at most 200 characters. Left out: nobody did yet.
    #[schema(example = "said so on the telephone")]
    pub verified_how: Option<String>,
}

/// What changes about an address.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContactAddressChange)]
pub struct AddressChange {
    /// Another address in its place. Nobody made sure of that one yet.
    pub value: Option<String>,
    /// What the workspace calls it; an empty text removes that.
    pub label: Option<String>,
}

/// Whether an address is verified.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContactAddressVerification)]
pub struct Verification {
    /// False takes it back.
    #[serde(default = "yes")]
    pub verified: bool,
    /// How somebody made sure that it is the person's: 1 to 200 characters, needed unless it is taken back.
    #[schema(example = "said so on the telephone")]
    pub how: Option<String>,
}

fn yes() -> bool {
    true
}

/// A contact that is locked, and its addresses.
struct Held<'a> {
    actor: &'a Actor,
    contact: Contact,
    all: Vec<Address>,
}

impl<'a> Held<'a> {
    async fn lock(tx: &mut Tx, actor: &'a Actor, contact_id: Uuid) -> Result<Option<Self>> {
        let Some(contact) = locked(&mut *tx, actor.workspace_id, contact_id).await? else { return Ok(None) };
        contact.is_itself()?;
        let all = arranged(&contact, rows_of(actor.workspace_id, contact_id).all(tx).await?);
        Ok(Some(Self { actor, contact, all }))
    }

    /// One of the addresses, with its id.
    fn find(&self, id: Uuid) -> Option<(Uuid, Address)> {
        self.all.iter().find(|one| one.id == Some(id)).map(|one| (id, one.clone()))
    }

    /// The address that has a value, if one does.
    fn with(&self, kind: Channel, value: &str) -> Option<&Address> {
        self.all.iter().find(|one| one.kind == kind && one.value == value)
    }

    fn has_primary(&self, kind: Channel) -> bool {
        self.all.iter().any(|one| one.kind == kind && one.primary)
    }

    /// Writes the contact with another primary address, or without one. Of kinds without a column nothing changes.
    ///
    /// # Errors
    /// [`ContactError::Known`] if another contact has the address and the name.
    async fn put(&mut self, tx: &mut Tx, kind: Channel, value: Option<String>) -> Result<()> {
        let place = match kind {
            Channel::Email => &mut self.contact.email,
            Channel::Phone => &mut self.contact.phone,
            Channel::Whatsapp => return Ok(()),
        };
        *place = value;
        rekey(&mut self.contact);
        let workspace_id = self.actor.workspace_id;
        if let Some(known) = same_person(&mut *tx, workspace_id, &self.contact).await? {
            return Err(is_known(&known, &self.contact));
        }
        write(tx, workspace_id, &self.contact, false).await.map_err(|error| taken(error, &self.contact))
    }

    /// Writes down what was done, and that the contact has changed. Returns the addresses as they are now.
    async fn end(self, tx: Tx, what: &'static str, id: Uuid, kind: Channel) -> Result<Vec<Address>> {
        self.end_with(tx, (what, None), id, kind).await
    }

    /// As `end`, for an address that is new for the contact. The timeline says if a person with it was erased.
    async fn end_with(
        self,
        mut tx: Tx,
        (what, new): (&'static str, Option<&str>),
        id: Uuid,
        kind: Channel,
    ) -> Result<Vec<Address>> {
        let (workspace_id, contact_id, who) = (self.actor.workspace_id, self.contact.id, &self.actor.who);
        let now = tx.db().now();
        query("update contacts set updated_at = $3 where workspace_id = $1 and id = $2")
            .bind(workspace_id)
            .bind(contact_id)
            .bind(now)
            .execute(&mut tx)
            .await?;
        let mut detail = json!({ "channel": kind });
        let new: Vec<(Channel, &str)> = new.into_iter().map(|value| (kind, value)).collect();
        if let Some(at) = address_erased_before(&mut tx, workspace_id, &new).await? {
            detail["erased_before"] = json!(at);
        }
        let activity = NewActivity::of(contact_id, what, who).about(id).with(detail);
        record_activities(&mut tx, workspace_id, vec![activity]).await?;
        let detail = json!({ "address": id, "kind": kind });
        audit::record(&mut tx, self.actor, Entry::of(what, contact_id).affecting(1).with(detail)).await?;
        let rows = rows_of(workspace_id, contact_id).all(&mut tx).await?;
        tx.commit().await?;
        Ok(arranged(&self.contact, rows))
    }
}

/// One address of those that a contact has behind a change.
fn one_of(all: Vec<Address>, id: Uuid) -> Option<Address> {
    all.into_iter().find(|one| one.id == Some(id))
}

fn is_there() -> ContactError {
    ContactError::WrongState("the contact has this address already: change that one instead".to_owned())
}

/// Adds an address to a contact. The first of its kind is the primary one. A primary address of which only the value is
/// known gets its label and its verification. `None`: there is no such contact.
///
/// # Errors
/// [`ContactError::Field`]; [`ContactError::WrongState`] if the contact has it already, or was merged;
/// [`ContactError::Known`] if it is the first, and another contact has it and the name.
#[boxed]
pub async fn add_address(db: &Db, actor: &Actor, contact_id: Uuid, new: NewAddress) -> Result<Option<Address>> {
    let value = spelling::value(new.kind, &new.value)?;
    let label = new.label.as_deref().map(spelling::label).transpose()?.flatten();
    let given = new.verified_how.as_deref().filter(|how| !how.trim().is_empty());
    let how = given.map(|how| spelling::how("verified_how", how)).transpose()?;
    let mut tx = db.begin().await?;
    let Some(mut held) = Held::lock(&mut tx, actor, contact_id).await? else { return Ok(None) };
    match held.with(new.kind, &value) {
        Some(known) if known.id.is_some() => return Err(is_there()),
        Some(_) => {}
        None if held.all.len() >= MOST => {
            let detail = format!("the contact has {MOST} addresses, which is the most: remove one first");
            return Err(ContactError::field("value", detail));
        }
        None if !held.has_primary(new.kind) => held.put(&mut tx, new.kind, Some(value.clone())).await?,
        None => {}
    }
    let id = insert(&mut tx, actor.workspace_id, contact_id, (new.kind, &value)).await?;
    describe(&mut tx, actor, id, (label, how)).await?;
    let fresh = held.with(new.kind, &value).is_none().then_some(value.as_str());
    let all = held.end_with(tx, ("address.added", fresh), id, new.kind).await?;
    Ok(one_of(all, id))
}

/// Writes an address of which nothing else is known yet.
pub(crate) async fn insert(
    tx: &mut Tx,
    workspace_id: Uuid,
    contact_id: Uuid,
    (kind, value): (Channel, &str),
) -> herald_db::Result<Uuid> {
    let (id, now) = (tx.db().new_id(), tx.db().now());
    query(
        "insert into contact_addresses (id, workspace_id, contact_id, kind, value, created_at)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id)
    .bind(workspace_id)
    .bind(contact_id)
    .bind(kind.as_str())
    .bind(value)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(id)
}

/// Writes the label, and whether somebody made sure of the address.
async fn describe(tx: &mut Tx, actor: &Actor, id: Uuid, (label, how): (Option<String>, Option<String>)) -> Result<()> {
    let (at, by) = (how.as_ref().map(|_| tx.db().now()), how.as_ref().map(|_| actor.who.clone()));
    query(
        "update contact_addresses set label = $3, verified_at = $4, verified_how = $5, verified_by = $6
         where workspace_id = $1 and id = $2",
    )
    .bind(actor.workspace_id)
    .bind(id)
    .bind(label)
    .bind(at)
    .bind(how)
    .bind(by)
    .execute(tx)
    .await?;
    Ok(())
}

/// Changes an address. `None`: the contact has no such address.
///
/// # Errors
/// As [`add_address`].
#[boxed]
pub async fn change_address(
    db: &Db,
    actor: &Actor,
    contact_id: Uuid,
    id: Uuid,
    change: AddressChange,
) -> Result<Option<Address>> {
    let mut tx = db.begin().await?;
    let Some(mut held) = Held::lock(&mut tx, actor, contact_id).await? else { return Ok(None) };
    let Some((id, old)) = held.find(id) else { return Ok(None) };
    let value = change.value.as_deref().map(|text| spelling::value(old.kind, text)).transpose()?;
    let label = match change.label.as_deref() {
        Some(text) => spelling::label(text)?,
        None => old.label.clone(),
    };
    let fresh = value.filter(|value| *value != old.value);
    if let Some(value) = &fresh {
        if held.with(old.kind, value).is_some() {
            return Err(is_there());
        }
        if old.primary {
            held.put(&mut tx, old.kind, Some(value.clone())).await?;
        }
        query("update contact_addresses set value = $3 where workspace_id = $1 and id = $2")
            .bind(actor.workspace_id)
            .bind(id)
            .bind(value.as_str())
            .execute(&mut tx)
            .await?;
        describe(&mut tx, actor, id, (label, None)).await?;
    } else if label == old.label {
        return Ok(Some(old));
    } else {
        query("update contact_addresses set label = $3 where workspace_id = $1 and id = $2")
            .bind(actor.workspace_id)
            .bind(id)
            .bind(label)
            .execute(&mut tx)
            .await?;
    }
    let all = held.end_with(tx, ("address.changed", fresh.as_deref()), id, old.kind).await?;
    Ok(one_of(all, id))
}

/// Makes an address the primary one of its kind. The old one stays as a further one. `None`: the contact has no such
/// address.
///
/// # Errors
/// [`ContactError::Known`] if another contact has the address and the name; [`ContactError::WrongState`] if the contact
/// was merged.
#[boxed]
pub async fn make_address_primary(db: &Db, actor: &Actor, contact_id: Uuid, id: Uuid) -> Result<Option<Address>> {
    let mut tx = db.begin().await?;
    let Some(mut held) = Held::lock(&mut tx, actor, contact_id).await? else { return Ok(None) };
    let Some((id, one)) = held.find(id) else { return Ok(None) };
    if one.primary {
        return Ok(Some(one));
    }
    // Without its column, the old one would be gone if it had no row.
    let old = in_contact(&held.contact, one.kind).cloned();
    if let Some(old) = old.filter(|old| held.with(one.kind, old).is_some_and(|old| old.id.is_none())) {
        insert(&mut tx, actor.workspace_id, contact_id, (one.kind, &old)).await?;
    }
    held.put(&mut tx, one.kind, Some(one.value.clone())).await?;
    let now = tx.db().now();
    query("update contact_addresses set preferred_at = $3 where workspace_id = $1 and id = $2")
        .bind(actor.workspace_id)
        .bind(id)
        .bind(now)
        .execute(&mut tx)
        .await?;
    let all = held.end(tx, "address.primary", id, one.kind).await?;
    Ok(one_of(all, id))
}

/// Notes that a person made sure that an address is the contact's, and how; or that it is not sure any more. `None`:
/// the contact has no such address.
///
/// # Errors
/// [`ContactError::Field`]; [`ContactError::WrongState`] if the contact was merged.
#[boxed]
pub async fn verify_address(
    db: &Db,
    actor: &Actor,
    contact_id: Uuid,
    id: Uuid,
    verification: Verification,
) -> Result<Option<Address>> {
    let Verification { verified, how } = verification;
    let how = verified.then(|| spelling::how("how", how.as_deref().unwrap_or_default())).transpose()?;
    let mut tx = db.begin().await?;
    let Some(held) = Held::lock(&mut tx, actor, contact_id).await? else { return Ok(None) };
    let Some((id, one)) = held.find(id) else { return Ok(None) };
    if !verified && one.verified_at.is_none() {
        return Ok(Some(one));
    }
    describe(&mut tx, actor, id, (one.label, how)).await?;
    let what = if verified { "address.verified" } else { "address.unverified" };
    let all = held.end(tx, what, id, one.kind).await?;
    Ok(one_of(all, id))
}

/// Removes an address. If it was the primary one, the contact has none of that kind until another one is made so.
/// False: the contact has no such address.
///
/// # Errors
/// [`ContactError::WrongState`] if the contact was merged.
#[boxed]
pub async fn remove_address(db: &Db, actor: &Actor, contact_id: Uuid, id: Uuid) -> Result<bool> {
    let mut tx = db.begin().await?;
    let Some(mut held) = Held::lock(&mut tx, actor, contact_id).await? else { return Ok(false) };
    let Some((id, one)) = held.find(id) else { return Ok(false) };
    if one.primary {
        held.put(&mut tx, one.kind, None).await?;
    }
    query("delete from contact_addresses where workspace_id = $1 and id = $2")
        .bind(actor.workspace_id)
        .bind(id)
        .execute(&mut tx)
        .await?;
    held.end(tx, "address.removed", id, one.kind).await?;
    Ok(true)
}
