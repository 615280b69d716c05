//! `herald audit`: who did what, and whether the log is whole.

use std::process::ExitCode;

use herald_shared::{
    domain,
    ledger::audit::{self, Actor, AuditFilter, AuditRow},
};
use uuid::Uuid;

use crate::{
    args::{Audit, Common},
    home,
};

/// Whoever typed the command, for the log.
pub(crate) fn me(workspace_id: Uuid) -> Actor {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".to_owned());
    Actor::cli(workspace_id, &user)
}

pub(crate) async fn run(common: &Common, options: Audit) -> anyhow::Result<ExitCode> {
    let db = home::ledger(common).await?;
    let workspace = domain::ensure_default_workspace(&db).await?;
    if options.verify {
        let found = audit::verify(&db, workspace).await?;
        db.close().await;
        return Ok(match found.broken {
            Some(broken) => {
                say(&format!("the log is not as it was written: {broken}; {} rows before that are", found.rows));
                ExitCode::FAILURE
            }
            None => {
                say(&format!("{} rows, as they were written; the last one's hash is {}", found.rows, found.head));
                ExitCode::SUCCESS
            }
        });
    }
    let filter = AuditFilter { action: options.action, ..AuditFilter::default() };
    for row in audit::log(&db, workspace, &filter, options.limit).await? {
        say(&if options.json { serde_json::to_string(&row)? } else { line(&row) });
    }
    db.close().await;
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
