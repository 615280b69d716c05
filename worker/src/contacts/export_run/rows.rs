//! The rows of each list. Columns have the names under which an import knows them, so that a list which is exported and
//! imported again changes nobody and nothing.

use std::collections::{BTreeMap, BTreeSet};

use herald_base::money;
use herald_contacts::{
    CONTACT_ID, Contact, ContactField, ContactFilter, FieldType, list_contact_fields, list_contacts, tags_of,
};
use herald_leads::{LEAD_ID, Lead, LeadFilter, LeadPeople, list_leads, people_of_leads};
use herald_sheets::field_key;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{
    Watch,
    table::{Cell, Table},
};
use crate::runner::Failure;

/// Rows that are read at once.
const PAGE: usize = 1_000;
/// The columns of contacts before those of the workspace's own fields.
const CONTACTS: [&str; 9] =
    ["name", "email", "phone", "external_id", "language", "time_zone", "country", "tags", CONTACT_ID];
const LEADS: [&str; 17] = [
    LEAD_ID,
    "name",
    "email",
    "phone",
    "need",
    "status",
    "counts_as",
    "value",
    "currency",
    "source",
    "owner",
    "follow_up",
    "follow_up_zone",
    "created",
    "changed",
    "external_id",
    CONTACT_ID,
];

fn filter<F: DeserializeOwned>(watch: &Watch<'_>) -> Result<F, Failure> {
    let filter = watch.export.filter.0.clone();
    serde_json::from_value(filter).map_err(|error| Failure::Fail(format!("its filter does not decode: {error}")))
}

/// The pages of a list of contacts, one after the other.
#[derive(Default)]
struct Pages {
    before: Option<Uuid>,
}

impl Pages {
    /// The next page; empty at the end.
    async fn next(&mut self, watch: &Watch<'_>, filter: &ContactFilter) -> Result<Vec<Contact>, Failure> {
        let page = list_contacts(&watch.context.db, watch.task.workspace_id, filter, self.before, PAGE).await?;
        self.before = page.last().map(|contact| contact.id).or(self.before);
        Ok(page)
    }
}

pub(super) async fn contacts(watch: &Watch<'_>) -> Result<Table, Failure> {
    let filter: ContactFilter = filter(watch)?;
    // The columns are known once every row was seen.
    let mut own: BTreeSet<String> = BTreeSet::new();
    let mut pages = Pages::default();
    loop {
        let page = pages.next(watch, &filter).await?;
        if page.is_empty() {
            break;
        }
        own.extend(page.into_iter().flat_map(|contact| contact.fields.0.into_keys()));
    }
    let own = Own::of(list_contact_fields(&watch.context.db, watch.task.workspace_id).await?, own);
    let head = CONTACTS.iter().map(|name| (*name).to_owned()).chain(own.names()).collect();
    let mut table = Table::new(watch.export.format, "Contacts", head)?;
    let mut pages = Pages::default();
    loop {
        let page = pages.next(watch, &filter).await?;
        if page.is_empty() {
            return Ok(table);
        }
        let ids = page.iter().map(|contact| contact.id).collect();
        let mut tags = tags_of(&watch.context.db, watch.task.workspace_id, ids).await?;
        for contact in page {
            let tags = tags.remove(&contact.id).unwrap_or_default();
            table.add(contact_row(contact, &tags, &own))?;
        }
        watch.note(&table).await?;
    }
}

/// The columns of the workspace's own fields: those with a type first, in their order.
struct Own(Vec<OwnColumn>);

struct OwnColumn {
    name: String,
    /// Other spellings of the name that contacts have. An import would read both as one field.
    spellings: Vec<String>,
    field: Option<ContactField>,
}

impl Own {
    fn of(fields: Vec<ContactField>, mut names: BTreeSet<String>) -> Self {
        let mut all: Vec<OwnColumn> = Vec::new();
        for field in fields {
            let is_there = names.remove(&field.key);
            let spellings: Vec<String> = names.iter().filter(|name| field_key(name) == field.key).cloned().collect();
            names.retain(|name| !spellings.contains(name));
            if is_there || !spellings.is_empty() {
                all.push(OwnColumn { name: field.key.clone(), spellings, field: Some(field) });
            }
        }
        all.extend(names.into_iter().map(|name| OwnColumn { name, spellings: Vec::new(), field: None }));
        Self(all)
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|column| column.name.clone())
    }
}

