//! Columns of a list that another domain takes, such as those of leads. What is left of a row is its person.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use herald_sheets::{ColumnUse, GuestRow, Place, RowProblem, field_key};

use super::super::{
    ImportRow, import_row,
    row::{FieldWords, word_of},
};

/// Looks at a row of a list.
pub type RowCheck = Box<dyn FnMut(&ImportRow) -> Result<(), RowRefusal> + Send>;

/// Columns of a list that another domain takes.
pub struct MoreColumns {
    /// Their fields, and the words that mean them, in the form of field keys. The first field is the one by which an
    /// exported list names its rows.
    pub words: FieldWords,
    /// Columns of an exported list that say nothing which can be imported.
    pub left_out: &'static [&'static str],
    /// Looks at each row, in their order. A row with an error is left out.
    pub check: RowCheck,
}

/// Why a row is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowRefusal {
    /// The field whose cell is the cause, if it is a single one.
    pub field: Option<&'static str>,
    /// What is wrong, and what to do.
    pub why: String,
}

impl RowRefusal {
    /// Because of a field.
    pub fn at(field: &'static str, why: impl Into<String>) -> Self {
        Self { field: Some(field), why: why.into() }
    }
}

/// Takes the columns out of the rows of one list.
pub(super) struct Taker {
    columns: MoreColumns,
    /// By the word that the list has: the field.
    fields: BTreeMap<&'static str, &'static str>,
    left_out: BTreeSet<&'static str>,
}

impl Taker {
    /// `wanted` is what a person said of columns. `is_typed`: whether a column is a field of the workspace that has a
    /// type. Other words than the field's own name yield to it.
    pub(super) fn new<'f>(
        columns: MoreColumns,
        of_list: impl Iterator<Item = ColumnUse<'f>>,
        wanted: &BTreeMap<String, String>,
        is_typed: impl Fn(&str) -> bool,
    ) -> Self {
        let keys: BTreeSet<&str> = of_list.map(|column| column.field).collect();
        let fields: BTreeMap<_, _> = columns
            .words
            .iter()
            .filter_map(|(field, _)| {
                let has = |word: &str| keys.contains(word) && (word == *field || !is_typed(word));
                Some((word_of(columns.words, field, has)?, *field))
            })
            .collect();
        let id = columns.words.first().map(|(field, _)| *field);
        let is_exported = fields.values().any(|field| Some(*field) == id);
        let is_wanted = |key: &str| wanted.values().any(|field| field_key(field) == key);
        let left_out = columns.left_out.iter().copied().filter(|key| is_exported && !is_wanted(key)).collect();
        Self { columns, fields, left_out }
    }

    /// The field that a column becomes.
    pub(super) fn field_of(&self, key: &str) -> Option<&'static str> {
        self.fields.get(key).copied()
    }

    pub(super) fn leaves_out(&self, key: &str) -> bool {
        self.left_out.contains(key)
    }

    pub(super) fn read(
        &mut self,
        mut row: GuestRow,
        places: &Arc<BTreeMap<String, Place>>,
    ) -> Result<ImportRow, RowProblem> {
        self.left_out.iter().for_each(|key| drop(row.custom.remove(*key)));
        let mut more = BTreeMap::new();
        for (word, field) in &self.fields {
            let cell = row.custom.remove(*word).map(|cell| cell.trim().to_owned());
            more.extend(cell.filter(|cell| !cell.is_empty()).map(|cell| (*field, cell)));
        }
        let row = ImportRow { more, places: places.clone(), ..import_row(row) };
        (self.columns.check)(&row).map_err(|refusal| row.refused_at(refusal))?;
        Ok(row)
    }
}
