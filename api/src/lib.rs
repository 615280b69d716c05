//! The HTTP API. It checks requests, writes rows to the ledger, and answers. Workers do the work itself.
//!
//! Each domain has a folder, with one file for each group of endpoints. [`front`] contains the parts that all endpoints
//! share:
//!
//! - the caller (`auth`) and its permissions (`access`),
//! - the checks before an endpoint (`gate`),
//! - errors (`problem`) and lists (`page`),
//! - limits on size, time (`limits`) and number of requests (`rate_limits`),
//! - connections (`server`), and the description of the API (`openapi`).

mod accounts;
mod compat;
mod contacts;
mod example;
mod front;
mod invitations;
mod leads;
pub mod lmtp;
mod messaging;
mod notifications;
mod ops;
mod people;
mod search;

use std::{fs::File, io, ops::Deref, sync::Arc, time::Duration};

use axum::{Extension, Router, middleware};
use bytes::Bytes;
use futures::future::BoxFuture;
use herald_accounts::Clients;
use herald_app::config::Settings;
use herald_base::{image_format::ImageFormat, links::LinkSigner};
use herald_db::Db;
use herald_invitations::{Sample, TemplateRow};
use herald_ledger::{
    QueueCounts,
    rate_limits::{Class, RateLimits},
    wire::Wire,
};
use herald_messaging::Tracker;
use herald_people::People;
use herald_providers::files::Files;
use herald_sheets::workbook::Converted;
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
    example::load_example,
    front::monitor::{Monitor, serve_monitor},
    ops::streams::Streams,
};

/// Answers with fewer bytes are not compressed.
const SMALL: u16 = 1_024;

/// The state of the endpoints. Every layer of the router clones it for every request, so it is one pointer.
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

/// The parts of an [`Api`].
pub struct Parts {
    /// The database with the ledger and all other data.
    pub db: Db,
    /// The wire, which notifies workers of cancelled jobs.
    pub wire: Wire,
    /// The file store for uploads and invitations.
    pub files: Files,
    /// The signer that verifies the links of invitations.
    pub links: LinkSigner,
    /// People and their workspaces.
    pub people: People,
    /// The clients for outside accounts.
    pub accounts: Clients,
    /// Every setting.
    pub settings: Arc<Settings>,
    /// The metrics that `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// The event streams that are open.
    pub streams: Streams,
    /// The jobs of each queue, as they were counted last.
    pub queue_counts: QueueCounts,
    /// The limits on the number of requests.
    pub rate_limits: RateLimits,
    /// The check of a template when it is uploaded, and before a run uses it.
    pub template_check: TemplateCheck,
    /// Whether pages for browsers are served beside the API, to which links in e-mails lead.
    pub has_pages: bool,
    /// Takes in what recipients do with messages.
    pub tracker: Tracker,
    /// The drawing of a template that is not stored.
    pub template_draw: TemplateDraw,
    /// The reader of workbooks.
    pub read_workbook: ReadWorkbook,
}

/// Decodes a template's background, loads its fonts, and reports what is wrong with them. It does so outside of the
/// asynchronous threads. The implementation is the studio of the workers, which this crate does not know.
pub type TemplateCheck = Arc<dyn Fn(Prepare) -> BoxFuture<'static, Result<(), Unchecked>> + Send + Sync>;

/// Draws a template that is not stored, where [`TemplateCheck`] prepares them.
pub type TemplateDraw = Arc<dyn Fn(Draft) -> BoxFuture<'static, Result<DrawnDraft, Unchecked>> + Send + Sync>;

/// Writes a sheet of a workbook as CSV into a temporary file: the one with the name, or the first that is not hidden.
/// The implementation is that of the workers, which this crate does not know.
pub type ReadWorkbook =
    Arc<dyn Fn(File, Option<String>) -> BoxFuture<'static, Result<(Converted, File), Unread>> + Send + Sync>;

/// The reason why a workbook was not read.
#[derive(Debug)]
pub enum Unread {
    /// It is not what Herald can read; the text says what to do.
    Refused(String),
    /// It cannot be read now.
    Later(io::Error),
}

/// A template to draw, and its guest.
#[derive(Debug)]
pub struct Draft {
    /// The manifest and its files.
    pub bundle: Bundle,
    /// The guest.
    pub sample: Sample,
    /// The guest's portrait, with its name in the file store.
    pub portrait: Option<(String, Bytes)>,
    /// The format of the picture.
    pub format: ImageFormat,
}

