//! `/message-blocks`: pieces of body that templates of messages share.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_messaging::template::{
    Block, MessageBlock, change_message_block, create_message_block, find_message_block, list_message_blocks,
    remove_message_block,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        conditional::{self, Precondition, Tag, tagged},
        input::{self, Id},
        page::Page,
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, remove))
}

/// A block to make.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewMessageBlock)]
#[serde(deny_unknown_fields)]
struct New {
    /// The name, as templates write it: `{{> name }}`.
    #[schema(pattern = "^[a-z][a-z0-9_]{0,49}$", example = "opening_hours")]
    name: String,
    /// What it says.
    content: Block,
}

/// What changes about a block.
#[derive(Deserialize, ToSchema)]
#[schema(as = MessageBlockChange)]
#[serde(deny_unknown_fields)]
struct Change {
    /// What it says.
    content: Block,
}

async fn found(api: &Api, workspace: Uuid, id: Uuid) -> Result<MessageBlock, Problem> {
    find_message_block(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("block", id))
}

/// Lists the blocks in the order of their names.
#[utoipa::path(get, path = "/message-blocks", operation_id = "listMessageBlocks", tag = "message-templates",
    responses(
        (status = 200, description = "The blocks, at most 200", body = Page<MessageBlock>),
    )
)]
async fn list(State(api): State<Api>, Workspace(workspace): Workspace) -> Result<Json<Page<MessageBlock>>, Problem> {
    Ok(Json(Page::upto(list_message_blocks(&api.db, workspace).await?, None)))
}

/// Makes a block. A template of messages inserts it by `{{> name }}`.
#[utoipa::path(post, path = "/message-blocks", operation_id = "createMessageBlock", tag = "message-templates",
    request_body = New,
    responses(
        (status = 201, description = "The block", body = MessageBlock, headers(("location" = String,
            description = "The address of the block"), ("etag" = String,
            description = "The version of the block, for If-Match and If-None-Match"))),
        (status = 409, description = "Another block has the name, or there are too many"),
    )
)]
async fn create(State(api): State<Api>, By(actor): By, request: Request) -> Result<Response, Problem> {
    let New { name, content } = input::json(request).await?;
    let made = create_message_block(&api.db, &actor, &name, content).await?;
    let location = format!("/api/v1/message-blocks/{}", made.id);
    Ok(([(header::LOCATION, location)], tagged(StatusCode::CREATED, made)?).into_response())
}

/// Returns a block.
#[utoipa::path(get, path = "/message-blocks/{id}", operation_id = "getMessageBlock", tag = "message-templates",
    responses(
        (status = 200, description = "The block", body = MessageBlock, headers(("etag" = String,
            description = "The version of the block, for If-Match and If-None-Match"))),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    conditional::show(&headers, &found(&api, workspace, id).await?)
}

/// Changes what a block says. All templates that insert it say so from now on; campaigns that were approved do not
/// change.
#[utoipa::path(patch, path = "/message-blocks/{id}", operation_id = "changeMessageBlock", tag = "message-templates",
    request_body = Change,
    responses(
        (status = 200, description = "The block", body = MessageBlock, headers(("etag" = String,
            description = "The version of the block, for If-Match and If-None-Match"))),
    )
)]
async fn change(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Response, Problem> {
    let precondition = Precondition::of(request.headers());
    let Change { content } = input::json(request).await?;
    let before = found(&api, actor.workspace_id, id).await?;
    precondition.check(Some(&Tag::of_json(&before)?))?;
    tagged(StatusCode::OK, change_message_block(&api.db, &actor, &before, content).await?)
}

/// Deletes a block that no template inserts.
#[utoipa::path(delete, path = "/message-blocks/{id}", operation_id = "deleteMessageBlock", tag = "message-templates",
    responses(
        (status = 204, description = "The block was deleted"),
        (status = 409, description = "A template inserts the block"),
    )
)]
async fn remove(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<StatusCode, Problem> {
    let removed = remove_message_block(&api.db, &actor, id).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::missing("block", id)) }
}
