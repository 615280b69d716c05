//! The HTTP front: it checks what comes in, writes ledger rows, and answers. The work itself is done by workers.
//!
//! A folder a domain, with one file an endpoint group, named like the feature. What every endpoint shares stands in
//! [`front`]: who asks (`auth`), who may (`access`), what comes before an endpoint (`gate`), errors (`problem`), lists
//! (`page`), sizes and times (`limits`), how many requests (`rate_limits`), connections (`server`), and what the API
//! says of itself (`openapi`).

mod accounts;
mod front;
mod invitations;
mod ops;
mod people;

use std::{io, ops::Deref, sync::Arc, time::Duration};

use axum::{Extension, Router, middleware};
use futures::future::BoxFuture;
use herald_accounts::Clients;
use herald_app::config::Settings;
use herald_base::links::LinkSigner;
use herald_db::Db;
use herald_invitations::TemplateRow;
use herald_ledger::{
    rate_limits::{Class, RateLimits},
    wire::Wire,
};
use herald_people::People;
use herald_providers::files::Files;
use herald_template::Bundle;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::util::option_layer;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, Predicate, SizeAbove},
    },
};
use utoipa_axum::router::OpenApiRouter;

use self::front::{cors, gate, home, idempotency, limits, observe, openapi, problem, rate_limits, server};
#[doc(hidden)]
pub use self::invitations::unpack_template;
pub use self::{
    front::monitor::{Monitor, serve_monitor},
    ops::streams::Streams,
};

/// Answers below so many bytes are not compressed.
const SMALL: u16 = 1_024;

/// What the endpoints work with. Every layer of the router clones it for every request, so it is one pointer.
#[derive(Clone)]
pub struct Api(Arc<Parts>);

impl Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl From<Parts> for Api {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

/// What an [`Api`] is made of.
pub struct Parts {
    /// The ledger and all data.
    pub db: Db,
    /// Hears of cancelled jobs.
    pub wire: Wire,
    /// Where uploads go and invitations lie.
    pub files: Files,
    /// Opens links to invitations.
    pub links: LinkSigner,
    /// People and their workspaces.
    pub people: People,
    /// Accounts outside.
    pub accounts: Clients,
    /// Every setting.
    pub settings: Arc<Settings>,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// Who watches what.
    pub streams: Streams,
    /// How many requests may come.
    pub rate_limits: RateLimits,
    /// Prepares a template: one that is uploaded, and one that a run is about to use.
    pub template_check: TemplateCheck,
}

/// Decodes a template's background and loads its fonts, off the asynchronous threads, and says what is wrong with them.
/// The workers' studio does it, which this crate does not know.
pub type TemplateCheck = Arc<dyn Fn(Prepare) -> BoxFuture<'static, Result<(), Unchecked>> + Send + Sync>;

/// Which template is to be prepared.
#[derive(Debug)]
pub enum Prepare {
    /// One that is being uploaded.
    Upload(Bundle),
    /// One that was stored, perhaps by an earlier version, which accepted more.
    Stored(Box<TemplateRow>),
}

/// Why a template was not found to be fine.
#[derive(Debug)]
pub enum Unchecked {
    /// What is wrong with it.
    Flaw(String),
    /// It could not be looked at now.
    Later(Box<dyn std::error::Error + Send + Sync>),
}

/// Every endpoint, ready to be served. A domain adds a line for its routes, and one in `front/access.rs` for who may
/// use them.
pub fn router(api: Api) -> Router {
    let limited = |class| middleware::from_fn_with_state(rate_limits::Limited::new(&api, class), rate_limits::limited);
    let light = OpenApiRouter::new()
        .merge(invitations::routes())
        .merge(ops::routes())
        .merge(accounts::routes())
        .merge(people::routes())
        .layer(middleware::from_fn_with_state(api.clone(), idempotency::once))
        .layer(middleware::from_fn(limits::in_time));
    let v1 = light.merge(invitations::upload_routes(&api)).merge(ops::upload_routes(&api));
    let closed = OpenApiRouter::new()
        .nest("/api/v1", v1.layer(limited(Class::General)))
        .merge(ops::metrics::routes())
        .layer(middleware::from_fn_with_state(gate::Gate::new(&api), gate::gate));
    let sign_in = people::sign_in_routes().layer(limited(Class::SignIn));
    let open = OpenApiRouter::new()
        .merge(invitations::open_routes())
        .merge(accounts::open_routes())
        .merge(people::outside_routes())
        .nest("/api/v1", people::open_routes())
        .layer(limited(Class::Public))
        .nest("/api/v1", sign_in)
        .merge(ops::health::routes())
        .merge(home::routes())
        .merge(openapi::routes())
        .layer(middleware::from_fn(limits::in_time));
    let (closed, open, document) = openapi::describe(closed, open);
    closed
        .merge(open.layer(Extension(document)))
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(CatchPanicLayer::custom(problem::after_panic))
        .layer(option_layer(cors::layer(&api.settings)))
        .layer(middleware::from_fn(server::named))
        .layer(middleware::from_fn_with_state(api.clone(), observe::observe))
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(SizeAbove::new(SMALL))))
        .with_state(api)
}

/// Serves until `stop`, then finishes the requests in progress, for at most `worker.stop_seconds`.
///
/// # Errors
/// When the listener can never accept again.
pub async fn serve(listener: TcpListener, api: Api, stop: CancellationToken) -> io::Result<()> {
    let patience = Duration::from_secs(api.settings.worker.stop_seconds);
    let bounds = server::Bounds::of(&api.settings);
    server::serve(listener, router(api), bounds, stop, patience).await
}
