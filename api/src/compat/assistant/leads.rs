//! `/leads`: list, create, update, and those to be followed up.
//!
//! The assistant had one word for the state of a lead. `follow_up` means an open lead with a follow-up; every other
//! word is a status of the workspace, with `_` for a space.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use chrono::NaiveDate;
use herald_contacts::Profile;
use herald_leads::{
    Due, Lead, LeadFields, LeadFilter, NewLead, Outcome, Whose, add_lead_note, change_lead, create_lead, find_lead,
    list_follow_ups, list_leads,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Answer;
use crate::{
    Api,
    compat::texts,
    front::{
        actor::By,
        auth::Workspace,
        input::{self, Id, Parameters},
        problem::Problem,
    },
};

/// The leads that one answer has at most.
const MOST: usize = 500;
const FOLLOW_UP: &str = "follow_up";

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(follow_ups)).routes(routes!(update))
}

/// A lead as the assistant told of it.
#[derive(Serialize, ToSchema)]
#[schema(as = AssistantLead)]
struct OldLead {
    id: String,
    name: String,
    email: Option<String>,
    phone: Option<String>,
    need: String,
    /// `follow_up`, or a status of the workspace.
    status: String,
    source: Option<String>,
    /// The day of the follow-up.
    follow_up_date: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<Lead> for OldLead {
    fn from(lead: Lead) -> Self {
        let zone: chrono_tz::Tz =
            lead.follow_up_zone.as_deref().and_then(|zone| zone.parse().ok()).unwrap_or(chrono_tz::Tz::UTC);
        let is_followed_up = lead.follow_up_at.is_some() && lead.stands_for == Outcome::Open;
        Self {
            id: lead.id.to_string(),
            status: if is_followed_up { FOLLOW_UP.to_owned() } else { lead.status.to_lowercase().replace(' ', "_") },
            follow_up_date: lead.follow_up_at.map(|at| at.with_timezone(&zone).date_naive().to_string()),
            created_at: lead.created_at.to_rfc3339(),
            updated_at: lead.updated_at.to_rfc3339(),
            name: lead.name,
            email: lead.email,
            phone: lead.phone,
            need: lead.need,
            source: lead.source,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = AssistantLeads)]
struct Leads {
    leads: Vec<OldLead>,
}

impl From<Vec<Lead>> for Leads {
    fn from(leads: Vec<Lead>) -> Self {
        Self { leads: leads.into_iter().map(OldLead::from).collect() }
    }
}

/// Which leads.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Those in this status.
    status: Option<String>,
}

/// Which leads that are to be followed up.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct WantedByDay {
    /// Those in this status.
    status: Option<String>,
    /// Those to be followed up by this day.
    #[param(format = Date)]
    date: Option<String>,
}

/// Lists the newest leads.
#[utoipa::path(get, path = "/leads", operation_id = "assistantLeads", tag = "compat",
    params(Wanted),
    responses(
        (status = 200, description = "The leads, at most 500", body = Answer<Leads>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Answer<Leads>>, Problem> {
    let filter = LeadFilter { status: wanted.status.as_deref().map(spaced), ..LeadFilter::default() };
    let leads = list_leads(&api.db, workspace, &filter, None, MOST).await?;
    Ok(Answer::of(api.db.now(), "Leads retrieved", leads.into()))
}

/// Lists the leads that are to be followed up, the earliest first.
#[utoipa::path(get, path = "/leads/followups", operation_id = "assistantFollowUps", tag = "compat",
    params(WantedByDay),
    responses(
        (status = 200, description = "The leads, at most 500", body = Answer<Leads>),
    )
)]
async fn follow_ups(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(wanted): Parameters<WantedByDay>,
) -> Result<Json<Answer<Leads>>, Problem> {
    let by = wanted.date.as_deref().map(day).transpose()?;
    let status = wanted.status.as_deref().map(spaced).filter(|status| status != "follow up");
    let filter = LeadFilter { status, ..LeadFilter::default() };
    let (leads, _) = list_follow_ups(&api.db, workspace, &filter, Due::Ever, None, MOST).await?;
    let mut leads = Leads::from(leads);
    // Days as they are shown, each by the clocks of the lead's zone.
    let is_due = |lead: &OldLead, by: NaiveDate| {
        lead.follow_up_date.as_deref().and_then(|shown| shown.parse::<NaiveDate>().ok()).is_some_and(|day| day <= by)
    };
    leads.leads.retain(|lead| by.is_none_or(|by| is_due(lead, by)));
    Ok(Answer::of(api.db.now(), "Follow-ups retrieved", leads))
}

/// A lead as the assistant's front end sends it. Fields without a meaning of their own are kept with the contact.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = AssistantNewLead)]
#[serde(default)]
struct Sent {
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    /// What the person wants.
    need: Option<String>,
    /// `follow_up`, or a status of the workspace.
    status: Option<String>,
    source: Option<String>,
    /// The day of the follow-up.
    follow_up_date: Option<String>,
    notes: Option<String>,
    #[serde(flatten)]
    #[schema(inline, value_type = BTreeMap<String, Value>)]
    others: BTreeMap<String, Value>,
}

