//! `/contacts/{id}/duplicates`, `/merge` and `/merges`: contacts that are one person.

use axum::{
    Json,
    extract::{Request, State},
};
use herald_app::holders::HOLDERS;
use herald_contacts::{Merge, NewMerge, duplicates_of, find_contact, list_merges, merge_contacts, undo_merge};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{ContactView, in_full, with_tags};
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
    OpenApiRouter::new().routes(routes!(duplicates)).routes(routes!(merge)).routes(routes!(list)).routes(routes!(undo))
}

/// A contact that may be the same person.
#[derive(Serialize, ToSchema)]
struct DuplicateContact {
    /// The contact.
    contact: ContactView,
    /// What both have in common: `email`, `phone`. A number of WhatsApp counts as a phone number.
    same: Vec<&'static str>,
}

/// Lists contacts that may be the same person: those with the same e-mail address or phone number, primary or further,
/// at most 20 for each.
#[utoipa::path(get, path = "/contacts/{id}/duplicates", operation_id = "listDuplicates", tag = "contacts",
    responses(
        (status = 200, description = "The contacts", body = Page<DuplicateContact>),
    )
)]
async fn duplicates(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<Page<DuplicateContact>>, Problem> {
    let contact = find_contact(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("contact", id))?;
    let found = duplicates_of(&api.db, workspace, &contact).await?;
    let (contacts, same): (Vec<_>, Vec<_>) = found.into_iter().map(|one| (one.contact, one.same)).unzip();
    let viewed = with_tags(&api, workspace, contacts).await?.into_iter().zip(same);
    let found = viewed.map(|(contact, same)| DuplicateContact { contact, same });
    Ok(Json(Page::upto(found.collect(), None)))
}

/// Two contacts that are one now.
#[derive(Serialize, ToSchema)]
struct MergedContact {
    /// The contact that both are.
    #[serde(flatten)]
    survivor: ContactView,
    /// The merge.
    merge: Merge,
}

/// Merges another contact into this one. Both histories stay, and it can be undone for 30 days.
///
/// Addresses, tags, consents, notes, leads, invitations and the timeline go over. A consent that one of the two had
/// taken back stays taken back. The other contact leads to this one from then on, also for lists that name it.
#[utoipa::path(post, path = "/contacts/{id}/merge", operation_id = "mergeContacts", tag = "contacts",
    request_body = NewMerge,
    responses(
        (status = 200, description = "The contact that both are now", body = MergedContact),
        (status = 409, description = "One of the two is in the trash or was merged before, or a third contact is who \
            the survivor would be"),
        (status = 412, description = "One of the two has changed since the caller saw it"),
    )
)]
async fn merge(
    State(api): State<Api>,
    By(actor): By,
    Id(id): Id,
    request: Request,
) -> Result<Json<MergedContact>, Problem> {
    let new: NewMerge = input::json(request).await?;
    let other = new.contact_id;
    let merged = merge_contacts(&api.db, &actor, HOLDERS, id, new).await?;
    let Some((survivor, merge)) = merged else {
        exists(&api, actor.workspace_id, id).await?;
        return Err(Problem::field("contact_id", format!("there is no contact {other} here")));
    };
    let survivor = in_full(&api, actor.workspace_id, survivor).await?;
    Ok(Json(MergedContact { survivor, merge }))
}

async fn exists(api: &Api, workspace: Uuid, id: Uuid) -> Result<(), Problem> {
    super::one::exists(api, workspace, id).await
}

/// Lists the merges of a contact, the newest first: those in which it stayed, and the one in which it did not.
#[utoipa::path(get, path = "/contacts/{id}/merges", operation_id = "listMerges", tag = "contacts",
    responses(
        (status = 200, description = "The merges", body = Page<Merge>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<Page<Merge>>, Problem> {
    exists(&api, workspace, id).await?;
    Ok(Json(Page::upto(list_merges(&api.db, workspace, id).await?, None)))
}

/// A merge that was undone.
#[derive(Serialize, ToSchema)]
struct UnmergedContact {
    /// The contact that had stayed.
    #[serde(flatten)]
    survivor: ContactView,
    /// The contact that had been merged into it.
    restored: ContactView,
    /// The fields of the contact that were edited since the merge, and stay as they are.
    kept: Vec<String>,
}

/// Undoes a merge: both contacts are as they were. What was edited or added since stays with the one that had stayed.
#[utoipa::path(post, path = "/contacts/{id}/merges/{merge}/undo", operation_id = "undoMerge", tag = "contacts",
    params(("id" = Uuid, Path, description = "The contact that stayed"),
        ("merge" = Uuid, Path, description = "The merge")),
    responses(
        (status = 200, description = "Both contacts", body = UnmergedContact),
        (status = 409, description = "The merge was undone before, or is older than 30 days; the contact was merged \
            into another one since; or another contact has become one of the two"),
    )
)]
async fn undo(
    State(api): State<Api>,
    By(actor): By,
    TwoIds(id, merge): TwoIds,
) -> Result<Json<UnmergedContact>, Problem> {
    let undone = undo_merge(&api.db, &actor, HOLDERS, id, merge).await?;
    let undone = undone.ok_or_else(|| Problem::missing("merge", merge))?;
    let survivor = in_full(&api, actor.workspace_id, undone.survivor).await?;
    let restored = in_full(&api, actor.workspace_id, undone.restored).await?;
    Ok(Json(UnmergedContact { survivor, restored, kept: undone.kept }))
}
