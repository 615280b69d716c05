//! Finds the contacts that the people of a list may be.
//!
//! A chunk asks for as little as it can: most people of most lists are new, or are the only contact with their address.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use uuid::Uuid;

use super::{
    Contact, Person,
    contact::{contact_row, contacts_of},
};
use herald_db::{Bulk, EngineKind, Result, Tx, query, query_texts};
use herald_sheets::name_key;

const OF_KEY: &str = concat!(
    "select ",
    contact_row!(),
    " from {texts} cross join contacts as c where c.workspace_id = $2 and c.dedupe_key = rows.value"
);
const OF_EXTERNAL_ID: &str = concat!(
    "select ",
    contact_row!(),
    " from {texts} cross join contacts as c where c.workspace_id = $2 and c.external_id = rows.value"
);
const KNOWN_EMAILS: &str = "select rows.value from {texts} where exists
   (select 1 from contacts as c where c.workspace_id = $2 and c.email = rows.value)";
// A person with an id is never a contact with another id.
const OF_EMAIL_AND_NAME: &str = concat!(
    "select ",
    contact_row!(),
    " from contacts as c join {rows} on c.email = rows.email and c.name_key = rows.name_key
     where c.workspace_id = rows.workspace_id and (c.external_id is null or not rows.has_id)"
);
// Contacts of an older release: at most one has an address.
const OF_EMAIL_BEFORE: &str = concat!(
    "select ",
    contact_row!(),
    " from {texts} cross join contacts as c where c.workspace_id = $2 and c.email = rows.value and c.name_key is null"
);
const MERGED: &str = "select id from contacts where workspace_id = $1 and merged_into is not null limit 1";
const OF_MERGED_EMAIL: &str = concat!(
    "select ",
    contact_row!(),
    " from {texts} cross join contacts as c
     where c.workspace_id = $2 and c.email = rows.value and c.merged_into is not null"
);
const BARE: &str = "select id from contacts where workspace_id = $1 and email is null and external_id is null limit 1";

/// The first two contacts of an address. At most one of them is the person, so the other can be named in the remark.
fn two_of_email(engine: EngineKind) -> &'static str {
    match engine {
        EngineKind::Postgres => concat!(
            "select ",
            contact_row!(),
            " from {texts} cross join lateral (select * from contacts as o where o.workspace_id = $2
               and o.email = rows.value and o.merged_into is null order by o.name_key, o.id limit 2) as c"
        ),
        // The sign keeps SQLite from going through all contacts of the workspace.
        EngineKind::Sqlite => concat!(
            "select ",
            contact_row!(),
            " from {texts} cross join contacts as c where +c.workspace_id = $2 and c.id in
               (select o.id from contacts as o where o.workspace_id = $2 and o.email = rows.value
                and o.merged_into is null order by o.name_key, o.id limit 2)"
        ),
    }
}

/// What a person of a list is known by.
pub(super) struct Keys {
    /// What a new contact of theirs is known by.
    pub(super) own: String,
    /// Address and name.
    person: Option<String>,
    /// The key of a list that had neither external id nor e-mail of theirs.
    before: Option<String>,
}

impl Keys {
    pub(super) fn of(person: &Person) -> Self {
        let name = person.email.as_ref().map(|email| email_and_name(email, &person.name));
        let own = match (&person.external_id, &name) {
            (Some(id), _) => format!("id:{id}"),
            (None, Some(name)) => name.clone(),
            (None, None) => format!("row:{}", person.row_key),
        };
        let before = person.row_key_before.as_ref().map(|key| format!("row:{key}"));
        Self { own, person: name, before }
    }
}

/// The contacts a chunk may speak of, by each of their keys.
#[derive(Default)]
pub(super) struct Known {
    contacts: HashMap<Uuid, Arc<Contact>>,
    /// Contacts that were merged into others: those are the people now.
    merged: HashMap<Uuid, Uuid>,
    /// The same, while the others are not read yet.
    tombstones: Vec<Contact>,
    by_key: HashMap<String, Uuid>,
    /// By dedupe key: who had it before the chunk, and may have lost it since.
    held: HashMap<String, Uuid>,
    by_external_id: HashMap<String, Uuid>,
    /// By address and name.
    by_person: HashMap<String, Vec<Uuid>>,
    /// By e-mail address: up to three contacts who have it.
    sharing: HashMap<String, Vec<(Uuid, String)>>,
}

impl Known {
    /// Reads whom the people of a chunk may be.
    pub(super) async fn read(tx: &mut Tx, workspace_id: Uuid, people: &[&Person], keys: &[Keys]) -> Result<Self> {
        let mut known = Self::default();
        let named: Vec<Uuid> = people.iter().filter_map(|person| person.contact_id).collect();
        if !named.is_empty() {
            known.all_found(contacts_of(&mut *tx, workspace_id, named).await?);
        }
        let ids = people.iter().filter_map(|person| person.external_id.clone()).collect();
        known.all_found(of_texts(tx, OF_EXTERNAL_ID, workspace_id, ids).await?);
        known.read_addresses(&mut *tx, workspace_id, people).await?;
        known.read_rows(&mut *tx, workspace_id, keys).await?;
        known.read_survivors(tx, workspace_id).await?;
        Ok(known)
    }

