//! The table as people and programs read it.

use std::{fmt::Write as _, path::Path, time::Duration};

use anyhow::Result;
use serde_json::json;

/// One scenario's line.
#[derive(Clone, Debug)]
pub struct Row {
    /// The scenario.
    pub scenario: &'static str,
    /// Why it was not played.
    pub skipped: Option<&'static str>,
    /// Jobs that the API acknowledged.
    pub jobs_in: usize,
    /// Jobs that the ledger has as succeeded and the effect log has an effect of.
    pub done: usize,
    /// Calls for an effect that was made already.
    pub run_twice: usize,
    /// Effects beyond the first of one job.
    pub effects_twice: usize,
    /// From the end of the fault; `None` if it did not recover in time.
    pub recovery: Option<Duration>,
    /// Processes started again after an end that the scenario ordered.
    pub killed: usize,
    /// Processes started again after an end of their own.
    pub ended: usize,
    /// Whether every process is alive at the end.
    pub alive: bool,
    /// What went wrong with the scenario itself.
    pub error: Option<String>,
}

impl Row {
    /// One that nothing is known of yet.
    pub(super) fn of(scenario: &'static str) -> Self {
        Self {
            scenario,
            skipped: None,
            jobs_in: 0,
            done: 0,
            run_twice: 0,
            effects_twice: 0,
            recovery: None,
            killed: 0,
            ended: 0,
            alive: false,
            error: None,
        }
    }

    /// Jobs that were acknowledged and not done.
    pub fn lost(&self) -> usize {
        self.jobs_in.saturating_sub(self.done)
    }

    /// Whether it shows what the table is to show.
    pub fn holds(&self) -> bool {
        let kept = self.lost() == 0 && self.effects_twice == 0 && self.alive && self.recovery.is_some();
        self.skipped.is_some() || (kept && self.error.is_none())
    }
}

/// The table in Markdown, which is also what a terminal shows.
pub fn markdown(rows: &[Row]) -> String {
    let mut table = "| scenario | jobs in | done | lost | run twice | effects twice | time to recover | restarts: \
        ordered | own | alive |\n\
                     |---|--:|--:|--:|--:|--:|--:|--:|--:|---|\n"
        .to_owned();
    for row in rows {
        let _ = writeln!(table, "{}", line(row));
    }
    table
}

/// One line of the table.
pub fn line(row: &Row) -> String {
    if let Some(reason) = row.skipped {
        return format!("| {} | skipped: {reason} | | | | | | | | |", row.scenario);
    }
    let recovery = row.recovery.map_or_else(|| "not in time".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()));
    format!(
        "| {} | {} | {} | {} | {} | {} | {recovery} | {} | {} | {}{} |",
        row.scenario,
        row.jobs_in,
        row.done,
        row.lost(),
        row.run_twice,
        row.effects_twice,
        row.killed,
        row.ended,
        if row.alive { "yes" } else { "NO" },
        row.error.as_ref().map_or_else(String::new, |error| format!(" ({error})")),
    )
}

/// Writes `kill-table.md` and `kill-table.json` into a folder.
///
/// # Errors
/// When they cannot be written.
pub fn write(rows: &[Row], seed: u64, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("kill-table.md"), format!("Seed {seed}\n\n{}", markdown(rows)))?;
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "scenario": row.scenario, "skipped": row.skipped, "jobs_in": row.jobs_in, "done": row.done,
                    "lost": row.lost(),
                "run_twice": row.run_twice, "effects_twice": row.effects_twice,
                "recovery_seconds": row.recovery.map(|time| time.as_secs_f64()), "restarts_ordered": row.killed,
                "restarts_own": row.ended, "alive": row.alive, "error": row.error,
            })
        })
        .collect();
    let report = serde_json::to_vec_pretty(&json!({ "seed": seed, "rows": rows }))?;
    Ok(std::fs::write(folder.join("kill-table.json"), report)?)
}
