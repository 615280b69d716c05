//! Runs worker and scheduler in this process.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use herald_app::config::Settings;
use herald_ledger::wire::Wire;
use herald_providers::email::Mailer;
use herald_scheduler::{Outlet, Scheduler};
use herald_sheets as csv;
use herald_worker::{
    fetch::ProbeCall,
    invitations::write_back::WriteBacks,
    jobs::{self, Context, Folders},
    runner::{InFlight, QueueShare, Runner},
    studio::Studio,
    workbooks::Workbooks,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::home::Home;

/// The time to write the last outcomes, after the time limit of the running jobs.
const LAST_OUTCOMES: Duration = Duration::from_secs(10);

/// The worker and the scheduler that run jobs.
pub(crate) struct Engine {
    pub(crate) wire: Wire,
    stop: CancellationToken,
    stop_after: Duration,
    runner: JoinHandle<()>,
    scheduler: JoinHandle<()>,
}

impl Engine {
    /// Starts working on the jobs of the ledger.
    pub(crate) fn start(home: &Home) -> anyhow::Result<Self> {
        let settings = &home.settings;
        let stop = CancellationToken::new();
        let wire = Wire::in_process();
        let lease = Duration::from_secs(settings.ledger.lease_seconds);
        let stop_after = Duration::from_secs(settings.worker.stop_seconds);
        let context = Arc::new(context(home, settings.worker.cpu)?);
        context.studio.warm_up();
        let runner = Runner {
            db: home.db.clone(),
            wire: wire.clone(),
            queues: queues(settings),
            lease,
            stop_after,
            holder: None,
            in_flight: InFlight::default(),
            handler: jobs::handler(context),
        };
        let scheduler = Scheduler {
            db: home.db.clone(),
            outlet: Outlet::in_process(wire.clone(), format!("process {}", std::process::id())),
            lease,
            tick: Duration::from_secs(settings.ledger.tick_seconds),
            keep: Duration::from_secs(settings.ledger.keep_days * 24 * 3_600),
            keep_members: Duration::from_secs(settings.retention.snapshot_members_days * 24 * 3_600),
        };
        Ok(Self {
            runner: tokio::spawn(runner.run(stop.clone())),
            scheduler: tokio::spawn(scheduler.run(stop.clone())),
            wire,
            stop,
            stop_after,
        })
    }

    /// Ends without writing the outcomes of finished jobs, because writing is impossible. Those jobs run again at the
    /// next start.
    pub(crate) async fn abandon(self) {
        self.stop.cancel();
        self.scheduler.abort();
        self.runner.abort();
        let _ = self.scheduler.await;
        let _ = self.runner.await;
    }

    /// Finishes the running jobs, within the limit of the settings, and returns unfinished jobs to the queue.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let both = async {
            let _ = self.scheduler.await;
            let _ = self.runner.await;
        };
        if tokio::time::timeout(self.stop_after + LAST_OUTCOMES, both).await.is_err() {
            tracing::warn!("stopped before every outcome was written: those jobs run again at the next start");
        }
    }
}

/// Creates the studio, in which child processes work on pictures, fonts and templates. `at_once` is the number of
/// children; 0 means one per core.
pub(crate) fn studio(settings: &Settings, at_once: usize) -> anyhow::Result<Studio> {
    Studio::in_children(settings, this_program()?, at_once)
}

/// The program that runs, which children run as well.
fn this_program() -> anyhow::Result<PathBuf> {
    // This path names the running program, even if another version has replaced its file meanwhile.
    let itself = PathBuf::from("/proc/self/exe");
    if itself.exists() { Ok(itself) } else { std::env::current_exe().context("finding this program") }
}

/// Where workbooks are read.
pub(crate) fn workbooks() -> anyhow::Result<Workbooks> {
    Ok(Workbooks::InChildren(this_program()?))
}

/// Creates the context for job handlers, which draw `at_once` invitations at once.
pub(crate) fn context(home: &Home, at_once: usize) -> anyhow::Result<Context> {
    Ok(Context {
        db: home.db.clone(),
        files: home.files.clone(),
        links: home.links.clone(),
        studio: studio(&home.settings, at_once)?,
        probe: ProbeCall::new(&home.settings.probe.url)?,
        accounts: home.accounts.clone(),
        people: home.people.clone(),
        mailer: Mailer::from_settings(&*home.settings, home.folder.root(), home.db.clock().clone())?,
        write_back: WriteBacks::default(),
        folders: Folders::default(),
        format: home.settings.images.format(),
        import: import_options(&home.settings),
        workbooks: workbooks()?,
    })
}

/// The queues, and the number of jobs that each runs at once.
pub(crate) fn queues(settings: &Settings) -> Vec<QueueShare> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpu = if settings.worker.cpu == 0 { cores } else { settings.worker.cpu };
    vec![
        QueueShare::new("control", settings.worker.control),
        QueueShare::new("cpu", cpu),
        QueueShare::new("fetch", settings.worker.fetch),
        QueueShare::new("sync", settings.worker.sync),
        QueueShare::new("drive", settings.worker.drive),
        QueueShare::new("mautic", settings.worker.mautic),
        QueueShare::new("email", settings.worker.email),
        QueueShare::new("bulk", settings.worker.bulk),
    ]
}

/// The options for reading lists under these settings.
pub(crate) fn import_options(settings: &Settings) -> csv::Options {
    let limits =
        csv::Limits { bytes: settings.import.max_mb << 20, rows: settings.import.max_rows, ..csv::Limits::default() };
    csv::Options { limits, ..csv::Options::default() }
}
