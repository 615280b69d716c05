//! The people whom a workspace knows: contacts with their addresses, tags, consents and timelines.

mod addresses;
mod chosen;
mod consents;
mod exports;
mod fields;
mod imports;
mod list;
mod merging;
mod one;
mod person;
mod segments;
mod tags;
mod timeline;

pub(crate) use self::imports::{receive as receive_import, upload_routes, uploads};
use herald_contacts::{Address, Contact, ContactError, list_addresses, tags_of};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::{
    Api,
    front::problem::{Kind, Problem},
};

/// The endpoints behind a token, below `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(list::routes())
        .merge(chosen::routes())
        .merge(one::routes())
        .merge(merging::routes())
        .merge(person::routes())
        .merge(addresses::routes())
        .merge(consents::routes())
        .merge(timeline::routes())
        .merge(tags::routes())
        .merge(segments::routes())
        .merge(imports::routes())
        .merge(exports::routes())
        .merge(fields::routes())
}

/// A contact with its tags.
#[derive(Serialize, ToSchema)]
#[schema(as = TaggedContact)]
pub(crate) struct ContactView {
    #[serde(flatten)]
    contact: Contact,
    /// The tags of the contact, in the order of their names.
    tags: Vec<String>,
    /// All addresses of the contact: those of each kind together, the primary one first. Lists of contacts leave them
    /// out.
    #[serde(skip_serializing_if = "Option::is_none")]
    addresses: Option<Vec<Address>>,
}

/// The contacts with their tags.
pub(crate) async fn with_tags(api: &Api, workspace: Uuid, contacts: Vec<Contact>) -> Result<Vec<ContactView>, Problem> {
    let ids = contacts.iter().map(|contact| contact.id).collect();
    let mut tags = tags_of(&api.db, workspace, ids).await?;
    let viewed = contacts.into_iter().map(|contact| {
        let tags = tags.remove(&contact.id).unwrap_or_default();
        ContactView { contact, tags, addresses: None }
    });
    Ok(viewed.collect())
}

/// One contact with its tags and all its addresses.
pub(crate) async fn in_full(api: &Api, workspace: Uuid, contact: Contact) -> Result<ContactView, Problem> {
    let tags = tags_of(&api.db, workspace, vec![contact.id]).await?.remove(&contact.id).unwrap_or_default();
    let addresses = Some(list_addresses(&api.db, workspace, &contact).await?);
    Ok(ContactView { contact, tags, addresses })
}

impl From<ContactError> for Problem {
    fn from(error: ContactError) -> Self {
        match error {
            ContactError::Field { field, detail } => Self::field(field, detail),
            ContactError::OwnField { field, detail } => Self::field(&field, detail),
            ContactError::Known { .. } | ContactError::NameTaken { .. } | ContactError::WrongState(_) => {
                Self::new(Kind::WrongState, error)
            }
            ContactError::Changed => Self::new(Kind::PreconditionFailed, error),
            ContactError::Db(error) => error.into(),
        }
    }
}
