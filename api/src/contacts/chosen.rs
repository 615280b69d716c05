//! `/contacts/chosen`: what is done to contacts that somebody chose one by one.

use axum::{
    Json,
    extract::{Request, State},
};
use herald_contacts::{ChosenAct, change_chosen};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{actor::By, input, problem::Problem},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(change))
}

/// What is done.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[schema(as = ChosenContactsAct)]
#[serde(rename_all = "lowercase")]
enum Act {
    /// They get the tag.
    Tag,
    /// They lose the tag.
    Untag,
    /// They go into the trash.
    Trash,
    /// They come out of the trash.
    Restore,
}

/// Which contacts, and what is done to them.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChosenContacts)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Their ids.
    #[schema(min_items = 1, max_items = 500)]
    ids: Vec<Uuid>,
    /// What is done.
    act: Act,
    /// The tag that they get or lose.
    #[schema(max_length = 50)]
    tag: Option<String>,
}

/// How many changed.
#[derive(Serialize, ToSchema)]
#[schema(as = ChosenContactsChanged)]
struct Changed {
    /// Contacts that changed; the others were so already.
    changed: usize,
}

/// Tags up to 500 contacts, takes a tag off them, or puts them into the trash or out of it: all of them or none.
///
/// Contacts that do not exist or were merged into others are left alone.
#[utoipa::path(post, path = "/contacts/chosen", operation_id = "changeChosenContacts", tag = "contacts",
    request_body = Wanted,
    responses(
        (status = 200, description = "How many changed", body = Changed),
    )
)]
async fn change(State(api): State<Api>, By(actor): By, request: Request) -> Result<Json<Changed>, Problem> {
    let Wanted { ids, act, tag } = input::json(request).await?;
    let named = || tag.ok_or_else(|| Problem::field("tag", "tag is missing: name the tag"));
    let act = match act {
        Act::Tag => ChosenAct::Tag(named()?),
        Act::Untag => ChosenAct::Untag(named()?),
        Act::Trash => ChosenAct::Trash,
        Act::Restore => ChosenAct::Restore,
    };
    Ok(Json(Changed { changed: change_chosen(&api.db, &actor, ids, act).await? }))
}
