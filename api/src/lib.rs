//! The HTTP front: it checks what comes in, writes ledger rows, and answers. The work itself is done by workers.
//!
//! One file an endpoint group, named like the feature. What every endpoint shares stands beside them: [`problem`] (errors),
//! [`page`] (lists), [`gate`] (what comes before an endpoint), [`auth`] (who asks), [`access`] (who may), [`observe`] (ids, logs, counts),
//! [`limits`] (sizes and times), [`rate_limits`] (how many), [`front`] (connections), [`openapi`] (what the API says of itself).

mod access;
mod actor;
mod audit;
mod auth;
mod batches;
mod conditional;
mod connections;
mod consent;
mod cors;
mod crm;
mod events;
mod front;
mod gate;
mod health;
mod home;
mod idempotency;
mod input;
mod invitation_runs;
mod jobs;
mod limits;
mod links;
mod metrics;
mod monitor;
mod notice;
mod observe;
mod openapi;
mod page;
mod people;
mod probes;
mod problem;
mod queues;
mod quotas;
mod rate_limits;
mod schedules;
mod templates;
mod upload;
mod webhooks;
mod workers;

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

#[doc(hidden)]
pub use self::templates::unpack_template;
pub use self::{
    events::Events,
    monitor::{Monitor, serve_monitor},
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
    pub events: Events,
    /// How many requests may come.
    pub rate_limits: RateLimits,
    /// Prepares a template: one that is uploaded, and one that a run is about to use.
    pub template_check: TemplateCheck,
}

/// Decodes a template's background and loads its fonts, off the asynchronous threads, and says what is wrong with them. The workers' studio
/// does it, which this crate does not know.
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

/// Every endpoint, ready to be served.
pub fn router(api: Api) -> Router {
    let limited = |class| middleware::from_fn_with_state(rate_limits::Limited::new(&api, class), rate_limits::limited);
    let light = OpenApiRouter::new()
        .merge(invitation_runs::routes())
        .merge(templates::routes())
        .merge(jobs::routes())
        .merge(queues::routes())
        .merge(batches::routes())
        .merge(events::routes())
        .merge(audit::routes())
        .merge(workers::routes())
        .merge(schedules::routes())
        .merge(probes::routes())
        .merge(connections::routes())
        .merge(people::routes())
        .merge(crm::routes())
        .layer(middleware::from_fn_with_state(api.clone(), idempotency::once))
        .layer(middleware::from_fn(limits::in_time));
    let uploads =
        OpenApiRouter::new().merge(invitation_runs::upload_routes(&api)).merge(templates::upload_routes(&api));
    let v1 = light.merge(uploads);
    let closed = OpenApiRouter::new()
        .nest("/api/v1", v1.layer(limited(Class::General)))
        .merge(metrics::routes())
        .layer(middleware::from_fn_with_state(gate::Gate::new(&api), gate::gate));
    let sign_in = people::sign_in_routes().layer(limited(Class::SignIn));
    let open = OpenApiRouter::new()
        .merge(links::routes())
        .merge(consent::routes())
        .merge(webhooks::routes())
        .merge(crm::webhook_routes())
        .nest("/api/v1", people::open_routes())
        .merge(people::page())
        .layer(limited(Class::Public))
        .nest("/api/v1", sign_in)
        .merge(health::routes())
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
        .layer(middleware::from_fn(front::named))
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
    let bounds = front::Bounds::of(&api.settings);
    front::serve(listener, router(api), bounds, stop, patience).await
}
