//! People of a list become contacts: known by their external id, else by e-mail and name, else by the row they came
//! from.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use uuid::Uuid;

use super::{
    Contact, ImportMode,
    holders::erased_before,
    known_contacts::{self, Keys, Known, email_and_name},
};
use herald_db::{Bulk, Column, Json, Result, Tx};
use herald_sheets::{field_key, find_key, find_last, name_key};

/// A person as a list names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// What makes two rows the same person where there is neither external id nor e-mail; unique in its list.
    pub row_key: String,
    /// The row key of a list that had neither external id nor e-mail of theirs, if this list has nobody else it could
    /// be.
    pub row_key_before: Option<String>,
    /// The contact that they are, if the list was exported from the same workspace.
    pub contact_id: Option<Uuid>,
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
    /// Their language, as a BCP 47 tag.
    pub locale: Option<String>,
    /// Their time zone, as an IANA name.
    pub time_zone: Option<String>,
    /// Their country, as two letters of ISO 3166-1.
    pub country: Option<String>,
    /// Every other field.
    pub fields: BTreeMap<String, String>,
}

/// What nobody else has: the external id, else e-mail and name together. An older release left the name out.
pub(super) fn dedupe_key(external_id: Option<&str>, email: Option<&str>, name: &str) -> Option<String> {
    match (external_id, email) {
        (Some(id), _) => Some(format!("id:{id}")),
        (None, Some(email)) => Some(email_and_name(email, name)),
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
    let people: Vec<&Person> = people.iter().collect();
    let decided = decide(&mut *tx, workspace_id, &people, ImportMode::Overwrite, None).await?;
    let upserted = decided.taken.iter().filter_map(Taken::upserted).collect();
    write(tx, workspace_id, &decided, None).await?;
    Ok(upserted)
}

/// One person of a list, and the contact that they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    /// The contact before; none if they are new.
    pub(super) before: Option<Arc<Contact>>,
    /// The contact behind it; none if they are not known, and nobody is to be added.
    pub(super) after: Option<Arc<Contact>>,
    /// What should be known.
    pub(super) note: Option<String>,
    /// Why nothing came of them, if they carry what another contact has.
    pub(super) refused: Option<String>,
}

impl Taken {
    pub(super) fn contact_id(&self) -> Option<Uuid> {
        self.after.as_ref().map(|contact| contact.id)
    }

    fn upserted(&self) -> Option<Upserted> {
        // Nobody is left out of an invitation for what another contact has.
        let after = self.after.as_ref().or_else(|| self.before.as_ref().filter(|_| self.refused.is_some()))?;
        let changed = self.before.as_ref().is_some_and(|before| {
            before.name != after.name || before.picture != after.picture || before.fields.0 != after.fields.0
        });
        Some(Upserted { contact_id: after.id, changed, note: self.note.clone().or_else(|| self.refused.clone()) })
    }
}

/// What a chunk of a list does, before it is written.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// When.
    pub(super) at: DateTime<Utc>,
    /// By person, in their order.
    pub(super) taken: Vec<Taken>,
    /// By new contact: when somebody with their address was erased.
    pub(super) erased: HashMap<Uuid, DateTime<Utc>>,
    fresh: Vec<Arc<Contact>>,
    updated: Vec<Arc<Contact>>,
}

/// Finds the contacts that people are, and what changes about them. `source` is where new ones come from.
pub(super) async fn decide(
    tx: &mut Tx,
    workspace_id: Uuid,
    people: &[&Person],
    mode: ImportMode,
    source: Option<&str>,
) -> Result<Decided> {
    let keys: Vec<Keys> = people.iter().copied().map(Keys::of).collect();
    let mut others: Vec<Contact> = Vec::new();
    loop {
        let mut known = Known::read(&mut *tx, workspace_id, people, &keys).await?;
        others.iter().cloned().for_each(|contact| known.found(contact));
        let mut decided = Decided { at: tx.db().now(), ..Decided::default() };
        let mut at = HashMap::new();
        for (person, keys) in people.iter().zip(&keys) {
            let taken = match known.find(person, keys).cloned() {
                None => decided.add(tx, &mut known, &mut at, (person, keys), (mode, source)),
                Some(before) => decided.change(&mut known, &mut at, person, before, mode),
            };
            decided.taken.push(taken);
        }
        let mut more = decided.unseen_holders(&mut *tx, workspace_id, people).await?;
        more.retain(|contact| !known.has(contact.id));
        if more.is_empty() {
            decided.note_erased(tx, workspace_id).await?;
            return Ok(decided);
        }
        others.extend(more);
    }
}

/// The place of a contact in a list to write: the list of new contacts, or that of changed ones.
enum At {
    Fresh(usize),
    Updated(usize),
}

impl Decided {
    /// Makes a contact of somebody who is not known.
    fn add(
        &mut self,
        tx: &Tx,
        known: &mut Known,
        at: &mut HashMap<Uuid, At>,
        (person, keys): (&Person, &Keys),
        (mode, source): (ImportMode, Option<&str>),
    ) -> Taken {
        if mode == ImportMode::Update {
            return Taken::default();
        }
        let contact = Arc::new(new_contact(tx.db().new_id(), person, keys, source, self.at));
        let note = known.note(contact.id, person);
        at.insert(contact.id, At::Fresh(self.fresh.len()));
        self.fresh.push(contact.clone());
        known.remember(contact.clone());
        Taken { after: Some(contact), note, ..Taken::default() }
    }

