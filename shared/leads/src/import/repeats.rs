//! Finds rows of a list that are one lead: the second one is left out, and names the first.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
};

use herald_contacts::{ImportRow, RowRefusal};
use herald_sheets::name_key;

use super::{LEAD_ID, cells::LeadCells};

/// The memory of earlier rows: a keyed hash of 8 bytes and the line for each.
#[derive(Default)]
pub(super) struct Repeats {
    hasher: RandomState,
    lines: HashMap<u64, u64>,
}

impl Repeats {
    /// Remembers a row.
    ///
    /// # Errors
    /// An earlier row is the same lead.
    pub(super) fn take_in(&mut self, row: &ImportRow, cells: &LeadCells) -> Result<(), RowRefusal> {
        // A row may say both, and each must be of one lead alone.
        let id = cells.id.as_ref().map(|id| (LEAD_ID, self.hasher.hash_one(("id", id))));
        let key = cells.key.as_ref().map(|key| ("key", self.hasher.hash_one(("key", key))));
        let mut names: Vec<(&'static str, u64)> = id.into_iter().chain(key).collect();
        if names.is_empty() {
            names.push(("need", self.hasher.hash_one(("need", person(row), cells.need_key()))));
        }
        let seen = names.iter().find_map(|(field, hash)| Some((*field, *self.lines.get(hash)?)));
        let Some((field, first)) = seen.filter(|(_, first)| *first != row.line) else {
            self.lines.extend(names.into_iter().map(|(_, hash)| (hash, row.line)));
            return Ok(());
        };
        let why = match field {
            "need" => format!("same person and need as line {first}; remove one of the two, or give each a key"),
            "key" => format!("same key as line {first}; remove one of the two, or give each lead a key of its own"),
            _ => format!("same {field} as line {first}; remove one of the two"),
        };
        Err(RowRefusal::at(field, why))
    }
}

/// What tells the person of a row from others.
fn person(row: &ImportRow) -> (&'static str, String, String) {
    let person = &row.person;
    match (person.contact_id, &person.external_id, &person.email) {
        (Some(id), ..) => ("contact", id.to_string(), String::new()),
        (None, Some(id), _) => ("id", id.clone(), String::new()),
        (None, None, Some(email)) => ("email", email.clone(), name_key(&person.name)),
        (None, None, None) => ("row", person.row_key.clone(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use herald_contacts::Person;
    use uuid::Uuid;

    use super::*;

    fn row(line: u64, email: &str, more: &[(&'static str, &str)]) -> ImportRow {
        let person = Person { name: "Ann Example".into(), email: Some(email.into()), ..Person::default() };
        let more = more.iter().map(|(field, text)| (*field, (*text).to_owned())).collect();
        ImportRow { line, person, more, ..ImportRow::default() }
    }

    #[test]
    fn a_second_row_of_one_lead_names_the_first() {
        let mut repeats = Repeats::default();
        let mut take = |row: ImportRow| repeats.take_in(&row, &LeadCells::of(&row).unwrap()).map_err(|one| one.why);
        assert_eq!(take(row(2, "ann@example.com", &[("need", "Dinner")])), Ok(()));
        assert_eq!(take(row(3, "ann@example.com", &[("need", "Lunch")])), Ok(()));
        assert_eq!(take(row(4, "bo@example.com", &[("need", "Dinner")])), Ok(()));
        let same = take(row(5, "ann@example.com", &[("need", " DINNER ")])).unwrap_err();
        assert_eq!(same, "same person and need as line 2; remove one of the two, or give each a key");
        // A key tells two leads apart, whatever else they say.
        assert_eq!(take(row(6, "ann@example.com", &[("need", "Dinner"), ("key", "K-1")])), Ok(()));
        assert_eq!(take(row(7, "ann@example.com", &[("need", "Dinner"), ("key", "K-2")])), Ok(()));
        assert!(take(row(8, "cy@example.com", &[("key", "K-1")])).unwrap_err().contains("same key as line 6"));
        // Also if the row says by its id which lead it is.
        let (one, other) = (Uuid::from_u128(1).to_string(), Uuid::from_u128(2).to_string());
        assert_eq!(take(row(9, "ann@example.com", &[(LEAD_ID, one.as_str()), ("key", "K-3")])), Ok(()));
        assert!(take(row(10, "cy@example.com", &[("key", "K-3")])).unwrap_err().contains("same key as line 9"));
        let both = take(row(11, "cy@example.com", &[(LEAD_ID, other.as_str()), ("key", "K-3")])).unwrap_err();
        assert!(both.contains("same key as line 9"), "{both}");
        assert!(
            take(row(12, "ann@example.com", &[(LEAD_ID, one.as_str())]))
                .unwrap_err()
                .contains("same lead_id as line 9")
        );
        // A row that is left out claims no lead.
        assert_eq!(take(row(13, "cy@example.com", &[(LEAD_ID, other.as_str())])), Ok(()));
    }
}
