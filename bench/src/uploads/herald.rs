//! Herald's side: a run whose invitations are all drawn while the queue of uploads is paused, and then goes on.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail, ensure};

use super::{FakeDrive, LOOK, Options, PATIENCE};
use crate::invite::peak_mib;

/// A data folder with drawn invitations.
pub(super) struct Rendered<'a> {
    options: &'a Options,
    drive: &'a FakeDrive,
    folder: PathBuf,
    at_once: usize,
}

impl<'a> Rendered<'a> {
    /// Draws as many as there are to be uploads. `rate` is the queue's rate and burst.
    pub(super) fn make(
        options: &'a Options,
        folder: &Path,
        drive: &'a FakeDrive,
        at_once: usize,
        uploads: usize,
        rate: Option<(&str, &str)>,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let rows: String =
            (0..uploads).map(|guest| format!("Guest Number {guest},guest{guest}@example.org\n")).collect();
        std::fs::write(folder.join("guests.csv"), format!("name,email\n{rows}")).context("writing the guest list")?;
        std::fs::write(folder.join("key.json"), drive.google.service_account_key_json()).context("writing the key")?;
        let rendered = Self { options, drive, folder: folder.to_owned(), at_once };
        rendered.run(&["connect", "google", "--service-account", "key.json", "--folder", &drive.shared])?;
        let (rate, burst) = rate.unwrap_or(("none", "none"));
        rendered.run(&["queues", "limit", "drive", "--rate", rate, "--burst", burst])?;
        rendered.run(&["queues", "pause", "drive"])?;
        let mut drawing = rendered.invite()?;
        let began = Instant::now();
        while rendered.drawn() < uploads {
            ensure!(drawing.try_wait()?.is_none() && began.elapsed() < PATIENCE, "the invitations are not drawn");
            std::thread::sleep(LOOK * 10);
        }
        // Asked to stop, it still writes down what it did.
        let asked = Command::new("sh").args(["-c", &format!("kill -s TERM {}", drawing.id())]).status();
        ensure!(asked.context("stopping herald")?.success(), "herald could not be asked to stop");
        drawing.wait().context("waiting for herald")?;
        rendered.run(&["queues", "resume", "drive"])?;
        Ok(rendered)
    }

    /// Uploads them. `peak` is the most memory that the process ever had.
    pub(super) fn upload(&self, peak: &mut f64) -> anyhow::Result<()> {
        let mut child = self.invite()?;
        let status = loop {
            // The kernel keeps the peak itself; only what comes after the last look is lost.
            *peak = peak_mib(child.id()).unwrap_or(*peak);
            if let Some(status) = child.try_wait().context("waiting for herald")? {
                break status;
            }
            std::thread::sleep(LOOK * 5);
        };
        ensure!(status.success(), "herald invite ended with {status}");
        Ok(())
    }

    /// Where the drawings are, for the script: those of the one workspace.
    pub(super) fn drawings(&self) -> PathBuf {
        let workspaces = self.folder.join("data/files/workspaces");
        let one = std::fs::read_dir(&workspaces).ok().and_then(|mut found| found.next()).and_then(Result::ok);
        one.map_or(workspaces, |workspace| workspace.path().join("renderings"))
    }

    fn drawn(&self) -> usize {
        // What is not whole yet has a `#` in its name.
        let whole = |path: &Path| !path.to_string_lossy().contains('#');
        files(&self.drawings()).iter().filter(|path| whole(path)).count()
    }

    fn invite(&self) -> anyhow::Result<Child> {
        let mut command =
            self.command(&["invite", "guests.csv", "--digits", "6", "--format", "jpeg", "--event", "Gala"]);
        command.arg("--template").arg(&self.options.template).args(["--to-drive", &self.drive.shared]);
        command.spawn().context("starting herald")
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let status = self.command(arguments).status().context("starting herald")?;
        if !status.success() {
            bail!("herald {} ended with {status}", arguments.join(" "));
        }
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let google = &self.drive.google;
        let mut command = Command::new(&self.options.herald);
        command.current_dir(&self.folder).args(["--data", "data"]).args(arguments).stdout(Stdio::null());
        command.env("HERALD__WORKER__DRIVE", self.at_once.to_string());
        command.env("HERALD__GOOGLE__TOKEN_URL", google.token_uri()).env("HERALD__GOOGLE__AUTH_URL", google.auth_uri());
        command.env("HERALD__GOOGLE__DRIVE_URL", google.drive()).env("HERALD__GOOGLE__UPLOAD_URL", google.upload());
        command.env("HERALD__GOOGLE__FILE_LINK", format!("{}/file/d/{{id}}/view?usp=drivesdk", google.origin()));
        command
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
