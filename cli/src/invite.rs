//! `herald invite`: guests in, invitations out.

mod list;
mod progress;
mod summary;

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::Context;
use herald_shared::{
    domain::{self, NewRun, NumberFormat, PicturePolicy, Run, RunOptions},
    results,
    sweep::sweep,
    telemetry::{self, Span},
    template::{Bundle, Template},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::progress::Progress;
use crate::{
    args::{Common, Invite},
    bundled,
    engine::{Engine, import_options},
    home::{self, Home},
    stop,
};

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Interrupted by Ctrl-C, as shells say it.
const INTERRUPTED: u8 = 130;

pub(crate) async fn run(common: &Common, options: Invite) -> anyhow::Result<ExitCode> {
    let mut settings = home::settings(common)?;
    home::start_logging(&home::quiet(&settings, common))?;
    telemetry::start_export(&settings.telemetry, "invite")?;
    if let Some(concurrency) = options.concurrency {
        settings.worker.cpu = usize::from(concurrency);
    }
    let results_path = options.results.clone().unwrap_or_else(|| common.data.join("results.csv"));
    // Everything that can be wrong with what was typed is said before anything is written.
    let list = list::read(&options.guests, &import_options(&settings)).await?;
    let (bundle, template) = template(options.template.as_deref(), &list.fields)?;
    let home = Home::open(common, settings).await?;
    summary::check_writable(&results_path)?;
    let stop = stop::on_signal();

    let started = Instant::now();
    let trace = Span::command("herald invite", home.db.ids(), home.db.clock());
    let run_id = trace.scope(start(&home, &options, &list, &bundle, &template)).await?;
    let engine = Engine::start(&home)?;
    let mut progress = Progress::new(options.json);
    for note in &list.notes {
        progress.note(note);
    }
    let run = watch(&home, run_id, &stop, &mut progress).await;
    engine.stop().await;
    if options.refresh {
        sweep(&home.db, &home.files).await.context("removing the drawings that were replaced")?;
    }
    // What ended while the engine stopped counts too.
    let run = run.and(current(&home, run_id).await)?;
    drop(trace);
    progress.finish(&run);
    let file = std::fs::File::create(&results_path).with_context(|| format!("writing {}", results_path.display()))?;
    let buffered = std::io::BufWriter::new(file);
    results::write(&home.db, &home.files, home.workspace_id, &run, buffered)
        .await
        .with_context(|| format!("writing {}", results_path.display()))?;
    let event = domain::event(&home.db, home.workspace_id, run.event_id).await?.context("the run's event is gone")?;
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

/// 0 only when every guest of the list has an invitation.
fn exit_code(run: &Run) -> ExitCode {
    if !run.has_ended() {
        return ExitCode::from(INTERRUPTED);
    }
    let everyone = run.state == "complete" && run.failed == 0 && run.cancelled == 0 && run.rejected == 0;
    if everyone { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The template to draw on, checked against the columns of the list.
fn template(folder: Option<&Path>, fields: &std::collections::BTreeSet<String>) -> anyhow::Result<(Bundle, Template)> {
    let (bundle, name) = match folder {
        Some(folder) => (Bundle::read(folder)?, folder.display().to_string()),
        None => (bundled::template()?, "the template that comes with herald".to_owned()),
    };
    let template = Template::read_for(&bundle, fields).with_context(|| name)?;
    Ok((bundle, template))
}

async fn start(
    home: &Home,
    options: &Invite,
    list: &list::List,
    bundle: &Bundle,
    template: &Template,
) -> anyhow::Result<Uuid> {
    let format = NumberFormat { prefix: options.prefix.clone(), digits: options.digits };
    let event = domain::ensure_event(&home.db, home.workspace_id, &options.event, &format).await?;
    // A template without a name of its own is called after its folder.
    let folder = options.template.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let name = if template.name.is_empty() { folder } else { None };
    let stored = domain::store_template(&home.db, &home.files, home.workspace_id, name.as_deref(), bundle).await?;
    home.files.put_once_from(&list.key, tokio::fs::File::from_std(list.copy.try_clone()?)).await?;
    let started = domain::start_run(
        &home.db,
        home.workspace_id,
        NewRun {
            event_id: event.id,
            template_id: stored.id,
            source: list.source(),
            options: RunOptions {
                format: options
                    .format
                    .map_or_else(|| home.settings.images.format.clone(), |format| format.name().to_owned()),
                refresh: options.refresh,
                only_failed: options.only_failed,
                limit: options.limit,
                on_bad_picture: if options.strict_pictures { PicturePolicy::Fail } else { PicturePolicy::Avatar },
            },
            traceparent: telemetry::traceparent(),
        },
    )
    .await?;
    Ok(started.id)
}

/// Shows progress until the run has ended or a stop is asked for.
async fn watch(home: &Home, run_id: Uuid, stop: &CancellationToken, progress: &mut Progress) -> anyhow::Result<Run> {
    loop {
        let run = current(home, run_id).await?;
        progress.show(&run);
        if run.has_ended() || stop.is_cancelled() {
            return Ok(run);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn current(home: &Home, run_id: Uuid) -> anyhow::Result<Run> {
    domain::run(&home.db, home.workspace_id, run_id).await?.context("the run is gone from the database")
}
