//! `/contacts/{id}/addresses`: where a contact is reached, besides the primary e-mail address and phone number.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use herald_contacts::{
    Address, AddressChange, NewAddress, Verification, add_address, change_address, find_contact, list_addresses,
    make_address_primary, remove_address, verify_address,
};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        input::{self, Id, TwoIds},
        page::Page,
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(change, remove))
        .routes(routes!(make_primary))
        .routes(routes!(verify))
}

/// Lists the addresses of a contact: those of each kind together, the primary one first.
#[utoipa::path(get, path = "/contacts/{id}/addresses", operation_id = "listAddresses", tag = "contacts",
    responses(
        (status = 200, description = "The addresses", body = Page<Address>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<Page<Address>>, Problem> {
    let contact = find_contact(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("contact", id))?;
    Ok(Json(Page::upto(list_addresses(&api.db, workspace, &contact).await?, None)))
}

/// Adds an address to a contact, at most 20 in all. The first of its kind becomes the primary one.
///
/// The primary address of which only the value is known (its `id` is `null`) is added like another one, to give it a
/// label or to say that it is verified.
#[utoipa::path(post, path = "/contacts/{id}/addresses", operation_id = "addAddress", tag = "contacts",
    request_body = NewAddress,
    responses(
        (status = 201, description = "The address", body = Address),
        (status = 409, description = "The contact has the address already, or was merged into another one; or another \
            contact has the address and the name"),
    )
)]
async fn add(
    State(api): State<Api>,
    By(actor): By,
    Id(id): Id,
    request: Request,
) -> Result<(StatusCode, Json<Address>), Problem> {
    let new: NewAddress = input::json(request).await?;
    let added = add_address(&api.db, &actor, id, new).await?;
    added.map(|address| (StatusCode::CREATED, Json(address))).ok_or_else(|| Problem::missing("contact", id))
}

/// Changes an address of a contact, or its label. Another address in its place is not verified yet.
#[utoipa::path(patch, path = "/contacts/{id}/addresses/{address}", operation_id = "changeAddress", tag = "contacts",
    params(("id" = Uuid, Path, description = "The contact"),
        ("address" = Uuid, Path, description = "The address")),
    request_body = AddressChange,
    responses(
        (status = 200, description = "The address", body = Address),
        (status = 409, description = "The contact has the other address already, or was merged into another one; or \
            another contact has the address and the name"),
    )
)]
async fn change(
    State(api): State<Api>,
    By(actor): By,
    TwoIds(id, address): TwoIds,
    request: Request,
) -> Result<Json<Address>, Problem> {
    let change: AddressChange = input::json(request).await?;
    found(address, change_address(&api.db, &actor, id, address, change).await?)
}

fn found(id: Uuid, address: Option<Address>) -> Result<Json<Address>, Problem> {
    address.map(Json).ok_or_else(|| Problem::missing("address", id))
}

/// Removes an address of a contact. If it was the primary e-mail address or phone number, the contact has none until
/// another one is made so.
#[utoipa::path(delete, path = "/contacts/{id}/addresses/{address}", operation_id = "removeAddress", tag = "contacts",
    params(("id" = Uuid, Path, description = "The contact"),
        ("address" = Uuid, Path, description = "The address")),
    responses(
        (status = 204, description = "The address is removed"),
        (status = 409, description = "The contact was merged into another one"),
    )
)]
async fn remove(State(api): State<Api>, By(actor): By, TwoIds(id, address): TwoIds) -> Result<StatusCode, Problem> {
    match remove_address(&api.db, &actor, id, address).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::missing("address", address)),
    }
}

/// Makes an address the primary one of its kind. The one that was stays as a further one.
#[utoipa::path(post, path = "/contacts/{id}/addresses/{address}/primary", operation_id = "makeAddressPrimary",
    tag = "contacts",
    params(("id" = Uuid, Path, description = "The contact"),
        ("address" = Uuid, Path, description = "The address")),
    responses(
        (status = 200, description = "The address", body = Address),
        (status = 409, description = "Another contact has the address and the name, or the contact was merged into \
            another one"),
    )
)]
async fn make_primary(
    State(api): State<Api>,
    By(actor): By,
    TwoIds(id, address): TwoIds,
) -> Result<Json<Address>, Problem> {
    found(address, make_address_primary(&api.db, &actor, id, address).await?)
}

/// Notes that somebody made sure that an address is the contact's, and how; or that it is not sure any more.
#[utoipa::path(post, path = "/contacts/{id}/addresses/{address}/verify", operation_id = "verifyAddress",
    tag = "contacts",
    params(("id" = Uuid, Path, description = "The contact"),
        ("address" = Uuid, Path, description = "The address")),
    request_body = Verification,
    responses(
        (status = 200, description = "The address", body = Address),
        (status = 409, description = "The contact was merged into another one"),
    )
)]
async fn verify(
    State(api): State<Api>,
    By(actor): By,
    TwoIds(id, address): TwoIds,
    request: Request,
) -> Result<Json<Address>, Problem> {
    let verification: Verification = input::json(request).await?;
    found(address, verify_address(&api.db, &actor, id, address, verification).await?)
}
