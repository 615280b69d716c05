//! The console: Herald's pages for browsers.
//!
//! The console is a client of the API in the same process. A page asks the API with the session of the person who looks
//! at it, and puts the answers into a template. So the rules stand in one place: a person sees and does here what the
//! API allows them, with the same checks, limits and audit rows.
//!
//! ```text
//! browser ──▶ page ──▶ Visit: cookie, person, workspace ──▶ API (in this process) ──▶ template ──▶ HTML
//!        form ──▶ Origin, token ──▶ Act: one line in `acts` ──▶ API ──▶ redirect, or the form again with its faults
//!  form, files ──▶ Origin, token ──▶ Upload: goes on as it comes ──▶ API ──▶ the same
//! ```

mod account;
mod act;
mod acts;
mod api;
mod assets;
mod campaigns;
mod contact_fields;
mod contacts;
mod cookie;
mod description;
mod doors;
mod form;
mod guard;
mod imports;
mod invitations;
mod leads;
mod messaging;
mod notifications;
mod nowhere;
mod operate;
mod page;
mod picture;
mod query;
mod render;
mod saved_views;
mod search;
mod segments;
mod settings;
mod setup;
mod sign_in;
mod today;
mod upload;
mod visit;
mod when;

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use axum::{Router, middleware, routing::get};
use herald_base::{clock::Clock, ids::Ids};

use self::{api::ApiService, description::Description, render::Templates};

/// What the console needs to know of the process that serves it.
pub struct Setup {
    /// Every route of the API, with all layers.
    pub api: Router,
    /// Makes the tokens of forms. Every process of a fleet has the same.
    pub secret: [u8; 32],
    /// Whether browsers come by TLS, so that cookies are sent over nothing else.
    pub is_secure: bool,
    /// The days after which an unused session ends.
    pub session_days: u32,
    /// The time.
    pub clock: Clock,
    /// Makes the ids of forms.
    pub ids: Ids,
}

/// What every page works with.
#[derive(Clone)]
pub(crate) struct Console(Arc<Parts>);

pub(crate) struct Parts {
    api: ApiService,
    description: Description,
    templates: Templates,
    secret: [u8; 32],
    is_secure: bool,
    session_days: u32,
    clock: Clock,
    ids: Ids,
    /// All pages, for those that show another one.
    pages: OnceLock<Router>,
}

impl Deref for Console {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Parts {
    /// For how long a browser keeps the session's cookie.
    pub(crate) fn session_seconds(&self) -> u64 {
        u64::from(self.session_days) * 24 * 60 * 60
    }
}

/// Every page. What is none of them goes on to the API.
///
/// # Errors
/// When the API does not describe itself, or a template is not well-formed: both are mistakes in Herald.
pub async fn pages(setup: Setup) -> Result<Router, Broken> {
    let Setup { api, secret, is_secure, session_days, clock, ids } = setup;
    let api = ApiService::new(api);
    let description = Description::read(&api).await?;
    let templates = Templates::load().map_err(|error| Broken(format!("a template of the console: {error:#}")))?;
    let console = Console(Arc::new(Parts {
        api,
        description,
        templates,
        secret,
        is_secure,
        session_days,
        clock,
        ids,
        pages: OnceLock::new(),
    }));
    let pages = Router::new()
        .route("/", get(today::home))
        .merge(setup::routes())
        .merge(sign_in::routes())
        .merge(doors::routes())
        .merge(account::routes())
        .merge(settings::routes())
        .merge(today::routes())
        .merge(search::routes())
        .merge(invitations::routes())
        .merge(contacts::routes())
        .merge(contact_fields::routes())
        .merge(imports::routes())
        .merge(segments::routes())
        .merge(leads::routes())
        .merge(messaging::routes())
        .merge(campaigns::routes())
        .merge(notifications::routes())
        .merge(upload::routes())
        .merge(operate::routes())
        .merge(act::routes())
        .layer(middleware::from_fn_with_state(console.clone(), guard::guard))
        .merge(assets::routes())
        .merge(nowhere::routes())
        .with_state(console.clone());
    // Only this function sets it, once.
    _ = console.pages.set(pages.clone());
    Ok(pages)
}

/// Why the console cannot be served.
#[derive(Debug)]
pub struct Broken(String);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the console cannot be served: {}", self.0)
    }
}

impl std::error::Error for Broken {}