    /// Gives a contact what a list says of them.
    fn change(
        &mut self,
        known: &mut Known,
        at: &mut HashMap<Uuid, At>,
        person: &Person,
        before: Arc<Contact>,
        mode: ImportMode,
    ) -> Taken {
        let mut after = merge(&before, person, mode);
        if let Some(why) = known.conflict(person, &before, &after) {
            return Taken { before: Some(before), refused: Some(why), ..Taken::default() };
        }
        let note = known.note(after.id, person);
        if after == *before {
            return Taken { after: Some(before.clone()), before: Some(before), note, refused: None };
        }
        after.updated_at = self.at;
        let after = Arc::new(after);
        // One contact is written once, in its last state.
        match at.get(&after.id) {
            Some(At::Fresh(place)) => self.fresh[*place] = after.clone(),
            Some(At::Updated(place)) => self.updated[*place] = after.clone(),
            None => {
                at.insert(after.id, At::Updated(self.updated.len()));
                self.updated.push(after.clone());
            }
        }
        known.replace(&before, after.clone());
        Taken { before: Some(before), after: Some(after), note, refused: None }
    }

    /// Adds a remark to new contacts who have the address of a person who was erased: they may have asked for it.
    async fn note_erased(&mut self, tx: &mut Tx, workspace_id: Uuid) -> Result<()> {
        let fresh: Vec<&Contact> = self.fresh.iter().map(Arc::as_ref).collect();
        self.erased = erased_before(tx, workspace_id, &fresh).await?;
        let is_new = |taken: &&mut Taken| taken.before.is_none();
        for taken in self.taken.iter_mut().filter(is_new) {
            let Some(at) = taken.contact_id().and_then(|id| self.erased.get(&id)) else { continue };
            let remark = format!(
                "somebody with this address was erased on {}: make sure that they want to be a contact again",
                at.format("%Y-%m-%d")
            );
            taken.note = Some(taken.note.take().map_or(remark.clone(), |note| format!("{note}; {remark}")));
        }
        Ok(())
    }

    /// The contacts that have the keys which others are to get. Only a row that says which contact it is gives a
    /// contact a key that was not looked up with its people.
    async fn unseen_holders(&self, tx: &mut Tx, workspace_id: Uuid, people: &[&Person]) -> Result<Vec<Contact>> {
        if people.iter().all(|person| person.contact_id.is_none()) {
            return Ok(Vec::new());
        }
        let keys: HashSet<String> = self.updated.iter().map(|contact| contact.dedupe_key.clone()).collect();
        known_contacts::holders(tx, workspace_id, keys).await
    }
}

/// Writes what was decided. New contacts remember the import that made them, but for those of whom its entry in the
/// timeline says more: the caller writes that.
pub(super) async fn write(tx: &mut Tx, workspace_id: Uuid, decided: &Decided, imported_by: Option<Uuid>) -> Result<()> {
    let updated: Vec<&Contact> = decided.updated.iter().map(Arc::as_ref).collect();
    update(&mut *tx, workspace_id, &updated).await?;
    let fresh: Vec<&Contact> = decided.fresh.iter().map(Arc::as_ref).collect();
    let imported_by = |contact: &&Contact| imported_by.filter(|_| !decided.erased.contains_key(&contact.id));
    insert(tx, workspace_id, &fresh, fresh.iter().map(imported_by).collect()).await
}

fn new_contact(id: Uuid, person: &Person, keys: &Keys, source: Option<&str>, now: DateTime<Utc>) -> Contact {
    Contact {
        id,
        dedupe_key: keys.own.clone(),
        external_id: person.external_id.clone(),
        email: person.email.clone(),
        phone: person.phone.clone(),
        name: person.name.clone(),
        picture: person.picture.clone(),
        fields: Json(person.fields.clone()),
        invitation_link: None,
        lucky_number: None,
        locale: person.locale.clone(),
        time_zone: person.time_zone.clone(),
        country: person.country.clone(),
        preferred_channel: None,
        source: source.map(str::to_owned),
        trashed_at: None,
        merged_into: None,
        created_at: now,
        updated_at: now,
    }
}

