//! Gives a field a type, changes it, and takes it off again. No value of a contact changes by it.

use herald_base::boxed;
use herald_ledger::quotas::lock_workspace;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ContactField, FieldType, MOST, all};
use crate::{CONTACT_ID, ContactError, import::all_words_of_contacts};
use herald_db::{Bulk, Db, Json, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};
use herald_sheets::{field_key, is_known_header};

const LONGEST: usize = 100;
const MOST_CHOICES: usize = 100;

type Result<T> = std::result::Result<T, ContactError>;

/// The fields that every contact has. Rules and lists mean those by these names.
const FIXED: [&str; 17] = [
    "name",
    "first_name",
    "last_name",
    "email",
    "phone",
    "external_id",
    "locale",
    "time_zone",
    "country",
    "preferred_channel",
    "source",
    "created_at",
    "updated_at",
    "picture",
    "lucky_number",
    "invitation_link",
    CONTACT_ID,
];

/// A field that gets a type.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewContactField {
    /// What forms and lists call it: 1 to 100 characters.
    #[schema(example = "Table No.")]
    pub label: String,
    /// Its name among the `fields` of contacts. Left out, it is made of the label: `Table No.` becomes `table_no`.
    #[schema(example = "table_no")]
    pub key: Option<String>,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// The values of a field of the type `choice`, without commas: 1 to 100.
    #[serde(default)]
    pub choices: Vec<String>,
}

/// What changes about a field with a type. Its key stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ContactFieldChange {
    /// What forms and lists call it.
    pub label: Option<String>,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: Option<FieldType>,
    /// The values of a field of the type `choice`: these and no others.
    pub choices: Option<Vec<String>>,
    /// Its place among the others, from 1 on.
    #[schema(minimum = 1, maximum = 100)]
    pub position: Option<i64>,
}

/// Gives a field a type. It comes last.
///
/// # Errors
/// [`ContactError::Field`]; [`ContactError::NameTaken`] if the field has one.
#[boxed]
pub async fn create_contact_field(db: &Db, actor: &Actor, new: NewContactField) -> Result<ContactField> {
    let label = label(&new.label)?;
    let key = key(new.key.as_deref(), &label)?;
    let choices = choices(new.kind, &new.choices)?;
    let mut tx = db.begin().await?;
    let known = held(&mut tx, actor.workspace_id).await?;
    if known.iter().any(|field| field.key == key) {
        return Err(ContactError::NameTaken { what: "field", name: key });
    }
    if known.len() >= MOST {
        let detail = format!("the workspace has {MOST} fields with a type, which is the most: take one off first");
        return Err(ContactError::field("label", detail));
    }
    let (id, now) = (tx.db().new_id(), tx.db().now());
    let position = known.iter().map(|field| field.position).max().unwrap_or_default() + 1;
    let field = ContactField {
        id,
        key,
        label,
        kind: new.kind,
        choices: Json(choices),
        position,
        created_at: now,
        updated_at: now,
    };
    query(
        "insert into contact_fields (id, workspace_id, key, label, kind, choices, position, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
    )
    .bind(id)
    .bind(actor.workspace_id)
    .bind(field.key.as_str())
    .bind(field.label.as_str())
    .bind(field.kind.as_str())
    .bind(serde_json::json!(field.choices.0))
    .bind(position)
    .bind(now)
    .execute(&mut tx)
    .await?;
    audit::record(&mut tx, actor, Entry::of("contact_field.create", id).with(said(&field))).await?;
    tx.commit().await?;
    Ok(field)
}

/// The fields of a workspace, which no other transaction changes until this one ends.
async fn held(tx: &mut Tx, workspace_id: Uuid) -> Result<Vec<ContactField>> {
    lock_workspace(&mut *tx, workspace_id).await?;
    Ok(all(workspace_id).all(tx).await?)
}

fn said(field: &ContactField) -> serde_json::Value {
    serde_json::json!({ "key": field.key, "type": field.kind })
}

/// Changes a field with a type. `None`: there is no such field.
///
/// # Errors
/// [`ContactError::Field`].
#[boxed]
pub async fn change_contact_field(
    db: &Db,
    actor: &Actor,
    id: Uuid,
    change: ContactFieldChange,
) -> Result<Option<ContactField>> {
    let mut tx = db.begin().await?;
    let mut known = held(&mut tx, actor.workspace_id).await?;
    let Some(at) = known.iter().position(|field| field.id == id) else { return Ok(None) };
    let mut field = known.remove(at);
    if let Some(text) = &change.label {
        field.label = label(text)?;
    }
    field.kind = change.kind.unwrap_or(field.kind);
    let given = change.choices.unwrap_or_else(|| match field.kind {
        FieldType::Choice => field.choices.0.clone(),
        _ => Vec::new(),
    });
    field.choices = Json(choices(field.kind, &given)?);
    let place = match change.position {
        None => at,
        Some(position) if (1..=100).contains(&position) => usize::try_from(position - 1).unwrap_or(at).min(known.len()),
        Some(_) => return Err(ContactError::field("position", "the position is a number from 1 to 100")),
    };
    field.updated_at = tx.db().now();
    known.insert(place, field);
    for (position, field) in (1..).zip(&mut known) {
        field.position = position;
    }
    write_all(&mut tx, actor.workspace_id, &known).await?;
    let field = known.swap_remove(place);
    audit::record(&mut tx, actor, Entry::of("contact_field.change", id).with(said(&field))).await?;
    tx.commit().await?;
    Ok(Some(field))
}

