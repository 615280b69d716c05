//! What a workspace holds about one person: each domain says what is its own, so that nothing is forgotten when a
//! person is shown it, or erased.
//!
//! A crate knows the domains below it and no other. The list of all holders is put together above them, and given to
//! the functions here. A test compares it with the columns of the database.

mod erasure;
mod own;
mod words;

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use herald_base::boxed;
use herald_providers::files::Key;
use serde_json::Value;
use uuid::Uuid;

pub(super) use self::erasure::{address_erased_before, erased_before};
pub use self::{
    erasure::{Erasure, erase_contact, erasure_done, find_erasure, list_erasures},
    own::{HOLDER, contact_files},
    words::Words,
};
use super::{Channel, Contact, ContactError, address::rows_of_all, contact::contact_row, edit::locked};
use herald_db::{Db, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

/// What a holder's function comes to.
pub type Holding<'a, T> = BoxFuture<'a, Result<T, ContactError>>;

/// A domain that holds something about people.
#[derive(Clone, Copy)]
pub struct Holder {
    /// The columns that hold a person: a table, and the names of its columns with spaces between them.
    pub columns: &'static [(&'static str, &'static str)],
    /// The tables whose rows go to the survivor when contacts are merged.
    pub moves: &'static [Move],
    /// Reads what there is about a person.
    pub read: for<'a> fn(&'a mut Tx, &'a Whom) -> Holding<'a, Held>,
    /// Removes it. Returns the files that belong to the person; they go once no other row names them.
    pub erase: for<'a> fn(&'a mut Tx, &'a Whom) -> Holding<'a, Vec<Key>>,
}

/// Rows of a table with an `id` and a `contact_id`: they go to the survivor when contacts are merged.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    /// The table.
    pub table: &'static str,
    /// The rows that stay where they are: nothing, or a condition that begins with `and`. `$1` is the workspace, `$2`
    /// the contact that is merged, `$3` the survivor.
    pub but: &'static str,
}

impl Move {
    /// All rows of a table.
    pub const fn all(table: &'static str) -> Self {
        Self { table, but: "" }
    }
}

/// The person who is looked for.
#[derive(Clone, Debug)]
pub struct Whom {
    /// The workspace.
    pub workspace_id: Uuid,
    /// The contact.
    pub contact: Contact,
    /// Its further addresses, and of what kind they are.
    pub addresses: Vec<(Channel, String)>,
}

/// What there is about a person.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// The records, by their sort.
    pub records: BTreeMap<&'static str, Vec<Value>>,
    /// What an erasure does not reach, in sentences: where it is, and when or how it goes.
    pub elsewhere: Vec<String>,
}

impl Held {
    /// Adds records of a sort.
    pub fn add(&mut self, sort: &'static str, records: Vec<Value>) {
        if !records.is_empty() {
            self.records.entry(sort).or_default().extend(records);
        }
    }

    /// The number of records of each sort.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.records.iter().map(|(sort, records)| ((*sort).to_owned(), records.len())).collect()
    }

    /// The number of all records.
    pub fn total(&self) -> usize {
        self.records.values().map(Vec::len).sum()
    }
}

/// Reads what all holders have about a contact, and about those that were merged into it. `None`: there is no such
/// contact.
///
/// # Errors
/// [`ContactError::WrongState`] if it was merged into another one.
#[boxed]
pub async fn held_of(db: &Db, workspace_id: Uuid, holders: &[Holder], id: Uuid) -> Result<Option<Held>, ContactError> {
    let mut tx = db.begin().await?;
    let Some(person) = person(&mut tx, workspace_id, id).await? else { return Ok(None) };
    Ok(Some(read(&mut tx, holders, &person).await?))
}

/// The same, handed out to somebody: the audit log says so.
///
/// # Errors
/// As [`held_of`].
#[boxed]
pub async fn export_contact(
    db: &Db,
    actor: &Actor,
    holders: &[Holder],
    id: Uuid,
) -> Result<Option<Held>, ContactError> {
    let mut tx = db.begin().await?;
    let Some(person) = person(&mut tx, actor.workspace_id, id).await? else { return Ok(None) };
    let held = read(&mut tx, holders, &person).await?;
    audit::record(&mut tx, actor, Entry::of("contact.export", id).affecting(held.total())).await?;
    tx.commit().await?;
    Ok(Some(held))
}

/// The person that a contact is: the contacts that were merged into it, and then itself. Nobody else changes it until
/// the transaction ends.
async fn person(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<Option<Vec<Whom>>, ContactError> {
    let Some(contact) = locked(&mut *tx, workspace_id, id).await? else { return Ok(None) };
    contact.is_itself()?;
    let mut all: Vec<Contact> = query(concat!(
        "select ",
        contact_row!(),
        " from contacts as c where c.workspace_id = $1 and c.merged_into = $2 order by c.id"
    ))
    .bind(workspace_id)
    .bind(id)
    .all(&mut *tx)
    .await?;
    all.push(contact);
    let rows = rows_of_all(tx, workspace_id, &all.iter().map(|contact| contact.id).collect::<Vec<_>>()).await?;
    let of = |id: Uuid| {
        let own = rows.iter().filter(move |row| row.contact_id == id);
        own.filter_map(|row| Some((row.kind.parse().ok()?, row.value.clone()))).collect()
    };
    let whom = all.into_iter().map(|contact| Whom { workspace_id, addresses: of(contact.id), contact });
    Ok(Some(whom.collect()))
}

async fn read(tx: &mut Tx, holders: &[Holder], person: &[Whom]) -> Result<Held, ContactError> {
    let mut all = Held::default();
    for holder in holders {
        for whom in person {
            let held = (holder.read)(&mut *tx, whom).await?;
            held.records.into_iter().for_each(|(sort, records)| all.add(sort, records));
            all.elsewhere.extend(held.elsewhere);
        }
    }
    all.elsewhere.sort_unstable();
    all.elsewhere.dedup();
    Ok(all)
}
