//! The people of a list who have neither e-mail nor id.

use std::collections::HashSet;

use super::GuestRow;

/// Whom a list names by name and phone alone.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Bare(HashSet<u64>);

impl Bare {
    /// Adds a row of the list.
    pub fn add(&mut self, row: &GuestRow) {
        self.0.extend(row.row_key.as_deref().map(identity));
    }

    /// Takes the key of an earlier list off a row, if the list has a row of its own that may be meant by it.
    pub fn settle(&self, row: &mut GuestRow) {
        row.row_key_before = row.row_key_before.take().filter(|key| !self.0.contains(&identity(key)));
    }
}

/// The part of a row key that rows with the same name and phone share. 64 bits of it are enough to distinguish them.
fn identity(row_key: &str) -> u64 {
    row_key.get(..16).and_then(|start| u64::from_str_radix(start, 16).ok()).unwrap_or_default()
}