async fn write_all(tx: &mut Tx, workspace_id: Uuid, fields: &[ContactField]) -> Result<()> {
    Bulk::new(
        "update contact_fields set label = rows.label, kind = rows.kind, choices = rows.choices,
           position = rows.position, updated_at = rows.updated_at
         from {rows} where contact_fields.workspace_id = rows.workspace_id and contact_fields.id = rows.id",
    )
    .column("workspace_id", fields.iter().map(|_| workspace_id).collect())
    .column("id", fields.iter().map(|field| field.id).collect())
    .column("label", fields.iter().map(|field| field.label.clone()).collect())
    .column("kind", fields.iter().map(|field| field.kind.as_str().to_owned()).collect())
    .column("choices", fields.iter().map(|field| serde_json::json!(field.choices.0)).collect())
    .column("position", fields.iter().map(|field| field.position).collect())
    .column("updated_at", fields.iter().map(|field| field.updated_at).collect())
    .execute(tx)
    .await?;
    Ok(())
}

/// Removes the type of a field. Its values stay, as text. False: there is no such field.
#[boxed]
pub async fn remove_contact_field(db: &Db, actor: &Actor, id: Uuid) -> Result<bool> {
    let mut tx = db.begin().await?;
    let known = held(&mut tx, actor.workspace_id).await?;
    let Some(field) = known.iter().find(|field| field.id == id) else { return Ok(false) };
    query("delete from contact_fields where workspace_id = $1 and id = $2")
        .bind(actor.workspace_id)
        .bind(id)
        .execute(&mut tx)
        .await?;
    audit::record(&mut tx, actor, Entry::of("contact_field.delete", id).with(said(field))).await?;
    tx.commit().await?;
    Ok(true)
}

fn tidied(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn label(text: &str) -> Result<String> {
    let label = tidied(text);
    if label.is_empty() || label.chars().count() > LONGEST || label.chars().any(char::is_control) {
        return Err(ContactError::field(
            "label",
            format!("the label {label:?} cannot be used: write 1 to 100 characters"),
        ));
    }
    Ok(label)
}

fn key(given: Option<&str>, label: &str) -> Result<String> {
    let (field, given) = match given.map(str::trim).filter(|key| !key.is_empty()) {
        Some(key) => ("key", key),
        None => ("label", label),
    };
    let key = field_key(given);
    if key.is_empty() || key.chars().count() > LONGEST {
        let detail = format!("{given:?} makes no name of a field: write one with letters, such as table_no");
        return Err(ContactError::field(field, detail));
    }
    if FIXED.contains(&key.as_str()) || is_known_header(&key) || all_words_of_contacts().any(|word| word == key) {
        let detail = format!("{key:?} is a field that every contact has, or means one in lists: choose another name");
        return Err(ContactError::field(field, detail));
    }
    Ok(key)
}

fn choices(kind: FieldType, given: &[String]) -> Result<Vec<String>> {
    let wrong = |detail: String| ContactError::field("choices", detail);
    if kind != FieldType::Choice {
        return match given.is_empty() {
            true => Ok(Vec::new()),
            false => Err(wrong(format!("a field of the type {kind} has no choices: leave them out, or use choice"))),
        };
    }
    let mut choices: Vec<String> = Vec::new();
    for text in given {
        let choice = tidied(text);
        if choice.is_empty() || choice.chars().count() > LONGEST || choice.chars().any(|c| c.is_control() || c == ',') {
            let detail =
                format!("the choice {choice:?} cannot be used: write 1 to {LONGEST} characters without commas");
            return Err(wrong(detail));
        }
        if choices.iter().any(|one| one.to_lowercase() == choice.to_lowercase()) {
            return Err(wrong(format!("the choice {choice:?} is there twice: leave one out")));
        }
        choices.push(choice);
    }
    if choices.is_empty() || choices.len() > MOST_CHOICES {
        return Err(wrong(format!("there are {} choices: use 1 to {MOST_CHOICES}", choices.len())));
    }
    Ok(choices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_of_the_label_and_takes_no_field_of_contacts() {
        assert_eq!(key(None, "Table No.").unwrap(), "table_no");
        assert_eq!(key(Some("Größe"), "Size").unwrap(), "grosse");
        for taken in ["E-Mail", "Mobile", "Country", "Sprache", "tags", "herald_id", "Created at"] {
            let said = key(Some(taken), "x").unwrap_err().to_string();
            assert!(said.contains("every contact"), "{said}");
        }
        assert!(key(Some("?!"), "x").unwrap_err().to_string().contains("table_no"));
    }

    #[test]
    fn only_a_choice_has_choices_and_each_once() {
        let of = |kind, all: &[&str]| choices(kind, &all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(FieldType::Choice, &[" A  b ", "C"]).unwrap(), ["A b", "C"]);
        assert_eq!(of(FieldType::Date, &[]).unwrap(), [] as [String; 0]);
        for (kind, all, part) in [
            (FieldType::Date, &["x"][..], "no choices"),
            (FieldType::Choice, &[], "1 to 100"),
            (FieldType::Choice, &["a", "A"], "twice"),
            (FieldType::Choice, &["a,b"], "without commas"),
        ] {
            let said = of(kind, all).unwrap_err().to_string();
            assert!(said.contains(part), "{said}");
        }
    }
}
