//! `herald invite`: makes invitations for the guests of a list.

mod glyphs;
mod list;
mod progress;
mod summary;

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::Context;
use herald_app::config::Settings;
use herald_base::{
    image_format::ImageFormat,
    telemetry::{self, Span},
};
use herald_invitations as domain;
use herald_invitations::{
    Destination, NewRun, NumberFormat, PicturePolicy, PlannedSource, Run, RunOptions, RunSource, RunState, Storing,
    Wait, results, sweep::sweep,
};
use herald_ledger as ledger;
use herald_ledger::quotas::Quotas;
use herald_template::{Bundle, Template};
use herald_worker::studio::Source;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::progress::Progress;
use crate::{
    args::{Common, Invite},
    audit::me,
    engine::{self, Engine, import_options},
    home::{self, Home},
    stop,
};

/// How often the command checks the progress.
const LOOK: Duration = Duration::from_millis(100);
/// How often the command checks whether the run waits for an external system.
const LOOK_OUTSIDE: Duration = Duration::from_secs(1);
/// How long running jobs may continue after an account needs a person.
const LAST_WORK: Duration = Duration::from_secs(5);
/// The exit code after Ctrl-C, as shells define it.
const INTERRUPTED: u8 = 130;

pub(crate) async fn run(common: &Common, options: Invite) -> anyhow::Result<ExitCode> {
    let mut settings = home::settings(common)?;
    home::start_logging(&home::quiet(&settings, common))?;
    telemetry::start_export(&settings.telemetry, "invite")?;
    if let Some(concurrency) = options.concurrency {
        settings.worker.cpu = usize::from(concurrency);
    }
    let results_path = options.results.clone().unwrap_or_else(|| common.data.join("results.csv"));
    // All faults of the arguments are reported before anything is written.
    let guests = Guests::read(&options, &settings).await?;
    let (bundle, template) = template(options.template.as_deref(), &guests)?;
    // This prepares the template as the run will: a damaged background or font would fail every guest.
    let studio = engine::studio(&settings, 1)?;
    studio.facts(Source::Given(&bundle)).await.context("the template cannot be drawn on")?;
    drop(studio);
    let lacking = lacking_glyphs(&options, &settings, &guests, &bundle, &template).await?;
    let home = Home::open(common, settings).await?;
    summary::check_writable(&results_path)?;
    let stop = stop::on_signal();

    let started = Instant::now();
    let trace = Span::command("herald invite", home.db.ids(), home.db.clock());
    let (run_id, resumed) = trace.scope(start(&home, &options, &guests, &bundle, &template)).await?;
    let engine = Engine::start(&home)?;
    let mut progress = Progress::new(options.json);
    guests.notes().iter().chain(&lacking).chain(&resumed).for_each(|note| progress.note(note));
    let run = watch(&home, run_id, &stop, &mut progress).await;
    if run.as_ref().is_err_and(|error| error.is::<DiskFull>()) {
        engine.abandon().await;
        return run.map(|_| ExitCode::FAILURE);
    }
    engine.stop().await;
    if options.refresh {
        sweep(&home.db, &home.files).await.context("removing replaced drawings")?;
    }
    // Jobs that ended while the engine stopped count, too.
    let run = run.and(current(&home, run_id).await)?;
    drop(trace);
    progress.finish(&run);
    let file = std::fs::File::create(&results_path).with_context(|| format!("writing {}", results_path.display()))?;
    let buffered = std::io::BufWriter::new(file);
    results::write(&home.db, &home.files, home.workspace_id, &run, buffered)
        .await
        .with_context(|| format!("writing {}", results_path.display()))?;
    let event = domain::find_event(&home.db, home.workspace_id, run.event_id)
        .await?
        .context("the event of the run is missing from the database")?;
    summary::Summary {
        home: &home,
        run: &run,
        event: &event,
        results: &results_path,
        took: started.elapsed(),
        json: options.json,
    }
    .print()
    .await?;
    home.close().await;
    Ok(exit_code(&run))
}

