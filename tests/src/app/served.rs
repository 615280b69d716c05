//! The API, served on a port of its own.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, LazyLock},
};

use futures::FutureExt;
use herald_accounts::Clients;
use herald_api::{
    Api, DrawnDraft, Parts, Prepare, ReadWorkbook, Streams, TemplateCheck, TemplateDraw, Unchecked, Unread,
};
use herald_base::telemetry;
use herald_ledger::{rate_limits::RateLimits, redis_wire::RedisWire};
use herald_providers::files::Files;
use herald_worker::{
    studio::{Drawing, Drawn, Source, Studio},
    workbooks::{Workbooks, WorkbooksError},
};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::App;

/// A process has one recorder, and a test program is one process.
static METRICS: LazyLock<PrometheusHandle> = LazyLock::new(telemetry::start_metrics);

/// The served API.
pub struct Served {
    /// What its endpoints work with.
    pub api: Api,
    /// Where it listens.
    pub address: SocketAddr,
    /// Stops it.
    pub stop: CancellationToken,
    /// Ends when it has stopped.
    pub server: JoinHandle<io::Result<()>>,
}

impl Served {
    /// Serves the API of an app. Requests are counted in Redis if there is one.
    pub(super) fn start(app: &App, listener: TcpListener, accounts: Clients, redis: Option<RedisWire>) -> Self {
        let address = listener.local_addr().expect("a bound listener has an address");
        let (limits, clock) = (&app.settings.limits, app.db.clock());
        let rate_limits = match redis {
            None => RateLimits::in_memory(limits, clock, [5; 32]),
            Some(redis) => RateLimits::in_redis(limits, clock, [5; 32], redis),
        };
        let stop = CancellationToken::new();
        let studio = Arc::new(Studio::in_process(&app.settings).expect("the studio has its fonts"));
        let api = Api::from(Parts {
            db: app.db.clone(),
            wire: app.wire.clone(),
            files: app.files.clone(),
            links: app.links.clone(),
            people: app.people.clone(),
            accounts,
            settings: app.settings.clone(),
            metrics: METRICS.clone(),
            streams: Streams::new(stop.clone()),
            queue_counts: herald_ledger::QueueCounts::default(),
            rate_limits,
            template_check: template_check(&studio, &app.files),
            template_draw: template_draw(&studio),
            read_workbook: read_workbook(),
            has_pages: true,
            tracker: herald_messaging::Tracker::new(app.db.clone()),
        });
        let server = tokio::spawn(serve(listener, api.clone(), stop.clone()));
        Self { api, address, stop, server }
    }
}

/// Serves the API and the console beside it, as the program does.
async fn serve(listener: TcpListener, api: Api, stop: CancellationToken) -> std::io::Result<()> {
    let pages = herald_console::pages(herald_console::Setup {
        api: herald_api::router(api.clone()),
        secret: [9; 32],
        is_secure: false,
        session_days: api.settings.people.session_days,
        clock: api.db.clock().clone(),
        ids: api.db.ids().clone(),
    });
    let router = herald_api::router_with(api.clone(), pages.await.expect("the API describes itself"));
    herald_api::serve(listener, &api.settings, router, stop).await
}

/// As the program does it, but in this process.
fn template_check(studio: &Arc<Studio>, files: &Files) -> TemplateCheck {
    let (studio, files) = (studio.clone(), files.clone());
    Arc::new(move |template| {
        let (studio, files) = (studio.clone(), files.clone());
        async move {
            let source = match &template {
                Prepare::Upload(bundle) => Source::Given(bundle),
                Prepare::Stored(row) => Source::Stored(&files, row),
            };
            let checked = studio.facts(source).await;
            checked.map(drop).map_err(|error| Unchecked::Flaw(error.to_string()))
        }
        .boxed()
    })
}

/// As the program does it, but in this process.
fn template_draw(studio: &Arc<Studio>) -> TemplateDraw {
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
            match studio.draw(Source::Given(&draft.bundle), drawing, bytes).await {
                Ok(Drawn::New { bytes, notes, .. }) => Ok(DrawnDraft { bytes, notes }),
                Ok(Drawn::Unchanged) => panic!("a draft is always drawn"),
                Err(error) => Err(Unchecked::Flaw(error.to_string())),
            }
        }
        .boxed()
    })
}

/// As the program does it, but in this process.
fn read_workbook() -> ReadWorkbook {
    Arc::new(move |workbook, sheet| {
        async move {
            Workbooks::Here.to_csv(workbook, sheet).await.map_err(|error| match error {
                WorkbooksError::Refused(why) => Unread::Refused(why),
                WorkbooksError::Io(error) => Unread::Later(error),
            })
        }
        .boxed()
    })
}
