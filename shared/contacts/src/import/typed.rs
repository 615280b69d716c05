//! The columns of a list that are fields with a type.

use std::{collections::BTreeMap, fs::File};

use herald_sheets::{CsvError, GuestFile, Options};

use super::{CONTACT_ID, ImportRow};
use crate::{
    ContactField, FieldType,
    field::{Forms, named},
};

/// The fields with a type that a list has, and the forms of their values.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// By the names of the columns.
    fields: BTreeMap<String, ContactField>,
    forms: Forms,
}

impl Typed {
    /// Looks for columns of these fields, and at how their numbers and days are written. A list without such a column
    /// is not read once more.
    pub(super) fn of(list: &File, options: &Options, known: &[ContactField]) -> Result<Self, CsvError> {
        if known.is_empty() {
            return Ok(Self::default());
        }
        let file = GuestFile::new(list, options)?;
        let fields: BTreeMap<String, ContactField> = file
            .columns()
            .filter(|column| !column.is_known)
            .filter_map(|column| Some((column.field.to_owned(), named(known, column.field)?.clone())))
            .collect();
        let is_exported = file.columns().any(|column| column.field == CONTACT_ID);
        let mut typed = Self { fields, forms: Forms::new(is_exported) };
        let has_forms = |field: &ContactField| matches!(field.kind, FieldType::Number | FieldType::Date);
        if typed.fields.values().any(has_forms) {
            for row in file.flatten() {
                for (name, text) in &row.custom {
                    if let Some(field) = typed.fields.get(name) {
                        typed.forms.learn(field, text);
                    }
                }
            }
        }
        Ok(typed)
    }

    /// The fields, each once.
    pub(super) fn fields(&self) -> Vec<ContactField> {
        let by_key: BTreeMap<&str, &ContactField> =
            self.fields.values().map(|field| (field.key.as_str(), field)).collect();
        by_key.into_values().cloned().collect()
    }

    /// Whether a column is a field with a type.
    pub(super) fn has(&self, column: &str) -> bool {
        self.fields.contains_key(column)
    }

    /// Brings the values of a row into the form of their fields. One that does not fit is left empty, with a remark: it
    /// is no reason to leave the person out.
    pub(super) fn fit(&self, row: &mut ImportRow) {
        for (name, field) in &self.fields {
            let Some(text) = row.person.fields.remove(name) else { continue };
            match self.forms.fit(field, &text) {
                Ok(value) => drop(row.person.fields.insert(field.key.clone(), value)),
                Err(detail) => row.notes.push(format!("line {}: {detail}; the field is left empty", row.line)),
            }
        }
    }
}
