//! Contacts that may be the same person: those who share an address, be it the primary one or a further one of either.

use herald_base::boxed;
use uuid::Uuid;

use crate::{Channel, Contact, address::list_addresses, contact::contact_row};
use herald_db::{Db, EngineKind, Result, query};

/// Contacts that are looked at for each address.
const MOST: i64 = 20;

/// A contact that may be the same person.
#[derive(Clone, Debug)]
pub struct Duplicate {
    /// The contact.
    pub contact: Contact,
    /// What both have in common: `email`, `phone`. A number of WhatsApp counts as a phone number.
    pub same: Vec<&'static str>,
}

/// The contacts that share an address with a contact, at most 20 for each address, the oldest first.
#[boxed]
pub async fn duplicates_of(db: &Db, workspace_id: Uuid, contact: &Contact) -> Result<Vec<Duplicate>> {
    let mut all: Vec<Duplicate> = Vec::new();
    for address in list_addresses(db, workspace_id, contact).await? {
        let what = match address.kind {
            Channel::Email => "email",
            Channel::Phone | Channel::Whatsapp => "phone",
        };
        for contact in sharing(db, workspace_id, contact.id, (what, &address.value)).await? {
            match all.iter_mut().find(|one| one.contact.id == contact.id) {
                Some(one) if one.same.contains(&what) => {}
                Some(one) => one.same.push(what),
                None => all.push(Duplicate { contact, same: vec![what] }),
            }
        }
    }
    Ok(all)
}

/// The other contacts that have an address, `column` or further ones.
async fn sharing(
    db: &Db,
    workspace_id: Uuid,
    but: Uuid,
    (column, value): (&'static str, &str),
) -> Result<Vec<Contact>> {
    let kinds = if column == "email" { "'email'" } else { "'phone', 'whatsapp'" };
    // The sign keeps SQLite from going through all contacts of the workspace.
    let sign = if db.kind() == EngineKind::Sqlite { "+" } else { "" };
    // `column is not null` is what the index is over.
    let sql = format!(
        "select {row} from contacts as c where {sign}c.workspace_id = $1 and c.id in
           (select id from (select f.id from contacts as f where f.workspace_id = $1 and f.{column} = $2
                              and f.{column} is not null and f.id <> $3 and f.trashed_at is null
                              and f.merged_into is null order by f.id limit $4) as f
            union
            select a.contact_id from contact_addresses as a
            where a.workspace_id = $1 and a.value = $2 and a.kind in ({kinds}))
           and c.id <> $3 and c.trashed_at is null and c.merged_into is null order by c.id limit $4",
        row = contact_row!()
    );
    query(&sql).bind(workspace_id).bind(value).bind(but).bind(MOST).all(db).await
}
