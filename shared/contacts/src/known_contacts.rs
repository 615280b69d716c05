//! Finds the contacts that the people of a list may be.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{
    Contact, Person,
    contact::{contact_row, contacts_of},
};
use herald_db::{Bulk, Column, FromRow, Result, Tx};
use herald_sheets::name_key;

const OF_KEY: &str = concat!(
    "select ",
    contact_row!(),
    " from contacts as c join {rows} on c.dedupe_key = rows.value where c.workspace_id = rows.workspace_id"
);
const OF_EXTERNAL_ID: &str = concat!(
    "select ",
    contact_row!(),
    " from contacts as c join {rows} on c.external_id = rows.value where c.workspace_id = rows.workspace_id"
);
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
    " from contacts as c join {rows} on c.email = rows.value
     where c.workspace_id = rows.workspace_id and c.name_key is null"
);
// Two contacts with an address are enough: at most one of them is the person, so the other can be named in the remark.
const FIRST_OF_EMAIL: &str = "select c.id, c.email, c.name from {rows} join contacts as c on c.id =
   (select o.id from contacts as o where o.workspace_id = rows.workspace_id and o.email = rows.value \
   order by o.name_key, o.id limit 1)
 where c.workspace_id = rows.workspace_id";
const LAST_OF_EMAIL: &str = "select c.id, c.email, c.name from {rows} join contacts as c on c.id =
   (select o.id from contacts as o where o.workspace_id = rows.workspace_id and o.email = rows.value \
   order by o.name_key desc, o.id desc limit 1)
 where c.workspace_id = rows.workspace_id";

/// The contacts a chunk may speak of, by each of their keys.
#[derive(Default)]
pub(super) struct Known {
    contacts: HashMap<Uuid, Contact>,
    by_key: HashMap<String, Uuid>,
    by_external_id: HashMap<String, Uuid>,
    by_person: HashMap<(String, String), Vec<Uuid>>,
    /// By e-mail address: up to three contacts who have it.
    sharing: HashMap<String, Vec<(Uuid, String)>>,
}

#[derive(FromRow)]
struct Sharing {
    id: Uuid,
    email: String,
    name: String,
}

impl Known {
    /// Reads whom the people of a chunk may be.
    pub(super) async fn read(tx: &mut Tx, workspace_id: Uuid, people: &[Person]) -> Result<Self> {
        let mut known = Self::default();
        let keys = people.iter().flat_map(|person| [Some(person.dedupe_key()), person.before()]).flatten().collect();
        let ids = people.iter().filter_map(|person| person.external_id.clone()).collect();
        let emails: HashSet<String> = people.iter().filter_map(|person| person.email.clone()).collect();
        let mut found = of_values(OF_KEY, keys, workspace_id).all::<Contact>(&mut *tx).await?;
        let named: Vec<Uuid> = people.iter().filter_map(|person| person.contact_id).collect();
        if !named.is_empty() {
            found.extend(contacts_of(&mut *tx, workspace_id, named).await?);
        }
        found.extend(of_values(OF_EXTERNAL_ID, ids, workspace_id).all(&mut *tx).await?);
        found.extend(of_values(OF_EMAIL_BEFORE, emails.clone(), workspace_id).all(&mut *tx).await?);
        found.extend(of_people(people, workspace_id).all(&mut *tx).await?);
        found.into_iter().for_each(|contact| known.remember(contact));
        for sql in [FIRST_OF_EMAIL, LAST_OF_EMAIL] {
            let sharing: Vec<Sharing> = of_values(sql, emails.clone(), workspace_id).all(&mut *tx).await?;
            sharing.into_iter().for_each(|one| known.share(one.email, one.id, one.name));
        }
        Ok(known)
    }

    /// The contact a person is.
    pub(super) fn find(&self, person: &Person) -> Option<&Contact> {
        let id = person
            .contact_id
            .filter(|id| self.contacts.contains_key(id))
            .or_else(|| person.external_id.as_ref().and_then(|id| self.by_external_id.get(id).copied()))
            .or_else(|| self.of_email_and_name(person))
            .or_else(|| self.by_key.get(&person.dedupe_key()).copied())
            .or_else(|| self.of_row_before(person));
        id.and_then(|id| self.contacts.get(&id))
    }

    /// A contact with an id is found by a list without ids, but not by one that has another id for them.
    fn of_email_and_name(&self, person: &Person) -> Option<Uuid> {
        let people = self.by_person.get(&email_and_name(person.email.as_ref()?, &person.name))?;
        let has_id = |id: &&Uuid| self.contacts.get(*id).is_some_and(|contact| contact.external_id.is_some());
        let without = people.iter().filter(|id| !has_id(id)).min();
        let with = people.iter().filter(|_| person.external_id.is_none()).min();
        without.or(with).copied()
    }

    /// Finds a person who was invited without address and id, when a corrected list brings one of them.
    fn of_row_before(&self, person: &Person) -> Option<Uuid> {
        let id = *self.by_key.get(&person.before()?)?;
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

    /// Adds a contact.
    pub(super) fn remember(&mut self, contact: Contact) {
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
    pub(super) fn replace(&mut self, old: &Contact, new: Contact) {
        self.by_key.remove(&old.dedupe_key);
        if let Some(people) =
            old.email.as_ref().and_then(|email| self.by_person.get_mut(&email_and_name(email, &old.name)))
        {
            people.retain(|id| *id != old.id);
        }
        self.remember(new);
    }
}

impl Person {
    fn before(&self) -> Option<String> {
        self.row_key_before.as_ref().map(|key| format!("row:{key}"))
    }
}

fn email_and_name(email: &str, name: &str) -> (String, String) {
    (email.to_owned(), name_key(name))
}

fn of_values(sql: &'static str, values: HashSet<String>, workspace_id: Uuid) -> Bulk {
    let workspaces: Column = values.iter().map(|_| workspace_id).collect();
    Bulk::new(sql).column("value", values.into_iter().collect()).column("workspace_id", workspaces)
}

fn of_people(people: &[Person], workspace_id: Uuid) -> Bulk {
    let people = || people.iter().filter_map(|person| Some((person, person.email.clone()?)));
    Bulk::new(OF_EMAIL_AND_NAME)
        .column("email", people().map(|(_, email)| email).collect())
        .column("name_key", people().map(|(person, _)| name_key(&person.name)).collect())
        .column("has_id", people().map(|(person, _)| person.external_id.is_some()).collect())
        .column("workspace_id", people().map(|_| workspace_id).collect())
}
