//! `herald jobs`: looking at the ledger. Works beside a running `herald up`.

use std::process::ExitCode;

use anyhow::{Context, bail};
use herald_shared::{
    db::Db,
    domain,
    jobs::JobKind,
    ledger::{self, Cancelled, JobFilter, JobRow},
};
use uuid::Uuid;

use crate::{
    args::{Common, Jobs},
    home,
};

/// Tries given to a job that a person retries, if its kind has no policy.
const TRIES: i64 = 5;

pub(crate) async fn run(common: &Common, command: Jobs) -> anyhow::Result<ExitCode> {
    let db = home::ledger(common).await?;
    let workspace = domain::ensure_default_workspace(&db).await?;
    match command {
        Jobs::List { kind, state, limit } => {
            let state = state.map(|state| state.parse()).transpose().map_err(anyhow::Error::msg)?;
            let filter = JobFilter { kind, state, ..JobFilter::default() };
            let jobs = ledger::jobs(&db, workspace, &filter, limit).await?;
            jobs.iter().for_each(|job| say(&line(job)));
            if jobs.is_empty() {
                say("no such jobs");
            }
        }
        Jobs::Show { id } => show(&db, workspace, id).await?,
        Jobs::Retry { id } => {
            let job = found(&db, workspace, id).await?;
            let tries = JobKind::parse(&job.kind).map_or(TRIES, |kind| kind.policy().max_attempts);
            if !ledger::retry_job(&db, workspace, id, tries).await? {
                bail!(
                    "job {id} is {}: only a dead or cancelled job can be retried, and not beside a live one of its kind",
                    job.state
                );
            }
            say("it will be tried again");
        }
        Jobs::Cancel { id } => match ledger::cancel_job(&db, workspace, id).await? {
            Cancelled::AtOnce => say("cancelled"),
            Cancelled::Asked => say("it runs, and has been asked to stop"),
            Cancelled::AlreadyEnded(state) => bail!("job {id} is {state} already"),
            Cancelled::Unknown => bail!("there is no job {id}"),
        },
    }
    db.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn show(db: &Db, workspace: Uuid, id: Uuid) -> anyhow::Result<()> {
    let job = found(db, workspace, id).await?;
    say(&line(&job));
    say(&format!("  queue {}, attempt {} of {}, arguments {}", job.queue, job.attempt, job.max_attempts, job.args.0));
    if let Some(worker) = &job.worker {
        say(&format!("  leased by {worker}"));
    }
    if let Some(result) = &job.result {
        say(&format!("  result {}", result.0));
    }
    for error in ledger::job_errors(db, workspace, id).await? {
        say(&format!(
            "  attempt {} failed at {}: {}",
            error.attempt,
            error.at.format("%Y-%m-%d %H:%M:%S"),
            error.message
        ));
    }
    Ok(())
}

async fn found(db: &Db, workspace: Uuid, id: Uuid) -> anyhow::Result<JobRow> {
    ledger::job(db, workspace, id).await?.with_context(|| format!("there is no job {id}"))
}

fn line(job: &JobRow) -> String {
    format!("{}  {:<20} {:<9} {}", job.id, job.kind, job.state, job.run_at.format("%Y-%m-%d %H:%M:%S"))
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}