fn merge(contact: &Contact, person: &Person, mode: ImportMode) -> Contact {
    let mut merged = contact.clone();
    let fills = mode == ImportMode::Fill;
    let take = |own: &mut Option<String>, given: &Option<String>| {
        if given.is_some() && (!fills || own.is_none()) {
            own.clone_from(given);
        }
    };
    if !fills {
        merged.name.clone_from(&person.name);
    }
    take(&mut merged.phone, &person.phone);
    take(&mut merged.email, &person.email);
    take(&mut merged.picture, &person.picture);
    take(&mut merged.locale, &person.locale);
    take(&mut merged.time_zone, &person.time_zone);
    take(&mut merged.country, &person.country);
    // Whom a list names again is wanted again.
    merged.trashed_at = None;
    merged.external_id = merged.external_id.or_else(|| person.external_id.clone());
    for (field, value) in &person.fields {
        let name = own_name(&merged.fields.0, field);
        let is_free = merged.fields.0.get(name.as_ref()).is_none_or(|own| fills && own.is_empty());
        if is_free || !fills && !value.is_empty() {
            merged.fields.0.insert(name.into_owned(), value.clone());
        }
    }
    // A person who got an id or an address is known by it from now on.
    if let Some(key) = dedupe_key(merged.external_id.as_deref(), merged.email.as_deref(), &merged.name) {
        merged.dedupe_key = key;
    }
    merged
}

/// Works out again what a contact is known by.
pub(super) fn rekey(contact: &mut Contact) {
    // Of somebody without id and address, the row of the list that they came from stays the key.
    contact.dedupe_key = dedupe_key(contact.external_id.as_deref(), contact.email.as_deref(), &contact.name)
        .or_else(|| Some(contact.dedupe_key.clone()).filter(|key| key.starts_with("row:")))
        .unwrap_or_else(|| format!("contact:{}", contact.id));
}

/// The name under which a contact has a field of a list: a list writes `table_no` for what a person called `Table No.`.
fn own_name<'a>(fields: &BTreeMap<String, String>, field: &'a str) -> std::borrow::Cow<'a, str> {
    if fields.contains_key(field) {
        return field.into();
    }
    let own = fields.keys().find(|own| field_key(own) == field);
    own.map_or_else(|| field.into(), |own| own.clone().into())
}

/// Writes contacts that are there already.
pub(super) async fn update(tx: &mut Tx, workspace_id: Uuid, contacts: &[&Contact]) -> Result<()> {
    if contacts.is_empty() {
        return Ok(());
    }
    let sql = "update contacts set name = rows.name, name_key = rows.name_key, phone = rows.phone, email = rows.email,
           external_id = rows.external_id, picture = rows.picture, fields = rows.fields, locale = rows.locale,
           time_zone = rows.time_zone, country = rows.country, dedupe_key = rows.dedupe_key,
           updated_at = rows.updated_at, find_key = rows.find_key, find_last = rows.find_last,
           trashed_at = rows.trashed_at
         from {rows} where contacts.workspace_id = rows.workspace_id and contacts.id = rows.id";
    columns(Bulk::new(sql).kept(), workspace_id, contacts)
        .column("trashed_at", contacts.iter().map(|contact| contact.trashed_at).collect())
        .execute(tx)
        .await
}

async fn insert(tx: &mut Tx, workspace_id: Uuid, contacts: &[&Contact], imported_by: Vec<Option<Uuid>>) -> Result<()> {
    let sql = "insert into contacts (id, workspace_id, dedupe_key, external_id, email, phone, name, name_key, picture,
           fields, locale, time_zone, country, source, created_at, updated_at, find_key, find_last, imported_by)
         select id, workspace_id, dedupe_key, external_id, email, phone, name, name_key, picture, fields, locale,
           time_zone, country, source, created_at, updated_at, find_key, find_last, imported_by from {rows}";
    columns(Bulk::new(sql).kept(), workspace_id, contacts)
        .column("source", contacts.iter().map(|contact| contact.source.clone()).collect())
        .column("created_at", contacts.iter().map(|contact| contact.created_at).collect())
        .column("imported_by", Column::Uuid(imported_by))
        .execute(tx)
        .await
}

/// What both statements write.
fn columns(bulk: Bulk, workspace_id: Uuid, contacts: &[&Contact]) -> Bulk {
    let fields = |contact: &&Contact| serde_json::to_value(&contact.fields.0).expect("fields are text");
    bulk.column("id", contacts.iter().map(|contact| contact.id).collect())
        .column("workspace_id", contacts.iter().map(|_| workspace_id).collect())
        .column("dedupe_key", contacts.iter().map(|contact| contact.dedupe_key.clone()).collect())
        .column("external_id", contacts.iter().map(|contact| contact.external_id.clone()).collect())
        .column("email", contacts.iter().map(|contact| contact.email.clone()).collect())
        .column("phone", contacts.iter().map(|contact| contact.phone.clone()).collect())
        .column("name", contacts.iter().map(|contact| contact.name.clone()).collect())
        .column("name_key", contacts.iter().map(|contact| name_key(&contact.name)).collect())
        .column("picture", contacts.iter().map(|contact| contact.picture.clone()).collect())
        .column("fields", contacts.iter().map(fields).collect())
        .column("locale", contacts.iter().map(|contact| contact.locale.clone()).collect())
        .column("time_zone", contacts.iter().map(|contact| contact.time_zone.clone()).collect())
        .column("country", contacts.iter().map(|contact| contact.country.clone()).collect())
        .column("updated_at", contacts.iter().map(|contact| contact.updated_at).collect())
        .column("find_key", contacts.iter().map(|contact| find_key(&contact.name)).collect())
        .column("find_last", contacts.iter().map(|contact| find_last(&contact.name)).collect())
}
