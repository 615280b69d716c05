//! Contacts that may be the same person: those who share an address.

use herald_base::boxed;
use uuid::Uuid;

use crate::{Contact, contact::contact_row};
use herald_db::{Db, Result, query};

/// Contacts that are looked at for each address.
const MOST: i64 = 20;

/// A contact that may be the same person.
#[derive(Clone, Debug)]
pub struct Duplicate {
    /// The contact.
    pub contact: Contact,
    /// What both have in common: `email`, `phone`.
    pub same: Vec<&'static str>,
}

/// The contacts that share an address with a contact, at most 20 for each address, the oldest first.
#[boxed]
pub async fn duplicates_of(db: &Db, workspace_id: Uuid, contact: &Contact) -> Result<Vec<Duplicate>> {
    let mut all: Vec<Duplicate> = Vec::new();
    for (what, column, address) in [("email", "email", &contact.email), ("phone", "phone", &contact.phone)] {
        let Some(address) = address else { continue };
        // `column is not null` is what the index is over.
        let sql = format!(
            "select {} from contacts as c where c.workspace_id = $1 and c.{column} = $2 and c.{column} is not null
               and c.id <> $3 and c.trashed_at is null and c.merged_into is null order by c.id limit $4",
            contact_row!()
        );
        let found: Vec<Contact> =
            query(&sql).bind(workspace_id).bind(address.as_str()).bind(contact.id).bind(MOST).all(db).await?;
        for contact in found {
            match all.iter_mut().find(|one| one.contact.id == contact.id) {
                Some(one) => one.same.push(what),
                None => all.push(Duplicate { contact, same: vec![what] }),
            }
        }
    }
    Ok(all)
}
