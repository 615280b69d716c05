//! What is wrong with the messages that contacts would get, found by making each of them.

use std::collections::{BTreeMap, BTreeSet};

use herald_contacts::{Channel, Contact};
use herald_providers::email::Mailbox;
use uuid::Uuid;

use super::plan::{Planning, drafts};
use crate::{
    Sender,
    template::{GIVEN, LARGE},
};
use herald_db::Db;

/// What is wrong with the message of a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) contact_id: Uuid,
    /// In a word.
    pub(crate) cause: &'static str,
    /// The variable that it is about; empty: none.
    pub(crate) field: String,
    /// In a sentence.
    pub(crate) detail: String,
}

/// The faults of the messages of these contacts. One contact may have several.
pub(crate) fn faults_of(db: &Db, planning: &Planning<'_>, sender: &Sender, contacts: Vec<Contact>) -> Vec<Fault> {
    let required = planning.content.required();
    let given = given(sender);
    let mut faults = Vec::new();
    for draft in drafts(db, planning, contacts) {
        let contact_id = draft.contact_id;
        let mut add = |cause, field: &str, detail: String| {
            faults.push(Fault { contact_id, cause, field: field.to_owned(), detail });
        };
        if draft.address.is_empty() {
            add("no_address", "", "the contact has no address of the channel".to_owned());
        } else if planning.campaign.channel == Channel::Email
            && let Err(bad) = Mailbox::new(draft.params.get("name").map(String::as_str), &draft.address)
        {
            add("bad_address", "", bad.to_string());
        }
        let mut lacks = false;
        for field in missing(&required, &draft.params) {
            add(
                "missing_field",
                field,
                format!("the contact has no {field}, and the template gives no default for it"),
            );
            lacks = true;
        }
        if lacks {
            continue;
        }
        let mut values: BTreeMap<String, String> = draft.params;
        values.extend(given.clone());
        let language = draft.language.as_deref().unwrap_or_else(|| planning.content.language_for(None));
        match planning.content.render(language, &values) {
            Err(error) => {
                let detail = error.to_string();
                add("template", error.variable.as_deref().unwrap_or_default(), detail);
            }
            Ok(mail) if mail.html.len().max(mail.text.len()) > LARGE => {
                let size = mail.html.len().max(mail.text.len()) / 1_000;
                let detail =
                    format!("the mail has {size} kB, and mail programs cut off what is behind {} kB", LARGE / 1_000);
                add("too_large", "", detail);
            }
            Ok(_) => {}
        }
    }
    faults
}

/// The variables that a template needs and a contact lacks. A value that is blank is none.
pub(super) fn missing<'f>(
    required: &'f BTreeSet<String>,
    params: &BTreeMap<String, String>,
) -> impl Iterator<Item = &'f String> {
    let is_given = |field: &String| GIVEN.contains(&field.as_str());
    required
        .iter()
        .filter(move |field| !is_given(field) && params.get(*field).is_none_or(|value| value.trim().is_empty()))
}

/// The values that the sender gives, as long as those of a real mail.
fn given(sender: &Sender) -> Vec<(String, String)> {
    let link = format!("https://herald.example.com/u/{}", "x".repeat(43));
    [
        ("unsubscribe_url", link.clone()),
        ("preferences_url", format!("{link}/preferences")),
        ("view_url", link.clone()),
        ("archive_url", link),
        ("postal_address", sender.postal_address.clone()),
        ("sender_name", sender.from_name.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
