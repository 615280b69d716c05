//! The script's side: uploads/script.py on the same drawings.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use herald_tests::fakes::FakeGoogle;

use super::{FakeDrive, Options};

pub(super) fn upload(options: &Options, drive: &FakeDrive, drawings: &Path, threads: usize) -> anyhow::Result<()> {
    let google = &drive.google;
    let refresh = google.consented(FakeGoogle::DRIVE);
    let mut command = Command::new(&options.python);
    command.arg(&options.script).arg(drawings).args(["--threads", &threads.to_string(), "--folder", &drive.mine]);
    command.args(["--drive", &google.drive(), "--upload", &google.upload(), "--token", &google.token_uri()]);
    command.args(["--client", FakeGoogle::CLIENT_ID, FakeGoogle::CLIENT_SECRET, &refresh]).stdout(Stdio::null());
    let status = command.status().with_context(|| format!("starting {}", options.python.display()))?;
    ensure!(status.success(), "the script ended with {status}");
    Ok(())
}
