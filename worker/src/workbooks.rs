//! Reads workbooks in child processes. A stranger's workbook may need any amount of memory and time, and a child that
//! needs too much ends alone.
//!
//! The child gets the workbook as its standard input and a file for the CSV of a sheet as its standard output. Its last
//! line on standard error says what became of it.

use std::{
    fs::File,
    io::{self, BufWriter, Seek},
    os::fd::AsFd,
    path::PathBuf,
    process::{ExitCode, Stdio},
    time::Duration,
};

use herald_sheets::workbook::{Converted, SHEET_BYTES, to_csv};
use nix::sys::{prctl, signal::Signal};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::{io::AsyncReadExt, process::Command, sync::Semaphore};

use crate::studio::{Limits, ending};

/// A child may not take more.
const LIMITS: Limits = Limits { memory_mb: 640, processor_seconds: 300, answer_seconds: 600 };
/// The children that may run at once: uploads wait for each other, so that the machine keeps its memory.
static AT_ONCE: Semaphore = Semaphore::const_new(2);
/// The most that is kept of a child's standard error.
const LAST_WORDS: u64 = 1 << 20;

/// Where workbooks are read.
#[derive(Clone, Debug)]
pub enum Workbooks {
    /// In children, which run this program.
    InChildren(PathBuf),
    /// In this process: for tests.
    Here,
}

/// Why a workbook was not read.
#[derive(Debug, Error)]
pub enum WorkbooksError {
    /// It is not what Herald can read; the text says what to do.
    #[error("{0}")]
    Refused(String),
    /// No child starts, or there is no room for the CSV.
    #[error("the workbook cannot be read now: {0}")]
    Io(#[from] io::Error),
}

/// What a child says at its end.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Converted(Converted),
    Refused(String),
}

impl Workbooks {
    /// Writes a sheet of a workbook as CSV into a temporary file: the one with the name, or the first that is not
    /// hidden.
    ///
    /// # Errors
    /// [`WorkbooksError`].
    pub async fn to_csv(&self, workbook: File, sheet: Option<String>) -> Result<(Converted, File), WorkbooksError> {
        let mut csv = tokio::task::spawn_blocking(tempfile::tempfile).await.map_err(io::Error::other)??;
        let said = match self {
            Self::Here => {
                let out = csv.try_clone()?;
                tokio::task::spawn_blocking(move || converted(workbook, sheet.as_deref(), out))
                    .await
                    .map_err(io::Error::other)?
            }
            Self::InChildren(program) => in_child(program, workbook, sheet, csv.try_clone()?).await?,
        };
        match said {
            Said::Converted(converted) => {
                csv.rewind()?;
                Ok((converted, csv))
            }
            Said::Refused(why) => Err(WorkbooksError::Refused(why)),
        }
    }
}

async fn in_child(
    program: &PathBuf,
    mut workbook: File,
    sheet: Option<String>,
    csv: File,
) -> Result<Said, WorkbooksError> {
    workbook.rewind()?;
    let _turn = AT_ONCE.acquire().await.map_err(io::Error::other)?;
    let mut command = Command::new(program);
    // A sheet may have the name of an option.
    command.arg0("herald").args(["workbook", "--"]).args(sheet).env_clear();
    // The value is in KiB, and counts against the address space.
    command.env("MIMALLOC_ARENA_RESERVE", "65536");
    command.stdin(Stdio::from(workbook)).stdout(Stdio::from(csv)).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut errors = child.stderr.take().ok_or_else(|| io::Error::other("the child has no pipe"))?;
    let whole = async {
        let mut words = Vec::new();
        (&mut errors).take(LAST_WORDS).read_to_end(&mut words).await?;
        Ok::<_, io::Error>((words, child.wait().await?))
    };
    let Ok(ended) = tokio::time::timeout(Duration::from_secs(LIMITS.answer_seconds), whole).await else {
        return Ok(Said::Refused(too_much(&format!("it took more than {} s", LIMITS.answer_seconds))));
    };
    let (words, status) = ended?;
    let words = String::from_utf8_lossy(&words);
    if let Some(said) = words.lines().last().and_then(|line| serde_json::from_str(line).ok()) {
        return Ok(said);
    }
    if status.code().is_none() || words.contains("memory allocation of ") || words.contains("panicked at ") {
        return Ok(Said::Refused(too_much(&ending(Some(status), &words, &LIMITS).to_string())));
    }
    Err(io::Error::other(format!("the child ended with {status}")).into())
}

fn too_much(why: &str) -> String {
    format!("the workbook cannot be read: {why}; save the sheet with the people as CSV, and choose that file")
}

fn converted(workbook: File, sheet: Option<&str>, csv: File) -> Said {
    match to_csv(workbook, sheet, BufWriter::with_capacity(256 << 10, csv)) {
        Ok(converted) => Said::Converted(converted),
        Err(error) => Said::Refused(error.to_string()),
    }
}

/// The side of the child: reads the workbook that is its standard input.
#[must_use]
#[expect(clippy::print_stderr, reason = "the parent reads it")]
pub fn serve(sheet: Option<&str>) -> ExitCode {
    match work(sheet) {
        Ok(said) => {
            eprintln!("{}", serde_json::to_string(&said).unwrap_or_default());
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}

fn work(sheet: Option<&str>) -> io::Result<Said> {
    let _ = prctl::set_name(c"herald-workbook");
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    // No program that starts from here may have more rights.
    let _ = prctl::set_no_new_privs();
    LIMITS.hold(SHEET_BYTES)?;
    LIMITS.begin_request()?;
    let workbook = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let csv = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    Ok(converted(workbook, sheet, csv))
}
