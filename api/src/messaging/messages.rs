//! `/messages`: what became of each message, and what a person decides about those whose end nobody knows.

use axum::{
    Json,
    extract::{Request, State},
};
use herald_messaging::{
    Decision, Message, MessageFilter, MessageState, decide_unknown, find_message, list_messages, retry_failed,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::campaigns::found;
use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        input::{self, Id, Parameters},
        page::{self, Page},
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(decide)).routes(routes!(retry))
}

/// Which messages.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    /// Those of this campaign. Needed unless a contact is given.
    campaign: Option<Uuid>,
    /// Those to this contact.
    contact: Option<Uuid>,
    /// Those in this state.
    #[param(pattern = "^(pending|claimed|sent|delivered|failed|suppressed|unknown)?$")]
    state: Option<String>,
    /// The one to this address.
    #[param(max_length = 320)]
    address: Option<String>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// Lists the messages of a campaign, or those to a contact, the newest first.
#[utoipa::path(get, path = "/messages", operation_id = "listMessages", tag = "messages",
    params(Wanted),
    responses(
        (status = 200, description = "A page of messages", body = Page<Message>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<Message>>, Problem> {
    let filled = |value: &Option<String>| value.clone().filter(|text| !text.trim().is_empty());
    if wanted.campaign.is_none() && wanted.contact.is_none() {
        return Err(Problem::field("campaign", "name the campaign or the contact whose messages you want"));
    }
    let state = filled(&wanted.state).map(|state| state.parse::<MessageState>()).transpose();
    let address = filled(&wanted.address);
    if address.as_ref().is_some_and(|text| text.chars().count() > 320) {
        return Err(Problem::field("address", "address is too long: use at most 320 characters"));
    }
    let filter = MessageFilter {
        campaign_id: wanted.campaign,
        contact_id: wanted.contact,
        state: state.map_err(|error| Problem::field("state", error))?,
        address,
    };
    let (limit, before) = (page::limit(wanted.limit)?, page::after(wanted.cursor.as_deref())?);
    let messages = list_messages(&api.db, workspace, &filter, before, limit + 1).await?;
    Ok(Json(Page::of(messages, limit, |message| message.id.to_string())))
}

/// Returns a message.
#[utoipa::path(get, path = "/messages/{id}", operation_id = "getMessage", tag = "messages",
    responses(
        (status = 200, description = "The message", body = Message),
    )
)]
async fn show(State(api): State<Api>, Workspace(workspace): Workspace, Id(id): Id) -> Result<Json<Message>, Problem> {
    let message = find_message(&api.db, workspace, id).await?;
    message.map(Json).ok_or_else(|| Problem::missing("message", id))
}

/// What a person decides.
#[derive(Deserialize, ToSchema)]
#[schema(as = MessageDecision)]
#[serde(deny_unknown_fields)]
struct Decided {
    /// What is said of the messages.
    decision: Decision,
    /// The message that is meant; left out, all of the campaign whose end nobody knows.
    #[serde(default)]
    message_id: Option<Uuid>,
}

/// How many messages were meant.
#[derive(Serialize, ToSchema)]
#[schema(as = MessagesMoved)]
struct Moved {
    /// The number of messages.
    messages: u64,
}

/// Decides about the messages of a campaign whose end nobody knows.
#[utoipa::path(post, path = "/campaigns/{id}/decide", operation_id = "decideMessages", tag = "campaigns",
    request_body = Decided,
    responses(
        (status = 200, description = "How many there were", body = Moved),
        (status = 409, description = "The campaign was cancelled"),
    )
)]
async fn decide(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Json<Moved>, Problem> {
    let Decided { decision, message_id } = input::json(request).await?;
    found(&api, actor.workspace_id, id).await?;
    let messages = decide_unknown(&api.db, &actor, id, message_id, decision).await?;
    Ok(Json(Moved { messages }))
}

/// Which failed messages.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = MessageRetry)]
#[serde(default, deny_unknown_fields)]
struct Again {
    /// The message that is meant; left out, all of the campaign that failed.
    message_id: Option<Uuid>,
}

/// Has failed messages of a campaign tried again. What was sent, or may have been, stays as it is, and so do addresses
/// that do not exist.
#[utoipa::path(post, path = "/campaigns/{id}/retry", operation_id = "retryMessages", tag = "campaigns",
    request_body = Again,
    responses(
        (status = 200, description = "How many there were", body = Moved),
        (status = 409, description = "The campaign was cancelled"),
    )
)]
async fn retry(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Json<Moved>, Problem> {
    let Again { message_id } = input::json(request).await?;
    found(&api, actor.workspace_id, id).await?;
    let messages = retry_failed(&api.db, &actor, id, message_id).await?;
    Ok(Json(Moved { messages }))
}
