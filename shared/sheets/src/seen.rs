//! Remembers the earlier rows of a list: to find duplicates, and to identify guests who have neither e-mail nor id.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
};

use super::{GuestRow, ProblemKind, email_key, guest::identity_hash, headers::Role, name_key};

/// The memory of earlier rows: a hash of 8 bytes and the line for each. The hash is keyed, so nobody can construct
/// collisions. Among a million guests the chance of an accidental one is below one in ten million.
#[derive(Default)]
pub(super) struct Seen {
    hasher: RandomState,
    /// Hashes of name and e-mail.
    people: HashMap<u64, u64>,
    people_without_id: HashMap<u64, u64>,
    external_ids: HashMap<u64, u64>,
    /// The first line and the number of rows.
    row_keys: HashMap<u64, (u64, u32)>,
}

impl Seen {
    /// Remembers a guest. An address does not identify a person, because families share addresses. Two rows are the
    /// same guest if their ids are equal. They are also the same if name and address are equal, unless both rows have
    /// an id.
    ///
    /// # Errors
    /// The column that makes the row a duplicate of an earlier one.
    pub(super) fn take_in(&mut self, guest: &GuestRow) -> Result<(), (Role, ProblemKind)> {
        let person = guest.email.as_deref().map(|email| (email_key(email), name_key(&guest.name)));
        let person = person.map(|person| self.hasher.hash_one(person));
        let id = guest.external_id.as_deref().map(|id| self.hasher.hash_one(id));
        let people = if id.is_some() { &self.people_without_id } else { &self.people };
        if let Some(first_line) = person.and_then(|hash| people.get(&hash)).copied() {
            return Err((Role::Email, ProblemKind::DuplicateGuest { first_line }));
        }
        if let Some(first_line) = id.and_then(|hash| self.external_ids.get(&hash)).copied() {
            return Err((Role::ExternalId, ProblemKind::DuplicateExternalId { first_line }));
        }
        // Only accepted rows are remembered: a refused row must not make another row a duplicate.
        if let Some(hash) = person {
            self.people.entry(hash).or_insert(guest.line);
            if id.is_none() {
                self.people_without_id.insert(hash, guest.line);
            }
        }
        self.external_ids.extend(id.map(|hash| (hash, guest.line)));
        Ok(())
    }

    /// Gives a guest the key that identifies them if the list contains no better identification. `is_repeating`: two
    /// rows with one name and one phone number are one person.
    pub(super) fn give_row_key(&mut self, guest: &mut GuestRow, is_repeating: bool) {
        let hash = identity_hash(&guest.name, guest.phone.as_deref());
        let is_bare = guest.email.is_none() && guest.external_id.is_none();
        let key = self.hasher.hash_one((is_bare, hash));
        let (first_line, count) = self.row_keys.entry(key).or_insert((guest.line, 0));
        // A name alone is not enough: two people may have it.
        let is_same = is_repeating && *count > 0 && (!is_bare || guest.phone.is_some());
        *count += u32::from(!is_same);
        let key = Some(format!("{}-{count}", hex::encode(hash)));
        if !is_bare {
            guest.row_key_before = key;
            return;
        }
        guest.row_key = key;
        if *count > 1 && !is_same {
            guest.notes.push(format!(
                "line {}: same name and phone as line {first_line}; kept as another guest, \
                 as there is no e-mail or id to tell",
                guest.line
            ));
        }
    }
}
