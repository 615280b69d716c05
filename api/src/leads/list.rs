//! `/leads`: finding leads, counting them, and making one.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_contacts::Profile;
use herald_leads::{
    CountBy, Lead, LeadCount, LeadFields, LeadFilter, NewLead, Outcome, Whose, count_leads, create_lead, list_leads,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

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

const LONGEST_SEARCH: usize = 200;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(count))
}

/// Which leads.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wanted {
    /// Those in this status, by its name.
    pub(super) status: Option<String>,
    /// Those whose status counts as this: `open`, `won` or `lost`.
    #[param(pattern = "^(open|won|lost)?$")]
    pub(super) outcome: Option<String>,
    /// Those that this member looks after; `none`: those that nobody looks after.
    pub(super) owner: Option<String>,
    /// Those from this source.
    pub(super) source: Option<String>,
    /// Those of this contact.
    pub(super) contact: Option<Uuid>,
    /// A part of the need, the beginning of the contact's name, or the whole of the contact's e-mail address.
    #[param(max_length = 200)]
    pub(super) search: Option<String>,
    /// Those made at or after this time.
    pub(super) created_after: Option<String>,
    /// Those made before this time.
    pub(super) created_before: Option<String>,
    /// By what leads are counted: `status`, `source` or `owner`. Only for counts.
    #[param(pattern = "^(status|source|owner)$")]
    pub(super) by: Option<String>,
    /// The `next_cursor` of the previous page.
    pub(super) cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub(super) limit: Option<usize>,
}

/// The filter that these parameters of the list make.
pub(crate) fn filter_of(asked: serde_json::Value) -> Result<LeadFilter, Problem> {
    let wanted: Wanted = serde_json::from_value(asked).map_err(|error| Problem::field("filter", error))?;
    wanted.filter()
}

impl Wanted {
    fn by(&self) -> Result<CountBy, Problem> {
        let by = self.by.as_deref().unwrap_or(CountBy::Status.as_str());
        by.parse().map_err(|error| Problem::field("by", error))
    }

    pub(super) fn filter(&self) -> Result<LeadFilter, Problem> {
        let filled = |value: &Option<String>| value.clone().filter(|text| !text.trim().is_empty());
        let text = filled(&self.search);
        if text.as_ref().is_some_and(|text| text.chars().count() > LONGEST_SEARCH) {
            return Err(Problem::field(
                "search",
                format!("search is too long: use at most {LONGEST_SEARCH} characters"),
            ));
        }
        let outcome = filled(&self.outcome).map(|outcome| outcome.parse::<Outcome>());
        let without_owner = self.owner.as_deref() == Some("none");
        let owner = filled(&self.owner).filter(|_| !without_owner).map(|owner| owner.parse::<Uuid>());
        Ok(LeadFilter {
            status: filled(&self.status),
            stands_for: outcome.transpose().map_err(|error| Problem::field("outcome", error))?,
            owner_id: owner
                .transpose()
                .map_err(|_| Problem::field("owner", "owner is not an id: write the id of a member, or none"))?,
            without_owner,
            source: filled(&self.source),
            contact_id: self.contact,
            text,
            created_after: input::time("created_after", filled(&self.created_after))?,
            created_before: input::time("created_before", filled(&self.created_before))?,
        })
    }
}

/// Lists leads, the newest first.
#[utoipa::path(get, path = "/leads", operation_id = "listLeads", tag = "leads",
    params(Wanted),
    responses(
        (status = 200, description = "A page of leads", body = Page<Lead>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<Lead>>, Problem> {
    let (before, limit) = (page::after(wanted.cursor.as_deref())?, page::limit(wanted.limit)?);
    wanted.by()?;
    let rows = list_leads(&api.db, workspace, &wanted.filter()?, before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}

/// Counts leads and sums up their values, under the filters of the list.
#[utoipa::path(get, path = "/leads/counts", operation_id = "countLeads", tag = "leads",
    params(Wanted),
    responses(
        (status = 200, description = "The counts, the largest first", body = Page<LeadCount>),
    )
)]
async fn count(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<LeadCount>>, Problem> {
    page::after::<Uuid>(wanted.cursor.as_deref())?;
    page::limit(wanted.limit)?;
    let counts = count_leads(&api.db, workspace, &wanted.filter()?, wanted.by()?).await?;
    Ok(Json(Page::upto(counts, None)))
}

/// A new lead.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewLead)]
#[serde(deny_unknown_fields)]
struct Create {
    /// The contact whose lead it is.
    contact_id: Option<Uuid>,
    /// The person whose lead it is, instead of a contact: found among the contacts, or added to them. A known contact
    /// gains what it lacks, and nothing of it is replaced.
    contact: Option<Profile>,
    /// What is said of the lead.
    #[serde(default)]
    lead: LeadFields,
    /// The caller's name for the lead. A second request with the same key gets the first lead.
    #[schema(max_length = 200)]
    key: Option<String>,
}

/// Makes a lead.
#[utoipa::path(post, path = "/leads", operation_id = "createLead", tag = "leads",
    request_body = Create,
    responses(
        (status = 200, description = "The lead that the key already names", body = Lead, headers(("location" = String,
            description = "The address of the lead"), ("etag" = String,
            description = "The version of the lead, for If-Match and If-None-Match"))),
        (status = 201, description = "The lead", body = Lead, headers(("location" = String,
            description = "The address of the lead"), ("etag" = String,
            description = "The version of the lead, for If-Match and If-None-Match"))),
    )
)]
async fn create(State(api): State<Api>, By(actor): By, request: Request) -> Result<Response, Problem> {
    let asked: Create = input::json(request).await?;
    let whose = match (asked.contact_id, asked.contact) {
        (Some(id), None) => Whose::Contact(id),
        (None, Some(profile)) => Whose::Person(Box::new(profile)),
        _ => return Err(Problem::field("contact_id", "the lead needs either contact_id or contact: send one of them")),
    };
    let new = NewLead { whose, fields: asked.lead, key: asked.key, through: "api" };
    let (lead, is_new) = create_lead(&api.db, &actor, new).await?;
    let location = format!("/api/v1/leads/{}", lead.id);
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(([(header::LOCATION, location)], tagged(status, lead)?).into_response())
}
