//! Runs targets in children with bounds, and keeps what broke one.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::mutate::Mutator;
use super::{Found, Options, Target};

/// Processor time of a child beyond the time it fuzzes for: what one input may take at most, and the start.
const SLACK_SECONDS: u64 = 20;
/// Broken inputs after which a target is given up: they are mostly the same fault.
const ENOUGH: usize = 3;

/// Fuzzes the targets, one after the other.
///
/// # Errors
/// If a child cannot be started or its report cannot be read.
pub fn run(options: &Options, mut report: impl FnMut(&Found)) -> anyhow::Result<Vec<Found>> {
    fs::create_dir_all(&options.out).with_context(|| format!("making {}", options.out.display()))?;
    let mut all = Vec::new();
    for target in Target::ALL.into_iter().filter(|target| options.only.is_none_or(|only| only == *target)) {
        let found = fuzz(options, target)?;
        report(&found);
        all.push(found);
    }
    Ok(all)
}

fn fuzz(options: &Options, target: Target) -> anyhow::Result<Found> {
    let mut found = Found { target, inputs: 0, broken: Vec::new() };
    let began = Instant::now();
    let mut round = 0;
    while found.broken.len() < ENOUGH && (round == 0 || began.elapsed() < options.each) {
        let left = options.each.saturating_sub(began.elapsed()).max(Duration::from_secs(1));
        let input = options.out.join(format!("{}-running", target.name()));
        let (inputs, ended) = one_child(options, target, left, options.seed + round, &input)?;
        found.inputs += inputs;
        if let Some(reason) = ended {
            let kept = options.out.join(format!("{}-{}", target.name(), options.seed + round));
            fs::rename(&input, &kept).with_context(|| format!("keeping {}", kept.display()))?;
            found.broken.push((kept, reason));
        } else {
            let _ = fs::remove_file(&input);
        }
        round += 1;
    }
    Ok(found)
}

/// One child: the inputs it tried, and why it ended if that was not on its own.
fn one_child(
    options: &Options,
    target: Target,
    time: Duration,
    seed: u64,
    input: &Path,
) -> anyhow::Result<(u64, Option<String>)> {
    let program = std::env::current_exe().context("finding this program")?;
    // The shell's own limits: nothing of the child's has run before them.
    let script = r#"ulimit -v "$1" && ulimit -t "$2" && ulimit -c 0 && shift 2 && exec "$@""#;
    let output = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg((target.memory_mb() * 1024).to_string())
        .arg((time.as_secs() + SLACK_SECONDS).to_string())
        .arg(program)
        .args(["--child", target.name(), "--seed", &seed.to_string()])
        .args(["--seconds", &time.as_secs().max(1).to_string()])
        .arg("--out")
        .arg(input)
        .current_dir(&options.out)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .context("starting a child")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let inputs = said.lines().filter_map(|line| line.strip_prefix("inputs ")?.parse().ok()).next_back().unwrap_or(0);
    if output.status.success() {
        return Ok((inputs, None));
    }
    if !input.exists() {
        bail!("the child for {} did not start: {}", target.name(), String::from_utf8_lossy(&output.stderr));
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let complaint = complaint.lines().filter(|line| !line.trim().is_empty()).take(3).collect::<Vec<_>>().join(" / ");
    Ok((inputs, Some(format!("{}: {complaint}", output.status))))
}

/// What a child does: tries inputs until the time is over, each written down before it is tried.
///
/// # Errors
/// The first input that takes longer than its target allows, and what the file system refuses.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub fn child(target: Target, time: Duration, seed: u64, out: &PathBuf) -> anyhow::Result<()> {
    let mut mutator = Mutator::new(seed, target.seeds(), target.words(), target.longest());
    let mut file = fs::File::create(out).with_context(|| format!("writing {}", out.display()))?;
    let began = Instant::now();
    let mut inputs = 0;
    while began.elapsed() < time {
        let input = mutator.input(inputs);
        write_down(&mut file, &input)?;
        let before = Instant::now();
        target.try_out(&input);
        let took = before.elapsed();
        inputs += 1;
        // Another program may have had the processor: slow is what is slow three times.
        if took > target.budget() {
            let again = |()| {
                let before = Instant::now();
                target.try_out(&input);
                before.elapsed()
            };
            let least = [(), ()].into_iter().map(again).min().unwrap_or(took).min(took);
            if least > target.budget() {
                println!("inputs {inputs}");
                bail!("it takes {least:?}, {:?} are allowed", target.budget());
            }
        }
    }
    println!("inputs {inputs}");
    Ok(())
}

fn write_down(file: &mut fs::File, input: &[u8]) -> io::Result<()> {
    use std::io::Seek;
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(input)
}
