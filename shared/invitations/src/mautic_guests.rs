//! The guests that a run takes from Mautic: what must be so before the first of them, and page by page. A run reads all
//! of them; a check of a run looks at the first.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use herald_base::boxed;
use herald_contacts::Person;
use thiserror::Error;

use super::{MauticSource, guest_list};
use herald_providers::{
    Class, Meter, ProviderError,
    mautic::{Fields, Mautic, MauticContact, Selection, Submission},
};
use herald_sheets::email_key;

/// The longest stored value of a field, in characters. An invitation shows no longer text.
const LONGEST_VALUE: usize = 2_000;

/// The guests of a source, read with a client of its account.
#[derive(Clone, Copy, Debug)]
pub struct MauticGuests<'a> {
    /// The client of the account.
    pub client: &'a Mautic,
    /// Which guests.
    pub source: &'a MauticSource,
    /// What pays for the requests.
    pub meter: &'a Meter,
}

/// Why the guests cannot be read.
#[derive(Debug, Error)]
pub enum MauticGuestsError {
    /// Mautic did not answer, or refused.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The source names what Mautic does not have. The text says what it has.
    #[error("{0}")]
    Wrong(String),
}

/// A page of guests.
#[derive(Debug, Default)]
pub struct MauticPage {
    /// The guests.
    pub guests: Vec<MauticGuest>,
    /// The id to read on after: of the last contact, or of the last submission of a form. `None` if there was nothing.
    pub last: Option<i64>,
    /// Whether it is the last page.
    pub is_end: bool,
}

/// A guest in Mautic.
#[derive(Debug)]
pub struct MauticGuest {
    /// The guest.
    pub guest: Person,
    /// The id of the contact, or of the submission through which it was found.
    pub id: i64,
    /// Whether the contact has a link already.
    pub has_link: bool,
}

type Result<T> = std::result::Result<T, MauticGuestsError>;

