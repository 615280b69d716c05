//! Peak memory of the real command for a short and for a long guest list: it must not grow with the list.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::Serialize;

use crate::table::{self, Table};

const LISTS: [usize; 2] = [100, 10_000];
/// More than this and memory is said to grow with the list.
const FLAT: f64 = 1.25;

#[derive(Serialize)]
struct Figures {
    guests: usize,
    peak_mib: f64,
    seconds: f64,
    /// Peak so far at each tenth of the time.
    curve_mib: Vec<f64>,
}

/// Runs `herald invite` for each list, with pictures of the face set.
pub(crate) fn run(herald: &Path, template: &Path, set: &Path, scratch: &Path, results: &Path) -> anyhow::Result<()> {
    let scratch = scratch.join(format!("memory-{}", std::process::id()));
    let outcome = measure(herald, template, set, &scratch);
    // It lies in the cache folder; what cannot be removed is only in the way.
    let _ = std::fs::remove_dir_all(&scratch);
    let all = outcome?;
    let mut text = Table::new(&["guests", "peak MiB", "seconds", "per second", "peak at each tenth of the run"]);
    for f in &all {
        let curve: Vec<String> = f.curve_mib.iter().map(|v| format!("{v:.0}")).collect();
        text.row(vec![
            f.guests.to_string(),
            format!("{:.0}", f.peak_mib),
            format!("{:.1}", f.seconds),
            format!("{:.0}", f.guests as f64 / f.seconds),
            curve.join(" "),
        ]);
    }
    let growth = all[all.len() - 1].peak_mib / all[0].peak_mib;
    let verdict = if growth <= FLAT { "flat" } else { "not flat: missed" };
    table::publish(results, "memory", &format!("{text}\n{growth:.2} times the short list's peak: {verdict}."), &all)
}

fn measure(herald: &Path, template: &Path, set: &Path, scratch: &Path) -> anyhow::Result<Vec<Figures>> {
    LISTS
        .into_iter()
        .map(|guests| {
            let folder = scratch.join(guests.to_string());
            let list = write_list(&folder, set, guests)?;
            invite(herald, template, &list, &folder.join("data"), guests)
        })
        .collect()
}

/// A list of guests with pictures beside it: 24 different ones in turn, and every tenth guest without.
pub(crate) fn write_list(folder: &Path, set: &Path, guests: usize) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let mut pictures: Vec<PathBuf> = std::fs::read_dir(set)
        .context("reading the face set")?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with("-plain.jpg"))
        .collect();
    pictures.sort();
    pictures.truncate(24);
    let mut names = Vec::new();
    for (index, picture) in pictures.iter().enumerate() {
        let name = format!("face{index:02}.jpg");
        std::fs::copy(picture, folder.join(&name)).with_context(|| format!("copying {}", picture.display()))?;
        names.push(name);
    }
    let mut rows = String::from("name,email,picture\n");
    for index in 0..guests {
        let picture = if index % 10 == 9 { "" } else { &*names[index % names.len()] };
        writeln!(rows, "Guest Number {index},guest{index}@example.org,{picture}")?;
    }
    let list = folder.join("guests.csv");
    std::fs::write(&list, rows).context("writing the guest list")?;
    Ok(list)
}

fn invite(herald: &Path, template: &Path, list: &Path, data: &Path, guests: usize) -> anyhow::Result<Figures> {
    let start = Instant::now();
    let mut child = Command::new(herald)
        .arg("invite")
        .arg(list)
        .arg("--template")
        .arg(template)
        .arg("--data")
        .arg(data)
        .arg("--results")
        .arg(data.with_extension("csv"))
        .args(["--digits", "6"])
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {}", herald.display()))?;
    let mut samples = Vec::new();
    let status = loop {
        // The kernel keeps the peak itself; only what comes after the last look is lost.
        samples.extend(peak_mib(child.id()));
        if let Some(status) = child.try_wait().context("waiting for herald")? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let seconds = start.elapsed().as_secs_f64();
    if !status.success() {
        bail!("herald invite for {guests} guests ended with {status}");
    }
    let peak_mib = *samples.last().context("herald ended before its memory was read")?;
    let curve_mib = (1..=10).map(|tenth| samples[(samples.len() * tenth / 10).saturating_sub(1)]).collect();
    Ok(Figures { guests, peak_mib, seconds, curve_mib })
}

/// Peak resident memory of a process so far (`VmHWM`).
pub(crate) fn peak_mib(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
