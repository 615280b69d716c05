//! What the Mautic holds.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use herald_base::clock::Clock;

use super::{
    super::quota::Quota,
    access::Access,
    calls::MauticCall,
    fields::{self, Field},
    forms::{Form, StoredFile, Submission},
};

/// All of it.
#[derive(Debug)]
pub(super) struct State {
    pub(super) origin: String,
    pub(super) clock: Clock,
    pub(super) access: Access,
    pub(super) quota: Quota,
    pub(super) contacts: BTreeMap<u64, Contact>,
    /// In the order of their ids, which begin with 1.
    pub(super) fields: Vec<Field>,
    pub(super) segments: BTreeMap<String, Segment>,
    pub(super) forms: BTreeMap<u64, Form>,
    pub(super) submissions: BTreeMap<u64, Submission>,
    /// By submission and field.
    pub(super) files: BTreeMap<(u64, String), StoredFile>,
    pub(super) requests: BTreeMap<MauticCall, usize>,
    /// By contact and field.
    pub(super) writes: BTreeMap<(u64, String), Writes>,
    pub(super) merges: usize,
    pub(super) wipes: usize,
    pub(super) truncations: usize,
    pub(super) shifted_rows: usize,
    pub(super) deleted: Vec<u64>,
    last_contact: u64,
    last_submission: u64,
}

/// A contact.
#[derive(Debug)]
pub(super) struct Contact {
    /// Those that are not empty.
    pub(super) fields: BTreeMap<String, String>,
    pub(super) tags: Vec<String>,
    pub(super) added: DateTime<Utc>,
    pub(super) modified: DateTime<Utc>,
}

/// A segment.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) id: u64,
    pub(super) contacts: BTreeSet<u64>,
}

/// What was written to one field of one contact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    /// How often.
    pub count: usize,
    /// Which values, as they came.
    pub values: BTreeSet<String>,
}

impl State {
    pub(super) fn new(origin: String, clock: Clock) -> Self {
        Self {
            origin,
            clock: clock.clone(),
            access: Access::new(),
            quota: Quota::none(clock.clone()),
            contacts: BTreeMap::new(),
            fields: fields::mautics_own(),
            segments: BTreeMap::new(),
            forms: BTreeMap::new(),
            submissions: BTreeMap::new(),
            files: BTreeMap::new(),
            requests: BTreeMap::new(),
            writes: BTreeMap::new(),
            merges: 0,
            wipes: 0,
            truncations: 0,
            shifted_rows: 0,
            deleted: Vec::new(),
            last_contact: 0,
            last_submission: 0,
        }
    }

    /// An empty contact.
    pub(super) fn new_contact(&mut self) -> u64 {
        self.last_contact += 1;
        let now = self.clock.now();
        let contact = Contact { fields: BTreeMap::new(), tags: Vec::new(), added: now, modified: now };
        self.contacts.insert(self.last_contact, contact);
        self.last_contact
    }

    pub(super) fn next_submission(&mut self) -> u64 {
        self.last_submission += 1;
        self.last_submission
    }

    pub(super) fn remove(&mut self, contact: u64) -> Option<Contact> {
        let removed = self.contacts.remove(&contact)?;
        self.deleted.push(contact);
        for segment in self.segments.values_mut() {
            segment.contacts.remove(&contact);
        }
        Some(removed)
    }

    pub(super) fn add_field(&mut self, field: Field) -> u64 {
        self.fields.push(field);
        self.fields.len() as u64
    }

    pub(super) fn field(&self, alias: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.alias == alias)
    }

    pub(super) fn field_mut(&mut self, alias: &str) -> Option<&mut Field> {
        self.fields.iter_mut().find(|field| field.alias == alias)
    }

    pub(super) fn add_segment(&mut self, alias: &str, contacts: &[u64]) -> u64 {
        let id = self.segments.len() as u64 + 1;
        let segment =
            self.segments.entry(alias.to_owned()).or_insert_with(|| Segment { id, contacts: BTreeSet::new() });
        segment.contacts.extend(contacts);
        segment.id
    }
}
