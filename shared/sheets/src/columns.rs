//! Finds the meaning of each column from the header line.

use super::{
    Limits, email,
    headers::{self, Role, field_key},
    problem::CsvError,
    records::Record,
    text,
};
use std::collections::{BTreeMap, HashMap};

/// The meaning of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Known(Role),
    /// A custom field, by its key.
    Custom(String),
    /// A column without a header. It is kept as `column_5` if a cell has a value.
    Unnamed(String),
    /// A column that nobody wants.
    Ignored,
}

/// The column that says why a row was left out. Herald writes it, and does not read it.
pub const REFUSED_COLUMN: &str = "Herald: why this row was left out";

/// The parsed header.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    /// The headers as written, trimmed.
    pub headers: Vec<String>,
    /// The meaning of each header.
    pub meanings: Vec<Meaning>,
    /// Notes about the header for the admin.
    pub notes: Vec<String>,
}

/// What a column of a list is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnUse<'f> {
    /// The header as written, trimmed; empty if the column has none.
    pub header: &'f str,
    /// The field of the guest that its cells become, such as `name` or `table_no`.
    pub field: &'f str,
    /// Whether Herald knows the meaning: `name`, `first_name`, `last_name`, `email`, `phone`, `external_id` or
    /// `picture`.
    pub is_known: bool,
}

impl Columns {
    /// Parses a header row. `wanted` is what a person said of columns.
    pub(super) fn from_header(
        record: &Record,
        limits: &Limits,
        wanted: &BTreeMap<String, String>,
    ) -> Result<Self, CsvError> {
        if record.count > limits.columns {
            return Err(CsvError::TooManyColumns { found: record.count, limit: limits.columns });
        }
        let mut headers: Vec<String> = record.cells().map(text::cell).collect();
        refuse_duplicates(&headers)?;
        // Spreadsheets end lines with separators for columns that once had values.
        while headers.last().is_some_and(String::is_empty) {
            headers.pop();
        }
        let mut columns = Columns { meanings: Vec::new(), headers, notes: Vec::new() };
        let winners = columns.assign_roles(wanted);
        columns.require_name(&winners, record.line)?;
        columns.name_the_rest(&winners, wanted)?;
        Ok(columns)
    }

    /// Assigns the best column to each role. The other columns stay custom fields, and a note says so.
    fn assign_roles(&mut self, wanted: &BTreeMap<String, String>) -> HashMap<usize, Role> {
        let mut claims: Vec<(usize, Role, usize)> = Vec::new();
        for (column, header) in self.headers.iter().enumerate() {
            if !wanted.contains_key(header)
                && let Some((role, rank)) = headers::role(header)
            {
                claims.push((column, role, rank));
            }
        }
        self.pair_up_names(&mut claims);
        // A person knows it better than any rank.
        claims.retain(|(_, role, _)| !wanted.values().any(|field| Role::named(field) == Some(*role)));
        for (column, header) in self.headers.iter().enumerate() {
            claims.extend(wanted.get(header).and_then(|field| Role::named(field)).map(|role| (column, role, 0)));
        }
        claims.sort_by_key(|(column, _, rank)| (*rank, *column));
        let mut winners: HashMap<usize, Role> = HashMap::new();
        for (column, role, _) in claims {
            match winners.iter().find(|(_, taken)| **taken == role) {
                None => {
                    winners.insert(column, role);
                }
                Some((winner, _)) => {
                    let (used, kept) = (&self.headers[*winner], &self.headers[column]);
                    let key = field_key(kept);
                    self.notes.push(format!(
                        "columns \"{used}\" and \"{kept}\" mean the same; \"{used}\" is used, \"{kept}\" is kept as \
                         the field {key}"
                    ));
                }
            }
        }
        winners
    }

    /// In `Vorname;Name` and `Prénom;Nom` the second column is the family name. In `Nombre;Apellidos` and
    /// `Nome;Cognome` the first column is the given name. English `Name` beside `Last name` is not changed, because
    /// there it is usually the whole name.
    fn pair_up_names(&self, claims: &mut [(usize, Role, usize)]) {
        let has = |claims: &[(usize, Role, usize)], role| claims.iter().any(|c| c.1 == role);
        let (first, last) = (has(claims, Role::FirstName), has(claims, Role::LastName));
        let german = self.headers.iter().any(|h| field_key(h) == "vorname");
        for claim in claims.iter_mut().filter(|claim| claim.1 == Role::Name) {
            match field_key(&self.headers[claim.0]).as_str() {
                "nom" if first && !last => claim.1 = Role::LastName,
                "name" if german && !last => claim.1 = Role::LastName,
                "nombre" | "nome" | "имя" if last && !first => claim.1 = Role::FirstName,
                _ => {}
            }
        }
    }

    fn require_name(&self, winners: &HashMap<usize, Role>, line: u64) -> Result<(), CsvError> {
        if winners.values().any(|role| matches!(role, Role::Name | Role::FirstName | Role::LastName)) {
            return Ok(());
        }
        if self.headers.iter().any(|header| email::is_email(header)) {
            return Err(CsvError::NoHeader { line });
        }
        Err(CsvError::NoNameColumn { found: self.headers.clone() })
    }

    fn name_the_rest(
        &mut self,
        winners: &HashMap<usize, Role>,
        wanted: &BTreeMap<String, String>,
    ) -> Result<(), CsvError> {
        let mut taken: HashMap<String, usize> = HashMap::new();
        for (column, header) in self.headers.iter().enumerate() {
            if let Some(role) = winners.get(&column) {
                self.meanings.push(Meaning::Known(*role));
                continue;
            }
            let field = wanted.get(header);
            if field.is_some_and(|field| field_key(field).is_empty()) || header == REFUSED_COLUMN {
                self.meanings.push(Meaning::Ignored);
                continue;
            }
            let key = Some(field_key(field.unwrap_or(header))).filter(|key| !key.is_empty());
            let unnamed = key.is_none();
            let key = key.unwrap_or_else(|| format!("column_{}", column + 1));
            if let Some(other) = taken.insert(key.clone(), column) {
                let (first, second) = (self.headers[other].clone(), header.clone());
                return Err(CsvError::FieldCollision { first, second, field: key });
            }
            if unnamed {
                self.notes.push(format!("column {} has no name; its cells are kept as the field {key}", column + 1));
            }
            self.meanings.push(if unnamed { Meaning::Unnamed(key) } else { Meaning::Custom(key) });
        }
        Ok(())
    }
}

fn refuse_duplicates(headers: &[String]) -> Result<(), CsvError> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (column, header) in headers.iter().enumerate().filter(|(_, header)| !header.is_empty()) {
        if let Some(first) = seen.insert(header.to_lowercase(), column) {
            return Err(CsvError::DuplicateHeader { header: header.clone(), first: first + 1, second: column + 1 });
        }
    }
    Ok(())
}
