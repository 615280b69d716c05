//! The progress of a campaign: a bar on a terminal, plain lines in a pipe, JSON lines for programs.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use herald_messaging::{Campaign, CampaignCounts};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::in_words;

/// The interval between two lines.
const LINE_EVERY: Duration = Duration::from_secs(2);
/// If nothing goes out for so long, the person is told what that may mean.
const STILL: Duration = Duration::from_secs(10);

/// Shows the progress of a campaign.
pub(super) struct Progress {
    face: Face,
    last: Option<Instant>,
    moved: (Instant, CampaignCounts),
    is_still: bool,
}

enum Face {
    Bar(ProgressBar),
    Lines,
    Json,
}

impl Progress {
    pub(super) fn new(as_json: bool) -> Self {
        let face = if as_json {
            Face::Json
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10));
            let style = ProgressStyle::with_template("{bar:32.cyan/dim} {pos}/{len}  {msg}  {elapsed} elapsed");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━╌"));
            Face::Bar(bar)
        } else {
            Face::Lines
        };
        Self { face, last: None, moved: (Instant::now(), CampaignCounts::default()), is_still: false }
    }

    /// Prints a note, above the progress.
    pub(super) fn note(&self, text: &str) {
        match &self.face {
            Face::Bar(bar) => bar.println(format!("note: {text}")),
            Face::Lines => line(&format!("note: {text}")),
            Face::Json => out(&json!({ "event": "note", "text": text })),
        }
    }

    /// Shows how far a campaign is.
    pub(super) fn show(&mut self, campaign: &Campaign, counts: CampaignCounts) {
        self.watch(counts);
        let is_due = self.last.is_none_or(|last| last.elapsed() >= LINE_EVERY);
        let ended = counts.planned - counts.open();
        match &self.face {
            Face::Bar(bar) => {
                bar.set_length(counts.planned.unsigned_abs());
                bar.set_position(ended.unsigned_abs());
                bar.set_message(if campaign.planned_at.is_none() { "planning".to_owned() } else { in_words(counts) });
            }
            Face::Lines if is_due && counts.planned > 0 => {
                self.last = Some(Instant::now());
                line(&format!("{ended}/{}  {}", counts.planned, in_words(counts)));
            }
            Face::Json if is_due => {
                self.last = Some(Instant::now());
                out(&json!({ "event": "progress", "state": campaign.state, "counts": counts }));
            }
            Face::Lines | Face::Json => {}
        }
    }

    /// Says once why nothing may go out.
    fn watch(&mut self, counts: CampaignCounts) {
        if counts != self.moved.1 {
            (self.moved, self.is_still) = ((Instant::now(), counts), false);
        } else if !self.is_still && self.moved.0.elapsed() >= STILL {
            self.is_still = true;
            self.note(
                "nothing goes out just now: the hours or the limits of the campaign or its sender, or a mail server \
                 that is away. Herald goes on by itself; if you stop this command, the same command sends the rest",
            );
        }
    }

    /// Shows the end, and removes the bar.
    pub(super) fn finish(&mut self, campaign: &Campaign, counts: CampaignCounts) {
        self.last = None;
        self.show(campaign, counts);
        if let Face::Bar(bar) = &self.face {
            bar.finish_and_clear();
        }
    }
}

#[expect(clippy::print_stderr, reason = "progress goes beside the command's answer")]
fn line(text: &str) {
    eprintln!("{text}");
}

#[expect(clippy::print_stdout, reason = "asked for with --json")]
fn out(event: &serde_json::Value) {
    println!("{event}");
}
