//! What it costs to work on pictures and templates in children instead of in the program itself: the same guests
//! through the same studio, both ways in turn, each round in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, bail};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use herald_app::config::Settings;
use herald_template::Bundle;
use herald_worker::studio::{Drawing, Drawn, Source, Studio};
use serde::{Deserialize, Serialize};

use crate::cpu::median;
use crate::invite::peak_mib;
use crate::table::{self, Table};

/// What a round needs.
#[derive(Args)]
pub(crate) struct Options {
    /// A template that has a picture
    template: PathBuf,
    /// A folder of pictures
    pictures: PathBuf,
    /// Guests of a round
    #[arg(long, default_value_t = 400)]
    guests: usize,
    /// Guests at once
    #[arg(long, default_value_t = 2)]
    at_once: usize,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Hands {
    Here,
    Children,
}

/// A round, or the medians of several.
#[derive(Serialize, Deserialize)]
struct Figures {
    /// From nothing to the first invitation.
    first_ms: f64,
    a_second: f64,
    /// Of an invitation, all processes together.
    cpu_ms: f64,
    /// All processes together.
    peak_mib: f64,
}

/// Lets both ways work in turn, and publishes their medians.
pub(crate) fn run(options: &Options, rounds: usize, results: &Path) -> anyhow::Result<()> {
    let mut text = Table::new(&["", "first ms", "a second", "CPU ms", "peak MiB"]);
    let mut all = Vec::new();
    for format in ["jpeg", "png"] {
        let (mut here, mut children) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            here.push(round_apart(options, "here", format)?);
            children.push(round_apart(options, "children", format)?);
        }
        for (name, rounds) in [("in the program", here), ("in children", children)] {
            let of = |figure: fn(&Figures) -> f64| median(rounds.iter().map(figure).collect());
            let figures = Figures {
                first_ms: of(|f| f.first_ms),
                a_second: of(|f| f.a_second),
                cpu_ms: of(|f| f.cpu_ms),
                peak_mib: of(|f| f.peak_mib),
            };
            text.row(vec![
                format!("{format}, {name}"),
                format!("{:.0}", figures.first_ms),
                format!("{:.1}", figures.a_second),
                format!("{:.2}", figures.cpu_ms),
                format!("{:.0}", figures.peak_mib),
            ]);
            all.push(figures);
        }
    }
    let cost = |at: usize| 100.0 * (all[at + 1].cpu_ms / all[at].cpu_ms - 1.0);
    let text = format!("{text}\nCPU in children: {:+.1} % (jpeg), {:+.1} % (png); aim: under 10 %.", cost(0), cost(2));
    table::publish(results, "drawing", &text, &all)
}

fn round_apart(options: &Options, hands: &str, format: &str) -> anyhow::Result<Figures> {
    let output = Command::new(std::env::current_exe().context("finding this program")?)
        .args(["drawing-round", hands, format])
        .args([&options.template, &options.pictures])
        .args(["--guests", &options.guests.to_string(), "--at-once", &options.at_once.to_string()])
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("starting a round")?;
    if !output.status.success() {
        bail!("a round ended with {}", output.status);
    }
    serde_json::from_slice(&output.stdout).context("reading a round's figures")
}

/// One round; prints its figures.
pub(crate) fn round(options: &Options, hands: Hands, format: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let figures = runtime.block_on(measure(options, hands, format))?;
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

async fn measure(options: &Options, hands: Hands, format: &str) -> anyhow::Result<Figures> {
    let bundle = Bundle::read(&options.template)?;
    let pictures = pictures(&options.pictures)?;
    let mut settings = Settings::load(None)?;
    settings.worker.cpu = options.at_once;
    let start = Instant::now();
    let studio = match hands {
        Hands::Here => Studio::in_process(&settings)?,
        Hands::Children => Studio::in_children(&settings, std::env::current_exe()?, options.at_once)?,
    };
    let guest = async |number: usize| -> anyhow::Result<()> {
        let source = Source::Given(&bundle);
        let cut = studio.crop(pictures[number % pictures.len()].clone(), 348).await?;
        let portrait = cut.portrait.map(|(_, portrait)| portrait);
        let name = format!("Guest Number {number}");
        let drawing = Drawing {
            fields: herald_invitations::fields_of(&name, Some("guest@example.com"), None, None, &Default::default()),
            number: format!("{number:06}"),
            link: format!("https://invites.example.com/i/a-link-as-long-as-they-are-{number:06}"),
            format: format.parse().expect("a format that Herald knows"),
            portrait: None,
            allow_missing_glyphs: true,
            unless: None,
        };
        match studio.draw(source, drawing, portrait).await? {
            Drawn::New { .. } => Ok(()),
            Drawn::Unchanged => bail!("it was not drawn"),
        }
    };
    guest(0).await?;
    let first_ms = start.elapsed().as_secs_f64() * 1000.0;
    let run = async |from: usize, to: usize| {
        let next = AtomicUsize::new(from);
        let line = async || -> anyhow::Result<()> {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= to {
                    return Ok(());
                }
                guest(number).await?;
            }
        };
        futures::future::try_join_all((0..options.at_once).map(|_| line())).await
    };
    run(1, 1 + 20 * options.at_once).await?;
    let (start, used) = (Instant::now(), cpu_ms()?);
    run(1_000, 1_000 + options.guests).await?;
    let (seconds, used) = (start.elapsed().as_secs_f64(), cpu_ms()? - used);
    let guests = options.guests as f64;
    let peak = everybody()?.into_iter().filter_map(peak_mib).sum();
    Ok(Figures { first_ms, a_second: guests / seconds, cpu_ms: used / guests, peak_mib: peak })
}

fn pictures(folder: &Path) -> anyhow::Result<Vec<Bytes>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "jpg"))
        .filter(|path| !path.ends_with("broken.jpg"))
        .collect();
    paths.sort();
    paths.iter().map(|path| Ok(std::fs::read(path)?.into())).collect()
}

/// This process and its children.
fn everybody() -> anyhow::Result<Vec<u32>> {
    let mut all = vec![std::process::id()];
    for thread in std::fs::read_dir("/proc/self/task")? {
        let children = std::fs::read_to_string(thread?.path().join("children"))?;
        all.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
    }
    Ok(all)
}

/// User and system time of all of them; the kernel counts in hundredths of a second.
fn cpu_ms() -> anyhow::Result<f64> {
    let mut ticks = 0_u64;
    for process in everybody()? {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        let (_, rest) = stat.rsplit_once(") ").context("reading a process's times")?;
        ticks += rest.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>();
    }
    Ok(ticks as f64 * 10.0)
}
