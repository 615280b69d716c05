//! `herald probe`: sends jobs through the running processes, and reports how long they took.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context;
use herald_app::probe::Probe;
use herald_ledger as ledger;
use herald_ledger::BatchState;

use crate::{
    args::{self, Common},
    home,
};

/// The number of jobs in a transaction.
const CHUNK: i64 = 1_000;
/// The interval between two checks of the batch.
const LOOK: Duration = Duration::from_millis(50);

pub(crate) async fn run(common: &Common, options: args::Probe) -> anyhow::Result<ExitCode> {
    let db = home::ledger(common).await?;
    let workspace_id = herald_people::ensure_default_workspace(&db).await?;
    let name = options.name.unwrap_or_else(|| db.new_id().to_string());
    let probe = Probe { workspace_id, name: &name, tries: options.tries };
    let began = Instant::now();
    let (id, new) =
        herald_app::probe::start_probe(&db, probe, 0..options.jobs.min(CHUNK)).await.context("starting the probe")?;
    for from in (CHUNK..options.jobs).step_by(CHUNK as usize).filter(|_| new) {
        herald_app::probe::add_to_probe(&db, probe, from..(from + CHUNK).min(options.jobs))
            .await
            .context("adding to the probe")?;
    }
    let sent = began.elapsed();
    if !new {
        say(&format!("the probe {name} was sent before"));
    } else {
        say(&format!("sent {} jobs in {:.2} s (batch {id})", options.jobs, sent.as_secs_f64()));
    }
    if options.no_wait {
        db.close().await;
        return Ok(ExitCode::SUCCESS);
    }
    let deadline = Instant::now() + Duration::from_secs(options.patience);
    let batch = loop {
        let batch = ledger::find_batch(&db, workspace_id, id)
            .await?
            .context("the batch of the probe is missing from the database")?;
        if batch.state != BatchState::Running || Instant::now() > deadline {
            break batch;
        }
        db.clock().sleep(LOOK).await;
    };
    if let Some(times) = herald_app::probe::probe_times(&db, workspace_id, id).await? {
        say(&format!(
            "ran {} of {} jobs, {:.0} a second; from due to finished: p50 {:.1} ms, p99 {:.1} ms",
            batch.succeeded,
            batch.total,
            batch.succeeded as f64 / times.all.as_secs_f64().max(0.001),
            times.half.as_secs_f64() * 1_000.0,
            times.most.as_secs_f64() * 1_000.0,
        ));
    }
    db.close().await;
    if batch.succeeded == batch.total {
        return Ok(ExitCode::SUCCESS);
    }
    let open = batch.total - batch.succeeded - batch.dead - batch.cancelled;
    say(&format!("{open} jobs have not ended, {} failed for good, {} were cancelled", batch.dead, batch.cancelled));
    Ok(ExitCode::FAILURE)
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}