impl MauticGuests<'_> {
    /// Checks that links can be written back, and that what the source names exists. Returns the names of the fields
    /// that its guests have.
    ///
    /// # Errors
    /// [`MauticGuestsError`]
    #[boxed]
    pub async fn fields(&self) -> Result<Vec<String>> {
        let Self { client, source, meter } = *self;
        let there = client.contact_fields(meter).await?;
        let fields = Fields::checked(&source.link_field, source.number_field.clone(), &there);
        fields.map_err(|why| ProviderError::new(Class::Config, why.join("; ")))?;
        let mut custom: Vec<String> = there.into_iter().map(|field| field.alias).collect();
        custom.extend(["first_name", "last_name", "mautic_id"].map(str::to_owned));
        match &source.selection {
            Selection::Form(form) => {
                let form = client.form(*form, meter).await?;
                custom.extend(form.fields.into_iter().map(|field| field.alias));
            }
            Selection::Segment(alias) => self.find(alias).await?,
            Selection::Search(_) => {}
        }
        match source.picture_field.as_ref().filter(|field| !custom.contains(field)) {
            None => Ok(custom),
            Some(field) => Err(MauticGuestsError::Wrong(format!(
                "there is no field {field:?} for the picture among the form's and the contacts' fields: there are {}",
                custom.join(", ")
            ))),
        }
    }

    /// Checks that the segment exists. Reading a segment that does not exist would find no contacts, and the run would
    /// end as if it had succeeded.
    async fn find(&self, alias: &str) -> Result<()> {
        match self.client.segments(self.meter).await {
            // A role that may read contacts, but not segments, is sufficient.
            Err(error) if error.needs_a_person() => Ok(()),
            there => there?.lack(alias).map_or(Ok(()), |lack| Err(MauticGuestsError::Wrong(lack))),
        }
    }

    /// Reads at most `limit` guests after an id. `needed` are the fields that a guest has even without a value.
    ///
    /// # Errors
    /// [`MauticGuestsError::Provider`]
    #[boxed]
    pub async fn page(
        &self,
        after: i64,
        limit: usize,
        only_new: bool,
        needed: &BTreeSet<String>,
    ) -> Result<MauticPage> {
        let Selection::Form(form) = &self.source.selection else {
            let without = only_new.then_some(self.source.link_field.as_str());
            let page = self.client.contacts_after(&self.source.selection, after, limit, without, self.meter).await?;
            let (last, is_end) = (page.last().map(|contact| contact.id), page.len() < limit);
            let guests = page.into_iter().map(|contact| self.guest(contact, None, needed)).collect();
            return Ok(MauticPage { guests, last, is_end });
        };
        let submissions = self.client.submissions(*form, after, limit, self.meter).await?;
        let (last, is_end) = (submissions.last().map(|submission| submission.id), submissions.len() < limit);
        let mut ids: Vec<i64> = submissions.iter().filter_map(|submission| submission.contact_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let contacts = if ids.is_empty() { Vec::new() } else { self.client.contacts_by_ids(&ids, self.meter).await? };
        let contacts: HashMap<i64, MauticContact> = contacts.into_iter().map(|contact| (contact.id, contact)).collect();
        // A guest who filled in the form twice is invited once, with the last submission. A contact that has been
        // deleted since is skipped.
        let mut latest: BTreeMap<i64, Submission> = BTreeMap::new();
        for submission in submissions {
            if let Some(id) = submission.contact_id {
                latest.insert(id, submission);
            }
        }
        let mut guests: Vec<MauticGuest> = latest
            .into_iter()
            .filter_map(|(id, submission)| Some(self.guest(contacts.get(&id)?.clone(), Some(submission), needed)))
            .collect();
        guests.sort_by_key(|guest| guest.id);
        Ok(MauticPage { guests, last, is_end })
    }

    /// What to tell about a contact that has a link.
    pub fn remark(&self) -> String {
        format!(
            "the contact has a link in {} already: it is left as it is, unless Herald made it for this event (use \
             refresh to replace it)",
            self.source.link_field
        )
    }

    fn guest(&self, contact: MauticContact, submission: Option<Submission>, needed: &BTreeSet<String>) -> MauticGuest {
        let id = submission.as_ref().map_or(contact.id, |submission| submission.id);
        let has_link = contact.value(&self.source.link_field).is_some();
        let picture = self.picture(&contact, submission.as_ref());
        let mut fields: BTreeMap<String, String> = needed.iter().map(|name| (name.clone(), String::new())).collect();
        for (alias, field) in [("firstname", "first_name"), ("lastname", "last_name")] {
            if let Some(value) = contact.value(alias) {
                fields.insert(field.to_owned(), value.to_owned());
            }
        }
        fields.insert("mautic_id".to_owned(), contact.id.to_string());
        let results = submission.map(|submission| submission.results).unwrap_or_default();
        let guest = Person {
            external_id: Some(self.source.external_id(contact.id)),
            email: contact.email().as_deref().map(email_key),
            phone: contact.phone().map(str::to_owned),
            name: contact.name(),
            picture,
            fields,
            ..Person::default()
        };
        MauticGuest { guest: with_values(guest, contact.fields.into_iter().chain(results)), id, has_link }
    }

    /// The place of the guest's picture, in the form that `face.crop` reads. For a picture that cannot be used, it
    /// contains the reason.
    fn picture(&self, contact: &MauticContact, submission: Option<&Submission>) -> Option<String> {
        let field = self.source.picture_field.as_deref()?;
        let sent =
            submission.and_then(|submission| submission.results.get(field).map(|value| (submission.id, value.trim())));
        match (sent, contact.value(field)) {
            (Some((_, value)), _) if let Some(address) = guest_list::address(value) => Some(address),
            // A form stores an uploaded file under its submission and field.
            (Some((id, value)), _) if !value.is_empty() => {
                Some(format!("mautic:{}:{id}:{field}", self.source.connection_id))
            }
            (_, Some(value)) if let Some(address) = guest_list::address(value) => Some(address),
            (_, Some(_)) => {
                Some(format!("none:the contact field {field} holds no web address: put the picture's address there"))
            }
            (_, None) => None,
        }
    }
}

/// Adds all values. The first value of a field that is not empty stays.
fn with_values(mut guest: Person, values: impl Iterator<Item = (String, String)>) -> Person {
    for (name, value) in values.filter(|(_, value)| !value.trim().is_empty()) {
        let value = value.chars().take(LONGEST_VALUE).collect();
        let entry = guest.fields.entry(name).or_default();
        if entry.is_empty() {
            *entry = value;
        }
    }
    guest
}
