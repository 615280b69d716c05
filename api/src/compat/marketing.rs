//! The marketing backend's paths: `/compat/marketing/api/…`. It was one of Django's: a list is an array, and a refusal
//! has the texts of each wrong field under its name.

mod campaigns;
mod customers;
mod notifications;
mod segments;
mod upload;

use utoipa_axum::router::OpenApiRouter;

use crate::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(campaigns::routes())
        .merge(customers::routes())
        .merge(notifications::routes())
        .merge(segments::routes())
}

pub(super) fn upload_routes(api: &Api) -> OpenApiRouter<Api> {
    upload::routes(api)
}
