//! A workspace's accounts with outside systems: connecting them, the way back from consent, and what they call us for.

mod connections;
pub(crate) mod consent;
mod webhooks;

use utoipa_axum::router::OpenApiRouter;

use crate::Api;

/// The endpoints behind a token, below `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    connections::routes()
}

/// What is open to everybody: the page that a provider sends people back to, and the webhooks, which are signed.
pub(crate) fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().merge(consent::routes()).merge(webhooks::routes())
}
