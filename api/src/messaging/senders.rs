//! `/senders`: in whose name a workspace writes.

use std::net::IpAddr;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_app::jobs::SenderTest;
use herald_contacts::{Channel, address_spelt};
use herald_ledger as ledger;
use herald_ledger::{
    Payload as _,
    audit::{self, Actor, Entry},
};
use herald_messaging::{
    Alignment, Records, Sender, SenderFields, TxtRecord, alignment, change_sender, create_sender, find_sender,
    list_senders, remove_sender, suppression_of,
};
use serde::{Deserialize, Serialize};
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
        problem::{Kind, Problem},
    },
};

/// The most addresses of a mail server that a test looks at.
const MOST_ADDRESSES: usize = 20;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, remove)).routes(routes!(test))
}

async fn found(api: &Api, workspace: Uuid, id: Uuid) -> Result<Sender, Problem> {
    find_sender(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("sender", id))
}

/// Lists the senders in the order of their names.
#[utoipa::path(get, path = "/senders", operation_id = "listSenders", tag = "senders",
    responses(
        (status = 200, description = "The senders, at most 100", body = Page<Sender>),
    )
)]
async fn list(State(api): State<Api>, Workspace(workspace): Workspace) -> Result<Json<Page<Sender>>, Problem> {
    Ok(Json(Page::upto(list_senders(&api.db, workspace).await?, None)))
}

/// Makes a sender.
#[utoipa::path(post, path = "/senders", operation_id = "createSender", tag = "senders",
    request_body = SenderFields,
    responses(
        (status = 201, description = "The sender", body = Sender, headers(("location" = String,
            description = "The address of the sender"), ("etag" = String,
            description = "The version of the sender, for If-Match and If-None-Match"))),
        (status = 409, description = "Another sender has the name, or there are too many"),
    )
)]
async fn create(State(api): State<Api>, By(actor): By, request: Request) -> Result<Response, Problem> {
    let fields: SenderFields = input::json(request).await?;
    let made = create_sender(&api.db, &actor, fields).await?;
    let location = format!("/api/v1/senders/{}", made.id);
    Ok(([(header::LOCATION, location)], tagged(StatusCode::CREATED, made)?).into_response())
}

/// Returns a sender.
#[utoipa::path(get, path = "/senders/{id}", operation_id = "getSender", tag = "senders",
    responses(
        (status = 200, description = "The sender", body = Sender, headers(("etag" = String,
            description = "The version of the sender, for If-Match and If-None-Match"))),
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

/// Changes a sender to what is given. A field that is left out becomes empty.
#[utoipa::path(put, path = "/senders/{id}", operation_id = "changeSender", tag = "senders",
    request_body = SenderFields,
    responses(
        (status = 200, description = "The sender", body = Sender, headers(("etag" = String,
            description = "The version of the sender, for If-Match and If-None-Match"))),
        (status = 409, description = "Another sender has the name"),
    )
)]
async fn change(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Response, Problem> {
    let precondition = Precondition::of(request.headers());
    let fields: SenderFields = input::json(request).await?;
    let seen = Box::new(move |sender: &Sender| precondition.holds(Tag::of_json(sender).ok().as_ref()));
    let changed = change_sender(&api.db, &actor, id, fields, seen).await?;
    tagged(StatusCode::OK, changed.ok_or_else(|| Problem::missing("sender", id))?)
}

/// Deletes a sender that no campaign has.
#[utoipa::path(delete, path = "/senders/{id}", operation_id = "deleteSender", tag = "senders",
    responses(
        (status = 204, description = "The sender was deleted"),
        (status = 409, description = "Campaigns have the sender"),
    )
)]
async fn remove(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<StatusCode, Problem> {
    let removed = remove_sender(&api.db, &actor, id).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::missing("sender", id)) }
}

/// What a test of a sender does.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = SenderTestRequest)]
#[serde(deny_unknown_fields, default)]
struct TestOf {
    /// The address that gets the mail. Left out: the caller's own.
    to: Option<String>,
    /// The TXT records of the sender's domain, by which the alignment is judged. Herald looks up none by itself.
    #[schema(max_items = 50)]
    records: Vec<TxtRecord>,
    /// The IP addresses from which the mail server sends, for SPF.
    #[schema(value_type = Vec<String>, max_items = 20)]
    addresses: Vec<IpAddr>,
}

/// A test of a sender.
#[derive(Serialize, ToSchema)]
#[schema(as = SenderTest)]
struct Testing {
    /// The job that sends the mail. Its result has `findings`.
    job_id: Uuid,
    /// The address of the job.
    job_url: String,
    /// Whether receivers would believe the sender, by the records that were given.
    alignment: Alignment,
}

/// Sends one mail in the name of a sender, and says whether SPF, DKIM and DMARC would hold.
#[utoipa::path(post, path = "/senders/{id}/test", operation_id = "testSender", tag = "senders",
    request_body(content = Option<TestOf>),
    responses(
        (status = 202, description = "The job that sends the mail", body = Testing, headers(("location" = String,
            description = "The address of the job"))),
        (status = 409, description = "The address is suppressed"),
    )
)]
async fn test(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Response, Problem> {
    let TestOf { to, records, addresses } = input::json_or_nothing(request).await?;
    let sender = found(&api, actor.workspace_id, id).await?;
    if addresses.len() > MOST_ADDRESSES {
        let detail = format!("there are {} addresses: give at most {MOST_ADDRESSES}", addresses.len());
        return Err(Problem::field("addresses", detail));
    }
    let records = Records::read(records)?;
    let to = recipient(&api, &actor, to).await?;
    let bounces = sender.bounce_domain.as_deref().unwrap_or_else(|| sender.domain());
    let alignment = alignment(sender.domain(), bounces, &records, &addresses);
    let mut tx = api.db.begin().await?;
    if suppression_of(&mut tx, actor.workspace_id, Channel::Email, &to).await?.is_some() {
        let detail = "this address is suppressed: give another one, or lift its suppression first";
        return Err(Problem::new(Kind::WrongState, detail));
    }
    audit::record(&mut tx, &actor, Entry::of("sender.test", id).affecting(1)).await?;
    tx.commit().await?;
    let job = SenderTest { sender_id: id, to }.job(actor.workspace_id);
    let job_id = ledger::enqueue_alone(&api.db, job).await?;
    let job_url = format!("/api/v1/jobs/{job_id}");
    let answer = Testing { job_id, job_url: job_url.clone(), alignment };
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, job_url)], Json(answer)).into_response())
}

pub(super) async fn recipient(api: &Api, actor: &Actor, to: Option<String>) -> Result<String, Problem> {
    if let Some(to) = to.filter(|to| !to.trim().is_empty()) {
        let spelt = address_spelt(Channel::Email, &to);
        return spelt.map_err(|_| Problem::field("to", "this is not an e-mail address: write it like ann@example.com"));
    }
    match actor.user_id() {
        Some(user) => Ok(api.people.user(user).await?.email),
        None => Err(Problem::field("to", "a key has no address of its own: give the address that gets the mail")),
    }
}
