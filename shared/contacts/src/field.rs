//! The workspace's own fields that have a type: what a value may be, how it is compared, and how it is shown.
//!
//! Values stay in the `fields` of contacts, as text in the one form of their type. A field without a definition is
//! text as it was written. A definition changes no value that is there already: those that do not fit are counted, and
//! a rule that compares them does not match.

mod change;
mod forms;
mod misfits;
mod value;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) use self::forms::Forms;
pub use self::{
    change::{ContactFieldChange, NewContactField, change_contact_field, create_contact_field, remove_contact_field},
    misfits::{Misfits, misfits_of},
};
use super::ContactError;
use herald_db::{Db, FromRow, Json, Query, Result, Tx, query};
use herald_sheets::field_key;

/// A workspace has at most this number of fields with a type.
pub(super) const MOST: usize = 100;

herald_base::text_enum! {
    /// What the values of a field are.
    pub enum FieldType, "a field has no type {:?}" {
        /// Any text.
        Text "text",
        /// A number, written like 12.5.
        Number "number",
        /// A day, written like 2026-03-01.
        Date "date",
        /// `yes` or `no`.
        YesNo "yes_no",
        /// One of the choices.
        Choice "choice",
        /// An address of the web.
        Url "url",
    }
}

/// A field of the workspace's own that has a type.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, Deserialize, ToSchema)]
pub struct ContactField {
    /// Its id.
    pub id: Uuid,
    /// Its name among the `fields` of contacts, and in lists.
    pub key: String,
    /// What forms and lists call it.
    pub label: String,
    /// What its values are.
    #[serde(rename = "type")]
    #[sqlx(try_from = "String")]
    pub kind: FieldType,
    /// The values of a field of the type `choice`.
    #[schema(value_type = Vec<String>)]
    pub choices: Json<Vec<String>>,
    /// Its place among the others, from 1 on.
    pub position: i64,
    /// When it was defined.
    pub created_at: DateTime<Utc>,
    /// When that last changed.
    pub updated_at: DateTime<Utc>,
}

const COLUMNS: &str = "id, key, label, kind, choices, position, created_at, updated_at";

/// The fields with a type, in their order.
#[boxed]
pub async fn list_contact_fields(db: &Db, workspace_id: Uuid) -> Result<Vec<ContactField>> {
    all(workspace_id).all(db).await
}

fn all(workspace_id: Uuid) -> Query {
    let sql = format!("select {COLUMNS} from contact_fields where workspace_id = $1 order by position, id");
    query(&sql).bind(workspace_id)
}

