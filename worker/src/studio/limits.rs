//! The limits of a child. The child sets them itself, before it reads any input from strangers.

use std::time::Duration;

use nix::{
    errno::Errno,
    sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit},
};
use serde::{Deserialize, Serialize};

/// The limits of a child, and of each request to it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// The address space, in MiB. The program and its fonts count, too, and take about 150 before the first request.
    /// Not measured yet with the largest allowed template and picture.
    pub memory_mb: u64,
    /// The processor time of a request, in seconds.
    pub processor_seconds: u64,
    /// The time of a request by the wall clock, in seconds. It limits a child that waits instead of working.
    pub answer_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_mb: 3_072, processor_seconds: 20, answer_seconds: 100 }
    }
}

/// The number of files that a child may have open: its pipes, and one font at a time.
const OPEN_FILES: u64 = 64;

impl Limits {
    pub(super) fn answer_within(&self) -> Duration {
        Duration::from_secs(self.answer_seconds)
    }

    /// Sets the limits for the whole life of this process, which writes no file larger than `file_bytes`.
    pub(crate) fn hold(&self, file_bytes: u64) -> Result<(), Errno> {
        for (resource, most) in [
            (Resource::RLIMIT_AS, self.memory_mb << 20),
            (Resource::RLIMIT_NOFILE, OPEN_FILES),
            // A core dump would contain guests' pictures.
            (Resource::RLIMIT_CORE, 0),
            // The limit does not concern pipes, through which a child of the studio sends its answers.
            (Resource::RLIMIT_FSIZE, file_bytes),
        ] {
            let (_, hard) = getrlimit(resource)?;
            setrlimit(resource, most.min(hard), most.min(hard))?;
        }
        Ok(())
    }

    /// Sets the processor time for the next request. The kernel ends the process (SIGXCPU) when it has used up this
    /// time.
    pub(crate) fn begin_request(&self) -> Result<(), Errno> {
        let used = getrusage(UsageWho::RUSAGE_SELF)?;
        let used = (used.user_time() + used.system_time()).tv_sec();
        let until = u64::try_from(used).unwrap_or_default() + 1 + self.processor_seconds;
        let (_, hard) = getrlimit(Resource::RLIMIT_CPU)?;
        setrlimit(Resource::RLIMIT_CPU, until.min(hard), hard)
    }
}