/// A drawn template.
#[derive(Debug)]
pub struct DrawnDraft {
    /// The picture.
    pub bytes: Bytes,
    /// Remarks for the designer.
    pub notes: Vec<String>,
}

/// The template to prepare.
#[derive(Debug)]
pub enum Prepare {
    /// A template that is being uploaded.
    Upload(Bundle),
    /// A stored template. An earlier version of Herald, which accepted more, may have stored it.
    Stored(Box<TemplateRow>),
}

/// The reason why the check of a template failed.
#[derive(Debug)]
pub enum Unchecked {
    /// The template has this flaw.
    Flaw(String),
    /// The template cannot be checked now.
    Later(Box<dyn std::error::Error + Send + Sync>),
}

/// Builds the router with every endpoint. A new domain adds one line here for its routes, and one in `front/access.rs`
/// for their permissions.
pub fn router(api: Api) -> Router {
    let limited = |class| middleware::from_fn_with_state(rate_limits::Limited::new(&api, class), rate_limits::limited);
    let light = OpenApiRouter::new()
        .merge(invitations::routes())
        .merge(ops::routes())
        .merge(accounts::routes())
        .merge(contacts::routes())
        .merge(leads::routes())
        .merge(messaging::routes())
        .merge(notifications::routes())
        .merge(people::routes())
        .merge(search::routes())
        .merge(example::routes())
        .layer(middleware::from_fn_with_state(api.clone(), idempotency::once))
        .layer(middleware::from_fn(limits::in_time));
    let v1 = light
        .merge(invitations::upload_routes(&api))
        .merge(contacts::upload_routes(&api))
        .merge(ops::upload_routes(&api));
    let closed = OpenApiRouter::new()
        .nest("/api/v1", v1.layer(limited(Class::General)))
        .merge(compat::routes().layer(middleware::from_fn(limits::in_time)).layer(limited(Class::General)))
        .merge(compat::upload_routes(&api).layer(limited(Class::General)))
        .merge(ops::metrics::routes())
        .layer(middleware::from_fn_with_state(gate::Gate::new(&api), gate::gate));
    let sign_in = people::sign_in_routes().layer(limited(Class::SignIn));
    let open = OpenApiRouter::new()
        .merge(invitations::open_routes())
        .merge(accounts::open_routes())
        .merge(messaging::open_routes())
        .merge(people::outside_routes())
        .nest("/api/v1", people::open_routes())
        .layer(limited(Class::Public))
        .merge(messaging::signed_routes())
        .nest("/api/v1", sign_in)
        .merge(messaging::tracked_routes())
        .merge(ops::health::routes())
        .merge(home::routes())
        .merge(openapi::routes())
        .layer(middleware::from_fn(limits::in_time));
    let (closed, open, document) = openapi::describe(closed, open);
    closed
        .merge(open.layer(Extension(document)))
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(middleware::from_fn_with_state(api.clone(), compat::in_old_form))
        .layer(CatchPanicLayer::custom(problem::after_panic))
        .layer(option_layer(cors::layer(&api.settings)))
        .layer(middleware::from_fn_with_state(api.clone(), messaging::only_links))
        .layer(middleware::from_fn(server::named))
        .layer(middleware::from_fn_with_state(api.clone(), observe::observe))
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(SizeAbove::new(SMALL))))
        .with_state(api)
}

/// Builds the router with every endpoint, and with pages for browsers beside them. The pages bring their own headers,
/// and answer what no endpoint answers. They get what all endpoints have: a time limit, a place in the log and the
/// counts, compression.
pub fn router_with(api: Api, pages: Router) -> Router {
    let pages = pages
        .layer(middleware::from_fn(limits::in_time))
        .layer(CatchPanicLayer::custom(problem::after_panic))
        .layer(middleware::from_fn_with_state(api.clone(), messaging::only_links))
        .layer(middleware::from_fn(server::named))
        .layer(middleware::from_fn_with_state(api.clone(), observe::observe))
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(SizeAbove::new(SMALL))));
    router(api).merge(pages)
}

/// Serves until `stop` is cancelled, then finishes the requests in progress, for at most `worker.stop_seconds`.
///
/// # Errors
/// If the listener can never accept a connection again.
pub async fn serve(
    listener: TcpListener,
    settings: &Arc<Settings>,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    let patience = Duration::from_secs(settings.worker.stop_seconds);
    let bounds = server::Bounds::of(settings);
    server::serve(listener, router, bounds, stop, patience).await
}
