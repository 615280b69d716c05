//! The summary at the end of a run.

use std::{fs::OpenOptions, path::Path, time::Duration};

use anyhow::Context;
use herald_invitations as domain;
use herald_invitations::{Event, InvitationRow, InvitationState, Run, RunState, results};
use herald_providers::files::{Area, FilesError, folder};

use crate::home::Home;

/// The largest number of guests in the summary; the table contains all of them.
const NAMED: usize = 20;

/// The result of a run.
pub(crate) struct Summary<'a> {
    pub(crate) home: &'a Home,
    pub(crate) run: &'a Run,
    pub(crate) event: &'a Event,
    pub(crate) results: &'a Path,
    pub(crate) took: Duration,
    pub(crate) json: bool,
}

/// Checks before the work that the table can be written after it. An existing table stays until then.
pub(crate) fn check_writable(results: &Path) -> anyhow::Result<()> {
    OpenOptions::new().append(true).create(true).open(results).with_context(|| {
        format!("Herald cannot write the table of results to {}: choose another file with --results", results.display())
    })?;
    Ok(())
}

impl Summary<'_> {
    /// Prints the summary.
    pub(crate) async fn print(&self) -> anyhow::Result<()> {
        let (home, run) = (self.home, self.run);
        let failed = self.guests(Some(InvitationState::Failed)).await?;
        let remarked: Vec<InvitationRow> = self
            .guests(Some(InvitationState::Made))
            .await?
            .into_iter()
            .filter(|guest| !results::note(guest).is_empty())
            .collect();
        let problems = domain::list_problems(&home.db, home.workspace_id, run.id, NAMED * 4).await?;
        let folder = home.files.place(&format!("{}/{}", folder(home.workspace_id, Area::Invitations), self.event.slug));
        if self.json {
            let guests = |rows: &[InvitationRow]| -> Vec<serde_json::Value> {
                rows.iter().map(|row| serde_json::json!({ "guest": row.name, "note": results::note(row) })).collect()
            };
            say(&serde_json::json!({
                "event": "summary", "run": run.id, "state": run.state, "reason": run.reason, "total": run.total,
                    "made": run.made,
                "already": run.already, "failed": run.failed, "rejected": run.rejected, "cancelled": run.cancelled,
                "seconds": self.took.as_secs_f64(), "files": folder, "results": self.results,
                "failures": guests(&failed), "notes": guests(&remarked), "rows": problems,
            })
            .to_string());
            return Ok(());
        }
        let seconds = self.took.as_secs_f64();
        let mut parts = vec![format!("{} made", run.made)];
        for (count, text) in [
            (run.already, "already had one"),
            (run.failed, "failed"),
            (run.cancelled, "cancelled"),
            (run.rejected, "rows of the list rejected"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {text}"));
            }
        }
        say(&format!("{} in {seconds:.1} s", parts.join(", ")));
        match run.state {
            RunState::Failed => say(&format!(
                "Herald did not read the list to its end: {}",
                run.reason.as_deref().unwrap_or("the reason is not known")
            )),
            RunState::Importing | RunState::Running => say("interrupted: run the same command again to make the rest"),
            RunState::Complete | RunState::Cancelled => {}
        }
        // A cause that affects all of these guests is printed once.
        let full = FilesError::DiskFull.to_string();
        let (full_for, failed): (Vec<_>, Vec<_>) = failed.iter().partition(|row| results::note(row).contains(&full));
        let others = run.failed - i64::try_from(full_for.len()).unwrap_or(i64::MAX);
        section("failed", failed.iter().map(|row| (row.name.as_str(), results::note(row))), others);
        if !full_for.is_empty() {
            say(&format!("{} guests have no invitation yet: {full}", full_for.len()));
        }
        let refused = domain::refused_rows(&home.db, home.workspace_id, run.id, NAMED).await?;
        let refused = refused.iter().map(|problem| (problem.guest.as_str(), problem.message.clone()));
        section("rejected rows", refused, run.rejected);
        let remarks = remarked.iter().map(|row| (row.name.as_str(), results::note(row)));
        let notes = problems
            .iter()
            .filter(|problem| !problem.fatal)
            .map(|problem| (problem.guest.as_str(), problem.message.clone()));
        let all: Vec<_> = notes.chain(remarks).collect();
        let count = i64::try_from(all.len()).unwrap_or(i64::MAX);
        section("worth a look", all.into_iter(), count);
        say(&format!("invitations  {folder}"));
        say(&format!("results      {}", self.results.display()));
        Ok(())
    }

    async fn guests(&self, state: Option<InvitationState>) -> anyhow::Result<Vec<InvitationRow>> {
        Ok(domain::run_guests(&self.home.db, self.home.workspace_id, self.run.id, state, None, 1_000).await?)
    }
}

fn section<'a>(title: &str, lines: impl Iterator<Item = (&'a str, String)>, count: i64) {
    if count == 0 {
        return;
    }
    say(&format!("\n{title}:"));
    let mut shown = 0;
    for (guest, text) in lines.take(NAMED) {
        shown += 1;
        say(&if guest.is_empty() { format!("  {text}") } else { format!("  {guest}: {text}") });
    }
    if count > shown {
        say(&format!("  … and {} more in the table of results", count - shown));
    }
    say("");
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}
