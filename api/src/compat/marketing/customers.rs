//! `/customers`: the workspace's contacts.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use herald_contacts::{Contact, ContactFilter, Profile, list_contacts, tags_of, take_contact};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    compat::texts,
    front::{actor::By, auth::Workspace, input, problem::Problem},
};

/// The customers that one answer has at most.
const MOST: usize = 500;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create))
}

/// A customer as the marketing backend told of it.
#[derive(Serialize, ToSchema)]
#[schema(as = MarketingCustomer)]
pub(super) struct Customer {
    id: Uuid,
    name: String,
    email: Option<String>,
    phone: Option<String>,
    /// The language, as a BCP 47 tag.
    language: Option<String>,
    country: Option<String>,
    tags: Vec<String>,
    /// Every other field.
    attributes: BTreeMap<String, String>,
    created_at: String,
    updated_at: String,
}

impl Customer {
    fn of(contact: Contact, tags: Vec<String>) -> Self {
        Self {
            id: contact.id,
            language: contact.locale,
            country: contact.country,
            attributes: contact.fields.0,
            created_at: contact.created_at.to_rfc3339(),
            updated_at: contact.updated_at.to_rfc3339(),
            name: contact.name,
            email: contact.email,
            phone: contact.phone,
            tags,
        }
    }
}

/// Lists the newest customers.
#[utoipa::path(get, path = "/customers", operation_id = "marketingCustomers", tag = "compat",
    responses(
        (status = 200, description = "The customers, at most 500", body = Vec<Customer>),
    )
)]
async fn list(State(api): State<Api>, Workspace(workspace): Workspace) -> Result<Json<Vec<Customer>>, Problem> {
    let contacts = list_contacts(&api.db, workspace, &ContactFilter::default(), None, MOST).await?;
    let mut tags = tags_of(&api.db, workspace, contacts.iter().map(|contact| contact.id).collect()).await?;
    let with_tags = |contact: Contact| {
        let tags = tags.remove(&contact.id).unwrap_or_default();
        Customer::of(contact, tags)
    };
    Ok(Json(contacts.into_iter().map(with_tags).collect()))
}

/// A customer as the front end sends one. Fields without a meaning of their own are kept with the contact.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = MarketingNewCustomer)]
#[serde(default)]
struct Sent {
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    /// The language, as a BCP 47 tag.
    language: Option<String>,
    country: Option<String>,
    tags: Vec<String>,
    #[serde(flatten)]
    #[schema(inline, value_type = BTreeMap<String, Value>)]
    others: BTreeMap<String, Value>,
}

impl Sent {
    fn person(self) -> Profile {
        Profile {
            name: self.name.or_else(|| self.email.clone()),
            email: self.email,
            phone: self.phone,
            locale: self.language,
            country: self.country,
            tags: Some(self.tags),
            fields: texts(self.others),
            ..Profile::default()
        }
    }
}

/// Creates a customer. A person whom the workspace knows is found, gains what is missing, and is not there twice.
#[utoipa::path(post, path = "/customers", operation_id = "marketingCreateCustomer", tag = "compat",
    request_body = Sent,
    responses(
        (status = 201, description = "The customer", body = Customer),
    )
)]
async fn create(
    State(api): State<Api>,
    By(actor): By,
    request: Request,
) -> Result<(StatusCode, Json<Customer>), Problem> {
    let sent: Sent = input::json(request).await?;
    let mut tx = api.db.begin().await?;
    let (contact, _) = take_contact(&mut tx, &actor, sent.person(), "compat").await?;
    tx.commit().await?;
    let tags = tags_of(&api.db, actor.workspace_id, vec![contact.id]).await?.remove(&contact.id).unwrap_or_default();
    Ok((StatusCode::CREATED, Json(Customer::of(contact, tags))))
}