impl OwnColumn {
    /// The value of a contact: that of the name itself, else the first of another spelling.
    fn cell(&self, fields: &mut BTreeMap<String, String>) -> Cell {
        let mut names = std::iter::once(&self.name).chain(&self.spellings);
        cell(self.field.as_ref(), names.find_map(|name| fields.remove(name).filter(|text| !text.is_empty())))
    }
}

/// A value as what it is, if it is that: an old value may not fit its field.
fn cell(field: Option<&ContactField>, value: Option<String>) -> Cell {
    let (Some(field), Some(text)) = (field, value.as_ref()) else { return value.into() };
    match field.kind {
        FieldType::Number if field.fits(text) => Cell::Number(text.clone()),
        FieldType::Date if field.fits(text) => Cell::Day(text.clone()),
        _ => value.into(),
    }
}

fn contact_row(contact: Contact, tags: &[String], own: &Own) -> Vec<Cell> {
    let mut fields = contact.fields.0;
    let known = [
        Some(contact.name),
        contact.email,
        contact.phone,
        contact.external_id,
        contact.locale,
        contact.time_zone,
        contact.country,
        Some(tags.join(", ")),
        Some(contact.id.to_string()),
    ];
    known.into_iter().map(Cell::from).chain(own.0.iter().map(|column| column.cell(&mut fields))).collect()
}

pub(super) async fn leads(watch: &Watch<'_>) -> Result<Table, Failure> {
    let filter: LeadFilter = filter(watch)?;
    let head = LEADS.iter().map(|name| (*name).to_owned()).collect();
    let mut table = Table::new(watch.export.format, "Leads", head)?;
    let mut before: Option<Uuid> = None;
    loop {
        let page = list_leads(&watch.context.db, watch.task.workspace_id, &filter, before, PAGE).await;
        let page = page.map_err(|error| Failure::Retry { error: error.to_string(), after: None })?;
        let Some(last) = page.last() else { return Ok(table) };
        before = Some(last.id);
        let people = people_of_leads(&watch.context.db, watch.task.workspace_id, &page).await?;
        for lead in page {
            table.add(lead_row(lead, &people))?;
        }
        watch.note(&table).await?;
    }
}

fn lead_row(lead: Lead, people: &LeadPeople) -> Vec<Cell> {
    let digits = lead.currency.as_deref().and_then(money::digits).unwrap_or(2);
    let value = lead.value_minor.map(|minor| money::plain(minor, digits)).unwrap_or_default();
    vec![
        lead.id.to_string().into(),
        lead.name.into(),
        lead.email.into(),
        lead.phone.into(),
        lead.need.into(),
        lead.status.into(),
        lead.stands_for.to_string().into(),
        if value.is_empty() { String::new().into() } else { Cell::Number(value) },
        lead.currency.into(),
        lead.source.into(),
        lead.owner_id.and_then(|id| people.owners.get(&id)).cloned().into(),
        lead.follow_up_at.map(|at| at.to_rfc3339()).into(),
        lead.follow_up_zone.into(),
        lead.created_at.to_rfc3339().into(),
        lead.updated_at.to_rfc3339().into(),
        people.external_ids.get(&lead.contact_id).cloned().into(),
        lead.contact_id.to_string().into(),
    ]
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn other_spellings_of_a_typed_field_are_in_its_column() {
        let field = ContactField {
            id: Uuid::nil(),
            key: "table_no".to_owned(),
            label: "Table No.".to_owned(),
            kind: FieldType::Number,
            choices: herald_db::Json(Vec::new()),
            position: 1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        };
        let map = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
            all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let names = ["TABLE NO", "Table No.", "a_text", "table_no"].map(str::to_owned);
        let own = Own::of(vec![field.clone()], BTreeSet::from(names));
        assert_eq!(own.names().collect::<Vec<_>>(), ["table_no", "a_text"]);
        let first = |all: &[(&str, &str)]| match own.0[0].cell(&mut map(all)) {
            Cell::Text(text) | Cell::Number(text) | Cell::Day(text) => text,
        };
        assert_eq!(first(&[("Table No.", "7")]), "7");
        assert_eq!(first(&[("Table No.", "7"), ("table_no", "8")]), "8");
        assert_eq!(first(&[("a_text", "7")]), "");
        // Also if nobody has the field under its own name.
        let own = Own::of(vec![field], BTreeSet::from(["Table No.".to_owned()]));
        assert_eq!(own.names().collect::<Vec<_>>(), ["table_no"]);
    }
}
