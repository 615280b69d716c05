//! `/suppressions`: addresses that are not written to any more.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_contacts::Channel;
use herald_messaging::{
    Suppression, SuppressionFilter, SuppressionReason, find_suppression, lift_suppression, list_suppressions,
    suppress_by_hand, suppression_of, undo_unsubscription,
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
        page::{self, Page},
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(look_up))
        .routes(routes!(show))
        .routes(routes!(lift))
        .routes(routes!(undo))
}

/// Which suppressions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Those of this channel.
    #[param(pattern = "^(email|phone|whatsapp)$")]
    channel: Option<String>,
    /// Those for this reason.
    #[param(pattern = "^(unsubscribed|hard_bounce|soft_bounce|complaint|stop|by_hand)$")]
    reason: Option<String>,
    /// Those of this contact.
    contact_id: Option<Uuid>,
    /// Those that were lifted, too.
    #[serde(default)]
    #[param(default = false)]
    lifted: bool,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

impl Wanted {
    fn filter(&self) -> Result<SuppressionFilter, Problem> {
        let channel = self.channel.as_deref().map(str::parse::<Channel>).transpose();
        let reason = self.reason.as_deref().map(str::parse::<SuppressionReason>).transpose();
        Ok(SuppressionFilter {
            channel: channel.map_err(|error| Problem::field("channel", error))?,
            reason: reason.map_err(|error| Problem::field("reason", error))?,
            contact_id: self.contact_id,
            lifted: self.lifted,
        })
    }
}

/// Lists suppressions, the newest first. The addresses themselves are not stored; `POST /suppressions/look-up` tells
/// whether one is among them.
#[utoipa::path(get, path = "/suppressions", operation_id = "listSuppressions", tag = "suppressions",
    params(Wanted),
    responses(
        (status = 200, description = "A page of suppressions", body = Page<Suppression>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<Suppression>>, Problem> {
    let (before, limit) = (page::after(wanted.cursor.as_deref())?, page::limit(wanted.limit)?);
    let rows = list_suppressions(&api.db, workspace, wanted.filter()?, before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewSuppression)]
#[serde(deny_unknown_fields)]
struct New {
    /// The channel.
    channel: Channel,
    /// The address: an e-mail address, or a number with `+` and the country code.
    #[schema(example = "ann@example.com")]
    address: String,
    /// What should be known of it: at most 500 characters.
    #[serde(default)]
    note: Option<String>,
}

/// Suppresses an address: nothing is sent to it any more. An address that is suppressed already stays as it is.
#[utoipa::path(post, path = "/suppressions", operation_id = "addSuppression", tag = "suppressions",
    request_body = New,
    responses(
        (status = 200, description = "The address was suppressed already", body = Suppression),
        (status = 201, description = "The suppression", body = Suppression, headers(("location" = String,
            description = "The address of the suppression"))),
    )
)]
async fn add(State(api): State<Api>, By(actor): By, request: Request) -> Result<Response, Problem> {
    let New { channel, address, note } = input::json(request).await?;
    let note = note.filter(|note| !note.trim().is_empty());
    let (row, is_new) = suppress_by_hand(&api.db, &actor, (channel, &address), note.as_deref()).await?;
    if !is_new {
        return Ok(Json(row).into_response());
    }
    let location = format!("/api/v1/suppressions/{}", row.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(row)).into_response())
}

#[derive(Deserialize, ToSchema)]
#[schema(as = SuppressedAddress)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The channel.
    channel: Channel,
    /// The address.
    address: String,
}

/// Whether an address is suppressed.
#[derive(Serialize, ToSchema)]
#[schema(as = SuppressionLookUp)]
struct Answer {
    /// The suppression. `null`: the address may be written to.
    suppression: Option<Suppression>,
}

/// Tells whether an address is suppressed. It is a `POST`, so that the address stands in no log.
#[utoipa::path(post, path = "/suppressions/look-up", operation_id = "lookUpSuppression", tag = "suppressions",
    request_body = Asked,
    responses(
        (status = 200, description = "The suppression, or null", body = Answer),
    )
)]
async fn look_up(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    request: Request,
) -> Result<Json<Answer>, Problem> {
    let Asked { channel, address } = input::json(request).await?;
    let mut tx = api.db.begin().await?;
    Ok(Json(Answer { suppression: suppression_of(&mut tx, workspace, channel, &address).await? }))
}

/// Returns a suppression.
#[utoipa::path(get, path = "/suppressions/{id}", operation_id = "getSuppression", tag = "suppressions",
    responses(
        (status = 200, description = "The suppression", body = Suppression),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<Suppression>, Problem> {
    let row = find_suppression(&api.db, workspace, id).await?;
    row.map(Json).ok_or_else(|| Problem::missing("suppression", id))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LiftSuppression)]
#[serde(deny_unknown_fields)]
struct Why {
    /// Why the address may be written to again: at most 500 characters.
    why: String,
}

/// Lets an address be written to again. If the person said no, this needs a consent of the contact that is newer.
#[utoipa::path(post, path = "/suppressions/{id}/lift", operation_id = "liftSuppression", tag = "suppressions",
    request_body = Why,
    responses(
        (status = 200, description = "The suppression, which holds no longer", body = Suppression),
        (status = 409, description = "The person said no, or the suppression was lifted already"),
    )
)]
async fn lift(
    State(api): State<Api>,
    By(actor): By,
    Id(id): Id,
    request: Request,
) -> Result<Json<Suppression>, Problem> {
    let Why { why } = input::json(request).await?;
    let row = lift_suppression(&api.db, &actor, id, &why).await?;
    row.map(Json).ok_or_else(|| Problem::missing("suppression", id))
}

/// Undoes an unsubscription that was not the person's own act, such as by somebody to whom the mail was forwarded.
/// Owners can do so for 30 days. The consent that held before holds again.
#[utoipa::path(post, path = "/suppressions/{id}/undo", operation_id = "undoUnsubscription", tag = "suppressions",
    request_body = Why,
    responses(
        (status = 200, description = "The suppression, which holds no longer", body = Suppression),
        (status = 409, description = "It is not an unsubscription, or older than 30 days, or was lifted already"),
    )
)]
async fn undo(
    State(api): State<Api>,
    By(actor): By,
    Id(id): Id,
    request: Request,
) -> Result<Json<Suppression>, Problem> {
    let Why { why } = input::json(request).await?;
    let row = undo_unsubscription(&api.db, &actor, id, &why).await?;
    row.map(Json).ok_or_else(|| Problem::missing("suppression", id))
}
