//! `/message-templates`: what messages say, in all versions.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_messaging::template::{
    MessageContent, MessageTemplate, MessageTemplateVersion, change_message_template, create_message_template,
    find_message_template, list_message_templates, message_template_content, message_template_versions,
    remove_message_template, restore_message_template,
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
        conditional::{self, Precondition, Tag, tagged},
        input::{self, Id, Parameters},
        page::{self, Page, PageParameters},
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(versions))
        .routes(routes!(restore))
}

/// Which templates.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// A part of the name.
    text: Option<String>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct WantedVersion {
    /// The number of the version whose content is returned. Missing: the current one.
    #[param(minimum = 1)]
    version: Option<i64>,
}

/// A template to make.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewMessageTemplate)]
#[serde(deny_unknown_fields)]
struct New {
    /// The name of the template.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it says.
    content: MessageContent,
}

/// What changes about a template. Missing values stay as they are.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = MessageTemplateChange)]
#[serde(default, deny_unknown_fields)]
struct Change {
    /// The name of the template.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// What it says: a new version, unless it says the same.
    content: Option<MessageContent>,
}

/// The version that becomes the newest one again.
#[derive(Deserialize, ToSchema)]
#[schema(as = MessageTemplateRestore)]
#[serde(deny_unknown_fields)]
struct Restore {
    /// The number of the version.
    #[schema(minimum = 1)]
    to_version: i64,
}

/// A template with what it says.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageTemplateInFull)]
struct InFull {
    #[serde(flatten)]
    template: MessageTemplate,
    /// What it says.
    content: MessageContent,
}

pub(super) async fn found(api: &Api, workspace: Uuid, id: Uuid) -> Result<MessageTemplate, Problem> {
    find_message_template(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("message template", id))
}

/// What a template says, in a version or now.
pub(super) async fn content_of(
    api: &Api,
    workspace: Uuid,
    id: Uuid,
    version: Option<i64>,
) -> Result<MessageContent, Problem> {
    if version.is_some_and(|version| version < 1) {
        return Err(Problem::field("version", "versions are counted from 1: send the number of one"));
    }
    match message_template_content(&api.db, workspace, id, version).await? {
        Some(content) => Ok(content),
        None => match version {
            Some(version) => Err(Problem::missing("version", version)),
            None => Err(Problem::missing("message template", id)),
        },
    }
}

async fn in_full(api: &Api, workspace: Uuid, template: MessageTemplate) -> Result<InFull, Problem> {
    let content = content_of(api, workspace, template.id, Some(template.version)).await?;
    Ok(InFull { template, content })
}

