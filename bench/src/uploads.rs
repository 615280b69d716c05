//! Uploads a second against how many there are at once: `herald invite` into a fake Drive that takes 50 ms for each
//! request, beside the script it replaces. Both are measured where it counts, at the Drive: from when a tenth of the
//! files has arrived to when all have.

mod herald;
mod script;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use herald_tests::fakes::FakeGoogle;
use serde::Serialize;
use tokio::runtime::Runtime;

use self::herald::Rendered;
use crate::table::{self, Table};

const LATENCY: Duration = Duration::from_millis(50);
const CONCURRENCY: [usize; 6] = [1, 2, 4, 8, 16, 32];
/// Under a quota of so many requests in so many seconds the queue has this rate and burst.
const QUOTA: (u64, Duration) = (1_000, Duration::from_secs(10));
const RATE: &str = "95/s";
const BURST: &str = "5";
/// Guests while there is a quota: enough for two of its windows.
const GUESTS_UNDER_QUOTA: usize = 2_000;
const LOOK: Duration = Duration::from_millis(2);
/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is needed of the machine.
pub(crate) struct Options {
    pub(crate) herald: PathBuf,
    /// Python, and the script it runs.
    pub(crate) python: PathBuf,
    pub(crate) script: PathBuf,
    pub(crate) template: PathBuf,
    pub(crate) scratch: PathBuf,
}

#[derive(Serialize)]
struct Figures {
    at_once: usize,
    uploads: usize,
    herald: Measured,
    /// Of Herald's process, in MiB.
    peak_mib: f64,
    script: Measured,
}

/// What was seen at the Drive.
#[derive(Serialize)]
struct Measured {
    per_second: f64,
    refused: usize,
    /// Files that never came, or that nobody can open.
    missing: usize,
}

/// Measures every concurrency, and the largest once more under a quota.
pub(crate) fn run(options: &Options, results: &Path) -> anyhow::Result<()> {
    let scratch = options.scratch.join(format!("uploads-{}", std::process::id()));
    let runtime = Runtime::new().context("starting tokio")?;
    let outcome = measure_all(options, &scratch, &runtime);
    // It lies in the cache folder; what cannot be removed is only in the way.
    let _ = std::fs::remove_dir_all(&scratch);
    let (free, limited) = outcome?;
    let text = format!("{}\n{}", scaling(&free), under_quota(&limited));
    table::publish(results, "uploads", &text, &(&free, &limited))
}

fn measure_all(options: &Options, scratch: &Path, runtime: &Runtime) -> anyhow::Result<(Vec<Figures>, Figures)> {
    let drive = FakeDrive::start(runtime);
    let mut free = Vec::new();
    for at_once in CONCURRENCY {
        // Some seconds for the slower of the two.
        let uploads = 100 * at_once.min(16);
        free.push(measure(options, scratch, &drive, at_once, uploads, None)?);
    }
    let most = CONCURRENCY[CONCURRENCY.len() - 1];
    let limited = measure(options, scratch, &drive, most, GUESTS_UNDER_QUOTA, Some((RATE, BURST)))?;
    Ok((free, limited))
}

fn measure(
    options: &Options,
    scratch: &Path,
    drive: &FakeDrive,
    at_once: usize,
    uploads: usize,
    rate: Option<(&str, &str)>,
) -> anyhow::Result<Figures> {
    let folder = scratch.join(format!("{at_once}-{uploads}"));
    drive.google.faults().latency(Duration::ZERO);
    let rendered = Rendered::make(options, &folder, drive, at_once, uploads, rate)?;
    drive.google.faults().latency(LATENCY);
    let quota = rate.map(|_| QUOTA);
    let mut peak_mib = 0.0;
    let herald = drive.measure(uploads, quota, || rendered.upload(&mut peak_mib))?;
    let script = drive.measure(uploads, quota, || script::upload(options, drive, &rendered.drawings(), at_once))?;
    std::fs::remove_dir_all(&folder).context("removing what was drawn")?;
    Ok(Figures { at_once, uploads, herald, peak_mib, script })
}

/// The Drive, in this process: it is nobody's peak memory.
struct FakeDrive {
    google: FakeGoogle,
    /// Where Herald's service account writes, and where the script's person does.
    shared: String,
    mine: String,
}

impl FakeDrive {
    fn start(runtime: &Runtime) -> Self {
        let google = runtime.block_on(FakeGoogle::start());
        google.forget_bytes(true);
        let shared = google.add_shared_drive("Events", &[(FakeGoogle::SERVICE_ACCOUNT, "fileOrganizer")]);
        let mine = google.add_folder("Invitations");
        Self { google, shared, mine }
    }

    /// Sees what arrives while `work` is done on another thread.
    fn measure(
        &self,
        uploads: usize,
        quota: Option<(u64, Duration)>,
        work: impl FnOnce() -> anyhow::Result<()> + Send,
    ) -> anyhow::Result<Measured> {
        let (limit, window) = quota.map_or((None, Duration::from_secs(1)), |(limit, window)| (Some(limit), window));
        // What was refused is counted anew.
        self.google.quota(limit, window);
        let before = self.google.file_count();
        let (began, mut first, mut last) = (Instant::now(), None, (Instant::now(), 0));
        std::thread::scope(|scope| {
            let work = scope.spawn(work);
            while !work.is_finished() && began.elapsed() < PATIENCE {
                let count = self.google.file_count() - before;
                if count > last.1 {
                    last = (Instant::now(), count);
                }
                if count >= uploads / 10 {
                    first.get_or_insert(last);
                }
                std::thread::sleep(LOOK);
            }
            work.join().unwrap_or_else(|_| bail!("the thread panicked"))
        })?;
        let (at, count) = first.context("too little was uploaded")?;
        let came = self.google.files().split_off(before);
        let opened = came.iter().filter(|file| file.public).count();
        Ok(Measured {
            per_second: (last.1 - count) as f64 / (last.0 - at).as_secs_f64(),
            refused: self.google.quota_exceeded(),
            missing: uploads.saturating_sub(opened),
        })
    }
}

/// Uploads a second and how they grow. What is ideal is told by the seconds that one upload takes when there is one at
/// once.
fn scaling(all: &[Figures]) -> Table {
    let mut text = Table::new(&[
        "at once",
        "uploads",
        "Herald, a second",
        "ideal",
        "efficiency",
        "peak MiB",
        "script, a second",
        "efficiency",
        "Herald / script",
    ]);
    let (herald, script) = (all[0].herald.per_second, all[0].script.per_second);
    for f in all {
        let times = f.at_once as f64;
        text.row(vec![
            f.at_once.to_string(),
            f.uploads.to_string(),
            format!("{:.1}", f.herald.per_second),
            format!("{:.1}", herald * times),
            format!("{:.2}", f.herald.per_second / (herald * times)),
            format!("{:.0}", f.peak_mib),
            format!("{:.1}", f.script.per_second),
            format!("{:.2}", f.script.per_second / (script * times)),
            format!("{:.1}×", f.herald.per_second / f.script.per_second),
        ]);
    }
    text
}

fn under_quota(f: &Figures) -> Table {
    let quota = format!("{} at once, quota of {} requests in {} s", f.at_once, QUOTA.0, QUOTA.1.as_secs());
    let mut text = Table::new(&[quota.as_str(), "uploads a second", "refused", "not there in the end"]);
    for (name, one) in [(format!("Herald, its queue at {RATE}"), &f.herald), ("script".to_owned(), &f.script)] {
        text.row(vec![name, format!("{:.1}", one.per_second), one.refused.to_string(), one.missing.to_string()]);
    }
    text
}
