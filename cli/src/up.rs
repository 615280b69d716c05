//! `herald up`: API, worker and scheduler in one process.

use std::{process::ExitCode, sync::Arc};

use anyhow::Context;
use futures::FutureExt;
use herald_api::{Api, DrawnDraft, Parts, Prepare, Streams, Unchecked, Unread, lmtp::Lmtp};
use herald_app::open_files;
use herald_base::telemetry;
use herald_console::Setup;
use herald_invitations as domain;
use herald_ledger::{audit::Actor, rate_limits::RateLimits, wire::Wire};
use herald_people::Role;
use herald_worker::{
    studio::{Drawing, Drawn, Source, Studio, StudioError},
    workbooks::WorkbooksError,
};
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    args::{Common, Up},
    engine::{self, Engine},
    home::{self, Home},
    stop,
};

/// The owner of a workspace with example data from its start.
const DEMO_OWNER: &str = "demo@example.com";

/// Whether the first workspace is filled with example data at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// It is not.
    No,
    /// It is, once.
    WithExample,
}

pub(crate) async fn run(common: &Common, options: Up, filled: Filled) -> anyhow::Result<ExitCode> {
    let settings = home::settings(common)?;
    home::start_logging(&settings.log)?;
    open_files::raise();
    let metrics = telemetry::start_metrics();
    herald_ledger::count_from_zero();
    herald_ledger::rate_limits::count_from_zero();
    telemetry::start_export(&settings.telemetry, "up")?;
    telemetry::this_process("up", &common.data, &metrics);
    home::check_public_url(&settings)?;
    let home = Home::open(common, settings).await?;
    let stop = stop::on_signal();
    let engine = Engine::start(&home)?;
    let limits = RateLimits::in_memory(&home.settings.limits, home.db.clock(), home.limits_key());
    let served = serve(&home, engine.wire.clone(), limits, metrics, options.listen, filled, stop.clone()).await;
    stop.cancel();
    engine.stop().await;
    home.close().await;
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Serves the API until `stop`.
pub(crate) async fn serve(
    home: &Home,
    wire: Wire,
    rate_limits: RateLimits,
    metrics: PrometheusHandle,
    listen: Option<String>,
    filled: Filled,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listen = listen.unwrap_or_else(|| home.settings.http.listen.clone());
    let listener = TcpListener::bind(&listen).await.with_context(|| {
        format!("listening on {listen}: choose another address with --listen or the setting http.listen")
    })?;
    let address = listener.local_addr()?;
    if !herald_people::has_keys(&home.db).await? {
        let token = herald_people::first_key(&home.db, home.workspace_id, "admin").await?;
        say(&format!("admin token, shown this once: {token}"));
    }
    // With this template, the first request needs none of its own.
    domain::store_template(&home.db, &home.files, home.workspace_id, None, &herald_invitations::gala_template()?)
        .await?;
    let studio = Arc::new(engine::studio(&home.settings, 1)?);
    let api = Api::from(Parts {
        db: home.db.clone(),
        wire,
        files: home.files.clone(),
        links: home.links.clone(),
        people: home.people.clone(),
        accounts: home.accounts.clone(),
        settings: home.settings.clone(),
        metrics,
        streams: Streams::new(stop.clone()),
        queue_counts: herald_ledger::QueueCounts::default(),
        rate_limits,
        template_check: template_check(home, &studio),
        template_draw: template_draw(&studio),
        read_workbook: read_workbook()?,
        has_pages: true,
        tracker: herald_messaging::Tracker::new(home.db.clone()),
    });
    if filled == Filled::WithExample {
        let actor = Actor::cli(home.workspace_id, "demo");
        // The example people would close the door of the first start.
        if home.people.setup_token().await?.is_some() {
            let password = hex::encode(home.db.ids().bytes::<10>());
            let owner = Some((home.workspace_id, Role::Owner));
            home.people.add_user(DEMO_OWNER, &SecretString::from(password.clone()), true, owner, &actor).await?;
            say(&format!("sign in as {DEMO_OWNER} with the password {password}, shown this once"));
        }
        herald_api::load_example(&api, &actor).await.map_err(anyhow::Error::msg).context("loading the example data")?;
    }
    let pages = herald_console::pages(Setup {
        api: herald_api::router(api.clone()),
        secret: home.links.key_for("forms of the console"),
        is_secure: home.settings.http.public_url.starts_with("https:"),
        session_days: home.settings.people.session_days,
        clock: home.db.clock().clone(),
        ids: home.db.ids().clone(),
    });
    let router = herald_api::router_with(api, pages.await?);
    if let Some(token) = home.people.setup_token().await? {
        say(&format!("open http://{address}/setup/{token} to make your account; the link works once"));
    }
    say(&format!("herald serves http://{address} (data in {})", home.folder.root().display()));
    if !home.settings.bounces.lmtp.is_empty() {
        let at = &home.settings.bounces.lmtp;
        let listener = TcpListener::bind(at).await.with_context(|| {
            format!("listening on {at} for bounces: choose another address with the setting bounces.lmtp")
        })?;
        let lmtp = Lmtp { db: home.db.clone(), links: home.links.clone(), limit: home.settings.bounces.limit() };
        tokio::spawn(lmtp.serve(listener, stop.clone()));
    }
    herald_api::serve(listener, &home.settings, router, stop).await.context("serving")
}

/// Prepares templates in a separate child process, one at a time, so that no request waits for a run. The first
/// template starts the child.
fn template_check(home: &Home, studio: &Arc<Studio>) -> herald_api::TemplateCheck {
    let (studio, files) = (studio.clone(), home.files.clone());
    Arc::new(move |template| {
        let (studio, files) = (studio.clone(), files.clone());
        async move {
            let source = match &template {
                Prepare::Upload(bundle) => Source::Given(bundle),
                Prepare::Stored(row) => Source::Stored(&files, row),
            };
            studio.facts(source).await.map(drop).map_err(unchecked)
        }
        .boxed()
    })
}

/// Draws templates that are not stored, in the same process.
fn template_draw(studio: &Arc<Studio>) -> herald_api::TemplateDraw {
    let studio = studio.clone();
    Arc::new(move |draft| {
        let studio = studio.clone();
        async move {
            let (sample, (portrait, bytes)) = (draft.sample, draft.portrait.unzip());
            let drawing = Drawing {
                fields: sample.fields,
                number: sample.number,
                link: sample.link,
                format: draft.format,
                portrait,
                allow_missing_glyphs: true,
                unless: None,
            };
            match studio.draw(Source::Given(&draft.bundle), drawing, bytes).await.map_err(unchecked)? {
                Drawn::New { bytes, notes, .. } => Ok(DrawnDraft { bytes, notes }),
                Drawn::Unchanged => Err(Unchecked::Later("it was not drawn".into())),
            }
        }
        .boxed()
    })
}

/// Reads workbooks in children of this program.
fn read_workbook() -> anyhow::Result<herald_api::ReadWorkbook> {
    let workbooks = engine::workbooks()?;
    Ok(Arc::new(move |workbook, sheet| {
        let workbooks = workbooks.clone();
        async move {
            workbooks.to_csv(workbook, sheet).await.map_err(|error| match error {
                WorkbooksError::Refused(why) => Unread::Refused(why),
                WorkbooksError::Io(error) => Unread::Later(error),
            })
        }
        .boxed()
    }))
}

fn unchecked(error: StudioError) -> Unchecked {
    if error.is_permanent() { Unchecked::Flaw(error.to_string()) } else { Unchecked::Later(error.into()) }
}

#[expect(clippy::print_stdout, reason = "what the person who starts it needs to know")]
fn say(text: &str) {
    println!("{text}");
}
