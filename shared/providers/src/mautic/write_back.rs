//! Writes an invitation's link and number back to its contact (<https://developer.mautic.org/#edit-contact>).
//!
//! It uses only `PATCH`: `PUT` would empty every field that is not sent. A repeated write changes nothing, so a lost
//! write is simply repeated. Mautic answers 200 even when it cut a value or does not know a field. So only the values
//! in its answer count as written.

use std::{collections::VecDeque, time::Duration};

use herald_base::boxed;
use reqwest::Method;
use serde_json::{Map, Value};

use super::{
    batch::{self, Outcome},
    client::{Ask, Mautic, WHO},
    contact::{MauticContact, has_field},
    errors::About,
    fields::{Fields, no_field},
    lenient::part,
};
use crate::{Class, Meter, ProviderError, Result, http::Reply};

/// The number of contacts in a group: Mautic accepts 200, but large sites then take minutes.
const GROUP: usize = 50;
/// After this many contacts in a row failed one by one, the contacts are not the cause.
const FAILURES: usize = 3;

/// The values to write to one contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteBack {
    /// The contact whose invitation it is.
    pub contact_id: i64,
    /// The link to the invitation.
    pub link: String,
    /// The lucky number of the invitation.
    pub number: String,
}

impl WriteBack {
    /// Builds the body: only the two fields. An address or another identifying field would make Mautic look for another
    /// contact with the same value, and merge the two.
    pub(super) fn body(&self, fields: &Fields) -> Map<String, Value> {
        self.values(fields).map(|(alias, value)| (alias.to_owned(), Value::from(value))).collect()
    }

    fn values<'a>(&'a self, fields: &'a Fields) -> impl Iterator<Item = (&'a str, &'a str)> {
        let number = fields.number().map(|alias| (alias, self.number.as_str()));
        std::iter::once((fields.link(), self.link.as_str())).chain(number)
    }
}

impl Mautic {
    /// Writes to contacts, and returns for each one, in their order, whether the values are stored.
    ///
    /// An error that is not specific to one contact ends the call: the remaining contacts get the same error. A group
    /// of 50 may take Mautic two minutes.
    #[boxed]
    pub async fn write(&self, items: &[WriteBack], fields: &Fields, meter: &Meter) -> Vec<Result<()>> {
        let mut results: Vec<Option<Result<()>>> = vec![None; items.len()];
        let mut ahead = groups(items);
        let mut failures = 0;
        let mut end = None;
        while let (Some(group), None) = (ahead.pop_front(), &end) {
            let chosen: Vec<&WriteBack> = group.iter().map(|at| &items[*at]).collect();
            let (&[at], &[item]) = (group.as_slice(), chosen.as_slice()) else {
                match self.write_batch(&chosen, fields, meter).await {
                    Ok(outcomes) => {
                        for (at, outcome) in group.into_iter().zip(outcomes).rev() {
                            match outcome {
                                Outcome::Said(result) => {
                                    end = result.clone().err().filter(ProviderError::needs_a_person).or(end);
                                    results[at] = Some(result);
                                }
                                Outcome::Unclear => ahead.push_front(vec![at]),
                            }
                        }
                    }
                    // One contact that causes an error in Mautic fails the whole group.
                    Err(error) if error.class == Class::Transient => {
                        let (first, second) = group.split_at(group.len() / 2);
                        ahead.push_front(second.to_vec());
                        ahead.push_front(first.to_vec());
                    }
                    Err(error) => {
                        results[group[0]] = Some(Err(error.clone()));
                        end = Some(error);
                    }
                }
                continue;
            };
            let result = self.write_one(item, fields, meter).await;
            match &result {
                Ok(()) => failures = 0,
                Err(error) if error.class == Class::Recipient => {}
                Err(error) => {
                    failures += 1;
                    end = (error.class != Class::Transient || failures == FAILURES).then(|| error.clone());
                }
            }
            results[at] = Some(result);
        }
        // Unless the loop ended early, every contact has a result. If one had none, nothing would prove that it was
        // written.
        let end = end.unwrap_or_else(|| ProviderError::new(Class::Transient, "the contact was not reached"));
        results.into_iter().map(|result| result.unwrap_or_else(|| Err(end.clone()))).collect()
    }

    async fn write_one(&self, item: &WriteBack, fields: &Fields, meter: &Meter) -> Result<()> {
        let url = self.api(["contacts", item.contact_id.to_string().as_str(), "edit"], &[]);
        let about = About::Write { contact: item.contact_id, fields };
        let body = Some(Value::Object(item.body(fields)));
        let read = |reply: &Reply| {
            let answer: Value = reply.json(WHO)?;
            let contact = part(&answer, "contact")?;
            match MauticContact::read(contact) {
                Some(written) if written.id == item.contact_id => stored(contact, &written, item, fields),
                Some(other) => {
                    let message = format!("contact {} was merged into contact {} in Mautic", item.contact_id, other.id);
                    Err(ProviderError::new(Class::Recipient, message))
                }
                None => Err(ProviderError::new(Class::Config, "Mautic's answer does not say which contact it changed")),
            }
        };
        self.call(Ask { method: Method::PATCH, url, body, about, time: None }, meter, read).await
    }

    async fn write_batch(&self, items: &[&WriteBack], fields: &Fields, meter: &Meter) -> Result<Vec<Outcome>> {
        let url = self.api(["contacts", "batch", "edit"], &[]);
        let time = Some(Duration::from_secs(30 + 2 * items.len() as u64));
        let ask = Ask { method: Method::PATCH, url, body: Some(batch::body(items, fields)), about: About::Api, time };
        let read = |reply: &Reply| batch::read(&reply.json(WHO)?, items, fields, &self.context(About::Api));
        self.call(ask, meter, read).await
    }
}

/// Splits contacts into groups, in order. No group contains a contact twice: Mautic answers once for both.
fn groups(items: &[WriteBack]) -> VecDeque<Vec<usize>> {
    let mut groups: VecDeque<Vec<usize>> = VecDeque::new();
    for (at, item) in items.iter().enumerate() {
        match groups.back_mut() {
            Some(group)
                if group.len() < GROUP && !group.iter().any(|other| items[*other].contact_id == item.contact_id) =>
            {
                group.push(at);
            }
            _ => groups.push_back(vec![at]),
        }
    }
    groups
}

/// Whether Mautic has stored the sent values.
pub(super) fn stored(contact: &Value, read: &MauticContact, item: &WriteBack, fields: &Fields) -> Result<()> {
    for (alias, sent) in item.values(fields) {
        let kept = read.fields.get(alias).map_or("", String::as_str);
        // A field for HTML may encode an ampersand.
        if kept == sent || kept.replace("&amp;", "&") == sent {
            continue;
        }
        let what = if alias == fields.link() { "link" } else { "number" };
        let message = if !has_field(contact, alias) {
            no_field(alias)
        } else if !kept.is_empty() && sent.starts_with(kept) {
            let length = kept.chars().count();
            format!(
                "Mautic cut the {what} to {length} characters: set the length of the contact field «{alias}» to 191 \
                 (or make it a text area)"
            )
        } else {
            format!(
                "Mautic did not keep the {what} in the contact field «{alias}»: check that it is published and of \
                 the type text, and that nothing in Mautic changes it"
            )
        };
        return Err(ProviderError::new(Class::Config, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
