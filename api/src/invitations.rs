//! Invitations: runs over a list of guests, their templates, the links to finished invitations, and portraits for other
//! uses.

mod drawn;
mod face_crops;
mod links;
mod runs;
mod templates;

use utoipa_axum::router::OpenApiRouter;

#[doc(hidden)]
pub use self::templates::unpack_template;
use crate::Api;

/// The endpoints behind a token, below `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().merge(runs::routes()).merge(templates::routes()).merge(face_crops::routes())
}

/// The routes that accept files, with the time limits that files need.
pub(crate) fn upload_routes(api: &Api) -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(runs::upload_routes(api))
        .merge(templates::upload_routes(api))
        .merge(face_crops::upload_routes(api))
}

/// The route that is open to all callers: an invitation by its signed link.
pub(crate) fn open_routes() -> OpenApiRouter<Api> {
    links::routes()
}
