//! `/contacts`: finding contacts and making one.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_contacts::{
    ContactFilter, Profile, Rule, Snapshot, count_contacts, create_contact, find_snapshot, list_contacts, whole_rule,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{ContactView, in_full, with_tags};
use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        conditional::tagged,
        input::{self, Parameters},
        page::{self, Page},
        problem::Problem,
    },
};

/// Up to here contacts are counted.
const COUNTED: usize = 10_000;
const LONGEST_SEARCH: usize = 200;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(count))
}

/// Which contacts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    /// The beginning of the name or of its last word, or the whole of an address, primary or further, or of an external
    /// id.
    #[param(max_length = 200)]
    search: Option<String>,
    /// Those with each of these tags, with commas between them.
    tag: Option<String>,
    /// Those of this country, as two letters of ISO 3166-1.
    country: Option<String>,
    /// Those of this language, as a BCP 47 tag.
    locale: Option<String>,
    /// Those who belong to this segment, by its id.
    #[param(value_type = Option<Uuid>)]
    segment: Option<String>,
    /// Those who belonged to a segment when this snapshot of it was taken, by its id.
    #[param(value_type = Option<Uuid>)]
    snapshot: Option<String>,
    /// Those in the trash instead of the others.
    trashed: Option<bool>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// The filter that these parameters of the list make.
pub(super) async fn filter_of(api: &Api, workspace: Uuid, asked: Value) -> Result<ContactFilter, Problem> {
    let wanted: Wanted = serde_json::from_value(asked).map_err(|error| Problem::field("filter", error))?;
    wanted.filter(api, workspace).await
}

impl Wanted {
    async fn filter(&self, api: &Api, workspace: Uuid) -> Result<ContactFilter, Problem> {
        let text = self.search.clone().filter(|text| !text.trim().is_empty());
        if text.as_ref().is_some_and(|text| text.chars().count() > LONGEST_SEARCH) {
            return Err(Problem::field(
                "search",
                format!("search is too long: use at most {LONGEST_SEARCH} characters"),
            ));
        }
        let tags = self.tag.as_deref().into_iter().flat_map(|tags| tags.split(','));
        Ok(ContactFilter {
            text,
            tags: tags.map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
            country: self.country.clone().filter(|country| !country.is_empty()),
            locale: self.locale.clone().filter(|locale| !locale.is_empty()),
            trashed: self.trashed.unwrap_or(false),
            rule: self.rule(api, workspace).await?,
            snapshot: self.snapshot(api, workspace).await?,
        })
    }

    /// The snapshot, if there is one with the id.
    async fn snapshot(&self, api: &Api, workspace: Uuid) -> Result<Option<Uuid>, Problem> {
        let Some(text) = self.snapshot.as_deref() else { return Ok(None) };
        let id: Uuid =
            text.parse().map_err(|_| Problem::field("snapshot", format!("{text:?} is not the id of a snapshot")))?;
        match find_snapshot(&api.db, workspace, id).await? {
            Some(Snapshot { members_gone_at: Some(gone), contacts, .. }) => {
                let since = gone.format("%F");
                let detail = format!("its run ended long ago: since {since} it only says that they were {contacts}");
                Err(Problem::field("snapshot", detail))
            }
            Some(snapshot) => Ok(Some(snapshot.id)),
            None => Err(Problem::field("snapshot", format!("there is no snapshot {id} in this workspace"))),
        }
    }

    /// The rule of the segment.
    async fn rule(&self, api: &Api, workspace: Uuid) -> Result<Option<Rule>, Problem> {
        let Some(text) = self.segment.as_deref() else { return Ok(None) };
        let id: Uuid =
            text.parse().map_err(|_| Problem::field("segment", format!("{text:?} is not the id of a segment")))?;
        Ok(Some(whole_rule(&api.db, workspace, &Rule::Segment(id)).await?))
    }
}

/// Lists contacts, the newest first.
///
/// A search finds at most 2,000 contacts in each of its ways: write more of the name to see others.
#[utoipa::path(get, path = "/contacts", operation_id = "listContacts", tag = "contacts",
    params(Wanted),
    responses(
        (status = 200, description = "A page of contacts", body = Page<ContactView>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<ContactView>>, Problem> {
    let (before, limit) = (page::after(wanted.cursor.as_deref())?, page::limit(wanted.limit)?);
    let rows = list_contacts(&api.db, workspace, &wanted.filter(&api, workspace).await?, before, limit + 1).await?;
    let (rows, next) = Page::of(rows, limit, |row| row.id.to_string()).into_parts();
    Ok(Json(Page::upto(with_tags(&api, workspace, rows).await?, next)))
}

/// The number of contacts.
#[derive(Serialize, ToSchema)]
struct ContactCount {
    /// The number, at most 10,000.
    contacts: i64,
    /// Whether there are more.
    more: bool,
}

/// Counts contacts, up to 10,000.
#[utoipa::path(get, path = "/contacts/count", operation_id = "countContacts", tag = "contacts",
    params(Wanted),
    responses(
        (status = 200, description = "The number of contacts", body = ContactCount),
    )
)]
async fn count(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<ContactCount>, Problem> {
    page::after::<Uuid>(wanted.cursor.as_deref())?;
    page::limit(wanted.limit)?;
    let most = i64::try_from(COUNTED).unwrap_or(i64::MAX);
    let found = count_contacts(&api.db, workspace, &wanted.filter(&api, workspace).await?, COUNTED + 1).await?;
    Ok(Json(ContactCount { contacts: found.min(most), more: found > most }))
}

/// Makes a contact.
///
/// A person is known by the external id, else by e-mail address and name together: nobody is there twice.
#[utoipa::path(post, path = "/contacts", operation_id = "createContact", tag = "contacts",
    request_body = Profile,
    responses(
        (status = 201, description = "The contact", body = ContactView, headers(("location" = String,
            description = "The address of the contact"), ("etag" = String,
            description = "The version of the contact, for If-Match and If-None-Match"))),
        (status = 409, description = "The workspace has this person already"),
    )
)]
async fn create(State(api): State<Api>, By(actor): By, request: Request) -> Result<Response, Problem> {
    let profile: Profile = input::json(request).await?;
    let made = create_contact(&api.db, &actor, profile, "api").await?;
    let location = format!("/api/v1/contacts/{}", made.id);
    let viewed = in_full(&api, actor.workspace_id, made).await?;
    Ok(([(header::LOCATION, location)], tagged(StatusCode::CREATED, viewed)?).into_response())
}
