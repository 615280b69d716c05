//! The addresses of a contact, apart from the person: an address may be one of several, unsure, or another's by now.
//!
//! The primary e-mail address and phone number are columns of the contact. Lists, segments and invitations read them,
//! and so does the rule that says who is one person. An import of a million people therefore writes no second row for
//! each of them. The table holds the further addresses. A primary address has a row there only when more is known of it
//! than its value: a label, or that somebody verified it.
//!
//! No row says that it is the primary one: it is, if the contact's column has its value. So whoever writes the column
//! alone, such as an import, leaves nothing wrong behind, and an old primary address with a row becomes a further one.
//! Contacts have no column for WhatsApp: there the latest row that was made the primary one is it, or else the oldest.

mod change;
mod spelling;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) use self::change::insert;
pub use self::change::{
    AddressChange, NewAddress, Verification, add_address, change_address, make_address_primary, remove_address,
    verify_address,
};
use super::{Channel, Contact, ContactError};
use herald_db::{Bulk, Db, FromRow, Query, Result, Tx, query};

/// A contact has at most this number of addresses. Only a merge may bring more.
pub(super) const MOST: usize = 20;

/// The rows that go over in a merge: the survivor has no address twice.
pub(super) const NOT_TWICE: &str = " and not exists
   (select 1 from contact_addresses as o where o.workspace_id = $1 and o.contact_id = $3
      and o.kind = contact_addresses.kind and o.value = contact_addresses.value)";

/// An address of a contact.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ContactAddress)]
pub struct Address {
    /// Its id. `null`: a primary address of which nothing else is known; adding it again gives it one.
    pub id: Option<Uuid>,
    /// What it is for.
    pub kind: Channel,
    /// The address in its one spelling: an e-mail address in lower case, or `+` and digits.
    pub value: String,
    /// What the workspace calls it.
    pub label: Option<String>,
    /// Whether it is the one of its kind that is used unless somebody says otherwise.
    pub primary: bool,
    /// When somebody made sure that it is the person's.
    pub verified_at: Option<DateTime<Utc>>,
    /// How that was made sure.
    pub verified_how: Option<String>,
    /// Who did it.
    pub verified_by: Option<String>,
    /// When it was added. `null`: with the contact, or by a list.
    pub created_at: Option<DateTime<Utc>>,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) contact_id: Uuid,
    pub(super) kind: String,
    pub(super) value: String,
    pub(super) label: Option<String>,
    pub(super) verified_at: Option<DateTime<Utc>>,
    pub(super) verified_how: Option<String>,
    pub(super) verified_by: Option<String>,
    pub(super) preferred_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
}

macro_rules! address_row {
    () => {
        "a.id, a.contact_id, a.kind, a.value, a.label, a.verified_at, a.verified_how, a.verified_by, a.preferred_at, \
         a.created_at"
    };
}

/// The addresses of a contact: those of each kind together, the primary one first.
#[boxed]
pub async fn list_addresses(db: &Db, workspace_id: Uuid, contact: &Contact) -> Result<Vec<Address>> {
    Ok(arranged(contact, rows_of(workspace_id, contact.id).all(db).await?))
}

/// An address in the one spelling of its kind, in which every address is stored and compared.
///
/// # Errors
/// [`ContactError::Field`] of the field `value`.
pub fn address_spelt(kind: Channel, text: &str) -> std::result::Result<String, ContactError> {
    spelling::value(kind, text)
}

/// The contact that has an address, given in its one spelling: as the primary one if there is one, else as a further
/// one. Of several it is the one that the workspace has known longest.
#[boxed]
pub async fn contact_with_address(tx: &mut Tx, workspace_id: Uuid, kind: Channel, value: &str) -> Result<Option<Uuid>> {
    let of_column = match kind {
        Channel::Email => Some("email"),
        Channel::Phone => Some("phone"),
        Channel::Whatsapp => None,
    };
    if let Some(column) = of_column {
        let sql = format!(
            "select id from contacts where workspace_id = $1 and {column} = $2 and merged_into is null
             order by id limit 1"
        );
        let found: Option<(Uuid,)> = query(&sql).bind(workspace_id).bind(value).optional(&mut *tx).await?;
        if let Some((id,)) = found {
            return Ok(Some(id));
        }
    }
    let found: Option<(Uuid,)> = query(
        "select a.contact_id from contact_addresses as a
         join contacts as c on c.workspace_id = a.workspace_id and c.id = a.contact_id
         where a.workspace_id = $1 and a.value = $2 and a.kind = $3 and c.merged_into is null
         order by a.contact_id limit 1",
    )
    .bind(workspace_id)
    .bind(value)
    .bind(kind.as_str())
    .optional(tx)
    .await?;
    Ok(found.map(|(id,)| id))
}

/// The statement that reads the rows of a contact.
pub(super) fn rows_of(workspace_id: Uuid, contact_id: Uuid) -> Query {
    query(concat!(
        "select ",
        address_row!(),
        " from contact_addresses as a where a.workspace_id = $1 and a.contact_id = $2 order by a.id"
    ))
    .bind(workspace_id)
    .bind(contact_id)
}

/// The rows of several contacts.
pub(super) async fn rows_of_all(tx: &mut Tx, workspace_id: Uuid, contacts: &[Uuid]) -> Result<Vec<Row>> {
    Bulk::new(concat!(
        "select ",
        address_row!(),
        " from {rows} join contact_addresses as a on a.contact_id = rows.contact_id
         where a.workspace_id = rows.workspace_id"
    ))
    .column("workspace_id", contacts.iter().map(|_| workspace_id).collect())
    .column("contact_id", contacts.iter().copied().collect())
    .all(tx)
    .await
}

