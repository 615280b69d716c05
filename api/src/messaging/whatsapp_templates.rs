//! `/whatsapp-templates`: the templates that WhatsApp has approved for the workspace's accounts, and what a contact
//! would read by one.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_accounts as connections;
use herald_app::jobs::WhatsappTemplates;
use herald_contacts::find_contact;
use herald_ledger as ledger;
use herald_ledger::{
    Payload as _,
    audit::{self, Entry},
};
use herald_messaging::{
    WhatsappContent, WhatsappPreview, WhatsappTemplate, WhatsappTemplateFilter, find_whatsapp_template,
    list_whatsapp_templates, preview_whatsapp,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        input::{self, Id, Parameters},
        page::Page,
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(synchronise))
        .routes(routes!(show))
        .routes(routes!(preview))
}

/// Which templates.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    /// Those of the connection with this id.
    connection_id: Option<Uuid>,
    /// Those in this state.
    #[param(pattern = "^(approved|pending|rejected|paused|disabled|unsubmitted|deleted|other)?$")]
    state: Option<String>,
}

/// Lists the templates in the order of their names, as they were when they were last read.
#[utoipa::path(get, path = "/whatsapp-templates", operation_id = "listWhatsappTemplates", tag = "whatsapp-templates",
    params(Wanted),
    responses(
        (status = 200, description = "The templates, at most 2,000", body = Page<WhatsappTemplate>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<WhatsappTemplate>>, Problem> {
    let state = wanted.state.filter(|text| !text.trim().is_empty()).map(|text| text.parse()).transpose();
    let filter = WhatsappTemplateFilter {
        connection_id: wanted.connection_id,
        state: state.map_err(|error: String| Problem::field("state", error))?,
    };
    Ok(Json(Page::upto(list_whatsapp_templates(&api.db, workspace, filter).await?, None)))
}

/// Whose templates are read.
#[derive(Deserialize, ToSchema)]
#[schema(as = WhatsappAccount)]
#[serde(deny_unknown_fields)]
struct Account {
    /// The name or the id of the connection.
    connection: String,
}

/// The reading of templates, which a worker does.
#[derive(Serialize, ToSchema)]
#[schema(as = WhatsappTemplatesReading)]
struct Reading {
    /// The id of the job.
    job_id: Uuid,
    /// The address of the job.
    job_url: String,
}

/// Reads the templates of an account anew. The result of the job says how many there are.
#[utoipa::path(post, path = "/whatsapp-templates/synchronise", operation_id = "synchroniseWhatsappTemplates",
    tag = "whatsapp-templates",
    request_body = Account,
    responses(
        (status = 202, description = "The job that reads them", body = Reading, headers(("location" = String,
            description = "The address of the new resource"))),
    )
)]
async fn synchronise(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    request: Request,
) -> Result<Response, Problem> {
    let Account { connection: name } = input::json(request).await?;
    let found = connections::find_connection_named(&api.db, workspace, &name).await?;
    let connection = found.ok_or_else(|| Problem::field("connection", format!("there is no connection {name:?}")))?;
    if !connection.settings.0.provider().is_whatsapp() {
        let detail = format!("the connection {name:?} does not send over WhatsApp: name one that does");
        return Err(Problem::field("connection", detail));
    }
    let mut tx = api.db.begin().await?;
    let job = WhatsappTemplates { connection_id: connection.id }.job(workspace);
    let enqueued = ledger::enqueue(&mut tx, vec![job]).await?;
    audit::record(&mut tx, &actor, Entry::of("whatsapp_templates.synchronise", &connection.name)).await?;
    tx.commit().await?;
    let nothing = || Problem::field("connection", "nothing was begun: try it again");
    let job_id = enqueued.first().copied().ok_or_else(nothing)?;
    let job_url = format!("/api/v1/jobs/{job_id}");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, job_url.clone())], Json(Reading { job_id, job_url })).into_response())
}

/// Returns a template.
#[utoipa::path(get, path = "/whatsapp-templates/{id}", operation_id = "getWhatsappTemplate",
    tag = "whatsapp-templates",
    responses(
        (status = 200, description = "The template", body = WhatsappTemplate),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<WhatsappTemplate>, Problem> {
    let found = find_whatsapp_template(&api.db, workspace, id).await?;
    found.map(Json).ok_or_else(|| Problem::missing("template of WhatsApp", id))
}

/// What is put into a template, and for whom.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = WhatsappReader)]
#[serde(default, deny_unknown_fields)]
struct Reader {
    /// What is put into each variable.
    variables: BTreeMap<String, String>,
    /// The contact. Missing: somebody who has a value in every field.
    contact_id: Option<Uuid>,
}

/// Shows the message that a contact would read.
#[utoipa::path(post, path = "/whatsapp-templates/{id}/preview", operation_id = "previewWhatsappTemplate",
    tag = "whatsapp-templates",
    request_body = Reader,
    responses(
        (status = 200, description = "The message, or why there is none", body = WhatsappPreview),
    )
)]
async fn preview(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    request: Request,
) -> Result<Json<WhatsappPreview>, Problem> {
    let Reader { variables, contact_id } = input::json_or_nothing(request).await?;
    let contact = match contact_id {
        None => None,
        Some(contact) => {
            Some(find_contact(&api.db, workspace, contact).await?.ok_or_else(|| Problem::missing("contact", contact))?)
        }
    };
    let content = WhatsappContent { template_id: id, variables };
    let shown = preview_whatsapp(&api.db, workspace, &content, contact.as_ref()).await?;
    shown.map(Json).ok_or_else(|| Problem::missing("template of WhatsApp", id))
}
