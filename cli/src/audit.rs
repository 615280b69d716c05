//! `herald audit`: shows the actions of people, and verifies that the log is complete.

use std::process::ExitCode;

use anyhow::Context;
use herald_db::Db;
use herald_ledger::audit::{self, Actor, AuditFilter, AuditRow, Checkpoint};
use uuid::Uuid;

use crate::{
    args::{Audit, Common},
    home,
};

/// The person who typed the command, for the log.
pub(crate) fn me(workspace_id: Uuid) -> Actor {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".to_owned());
    Actor::cli(workspace_id, &user)
}

pub(crate) async fn run(common: &Common, options: Audit) -> anyhow::Result<ExitCode> {
    let db = home::ledger(common).await?;
    let first = herald_people::ensure_default_workspace(&db).await?;
    let workspace = if options.installation { herald_people::installation(&db).await? } else { first };
    if options.verify {
        let checked = verify(common, &db, workspace, options.checkpoint.as_deref()).await;
        db.close().await;
        return checked;
    }
    let filter = AuditFilter { action: options.action, ..AuditFilter::default() };
    for row in audit::log(&db, workspace, &filter, options.limit).await? {
        say(&if options.json { serde_json::to_string(&row)? } else { line(&row) });
    }
    db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Verifies a log against the last stored checkpoint, and stores a new one.
async fn verify(common: &Common, db: &Db, workspace: Uuid, given: Option<&str>) -> anyhow::Result<ExitCode> {
    // The checkpoint lies outside the database, because an attacker who can write to the database may not reach this
    // file.
    let path = common.data.join(format!("audit-{workspace}.checkpoint"));
    let kept = match given {
        Some(given) => Some(given.to_owned()),
        None if path.exists() => {
            Some(std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?)
        }
        None => None,
    };
    let noted: Option<Checkpoint> = kept.map(|text| text.parse().map_err(anyhow::Error::msg)).transpose()?;
    let found = audit::verify(db, workspace, noted.as_ref()).await?;
    if let Some(broken) = found.broken {
        say(&format!("the log was changed: {broken}; the {} rows before that are as they were written", found.rows));
        return Ok(ExitCode::FAILURE);
    }
    say(&format!("all {} rows are as they were written; the hash of the last row is {}", found.rows, found.head));
    if found.unkeyed > 0 {
        say(&format!(
            "{} of these rows were written without the key, by an older version or by another program",
            found.unkeyed
        ));
    }
    if let Some(checkpoint) = found.checkpoint {
        std::fs::write(&path, &checkpoint).with_context(|| format!("writing {}", path.display()))?;
        say(&format!("keep this checkpoint elsewhere, for --checkpoint: {checkpoint}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn line(row: &AuditRow) -> String {
    let affected = row.affected.map(|affected| format!(", {affected} affected")).unwrap_or_default();
    let dry_run = if row.dry_run { " (only counted)" } else { "" };
    format!(
        "{:>6}  {}  {:<24} {} {}{affected}{dry_run}",
        row.seq,
        row.at.format("%Y-%m-%d %H:%M:%S"),
        row.who,
        row.action,
        row.target
    )
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}