/// The further addresses of several contacts, and primary ones that have a row: by contact, with what they are for.
#[boxed]
pub async fn addresses_of(
    tx: &mut Tx,
    workspace_id: Uuid,
    contacts: Vec<Uuid>,
) -> Result<HashMap<Uuid, Vec<(Channel, String)>>> {
    let mut all: HashMap<Uuid, Vec<(Channel, String)>> = HashMap::new();
    for row in rows_of_all(tx, workspace_id, &contacts).await? {
        if let Ok(kind) = row.kind.parse() {
            all.entry(row.contact_id).or_default().push((kind, row.value));
        }
    }
    Ok(all)
}

/// The primary address of a kind that stands in the contact's own row.
pub(super) fn in_contact(contact: &Contact, kind: Channel) -> Option<&String> {
    match kind {
        Channel::Email => contact.email.as_ref(),
        Channel::Phone => contact.phone.as_ref(),
        Channel::Whatsapp => None,
    }
}

/// The addresses that a contact and its rows make.
pub(super) fn arranged(contact: &Contact, rows: Vec<Row>) -> Vec<Address> {
    let mut all = Vec::new();
    for kind in Channel::ALL {
        let mut of_kind: Vec<&Row> = rows.iter().filter(|row| row.kind == kind.as_str()).collect();
        let primary = match kind {
            Channel::Email | Channel::Phone => in_contact(contact, *kind).cloned(),
            Channel::Whatsapp => first_of(&of_kind).map(|row| row.value.clone()),
        };
        of_kind.sort_unstable_by_key(|row| (Some(&row.value) != primary.as_ref(), row.id));
        if let Some(value) = primary.as_ref().filter(|value| of_kind.iter().all(|row| row.value != **value)) {
            all.push(Address::bare(*kind, value.clone()));
        }
        all.extend(of_kind.into_iter().map(|row| Address::of(*kind, row, primary.as_ref() == Some(&row.value))));
    }
    all
}

/// Of rows of a kind without a column: the primary one.
pub(super) fn first_of<'a>(rows: &[&'a Row]) -> Option<&'a Row> {
    rows.iter().copied().min_by_key(|row| (std::cmp::Reverse(row.preferred_at), row.id))
}

impl Address {
    /// A primary address of which nothing but the value is known.
    fn bare(kind: Channel, value: String) -> Self {
        Self {
            id: None,
            kind,
            value,
            label: None,
            primary: true,
            verified_at: None,
            verified_how: None,
            verified_by: None,
            created_at: None,
        }
    }

    fn of(kind: Channel, row: &Row, primary: bool) -> Self {
        Self {
            id: Some(row.id),
            kind,
            value: row.value.clone(),
            label: row.label.clone(),
            primary,
            verified_at: row.verified_at,
            verified_how: row.verified_how.clone(),
            verified_by: row.verified_by.clone(),
            created_at: Some(row.created_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::edit::blank;

    fn row(id: u128, kind: &str, value: &str, preferred: Option<i64>) -> Row {
        Row {
            id: Uuid::from_u128(id),
            contact_id: Uuid::nil(),
            kind: kind.to_owned(),
            value: value.to_owned(),
            label: None,
            verified_at: None,
            verified_how: None,
            verified_by: None,
            preferred_at: preferred.map(|at| DateTime::UNIX_EPOCH + TimeDelta::seconds(at)),
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    fn seen(contact: &Contact, rows: Vec<Row>) -> Vec<(Option<u128>, String, bool)> {
        let all = arranged(contact, rows).into_iter();
        all.map(|one| (one.id.map(|id| id.as_u128()), one.value, one.primary)).collect()
    }

    #[test]
    fn the_primary_address_is_the_one_that_the_contact_has_and_comes_first() {
        let mut contact = blank(Uuid::nil(), "Ana Example".to_owned(), "api", DateTime::UNIX_EPOCH);
        contact.email = Some("c@example.com".to_owned());
        let rows = || vec![row(1, "email", "a@example.com", None), row(2, "email", "b@example.com", None)];
        let bare = (None, "c@example.com".to_owned(), true);
        let further = |id, value: &str| (Some(id), value.to_owned(), false);
        assert_eq!(seen(&contact, rows()), [bare, further(1, "a@example.com"), further(2, "b@example.com")]);
        // Whoever writes the column makes another row the primary one, and the old one stays.
        contact.email = Some("b@example.com".to_owned());
        let first = (Some(2), "b@example.com".to_owned(), true);
        assert_eq!(seen(&contact, rows()), [first, further(1, "a@example.com")]);
        contact.email = None;
        assert!(seen(&contact, rows()).iter().all(|(.., primary)| !primary));
    }

    #[test]
    fn of_whatsapp_the_latest_choice_is_primary_or_else_the_oldest() {
        let contact = blank(Uuid::nil(), "Ana Example".to_owned(), "api", DateTime::UNIX_EPOCH);
        let primary = |rows| seen(&contact, rows).into_iter().find(|(.., primary)| *primary).and_then(|(id, ..)| id);
        let of = |id, at| row(id, "whatsapp", &format!("+3460000000{id}"), at);
        assert_eq!(primary(vec![of(2, None), of(1, None)]), Some(1));
        assert_eq!(primary(vec![of(1, None), of(2, Some(5)), of(3, Some(9))]), Some(3));
        assert_eq!(primary(Vec::new()), None);
    }
}