    async fn read_addresses(&mut self, tx: &mut Tx, workspace_id: Uuid, people: &[&Person]) -> Result<()> {
        let emails: HashSet<String> = people.iter().filter_map(|person| person.email.clone()).collect();
        if emails.is_empty() {
            return Ok(());
        }
        let engine = tx.engine();
        let there: Vec<(String,)> = query_texts(engine, KNOWN_EMAILS, emails).bind(workspace_id).all(&mut *tx).await?;
        let there: HashSet<String> = there.into_iter().map(|(email,)| email).collect();
        let merged: Option<(Uuid,)> = query(MERGED).bind(workspace_id).optional(&mut *tx).await?;
        if merged.is_some() {
            self.all_found(of_texts(tx, OF_MERGED_EMAIL, workspace_id, there.clone()).await?);
        }
        for contact in of_texts(tx, two_of_email(engine), workspace_id, there).await? {
            let email = contact.email.clone().unwrap_or_default();
            self.share(email, contact.id, contact.name.clone());
            self.found(contact);
        }
        // Of an address with more contacts, the one with the person's name may be another.
        let is_shared = |email: &String| self.sharing.get(email).is_some_and(|sharing| sharing.len() > 1);
        let shared: Vec<&Person> =
            people.iter().copied().filter(|person| person.email.as_ref().is_some_and(is_shared)).collect();
        if shared.is_empty() {
            return Ok(());
        }
        let emails = shared.iter().filter_map(|person| person.email.clone()).collect();
        let found: Vec<Contact> = of_people(&shared, workspace_id).all(&mut *tx).await?;
        self.all_found(found);
        self.all_found(of_texts(tx, OF_EMAIL_BEFORE, workspace_id, emails).await?);
        Ok(())
    }

    /// Reads contacts who are known by the row that they came from. They have neither address nor id.
    async fn read_rows(&mut self, tx: &mut Tx, workspace_id: Uuid, keys: &[Keys]) -> Result<()> {
        let own = keys.iter().map(|keys| &keys.own).filter(|key| key.starts_with("row:"));
        let rows: HashSet<String> = own.chain(keys.iter().filter_map(|keys| keys.before.as_ref())).cloned().collect();
        if rows.is_empty() {
            return Ok(());
        }
        let bare: Option<(Uuid,)> = query(BARE).bind(workspace_id).optional(&mut *tx).await?;
        if bare.is_some() {
            self.all_found(of_texts(tx, OF_KEY, workspace_id, rows).await?);
        }
        Ok(())
    }

    /// Reads the contacts into which those that were found had been merged.
    async fn read_survivors(&mut self, tx: &mut Tx, workspace_id: Uuid) -> Result<()> {
        let tombstones = std::mem::take(&mut self.tombstones);
        let survivors: HashSet<Uuid> = tombstones.iter().filter_map(|contact| contact.merged_into).collect();
        let unread: Vec<Uuid> = survivors.into_iter().filter(|id| !self.contacts.contains_key(id)).collect();
        if !unread.is_empty() {
            self.all_found(contacts_of(tx, workspace_id, unread).await?);
        }
        tombstones.iter().for_each(|contact| self.lead(contact));
        Ok(())
    }

    /// Finds the survivor by what a contact was known by that was merged into it.
    fn lead(&mut self, contact: &Contact) {
        let Some(survivor) = contact.merged_into else { return };
        self.merged.insert(contact.id, survivor);
        self.by_key.entry(contact.dedupe_key.clone()).or_insert(survivor);
        if let Some(external_id) = &contact.external_id {
            self.by_external_id.entry(external_id.clone()).or_insert(survivor);
        }
        if let Some(email) = &contact.email {
            let people = self.by_person.entry(email_and_name(email, &contact.name)).or_default();
            if !people.contains(&survivor) {
                people.push(survivor);
            }
        }
    }

    /// The contact a person is.
    pub(super) fn find(&self, person: &Person, keys: &Keys) -> Option<&Arc<Contact>> {
        let id = person
            .contact_id
            .map(|id| self.merged.get(&id).copied().unwrap_or(id))
            .filter(|id| self.contacts.contains_key(id))
            .or_else(|| person.external_id.as_ref().and_then(|id| self.by_external_id.get(id).copied()))
            .or_else(|| self.of_email_and_name(person, keys))
            .or_else(|| self.by_key.get(&keys.own).copied())
            .or_else(|| self.of_row_before(keys));
        id.and_then(|id| self.contacts.get(&id))
    }

    /// A contact with an id is found by a list without ids, but not by one that has another id for them.
    fn of_email_and_name(&self, person: &Person, keys: &Keys) -> Option<Uuid> {
        let people = self.by_person.get(keys.person.as_ref()?)?;
        let has_id = |id: &&Uuid| self.contacts.get(*id).is_some_and(|contact| contact.external_id.is_some());
        let without = people.iter().filter(|id| !has_id(id)).min();
        let with = people.iter().filter(|_| person.external_id.is_none()).min();
        without.or(with).copied()
    }

