//! What a child may use. It sets the limits by itself, before it reads anything that a stranger sent.

use std::time::Duration;

use nix::{
    errno::Errno,
    sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit},
};
use serde::{Deserialize, Serialize};

/// The limits of a child, and of each request to it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Address space, in MiB: the program and its fonts count, too, which are some 150 before the first request. Not
    /// measured yet with the largest template and picture that are allowed.
    pub memory_mb: u64,
    /// Processor time of a request, in seconds.
    pub processor_seconds: u64,
    /// Time of a request by the wall clock, in seconds: for a child that waits instead of working.
    pub answer_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_mb: 3_072, processor_seconds: 20, answer_seconds: 100 }
    }
}

/// Files a child may have open: its pipes, and a font at a time.
const OPEN_FILES: u64 = 64;

impl Limits {
    pub(super) fn answer_within(&self) -> Duration {
        Duration::from_secs(self.answer_seconds)
    }

    /// Sets what holds for the whole life of this process.
    pub(super) fn hold(&self) -> Result<(), Errno> {
        for (resource, most) in [
            (Resource::RLIMIT_AS, self.memory_mb << 20),
            (Resource::RLIMIT_NOFILE, OPEN_FILES),
            // A dump would hold guests' pictures.
            (Resource::RLIMIT_CORE, 0),
            // Pipes are no files: what it writes is answers.
            (Resource::RLIMIT_FSIZE, 0),
        ] {
            let (_, hard) = getrlimit(resource)?;
            setrlimit(resource, most.min(hard), most.min(hard))?;
        }
        Ok(())
    }

    /// Gives this process so much processor time from now on; the kernel ends it (SIGXCPU) when that is used up.
    pub(super) fn begin_request(&self) -> Result<(), Errno> {
        let used = getrusage(UsageWho::RUSAGE_SELF)?;
        let used = (used.user_time() + used.system_time()).tv_sec();
        let until = u64::try_from(used).unwrap_or_default() + 1 + self.processor_seconds;
        let (_, hard) = getrlimit(Resource::RLIMIT_CPU)?;
        setrlimit(Resource::RLIMIT_CPU, until.min(hard), hard)
    }
}
