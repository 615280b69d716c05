//! `herald workers`: shows the live fleet.

use std::process::ExitCode;

use chrono::TimeDelta;
use herald_base::{clock::Clock, ids::Ids};
use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{
    WORKER_BELIEVED, WorkerRow, WorkerState,
    audit::{self, Entry},
};

use crate::{
    args::{Common, Workers},
    audit::me,
    home,
};

pub(crate) async fn run(common: &Common, options: Workers) -> anyhow::Result<ExitCode> {
    let settings = home::settings(common)?;
    let db = Db::connect(&home::database(&settings, &common.data), Clock::system(), Ids::random()).await?;
    if options.quiet || options.resume {
        let actor = me(herald_people::ensure_default_workspace(&db).await?);
        let mut tx = db.begin().await?;
        let asked = ledger::ask_quiet_in(&mut tx, options.name.as_deref(), options.quiet).await?;
        let action = if options.quiet { "worker.quiet" } else { "worker.resume" };
        let target = options.name.as_deref().unwrap_or("every worker");
        audit::record(&mut tx, &actor, Entry::of(action, target).affecting(asked)).await?;
        tx.commit().await?;
        say(&format!(
            "asked {asked} workers to {}",
            if options.quiet { "take no more jobs" } else { "take jobs again" }
        ));
        let nobody = asked == 0;
        return Ok(if nobody { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    let now = db.now();
    let workers = ledger::list_workers(&db, now - TimeDelta::hours(1)).await?;
    if options.json {
        for worker in &workers {
            say(&serde_json::to_string(worker)?);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if workers.is_empty() {
        say("no worker has reported within the last hour: start one with `herald worker`");
    }
    for worker in &workers {
        say(&line(worker, now));
    }
    Ok(ExitCode::SUCCESS)
}

fn line(worker: &WorkerRow, now: chrono::DateTime<chrono::Utc>) -> String {
    let silent = now - worker.seen_at;
    let state = if silent > WORKER_BELIEVED {
        format!("silent for {} s", silent.num_seconds())
    } else if worker.quiet_asked && worker.state == WorkerState::Running {
        "asked to be quiet".to_owned()
    } else {
        worker.state.to_string()
    };
    let queues: Vec<String> =
        worker.queues.0.iter().map(|(queue, capacity)| format!("{queue}={}", capacity.concurrency)).collect();
    format!(
        "{:<28} {:<18} {:>4} running  {:<30} version {}, up {} s",
        worker.name,
        state,
        worker.running,
        queues.join(","),
        worker.version,
        (now - worker.started_at).num_seconds()
    )
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}
