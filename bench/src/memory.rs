//! Peak memory of the real command for a short and for a long guest list: it must not grow with the list.

use serde::Serialize;

use crate::invite::{Options, Scratch, peak_mib, tenths};
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
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let scratch = options.scratch("memory");
    let all = LISTS.into_iter().map(|guests| measure(options, &scratch, guests)).collect::<Result<Vec<_>, _>>()?;
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
    table::publish(
        &options.results,
        "memory",
        &format!("{text}\n{growth:.2} times the short list's peak: {verdict}."),
        &all,
    )
}

fn measure(options: &Options, scratch: &Scratch, guests: usize) -> anyhow::Result<Figures> {
    let mut peaks = Vec::new();
    // The kernel keeps the peak itself; only what comes after the last look is lost.
    let seconds = options.invite(scratch, guests, |process| peaks.extend(peak_mib(process)))?;
    let curve_mib = tenths(&peaks)?;
    Ok(Figures { guests, peak_mib: curve_mib[9], seconds, curve_mib })
}
