//! The parent's side of one child.

use std::{
    ffi::OsString,
    fmt, io,
    os::{fd::AsFd, unix::process::ExitStatusExt},
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use nix::{
    fcntl::{FcntlArg, fcntl},
    sys::signal::Signal,
};
use tokio::{
    io::AsyncReadExt,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
};

use super::{
    desk::Reply,
    frame,
    limits::Limits,
    request::{Answer, Ask, SetUp},
};

/// The environment variables that locate the machine's fonts. The child gets no others, so it gets neither database
/// addresses nor secrets.
const ENVIRONMENT: [&str; 7] = [
    "HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_DATA_DIRS",
    "FONTCONFIG_FILE",
    "FONTCONFIG_PATH",
    "FONTCONFIG_SYSROOT",
];
/// The size of a pipe, which fits a whole invitation. The system may not allow a larger pipe.
const PIPE: i32 = 1 << 20;
/// The number of bytes that are kept of the child's standard error.
const LAST_WORDS: usize = 8 << 10;
/// How long a child that has closed its pipe may take to end.
const FAREWELL: Duration = Duration::from_secs(2);

/// A child process. It is killed when this value is dropped.
pub(super) struct Process {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
    last_words: Arc<Mutex<Vec<u8>>>,
    listener: JoinHandle<()>,
}

/// The reason why a child ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ending {
    /// The child needed more memory than it may use.
    Memory { most_mb: u64 },
    /// The child used up the processor time of a request.
    Processor { seconds: u64 },
    /// The child did not answer.
    Silent { seconds: u64 },
    /// Any other reason.
    Died(String),
}

impl Ending {
    /// The label in metrics.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Memory { .. } => "memory",
            Self::Processor { .. } => "processor",
            Self::Silent { .. } => "silent",
            Self::Died(_) => "died",
        }
    }

    /// Whether a fresh child may succeed. Work that takes too long will take too long again.
    pub(super) fn may_pass(&self) -> bool {
        !matches!(self, Self::Processor { .. } | Self::Silent { .. })
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { most_mb } => write!(f, "it took more memory than the {most_mb} MB allowed"),
            Self::Processor { seconds } => write!(f, "it computed for longer than the {seconds} s allowed"),
            Self::Silent { seconds } => write!(f, "there was no answer within {seconds} s"),
            Self::Died(how) => f.write_str(how),
        }
    }
}

impl Process {
    /// Starts a child and waits until it is ready.
    pub(super) async fn start(program: &Path, set_up: &SetUp) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg0("herald").arg("studio").env_clear().envs(environment());
        // The value is in KiB. By default, the allocator would reserve a GiB of address space, for which the limit
        // would need room.
        command.env("MIMALLOC_ARENA_RESERVE", "65536");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let missing = || io::Error::other("the child has no pipes");
        let to = child.stdin.take().ok_or_else(missing)?;
        let from = child.stdout.take().ok_or_else(missing)?;
        let errors = child.stderr.take().ok_or_else(missing)?;
        for pipe in [to.as_fd(), from.as_fd()] {
            // The larger size is only an optimisation: with the usual size, the data goes through the pipe in pieces.
            let _ = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PIPE));
        }
        let last_words = Arc::new(Mutex::new(Vec::new()));
        let listener = tokio::spawn(listen(errors, last_words.clone()));
        let mut process = Self { child, to, from, last_words, listener };
        let ready = async {
            frame::send(&mut process.to, set_up, &[]).await?;
            frame::receive::<Answer>(&mut process.from).await
        };
        match tokio::time::timeout(set_up.limits.answer_within(), ready).await {
            Ok(Ok((Answer::Ready, _))) => Ok(process),
            Ok(_) => Err(io::Error::other(process.end(&set_up.limits).await.to_string())),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Sends a request and waits for the answer.
    pub(super) async fn ask(&mut self, ask: &Ask, pieces: &[Bytes]) -> io::Result<Reply> {
        frame::send(&mut self.to, ask, pieces).await?;
        frame::receive(&mut self.from).await
    }

    /// Whether the child has ended.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends the child, if it has not ended by itself, and returns the reason.
    pub(super) async fn end(mut self, limits: &Limits) -> Ending {
        let status = match tokio::time::timeout(FAREWELL, self.child.wait()).await {
            Ok(status) => status.ok(),
            Err(_) => None,
        };
        let _ = self.child.start_kill();
        // When the child ends, the other end of its pipe closes.
        let _ = tokio::time::timeout(FAREWELL, &mut self.listener).await;
        let words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        ending(status, &String::from_utf8_lossy(&words), limits)
    }
}

fn environment() -> impl Iterator<Item = (&'static str, OsString)> {
    ENVIRONMENT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))
}

async fn listen(mut errors: ChildStderr, last_words: Arc<Mutex<Vec<u8>>>) {
    let mut heard = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut heard).await {
        let mut words = last_words.lock().unwrap_or_else(PoisonError::into_inner);
        words.extend(&heard[..count]);
        let beyond = words.len().saturating_sub(LAST_WORDS);
        words.drain(..beyond);
    }
}

pub(crate) fn ending(status: Option<ExitStatus>, words: &str, limits: &Limits) -> Ending {
    let Some(status) = status else { return Ending::Died("it answered what cannot be understood".to_owned()) };
    if words.contains("memory allocation of ") {
        return Ending::Memory { most_mb: limits.memory_mb };
    }
    if status.signal() == Some(Signal::SIGXCPU as i32) {
        return Ending::Processor { seconds: limits.processor_seconds };
    }
    if words.contains("has overflowed its stack") {
        return Ending::Died("it nests too deep".to_owned());
    }
    // The message names only the place of the panic, because the panic's own message may contain a guest's texts.
    if let Some(place) =
        words.lines().find_map(|line| line.split_once("' panicked at ").or(line.split_once(") panicked at ")))
    {
        return Ending::Died(format!("a fault in the program at {}", place.1.trim_end_matches(':')));
    }
    match status.signal() {
        Some(signal) => {
            let name = Signal::try_from(signal).map_or_else(|_| signal.to_string(), |signal| signal.to_string());
            Ending::Died(format!("it was ended by the signal {name}"))
        }
        None => Ending::Died(format!("it ended with {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_and_the_status_say_how_a_child_ended() {
        let limits = Limits::default();
        let of = |status: i32, words: &str| ending(Some(ExitStatus::from_raw(status)), words, &limits).to_string();
        assert_eq!(of(6, "memory allocation of 400 bytes failed\n"), "it took more memory than the 3072 MB allowed");
        assert_eq!(of(24, ""), "it computed for longer than the 20 s allowed");
        assert_eq!(of(9, ""), "it was ended by the signal SIGKILL");
        assert_eq!(of(6, "thread 'main' has overflowed its stack\n"), "it nests too deep");
        let panic = "\nthread 'main' (7) panicked at worker/src/a.rs:3:9:\nno char boundary in `Alex Example`\n";
        assert_eq!(of(101 << 8, panic), "a fault in the program at worker/src/a.rs:3:9");
        assert_eq!(of(1 << 8, ""), "it ended with exit status: 1");
        assert_eq!(ending(None, "", &limits).to_string(), "it answered what cannot be understood");
    }
}