    /// Finds a person who was invited without address and id, when a corrected list brings one of them.
    fn of_row_before(&self, keys: &Keys) -> Option<Uuid> {
        let id = *self.by_key.get(keys.before.as_ref()?)?;
        self.contacts.get(&id).filter(|contact| contact.email.is_none() && contact.external_id.is_none())?;
        Some(id)
    }

    /// The remark about a person whose address other contacts have, too.
    pub(super) fn note(&mut self, contact_id: Uuid, person: &Person) -> Option<String> {
        let email = person.email.as_ref()?;
        let other = self.sharing.get(email).into_iter().flatten().find(|(id, _)| *id != contact_id);
        let note = other.map(|(_, name)| {
            format!(
                "\"{name}\" has the same e-mail: kept as another guest, as their names or ids differ; if they are \
                 one person, write the name the same way or give the id in both lists"
            )
        });
        self.share(email.clone(), contact_id, person.name.clone());
        note
    }

    fn share(&mut self, email: String, id: Uuid, name: String) {
        let sharing = self.sharing.entry(email).or_default();
        if sharing.len() < 3 && !sharing.iter().any(|(known, _)| *known == id) {
            sharing.push((id, name));
        }
    }

    fn all_found(&mut self, contacts: Vec<Contact>) {
        contacts.into_iter().for_each(|contact| self.found(contact));
    }

    /// Adds a contact that the database has.
    pub(super) fn found(&mut self, contact: Contact) {
        if contact.merged_into.is_some() {
            self.tombstones.push(contact);
            return;
        }
        self.held.insert(contact.dedupe_key.clone(), contact.id);
        self.remember(Arc::new(contact));
    }

    /// Why a person of a list cannot be the contact `before`, which would become `after`: what they carry is another
    /// contact's.
    pub(super) fn conflict(&self, person: &Person, before: &Contact, after: &Contact) -> Option<String> {
        let of_id = person.external_id.as_ref().and_then(|id| self.by_external_id.get(id));
        if let Some(other) = of_id.filter(|id| **id != after.id) {
            return Some(self.other("external id", *other));
        }
        if after.dedupe_key == before.dedupe_key {
            return None;
        }
        // All contacts of a chunk are changed by one statement, so none can get what another one of them gives up.
        let holders = [self.by_key.get(&after.dedupe_key), self.held.get(&after.dedupe_key)];
        let other = holders.into_iter().flatten().find(|id| **id != after.id)?;
        Some(self.other("e-mail and name", *other))
    }

    fn other(&self, what: &str, id: Uuid) -> String {
        let name = self.contacts.get(&id).map_or("", |contact| contact.name.as_str());
        format!(
            "its herald_id is one contact's, and its {what} another's: \"{name}\", {id}; correct the row, or empty its \
             herald_id"
        )
    }

    /// Whether a contact is among those that were found or made.
    pub(super) fn has(&self, id: Uuid) -> bool {
        self.contacts.contains_key(&id)
    }

    /// Adds a contact.
    pub(super) fn remember(&mut self, contact: Arc<Contact>) {
        self.by_key.insert(contact.dedupe_key.clone(), contact.id);
        if let Some(external_id) = &contact.external_id {
            self.by_external_id.insert(external_id.clone(), contact.id);
        }
        if let Some(email) = &contact.email {
            let people = self.by_person.entry(email_and_name(email, &contact.name)).or_default();
            if !people.contains(&contact.id) {
                people.push(contact.id);
            }
        }
        self.contacts.insert(contact.id, contact);
    }

    /// Puts a contact's new state in the place of its old one.
    pub(super) fn replace(&mut self, old: &Contact, new: Arc<Contact>) {
        self.by_key.remove(&old.dedupe_key);
        if let Some(people) =
            old.email.as_ref().and_then(|email| self.by_person.get_mut(&email_and_name(email, &old.name)))
        {
            people.retain(|id| *id != old.id);
        }
        self.remember(new);
    }
}

/// What only one contact without an external id has.
pub(super) fn email_and_name(email: &str, name: &str) -> String {
    format!("email:{email} {}", name_key(name))
}

/// The contacts that have one of these keys.
pub(super) async fn holders(tx: &mut Tx, workspace_id: Uuid, keys: HashSet<String>) -> Result<Vec<Contact>> {
    of_texts(tx, OF_KEY, workspace_id, keys).await
}

async fn of_texts(tx: &mut Tx, sql: &'static str, workspace_id: Uuid, texts: HashSet<String>) -> Result<Vec<Contact>> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    query_texts(tx.engine(), sql, texts).bind(workspace_id).all(tx).await
}

fn of_people(people: &[&Person], workspace_id: Uuid) -> Bulk {
    let people = || people.iter().filter_map(|person| Some((person, person.email.clone()?)));
    Bulk::new(OF_EMAIL_AND_NAME)
        .column("email", people().map(|(_, email)| email).collect())
        .column("name_key", people().map(|(person, _)| name_key(&person.name)).collect())
        .column("has_id", people().map(|(person, _)| person.external_id.is_some()).collect())
        .column("workspace_id", people().map(|_| workspace_id).collect())
}