/// A field with a type.
#[boxed]
pub async fn find_contact_field(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<ContactField>> {
    let sql = format!("select {COLUMNS} from contact_fields where workspace_id = $1 and id = $2");
    query(&sql).bind(workspace_id).bind(id).optional(db).await
}

/// Brings values that somebody writes into the one form of their fields. An empty one stays empty, and so does one that
/// the contact has already: a form sends all values, and an old one may not fit. A name in another spelling, such as
/// `Table No.` for `table_no`, is that of the field: a new value goes there, and the spelling goes.
///
/// # Errors
/// [`ContactError::OwnField`]: the first value that does not fit.
pub(super) async fn fitted(
    tx: &mut Tx,
    workspace_id: Uuid,
    given: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> std::result::Result<BTreeMap<String, String>, ContactError> {
    if given.is_empty() {
        return Ok(BTreeMap::new());
    }
    let fields: Vec<ContactField> = all(workspace_id).all(tx).await?;
    fitted_to(&fields, given, now)
}

fn fitted_to(
    fields: &[ContactField],
    given: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> std::result::Result<BTreeMap<String, String>, ContactError> {
    let mut fitted = BTreeMap::new();
    // By the key of its field, a value that was written under another spelling, and whether the contact has that one.
    let mut spelled: BTreeMap<&str, (String, bool)> = BTreeMap::new();
    for (name, text) in given {
        let Some(field) = named(fields, name).filter(|_| now.get(name) != Some(text)) else {
            fitted.insert(name.clone(), text.clone());
            continue;
        };
        let value = match text.trim().is_empty() {
            true => String::new(),
            false if now.get(&field.key) == Some(text) => text.clone(),
            false => field
                .fit(text)
                .map_err(|detail| ContactError::OwnField { field: format!("fields/{}", field.key), detail })?,
        };
        if *name == field.key {
            fitted.insert(name.clone(), value);
            continue;
        }
        let is_there = now.contains_key(name);
        if is_there {
            fitted.insert(name.clone(), String::new());
        }
        // Who empties a spelling that the contact has means that one alone.
        if !is_there || !value.is_empty() {
            spelled.insert(&field.key, (value, is_there));
        }
    }
    for (key, (value, is_there)) in spelled {
        // The key itself counts, but a form of a contact with both also sends the value that nobody touched.
        let is_beaten = given.get(key).is_some_and(|own| {
            let is_untouched = is_there && now.get(key) == Some(own);
            value.is_empty() || !own.trim().is_empty() && !is_untouched
        });
        if !is_beaten {
            fitted.insert(key.to_owned(), value);
        }
    }
    Ok(fitted)
}

/// The field that a name means.
pub(super) fn named<'a>(fields: &'a [ContactField], name: &str) -> Option<&'a ContactField> {
    fields.iter().find(|field| field.key == name).or_else(|| {
        let key = field_key(name);
        fields.iter().find(|field| field.key == key)
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn field(key: &str, kind: FieldType) -> ContactField {
        ContactField {
            id: Uuid::nil(),
            key: key.to_owned(),
            label: key.to_owned(),
            kind,
            choices: Json(vec!["Vegan".to_owned(), "Vegetarian".to_owned()]),
            position: 1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_name_in_another_spelling_means_the_field() {
        let fields = [field("table_no", FieldType::Number), field("diet", FieldType::Choice)];
        for name in ["table_no", "Table No.", "TABLE NO"] {
            assert_eq!(named(&fields, name).map(|field| field.key.as_str()), Some("table_no"));
        }
        assert_eq!(named(&fields, "table"), None);
    }

    #[test]
    fn a_value_under_another_spelling_stays_or_moves_to_its_field() {
        let fields = [field("table_no", FieldType::Number), field("diet", FieldType::Choice)];
        let map = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
            all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let fit = |given: &[(&str, &str)], now: &[(&str, &str)]| {
            fitted_to(&fields, &map(given), &map(now)).map_err(|error| error.to_string())
        };
        let old = [("Table No.", "seven")];
        let both = [("Table No.", "seven"), ("table_no", "8")];
        for (given, now, kept) in [
            // Unchanged, whether it fits or not, as a form sends it.
            (
                &[("Table No.", "seven"), ("table_no", "")][..],
                &old[..],
                &[("Table No.", "seven"), ("table_no", "")][..],
            ),
            (&[("Table No.", "seven"), ("diet", "vegan")], &old, &[("Table No.", "seven"), ("diet", "Vegan")]),
            (&[("Table No.", "seven"), ("table_no", "8")], &old, &[("Table No.", "seven"), ("table_no", "8")]),
            // Changed: it goes to its field.
            (&[("Table No.", "7.0"), ("table_no", "")], &old, &[("Table No.", ""), ("table_no", "7")]),
            (&[("Table No.", "7")], &old, &[("Table No.", ""), ("table_no", "7")]),
            (&[("Table No.", "7")], &[], &[("table_no", "7")]),
            (&[("Table No.", "")], &old, &[("Table No.", "")]),
            (&[("Table No.", "")], &[("table_no", "7")], &[("table_no", "")]),
            // Of two values the one of the key counts, unless only the other one is new.
            (&[("Table No.", "7"), ("table_no", "8")], &old, &[("Table No.", ""), ("table_no", "8")]),
            (&[("Table No.", "7"), ("table_no", "8")], &[("table_no", "8")], &[("table_no", "8")]),
            (&[("Table No.", "7"), ("table_no", "8")], &both, &[("Table No.", ""), ("table_no", "7")]),
            (&[("Colour", "red")], &[], &[("Colour", "red")]),
        ] {
            assert_eq!(fit(given, now), Ok(map(kept)), "{given:?} {now:?}");
        }
        let said = fit(&[("Table No.", "eight")], &old).unwrap_err();
        assert!(said.contains("table_no") && said.contains("12.5"), "{said}");
    }
}
