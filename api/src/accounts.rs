//! A workspace's accounts with outside systems: the connections, the return from consent, and webhooks.

mod connections;
pub(crate) mod consent;
mod webhooks;

use utoipa_axum::router::OpenApiRouter;

use crate::Api;

/// The endpoints behind a token, below `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    connections::routes()
}

/// The routes that are open to all callers: the page that a provider redirects people to, and the webhooks, which are
/// signed.
pub(crate) fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().merge(consent::routes()).merge(webhooks::routes())
}
