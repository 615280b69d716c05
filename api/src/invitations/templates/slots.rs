//! `/templates/move-slot`: another place for a slot, written into the text of a manifest.

use axum::{Json, extract::Request};
use herald_template::{Place, move_slot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refused;
use crate::front::{input, problem::Problem};

/// The manifest, the slot, and the place of the slot.
#[derive(Deserialize, ToSchema)]
#[schema(as = SlotMove)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The content of `template.toml`.
    manifest: String,
    /// The position of the slot in the manifest, counted from 1.
    #[schema(minimum = 1, maximum = 200)]
    slot: usize,
    /// The left edge in pixels; by default it stays.
    x: Option<i32>,
    /// The top edge in pixels; by default it stays.
    y: Option<i32>,
    /// The width in pixels; by default it stays.
    #[schema(minimum = 1)]
    width: Option<u32>,
    /// The height in pixels; by default it stays.
    #[schema(minimum = 1)]
    height: Option<u32>,
}

/// The manifest with the slot at its new place.
#[derive(Serialize, ToSchema)]
#[schema(as = MovedSlot)]
pub(super) struct Moved {
    /// The content of `template.toml`. Comments, order and spaces are as they were.
    manifest: String,
}

/// Writes another place for a slot into a manifest, and stores nothing.
#[utoipa::path(post, path = "/templates/move-slot", operation_id = "moveSlot", tag = "templates",
    request_body = Asked,
    responses(
        (status = 200, description = "The manifest", body = Moved),
    )
)]
pub(super) async fn moved(request: Request) -> Result<Json<Moved>, Problem> {
    let asked: Asked = input::json(request).await?;
    let place = Place { x: asked.x, y: asked.y, width: asked.width, height: asked.height };
    // A manifest of 200 slots takes milliseconds.
    let work = tokio::task::spawn_blocking(move || move_slot(&asked.manifest, asked.slot, place));
    let manifest = work.await.map_err(|panic| Problem::internal(&panic))?;
    Ok(Json(Moved { manifest: manifest.map_err(|problems| refused(problems.into()))? }))
}
