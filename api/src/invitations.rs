//! Invitations: runs over a list of guests, the templates they are drawn with, and the links to what was made.

mod links;
mod runs;
mod templates;

use utoipa_axum::router::OpenApiRouter;

#[doc(hidden)]
pub use self::templates::unpack_template;
use crate::Api;

/// The endpoints behind a token, below `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().merge(runs::routes()).merge(templates::routes())
}

/// Those of them that take files, and the time that files need.
pub(crate) fn upload_routes(api: &Api) -> OpenApiRouter<Api> {
    OpenApiRouter::new().merge(runs::upload_routes(api)).merge(templates::upload_routes(api))
}

/// What is open to everybody: an invitation by its signed link.
pub(crate) fn open_routes() -> OpenApiRouter<Api> {
    links::routes()
}
