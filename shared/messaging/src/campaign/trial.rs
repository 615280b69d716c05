//! A test of a campaign: the mail that one of its recipients would get, to somebody who looks at it.

use herald_base::boxed;
use herald_contacts::Contact;
use uuid::Uuid;

use super::{Campaign, fill, moves::frozen};
use crate::{
    Claimed, MessagingError, Result,
    template::{Compiled, MessageContent, contact_values, sample_value},
};
use herald_db::{Db, Json};

/// What a campaign says now: what was submitted, or what its template says in the version that would be.
///
/// # Errors
/// [`MessagingError::Field`] if it has no template, or one with a fault.
#[boxed]
pub async fn content_now(db: &Db, workspace_id: Uuid, campaign: &Campaign) -> Result<MessageContent> {
    if let Some(content) = &campaign.content {
        return Ok(content.0.clone());
    }
    let Some(template_id) = campaign.template_id else {
        return Err(MessagingError::field("template_id", "the campaign has no template: choose one"));
    };
    Ok(frozen(db, workspace_id, template_id, campaign.template_version).await?.1)
}

/// The message of a test: that of a contact, or of somebody who has a value in every field. Its id is that of no
/// message, so that its links unsubscribe nobody.
pub fn test_message(
    content: &Compiled,
    campaign: &Campaign,
    contact: Option<&Contact>,
    (to, id): (&str, Uuid),
) -> Claimed {
    let mut params = match contact {
        Some(contact) => contact_values(contact),
        None => content.fields().into_iter().map(|name| (name.clone(), sample_value(&name))).collect(),
    };
    fill(&campaign.settings.0.missing, content.fields().iter(), &mut params);
    let locale = contact.and_then(|contact| contact.locale.as_deref());
    Claimed {
        id,
        contact_id: contact.map(|contact| contact.id),
        address: to.to_owned(),
        language: Some(content.language_for(locale).to_owned()),
        time_zone: None,
        variant: None,
        params: Json(params),
        tries: 0,
    }
}
