//! `herald jobs`: shows the ledger, and enqueues jobs. It works beside a running `herald up`.

mod add;
mod bulk;

use std::process::ExitCode;

use anyhow::Context;
use chrono::{DateTime, Utc};
use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{Act, FailureGroup, JobFilter, JobRow};
use uuid::Uuid;

use crate::{
    args::{Common, Jobs, JobsFilter, JobsOf, Many},
    home,
};

pub(crate) async fn run(common: &Common, JobsOf { installation, act }: JobsOf) -> anyhow::Result<ExitCode> {
    let db = home::ledger(common).await?;
    let first = herald_people::ensure_default_workspace(&db).await?;
    let workspace = if installation { herald_people::installation(&db).await? } else { first };
    match act {
        Jobs::Add(typed) => {
            let ended = add::run(&db, workspace, typed).await;
            db.close().await;
            return ended;
        }
        Jobs::List { filter, limit, json } => {
            let jobs = ledger::list_jobs(&db, workspace, &read(filter)?, limit).await?;
            for job in &jobs {
                say(&if json { serde_json::to_string(job)? } else { line(job) });
            }
            if jobs.is_empty() && !json {
                say("no jobs found");
            }
        }
        Jobs::Failures { filter, limit, json } => {
            let groups = ledger::list_failure_groups(&db, workspace, &read(filter)?, limit).await?;
            for group in &groups {
                say(&if json { serde_json::to_string(group)? } else { cause(group) });
            }
            if groups.is_empty() && !json {
                say("no unfinished job has failed");
            }
        }
        Jobs::Show { id } => show(&db, workspace, id).await?,
        Jobs::Retry(Many { id: Some(id), .. }) => bulk::retry_one(&db, workspace, id).await?,
        Jobs::Cancel(Many { id: Some(id), .. }) => bulk::cancel_one(&db, workspace, id).await?,
        Jobs::Delete(Many { id: Some(id), .. }) => bulk::delete_one(&db, workspace, id).await?,
        Jobs::Retry(many) => bulk::many(&db, workspace, Act::Retry, many).await?,
        Jobs::Cancel(many) => bulk::many(&db, workspace, Act::Cancel, many).await?,
        Jobs::Delete(many) => bulk::many(&db, workspace, Act::Delete, many).await?,
    }
    db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Converts the typed filter into the ledger's filter.
fn read(typed: JobsFilter) -> anyhow::Result<JobFilter> {
    Ok(JobFilter {
        ids: typed.ids.map(|ids| ids.parse()).transpose().map_err(anyhow::Error::msg)?,
        kind: typed.kind,
        state: typed.state.map(|state| state.parse()).transpose().map_err(anyhow::Error::msg)?,
        queue: typed.queue,
        batch_id: typed.batch,
        arg: typed.arg.map(|arg| arg.parse()).transpose().map_err(anyhow::Error::msg)?,
        fingerprint: typed.cause,
        created_after: time("--created-after", typed.created_after)?,
        created_before: time("--created-before", typed.created_before)?,
        finished_after: time("--finished-after", typed.finished_after)?,
        finished_before: time("--finished-before", typed.finished_before)?,
        before: None,
    })
}

/// Parses a time that was typed after an option.
fn time(option: &str, text: Option<String>) -> anyhow::Result<Option<DateTime<Utc>>> {
    text.map(|text| {
        text.parse::<DateTime<Utc>>()
            .map_err(|_| anyhow::anyhow!("{option} {text:?} is not a valid time: write it as 2026-03-01T09:00:00Z"))
    })
    .transpose()
}

/// Describes a cause and the jobs that it blocks.
fn cause(group: &FailureGroup) -> String {
    let kinds: Vec<String> = group.kinds.iter().map(|(kind, jobs)| format!("{jobs} {kind}")).collect();
    let seen = group.last_seen.map(|at| format!(", last at {}", at.format("%Y-%m-%d %H:%M:%S"))).unwrap_or_default();
    format!(
        "{}  {} jobs ({} dead, {} to be retried): {}{seen}\n    {}",
        group.fingerprint,
        group.jobs,
        group.dead,
        group.retrying,
        kinds.join(", "),
        group.sample
    )
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
    for error in ledger::list_job_errors(db, workspace, id).await? {
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
    ledger::find_job(db, workspace, id).await?.with_context(|| format!("there is no job {id}"))
}

fn line(job: &JobRow) -> String {
    format!("{}  {:<20} {:<9} {}", job.id, job.kind, job.state, job.run_at.format("%Y-%m-%d %H:%M:%S"))
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}
