//! Operations: actions on many jobs, and probes.

pub(crate) mod jobs_act;
pub(crate) mod probe_run;