impl Sent {
    fn fields(&self) -> Result<LeadFields, Problem> {
        let status = self.status.as_deref().map(spaced);
        let is_follow_up = status.as_deref().is_some_and(|status| matches!(status, "follow up" | "followup"));
        let date = self.follow_up_date.as_deref().map(str::trim).filter(|date| !date.is_empty());
        let follow_up_at = match date.map(day).transpose()? {
            Some(date) => Some(format!("{date}T09:00")),
            None if is_follow_up => Some("now".to_owned()),
            // Another word takes the lead off the list of follow-ups.
            None if status.is_some() => Some(String::new()),
            None => None,
        };
        Ok(LeadFields {
            need: self.need.clone(),
            status: status.filter(|_| !is_follow_up),
            source: self.source.clone(),
            follow_up_at,
            ..LeadFields::default()
        })
    }

    fn person(self) -> Profile {
        Profile {
            name: self.name.or_else(|| self.email.clone()),
            email: self.email,
            phone: self.phone,
            fields: texts(self.others),
            ..Profile::default()
        }
    }
}

/// A word with spaces, as statuses have them.
fn spaced(word: &str) -> String {
    word.trim().replace(['_', '-'], " ")
}

fn day(text: &str) -> Result<NaiveDate, Problem> {
    let date = text.trim().split(['T', ' ']).next().unwrap_or_default();
    date.parse().map_err(|_| Problem::field("date", format!("{text:?} is not a day: write it like 2026-03-01")))
}

/// Creates a lead. A person whom the workspace knows is found, and is not there twice.
#[utoipa::path(post, path = "/leads", operation_id = "assistantCreateLead", tag = "compat",
    request_body = Sent,
    responses(
        (status = 201, description = "The lead", body = Answer<OldLead>),
    )
)]
async fn create(
    State(api): State<Api>,
    By(actor): By,
    request: Request,
) -> Result<(StatusCode, Json<Answer<OldLead>>), Problem> {
    let sent: Sent = input::json(request).await?;
    let (mut fields, notes) = (sent.fields()?, sent.notes.clone());
    let now = api.db.now();
    if fields.follow_up_at.as_deref() == Some("now") {
        fields.follow_up_at = Some(now.to_rfc3339());
    }
    let whose = Whose::Person(Box::new(sent.person()));
    let (lead, _) = create_lead(&api.db, &actor, NewLead { whose, fields, key: None, through: "compat" }).await?;
    if let Some(notes) = notes.filter(|notes| !notes.trim().is_empty()) {
        add_lead_note(&api.db, &actor, lead.id, &notes).await?;
    }
    Ok((StatusCode::CREATED, Answer::of(now, "Lead created", lead.into())))
}

/// Updates the status of a lead, and whatever else is sent.
#[utoipa::path(post, path = "/leads/{id}", operation_id = "assistantUpdateLead", tag = "compat",
    request_body = Sent,
    responses(
        (status = 200, description = "The lead", body = Answer<OldLead>),
    )
)]
async fn update(
    State(api): State<Api>,
    By(actor): By,
    Id(id): Id,
    request: Request,
) -> Result<Json<Answer<OldLead>>, Problem> {
    let sent: Sent = input::json(request).await?;
    let now = api.db.now();
    let old = find_lead(&api.db, actor.workspace_id, id).await?.ok_or_else(|| Problem::missing("lead", id))?;
    let mut fields = sent.fields()?;
    if fields.follow_up_at.as_deref() == Some("now") {
        // A follow-up that has a time keeps it.
        fields.follow_up_at = old.follow_up_at.is_none().then(|| now.to_rfc3339());
    }
    let changed = change_lead(&api.db, &actor, id, &fields, Box::new(|_| true)).await?;
    let changed = changed.ok_or_else(|| Problem::missing("lead", id))?;
    if let Some(notes) = sent.notes.as_deref().filter(|notes| !notes.trim().is_empty()) {
        add_lead_note(&api.db, &actor, id, notes).await?;
    }
    Ok(Answer::of(now, "Lead updated", changed.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(sent: Value) -> LeadFields {
        serde_json::from_value::<Sent>(sent).unwrap().fields().unwrap()
    }

    #[test]
    fn follow_up_is_a_follow_up_and_other_words_are_statuses() {
        let of = |sent: Value| {
            let fields = fields(sent);
            (fields.status, fields.follow_up_at)
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(of(serde_json::json!({ "status": "follow_up" })), (None, text("now")));
        assert_eq!(of(serde_json::json!({ "status": "not_interested" })), (text("not interested"), text("")));
        let dated = serde_json::json!({ "status": "contacted", "follow_up_date": "2026-03-02" });
        assert_eq!(of(dated), (text("contacted"), text("2026-03-02T09:00")));
        assert_eq!(of(serde_json::json!({ "notes": "x" })), (None, None));
    }

    #[test]
    fn fields_of_its_own_stay_with_the_contact() {
        let sent = serde_json::json!({ "email": "bo@example.com", "company": "Example Ltd", "seats": 40 });
        let person = serde_json::from_value::<Sent>(sent).unwrap().person();
        assert_eq!(person.name.as_deref(), Some("bo@example.com"));
        assert_eq!(person.fields["company"], "Example Ltd");
        assert_eq!(person.fields["seats"], "40");
    }
}
