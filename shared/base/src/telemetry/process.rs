//! The metrics of every process about itself: version, role, processor time, memory, open files, and free space on the
//! disk.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use metrics_exporter_prometheus::PrometheusHandle;
use nix::sys::{
    resource::{Resource, UsageWho, getrlimit, getrusage},
    statvfs::statvfs,
};

use super::catalog::{BUILD, CPU, DISK, FILES, FILES_LIMIT, MEMORY, START};
use crate::clock::Clock;

/// How often observations are sorted into their buckets if nobody fetches the metrics; else they would accumulate.
const UPKEEP: Duration = Duration::from_secs(5);

static DATA: OnceLock<PathBuf> = OnceLock::new();

/// Sets the role of this process and the location of its data folder. From now on it keeps the collected metrics small.
pub fn this_process(role: &'static str, data: &Path, metrics: &PrometheusHandle) {
    BUILD.set([env!("CARGO_PKG_VERSION"), role], 1.0);
    START.set([], Clock::system().now().timestamp_micros() as f64 / 1e6);
    // A process has one data folder.
    let _ = DATA.set(data.to_owned());
    let metrics = metrics.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            metrics.run_upkeep();
        }
    });
}

/// Renders the answer of `/metrics`. It needs no query.
pub fn render(metrics: &PrometheusHandle) -> String {
    if let Some(memory) = memory() {
        MEMORY.set([], memory);
    }
    // The count includes the open folder itself.
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        FILES.set([], (files.count() as f64 - 1.0).max(0.0));
    }
    if let Ok((limit, _)) = getrlimit(Resource::RLIMIT_NOFILE) {
        FILES_LIMIT.set([], limit as f64);
    }
    if let Some(disk) = DATA.get().and_then(|data| statvfs(data).ok()) {
        let block = disk.fragment_size() as f64;
        DISK.set(["free"], disk.blocks_available() as f64 * block);
        DISK.set(["total"], disk.blocks() as f64 * block);
    }
    metrics.run_upkeep();
    let mut text = metrics.render();
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        let seconds: f64 = [usage.user_time(), usage.system_time()]
            .iter()
            .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
            .sum();
        let name = CPU.name;
        let _ = write!(text, "# HELP {name} {}\n# TYPE {name} counter\n{name} {seconds}\n", CPU.help);
    }
    text
}

/// This works on Linux only; elsewhere the metric is missing.
fn memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024.0)
}
