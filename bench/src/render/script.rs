//! The script Herald replaces, as a process that makes one invitation at a time.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub(super) struct Script {
    child: Child,
    /// None once it is to end.
    asks: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// What it made.
#[derive(Deserialize)]
pub(super) struct Made {
    /// CPU milliseconds by stage.
    pub(super) stages_ms: BTreeMap<String, f64>,
    /// The file.
    pub(super) kb: f64,
}

impl Made {
    pub(super) fn whole_ms(&self) -> f64 {
        self.stages_ms.values().sum()
    }
}

impl Script {
    /// Starts it, and returns the versions of what it is made of.
    pub(super) fn start(
        command: &[PathBuf],
        scene: &Path,
        samples: &Path,
    ) -> anyhow::Result<(Self, BTreeMap<String, String>)> {
        let [python, script] = command else { bail!("--script wants Python and the script") };
        let mut child = Command::new(python)
            .arg(script)
            .arg(scene)
            .arg("--samples")
            .arg(samples)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", script.display()))?;
        let (asks, answers) = child.stdin.take().zip(child.stdout.take()).context("the script has no pipes")?;
        let mut script = Self { child, asks: Some(asks), answers: BufReader::new(answers) };
        let versions = script.answer()?;
        Ok((script, versions))
    }

    /// Makes the next guest's invitation. `mode` is `detect`, `cached` or `careful`.
    pub(super) fn invitation(&mut self, size: &str, format: &str, mode: &str) -> anyhow::Result<Made> {
        let asks = self.asks.as_mut().context("the script was ended")?;
        writeln!(asks, "{size} {format} {mode}").context("asking the script")?;
        self.answer()
    }

    fn answer<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let mut line = String::new();
        self.answers.read_line(&mut line).context("hearing from the script")?;
        serde_json::from_str(&line).with_context(|| format!("the script said {line:?}"))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // It ends with what it reads.
        drop(self.asks.take());
        let _ = self.child.wait();
    }
}
