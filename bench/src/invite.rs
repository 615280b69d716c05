//! The real command `herald invite`, run as a user runs it and watched while it runs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;

/// What each run of the command needs.
#[derive(Args)]
pub(crate) struct Options {
    /// The program
    herald: PathBuf,
    /// Template to render
    #[arg(long)]
    template: PathBuf,
    /// The set that faces/make.py made: pictures for the guests
    #[arg(long)]
    faces: PathBuf,
    /// Folder for the lists and data folders, which are removed
    #[arg(long)]
    scratch: PathBuf,
    /// Folder for the figures and the table
    #[arg(long)]
    pub(crate) results: PathBuf,
}

/// A folder in the cache that is removed when it is no longer needed; what cannot be removed is only in the way.
pub(crate) struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Options {
    /// A folder of its own for a part of the bench.
    pub(crate) fn scratch(&self, part: &str) -> Scratch {
        Scratch(self.scratch.join(format!("{part}-{}", std::process::id())))
    }

    /// Makes the invitations of so many guests, nine in ten with a picture, and returns the seconds it took. `look` is
    /// called with the process's id fifty times a second.
    pub(crate) fn invite(&self, scratch: &Scratch, guests: usize, mut look: impl FnMut(u32)) -> anyhow::Result<f64> {
        let folder = scratch.0.join(guests.to_string());
        let list = write_list(&folder, &self.faces, guests)?;
        let start = Instant::now();
        let mut child = Command::new(&self.herald)
            .arg("invite")
            .arg(list)
            .arg("--template")
            .arg(&self.template)
            .arg("--data")
            .arg(folder.join("data"))
            .arg("--results")
            .arg(folder.join("results.csv"))
            .args(["--digits", "6"])
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", self.herald.display()))?;
        let status = loop {
            look(child.id());
            if let Some(status) = child.try_wait().context("waiting for herald")? {
                break status;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let seconds = start.elapsed().as_secs_f64();
        if !status.success() {
            bail!("herald invite for {guests} guests ended with {status}");
        }
        Ok(seconds)
    }
}

/// A list of guests with pictures beside it: 24 different ones in turn, and every tenth guest without.
fn write_list(folder: &Path, set: &Path, guests: usize) -> anyhow::Result<PathBuf> {
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

/// Peak resident memory of a process so far (`VmHWM`).
pub(crate) fn peak_mib(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

/// What was seen last in each tenth of the time.
pub(crate) fn tenths(seen: &[f64]) -> anyhow::Result<Vec<f64>> {
    let last = |tenth: usize| seen.get((seen.len() * tenth / 10).saturating_sub(1)).copied();
    (1..=10).map(last).collect::<Option<_>>().context("herald ended before its memory was read")
}