/// Lists the templates of messages, the newest first, without what they say.
#[utoipa::path(get, path = "/message-templates", operation_id = "listMessageTemplates", tag = "message-templates",
    params(Wanted),
    responses(
        (status = 200, description = "A page of templates", body = Page<MessageTemplate>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<MessageTemplate>>, Problem> {
    let (before, limit) = (page::after(wanted.cursor.as_deref())?, page::limit(wanted.limit)?);
    let rows = list_message_templates(&api.db, workspace, wanted.text.as_deref(), before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}

/// Makes a template of messages. It may have faults: `GET /message-templates/{id}/checks` names them, and no campaign
/// starts with one.
#[utoipa::path(post, path = "/message-templates", operation_id = "createMessageTemplate", tag = "message-templates",
    request_body = New,
    responses(
        (status = 201, description = "The template", body = InFull, headers(("location" = String,
            description = "The address of the template"), ("etag" = String,
            description = "The version of the template, for If-Match and If-None-Match"))),
        (status = 409, description = "Another template has the name, or there are too many"),
    )
)]
async fn create(State(api): State<Api>, By(actor): By, request: Request) -> Result<Response, Problem> {
    let New { name, content } = input::json(request).await?;
    let template = create_message_template(&api.db, &actor, &name, content.clone()).await?;
    let location = format!("/api/v1/message-templates/{}", template.id);
    Ok(([(header::LOCATION, location)], tagged(StatusCode::CREATED, InFull { template, content })?).into_response())
}

/// Returns a template with what it says now, or said in a version.
#[utoipa::path(get, path = "/message-templates/{id}", operation_id = "getMessageTemplate", tag = "message-templates",
    params(WantedVersion),
    responses(
        (status = 200, description = "The template", body = InFull, headers(("etag" = String,
            description = "The version of the template, for If-Match and If-None-Match"))),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    Parameters(wanted): Parameters<WantedVersion>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let template = found(&api, workspace, id).await?;
    let content = content_of(&api, workspace, id, wanted.version.or(Some(template.version))).await?;
    conditional::show(&headers, &InFull { template, content })
}

/// Changes a template. What it said before stays as a version.
#[utoipa::path(patch, path = "/message-templates/{id}", operation_id = "changeMessageTemplate",
    tag = "message-templates",
    request_body = Change,
    responses(
        (status = 200, description = "The template", body = InFull, headers(("etag" = String,
            description = "The version of the template, for If-Match and If-None-Match"))),
        (status = 409, description = "Another template has the name, or there are too many versions"),
    )
)]
async fn change(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Response, Problem> {
    let precondition = Precondition::of(request.headers());
    let Change { name, content } = input::json(request).await?;
    let before = in_full(&api, actor.workspace_id, found(&api, actor.workspace_id, id).await?).await?;
    precondition.check(Some(&Tag::of_json(&before)?))?;
    let now = content.clone().unwrap_or(before.content);
    let template = change_message_template(&api.db, &actor, &before.template, (name, content)).await?;
    tagged(StatusCode::OK, InFull { template, content: now })
}

/// Deletes a template with all its versions. Campaigns that were approved keep what they say.
#[utoipa::path(delete, path = "/message-templates/{id}", operation_id = "deleteMessageTemplate",
    tag = "message-templates",
    responses(
        (status = 204, description = "The template was deleted"),
    )
)]
async fn remove(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<StatusCode, Problem> {
    let removed = remove_message_template(&api.db, &actor, id).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::missing("message template", id)) }
}

/// Lists the versions of a template, the newest first.
#[utoipa::path(get, path = "/message-templates/{id}/versions", operation_id = "messageTemplateVersions",
    tag = "message-templates",
    params(PageParameters),
    responses(
        (status = 200, description = "A page of versions", body = Page<MessageTemplateVersion>),
    )
)]
async fn versions(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    Parameters(wanted): Parameters<PageParameters>,
) -> Result<Json<Page<MessageTemplateVersion>>, Problem> {
    let (before, limit) = wanted.read()?;
    let rows = message_template_versions(&api.db, workspace, id, before, limit + 1).await?;
    if rows.is_empty() {
        found(&api, workspace, id).await?;
    }
    Ok(Json(Page::of(rows, limit, |row| row.version.to_string())))
}

/// Makes what a template said in a version its newest version.
#[utoipa::path(post, path = "/message-templates/{id}/restore", operation_id = "restoreMessageTemplate",
    tag = "message-templates",
    request_body = Restore,
    responses(
        (status = 200, description = "The template", body = InFull, headers(("etag" = String,
            description = "The version of the template, for If-Match and If-None-Match"))),
        (status = 409, description = "There are too many versions"),
    )
)]
async fn restore(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Response, Problem> {
    let precondition = Precondition::of(request.headers());
    let Restore { to_version: version } = input::json(request).await?;
    if version < 1 {
        return Err(Problem::field("to_version", "versions are counted from 1: send the number of one"));
    }
    let workspace = actor.workspace_id;
    let before = in_full(&api, workspace, found(&api, workspace, id).await?).await?;
    precondition.check(Some(&Tag::of_json(&before)?))?;
    let restored = restore_message_template(&api.db, &actor, &before.template, version).await?;
    let restored = restored.ok_or_else(|| Problem::missing("version", version))?;
    tagged(StatusCode::OK, in_full(&api, workspace, restored).await?)
}
