//! The progress of a run: a bar on a terminal, plain lines in a pipe, JSON lines for programs.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use herald_invitations::{Run, RunState};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The interval between two lines in a pipe.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Shows the progress of a run.
pub(crate) struct Progress {
    face: Face,
    /// The start of the work and the number of finished invitations then: the rate of a resumed run counts only this
    /// time.
    began: Option<(Instant, i64)>,
}

enum Face {
    Bar(ProgressBar),
    Lines { last: Option<Instant> },
    Json { last: Option<Instant> },
}

impl Progress {
    pub(crate) fn new(json: bool) -> Self {
        let face = if json {
            Face::Json { last: None }
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10));
            let style = ProgressStyle::with_template("{bar:32.cyan/dim} {pos}/{len}  {msg}  {elapsed} elapsed");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━╌"));
            Face::Bar(bar)
        } else {
            Face::Lines { last: None }
        };
        Self { face, began: None }
    }

    /// Prints a note once, above the progress.
    pub(crate) fn note(&self, text: &str) {
        match &self.face {
            Face::Bar(bar) => bar.println(format!("note: {text}")),
            Face::Lines { .. } => line(&format!("note: {text}")),
            Face::Json { .. } => json(&serde_json::json!({ "event": "note", "text": text })),
        }
    }

    /// Shows the current progress of the run.
    pub(crate) fn show(&mut self, run: &Run) {
        let rate = self.rate(run);
        let due = |last: &Option<Instant>| last.is_none_or(|last| last.elapsed() >= LINE_EVERY);
        match &mut self.face {
            Face::Bar(bar) => {
                bar.set_length(run.total.unsigned_abs());
                bar.set_position(done(run).unsigned_abs());
                bar.set_message(message(run, rate));
            }
            Face::Lines { last } if due(last) && run.total > 0 => {
                *last = Some(Instant::now());
                line(&format!("{}/{}  {}", done(run), run.total, message(run, rate)));
            }
            Face::Json { last } if due(last) => {
                *last = Some(Instant::now());
                json(&serde_json::json!({
                    "event": "progress", "state": run.state, "total": run.total, "made": run.made,
                        "already": run.already,
                    "failed": run.failed, "per_second": rate,
                    "eta_seconds": eta(run, rate).map(|eta| eta.as_secs()),
                }));
            }
            Face::Lines { .. } | Face::Json { .. } => {}
        }
    }

    /// Shows the final state of the run, and removes the bar.
    pub(crate) fn finish(&mut self, run: &Run) {
        if let Face::Lines { last } | Face::Json { last } = &mut self.face {
            *last = None;
        }
        self.show(run);
        if let Face::Bar(bar) = &self.face {
            bar.finish_and_clear();
        }
    }

    /// The number of invitations per second since this process began.
    fn rate(&mut self, run: &Run) -> f64 {
        let ended = run.made + run.failed;
        let (began, before) = *self.began.get_or_insert((Instant::now(), ended));
        let seconds = began.elapsed().as_secs_f64();
        if seconds < 0.2 { 0.0 } else { (ended - before) as f64 / seconds }
    }
}

fn done(run: &Run) -> i64 {
    run.made + run.already + run.failed + run.cancelled
}

fn eta(run: &Run, rate: f64) -> Option<Duration> {
    (rate > 0.0 && run.state == RunState::Running)
        .then(|| Duration::from_secs_f64((run.total - done(run)).max(0) as f64 / rate))
}

fn message(run: &Run, rate: f64) -> String {
    let mut text =
        if run.state == RunState::Importing { "reading the list".to_owned() } else { format!("{rate:.0}/s") };
    if let Some(eta) = eta(run, rate) {
        let seconds = eta.as_secs();
        text.push_str(&format!("  {}:{:02} left", seconds / 60, seconds % 60));
    }
    if run.failed > 0 {
        text.push_str(&format!("  {} failed", run.failed));
    }
    text
}

#[expect(clippy::print_stderr, reason = "progress goes beside the command's answer")]
fn line(text: &str) {
    eprintln!("{text}");
}

#[expect(clippy::print_stdout, reason = "asked for with --json")]
fn json(event: &serde_json::Value) {
    println!("{event}");
}