/// Returns 0 only if every guest of the list has an invitation.
fn exit_code(run: &Run) -> ExitCode {
    if !run.has_ended() {
        return ExitCode::from(INTERRUPTED);
    }
    let everyone = run.state == RunState::Complete && run.failed == 0 && run.cancelled == 0 && run.rejected == 0;
    if everyone { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The source of the guests.
enum Guests {
    List(Box<list::List>),
    Planned(PlannedSource),
}

impl Guests {
    async fn read(options: &Invite, settings: &Settings) -> anyhow::Result<Self> {
        match (options.source(), &options.guests) {
            (Some(source), _) => Ok(Self::Planned(source)),
            (None, Some(path)) => {
                Ok(Self::List(Box::new(list::read(path, options.sheet.clone(), &import_options(settings)).await?)))
            }
            (None, None) => {
                anyhow::bail!(
                    "there are no guests: name a list of guests, a segment, or a form, segment or search in \
                     Mautic"
                )
            }
        }
    }

    fn notes(&self) -> &[String] {
        match self {
            Self::List(list) => &list.notes,
            Self::Planned(_) => &[],
        }
    }
}

/// Reads the template, and checks it against the columns of the list. The fields of contacts and of Mautic are
/// checked later, when these are read.
fn template(folder: Option<&Path>, guests: &Guests) -> anyhow::Result<(Bundle, Template)> {
    let (bundle, name) = match folder {
        Some(folder) => (Bundle::read(folder)?, folder.display().to_string()),
        None => (herald_invitations::gala_template()?, "the template that comes with herald".to_owned()),
    };
    let template = match guests {
        Guests::List(list) => Template::read_for(&bundle, &list.fields),
        Guests::Planned(_) => Template::read(&bundle),
    }
    .with_context(|| name)?;
    Ok((bundle, template))
}

/// Returns messages about the guests whose texts have characters that no font has. Guests from Mautic are not known
/// yet.
async fn lacking_glyphs(
    options: &Invite,
    settings: &Settings,
    guests: &Guests,
    bundle: &Bundle,
    template: &Template,
) -> anyhow::Result<Vec<String>> {
    let Guests::List(list) = guests else { return Ok(Vec::new()) };
    let mut lacking = glyphs::look(glyphs::Look {
        list: list.copy.try_clone()?,
        options: list.options.clone(),
        limit: options.limit,
        template: template.clone(),
        bundle: bundle.clone(),
        font_folders: settings.images.font_folders.clone(),
    })
    .await?;
    if !lacking.is_empty() {
        lacking.push(if options.allow_missing_glyphs {
            "Herald leaves these characters out, because of --allow-missing-glyphs".to_owned()
        } else {
            "until then these guests get no invitation; --allow-missing-glyphs makes their \
             invitations without the characters"
                .to_owned()
        });
    }
    Ok(lacking)
}

/// Starts the run, or goes on with the same one. Returns what there is to say of the latter.
async fn start(
    home: &Home,
    options: &Invite,
    guests: &Guests,
    bundle: &Bundle,
    template: &Template,
) -> anyhow::Result<(Uuid, Option<String>)> {
    // A look-up can fail, so it comes before anything is stored.
    let source = match guests {
        Guests::List(list) => list.source(home.workspace_id),
        Guests::Planned(source) => source.resolve(&home.db, home.workspace_id).await?,
    };
    let destination = match options.to.destination() {
        Some(destination) => destination.resolve(&home.db, home.workspace_id).await?,
        None => Destination::Local,
    };
    look_again(home, &source, &destination).await?;
    let format = NumberFormat { prefix: options.prefix.clone(), digits: options.digits };
    let event = domain::ensure_event(&home.db, home.workspace_id, &options.event, &format).await?;
    // A template without a name of its own is named after its folder.
    let folder = options.template.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let name = if template.name.is_empty() { folder } else { None };
    let (by, quotas) = (me(home.workspace_id), Quotas::default());
    let storing = Storing { by: &by, quotas: &quotas, after: None };
    let stored = domain::store_template_within(&home.db, &home.files, storing, name.as_deref(), bundle).await?;
    if let Guests::List(list) = guests {
        home.files
            .put_once_from(&list.key(home.workspace_id), tokio::fs::File::from_std(list.copy.try_clone()?))
            .await?;
    }
    let started = domain::start_run_by(
        &home.db,
        &me(home.workspace_id),
        NewRun {
            event_id: event.id,
            template_id: stored.id,
            source,
            options: RunOptions {
                format: options.format.map_or_else(|| home.settings.images.format(), ImageFormat::from),
                refresh: options.refresh,
                only_failed: options.only_failed,
                limit: options.limit,
                on_bad_picture: if options.strict_pictures { PicturePolicy::Fail } else { PicturePolicy::Avatar },
                allow_missing_glyphs: options.allow_missing_glyphs,
                seconds_apart: None,
                destination,
            },
            traceparent: telemetry::traceparent(),
        },
    )
    .await?;
    if started.resumed {
        // Guests who failed before the interruption are retried, too: one repetition makes all remaining invitations.
        domain::retry_failed(&home.db, home.workspace_id, started.id).await?;
    }
    let note = if started.resumed { taken_then(home, started.id).await? } else { None };
    Ok((started.id, note))
}

/// Says of a run for a segment that goes on that it has the people of then. Of a list they are the same.
async fn taken_then(home: &Home, run_id: Uuid) -> anyhow::Result<Option<String>> {
    let run = current(home, run_id).await?;
    if !matches!(run.source.0, RunSource::Segment { .. }) {
        return Ok(None);
    }
    let goes_on = domain::goes_on_with(&home.db, home.workspace_id, &run).await?;
    Ok(Some(format!("this {goes_on}. `herald up` shows it in the browser")))
}

/// Unblocks accounts that waited: a person who runs the command again has corrected something.
async fn look_again(home: &Home, source: &RunSource, destination: &Destination) -> anyhow::Result<()> {
    let read = match source {
        RunSource::Mautic(source) => Some(source.account()),
        RunSource::Csv { .. } | RunSource::Contacts { .. } | RunSource::Segment { .. } => None,
    };
    let mut tx = home.db.begin().await?;
    for account in read.into_iter().chain(destination.account()) {
        ledger::unblock_key(&mut tx, &account.limit_key()).await?;
    }
    Ok(tx.commit().await?)
}

/// The disk is full, so that nothing can be stored any more.
#[derive(Debug, thiserror::Error)]
#[error(
    "the disk that holds {0} is full: free some space and run the same command again, which makes the rest. Every \
     invitation made so far is kept"
)]
struct DiskFull(String);

