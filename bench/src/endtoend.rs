//! `herald invite` from the list to the finished files on one machine: invitations a second, and what of the
//! processor's time goes into drawing, into the database and into the rest, told by the names of the program's threads.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::invite::{Options, Scratch, peak_mib, tenths};
use crate::table::{self, Table};

/// A kind of work, and how the names of the threads that do it begin.
const STAGES: [(&str, &str); 2] =
    [("pictures: decode, find, crop, draw, encode, hash", "cpu-"), ("SQLite", "sqlx-sqlite")];
/// What the other threads do.
const REST: &str = "ledger, file store and all else";

#[derive(Serialize)]
struct Figures {
    guests: usize,
    seconds: f64,
    stages: Vec<Stage>,
    /// Peak so far at each tenth of the time.
    peak_mib: Vec<f64>,
}

/// CPU milliseconds of an invitation.
#[derive(Serialize)]
struct Stage {
    what: &'static str,
    user_ms: f64,
    system_ms: f64,
}

/// CPU time of a thread in clock ticks: user and system.
type Ticks = (u64, u64);

/// Runs `herald invite` for a list of so many guests.
pub(crate) fn run(options: &Options, guests: usize) -> anyhow::Result<()> {
    // Removed after the figures are out: tens of gigabytes take their time.
    let scratch = options.scratch("endtoend");
    let figures = measure(options, &scratch, guests)?;
    let mut text = Table::new(&["CPU of an invitation, ms", "user", "system", "together"]);
    let sum = |of: &dyn Fn(&Stage) -> f64| figures.stages.iter().map(of).sum::<f64>();
    let row = |what: &str, user: f64, system: f64| {
        vec![what.to_owned(), format!("{user:.2}"), format!("{system:.2}"), format!("{:.2}", user + system)]
    };
    for stage in &figures.stages {
        text.row(row(stage.what, stage.user_ms, stage.system_ms));
    }
    text.row(row("whole", sum(&|stage| stage.user_ms), sum(&|stage| stage.system_ms)));
    let pictures = figures.stages[0].user_ms + figures.stages[0].system_ms;
    let others = sum(&|stage| stage.user_ms + stage.system_ms) - pictures;
    let verdict = if others < pictures { "less" } else { "not less: missed" };
    let curve: Vec<String> = figures.peak_mib.iter().map(|peak| format!("{peak:.0}")).collect();
    let text = format!(
        "{guests} guests in {:.1} s, {:.0} invitations a second; peak MiB at each tenth of the time: {}.\n\n{text}\n\
         Everything but the pictures costs {others:.2} ms, the pictures {pictures:.2}: {verdict}.",
        figures.seconds,
        guests as f64 / figures.seconds,
        curve.join(" "),
    );
    table::publish(&options.results, "endtoend", &text, &figures)
}

fn measure(options: &Options, scratch: &Scratch, guests: usize) -> anyhow::Result<Figures> {
    let (mut threads, mut peaks) = (BTreeMap::new(), Vec::new());
    let seconds = options.invite(scratch, guests, |process| {
        // What a thread uses after the last look is lost: a fiftieth of a second at most.
        threads.extend(read_threads(process));
        peaks.extend(peak_mib(process));
    })?;
    Ok(Figures { guests, seconds, stages: by_stage(threads.into_values(), guests), peak_mib: tenths(&peaks)? })
}

fn by_stage(threads: impl Iterator<Item = (String, Ticks)>, guests: usize) -> Vec<Stage> {
    let mut ticks = [(0, 0); STAGES.len() + 1];
    for (name, (user, system)) in threads {
        let stage = STAGES.iter().position(|(_, prefix)| name.starts_with(prefix)).unwrap_or(STAGES.len());
        ticks[stage].0 += user;
        ticks[stage].1 += system;
    }
    // Linux counts in hundredths of a second for every program (USER_HZ).
    let ms = |ticks: u64| ticks as f64 * 10.0 / guests as f64;
    let names = STAGES.iter().map(|(what, _)| *what).chain([REST]);
    names.zip(ticks).map(|(what, (user, system))| Stage { what, user_ms: ms(user), system_ms: ms(system) }).collect()
}

/// The threads of a process by their ids.
fn read_threads(process: u32) -> Vec<(u64, (String, Ticks))> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.ok()?.path();
        let id = path.file_name()?.to_str()?.parse().ok()?;
        Some((id, parse_stat(&std::fs::read_to_string(path.join("stat")).ok()?)?))
    };
    entries.filter_map(read).collect()
}

/// Name and ticks out of a line of `/proc/…/stat` (proc(5)); the name is in brackets and may hold some.
fn parse_stat(line: &str) -> Option<(String, Ticks)> {
    let (name, rest) = (line.find('(')?, line.rfind(')')?);
    // The third field of all is the first behind the name; ticks are fields 14 and 15.
    let mut fields = line[rest + 1..].split_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((line[name + 1..rest].to_owned(), (user, system)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read_behind_any_name_and_summed_by_stage() {
        let line = |name: &str| format!("77 ({name}) S 1 2 3 4 5 6 7 8 9 10 120 30 0 0 20 0 9 0 1 2");
        assert_eq!(parse_stat(&line("a) (b")), Some(("a) (b".to_owned(), (120, 30))));
        assert_eq!(parse_stat("77 (short) S 1"), None);
        let names = ["cpu-0", "cpu-1", "sqlx-sqlite-wor", "tokio-rt-worker"];
        let stages = by_stage(names.iter().filter_map(|name| parse_stat(&line(name))), 100);
        let sums: Vec<(f64, f64)> = stages.iter().map(|stage| (stage.user_ms, stage.system_ms)).collect();
        assert_eq!(sums, [(24.0, 6.0), (12.0, 3.0), (12.0, 3.0)]);
    }
}
