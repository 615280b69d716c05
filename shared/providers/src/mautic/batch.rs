//! Sends many contacts in one request. Mautic answers 200 and gives the result of each contact by position
//! (<https://developer.mautic.org/#edit-batch-contact>).
//!
//! Positions alone are not trusted. An answer is shifted if some position holds another contact than the request. Then
//! only the contacts in their right positions count.

use serde_json::Value;

use super::{
    contact::MauticContact,
    errors::{About, Context, Problem, classified},
    fields::Fields,
    lenient::{at, number, part},
    write_back::{WriteBack, stored},
};
use crate::Result;

/// The result of one contact in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The result of this contact.
    Said(Result<()>),
    /// The answer says nothing reliable.
    Unclear,
}

/// Builds the request. Every element has its `id`: without one, Mautic confuses the elements after it.
pub(super) fn body(items: &[&WriteBack], fields: &Fields) -> Value {
    let element = |item: &&WriteBack| {
        let mut element = item.body(fields);
        element.insert("id".to_owned(), item.contact_id.into());
        Value::Object(element)
    };
    items.iter().map(element).collect()
}

/// Reads the answer, by position.
///
/// # Errors
/// When the body is not an answer to a batch.
pub(super) fn read(
    answer: &Value,
    items: &[&WriteBack],
    fields: &Fields,
    context: &Context<'_>,
) -> Result<Vec<Outcome>> {
    let contacts = part(answer, "contacts")?;
    let said = |key: &str, position| answer.get(key).and_then(|list| at(list, position));
    let contact = |position| at(contacts, position).and_then(|raw| Some((raw, MauticContact::read(raw)?)));
    let is_shifted = items
        .iter()
        .enumerate()
        .any(|(position, item)| contact(position).is_some_and(|(_, contact)| contact.id != item.contact_id));
    let outcome = |(position, item): (usize, &&WriteBack)| {
        let error = said("errors", position);
        let status = said("statusCodes", position).and_then(number);
        let status = status.or_else(|| error.and_then(|error| error.get("code")).and_then(number));
        let is_refused = error.is_some() || status.is_some_and(|status| status >= 400);
        match contact(position) {
            Some((raw, read)) if read.id == item.contact_id && !is_refused => {
                Outcome::Said(stored(raw, &read, item, fields))
            }
            _ if is_shifted || !is_refused => Outcome::Unclear,
            _ => {
                let status = status.and_then(|status| u16::try_from(status).ok()).filter(|status| *status >= 400);
                let problem = error.map(Problem::of).unwrap_or_default();
                let about = About::Write { contact: item.contact_id, fields };
                Outcome::Said(Err(classified(status.unwrap_or(500), Some(&problem), &Context { about, ..*context })))
            }
        }
    };
    Ok(items.iter().enumerate().map(outcome).collect())
}

#[cfg(test)]
mod tests;