/// Whether the database's disk has been full for a while.
#[derive(Default)]
struct Space {
    found_full: u64,
    counted: Option<[i64; 6]>,
    full_since: Option<Instant>,
}

impl Space {
    /// Returns true when the run has made no progress for a while because the disk is full.
    fn is_gone(&mut self, found_full: u64, run: &Run) -> bool {
        let counted = Some([run.total, run.made, run.already, run.failed, run.rejected, run.cancelled]);
        if counted != self.counted {
            (self.counted, self.found_full, self.full_since) = (counted, found_full, None);
        } else if found_full > self.found_full {
            self.found_full = found_full;
            self.full_since = self.full_since.or(Some(Instant::now()));
        }
        self.full_since.is_some_and(|since| since.elapsed() >= LAST_WORK)
    }
}

/// Shows the progress until the run has ended, a stop is requested, or a person is needed.
async fn watch(home: &Home, run_id: Uuid, stop: &CancellationToken, progress: &mut Progress) -> anyhow::Result<Run> {
    let mut waits = Waits::default();
    let mut space = Space::default();
    loop {
        let run = current(home, run_id).await?;
        progress.show(&run);
        if !run.has_ended() && space.is_gone(home.db.found_full(), &run) {
            return Err(DiskFull(home.folder.root().display().to_string()).into());
        }
        if run.has_ended() || stop.is_cancelled() || waits.need_a_person(home, &run, progress).await? {
            return Ok(run);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// The external waits of a run; each is reported once.
#[derive(Default)]
struct Waits {
    looked: Option<Instant>,
    told: Vec<Wait>,
    broken_since: Option<Instant>,
}

impl Waits {
    /// Reports new waits. Returns true when an account has needed a person for a while, because nobody can correct it
    /// while this command runs alone.
    async fn need_a_person(&mut self, home: &Home, run: &Run, progress: &Progress) -> anyhow::Result<bool> {
        if run.has_ended() || self.looked.is_some_and(|looked| looked.elapsed() < LOOK_OUTSIDE) {
            return Ok(false);
        }
        self.looked = Some(Instant::now());
        let waits = domain::waits_for(&home.db, home.workspace_id, run).await?;
        for wait in waits.iter().filter(|wait| !self.told.contains(wait)) {
            progress.note(&wait.reason);
        }
        let broken = waits.iter().any(|wait| wait.needs_a_person);
        self.told = waits;
        self.broken_since = if broken { self.broken_since.or(Some(Instant::now())) } else { None };
        Ok(self.broken_since.is_some_and(|since| since.elapsed() >= LAST_WORK))
    }
}

async fn current(home: &Home, run_id: Uuid) -> anyhow::Result<Run> {
    domain::find_run(&home.db, home.workspace_id, run_id).await?.context("the run is gone from the database")
}
