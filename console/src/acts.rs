//! Every act of the console: which operation of the API a form calls, with which fields, and what is said afterwards.
//!
//! An act that is not in this table does not exist. Who may do it, the API decides.

/// One act.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Act {
    /// The operation of the API, which names the act in the addresses of forms.
    pub(crate) operation: &'static str,
    /// The fields of the body; `filter.state` is the field `state` of the object `filter`.
    pub(crate) fields: &'static [(&'static str, Kind)],
    /// What the next page says. `{name}` stands for a field of the answer or of the form.
    pub(crate) said: &'static str,
    pub(crate) then: Then,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A text; left out when it is empty.
    Text,
    /// A text that may be emptied.
    Cleared,
    /// A text that is passed on with every space.
    Secret,
    /// A whole number.
    Whole,
    /// A box that is ticked or not.
    Flag,
    /// A list, one entry a line.
    Lines,
    /// Any value, as JSON.
    Json,
}

/// Where an act leads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    /// To the page with the form.
    Back,
    /// To a page of the workspace.
    To(&'static str),
    /// To a page that is shown once, with the answer.
    Shown(&'static str),
}

use Kind::{Cleared, Flag, Json, Lines, Secret, Text, Whole};
use Then::{Back, Shown, To};

const ACTS: &[Act] = &[
    // Jobs.
    act("retryJob", &[], "The job is ready again.", Back),
    act("cancelJob", &[], "The job is asked to stop.", Back),
    act("deleteJob", &[], "The job is deleted.", To("/jobs")),
    act(
        "actOnJobs",
        &[
            ("filter.kind", Text),
            ("filter.state", Text),
            ("filter.queue", Text),
            ("filter.batch", Text),
            ("filter.arg", Text),
            ("filter.fingerprint", Text),
            ("filter.created_after", Text),
            ("filter.created_before", Text),
            ("filter.finished_after", Text),
            ("filter.finished_before", Text),
        ],
        "Herald does it now: this job shows how far it is.",
        To("/jobs/{job}"),
    ),
    // Queues and workers.
    act(
        "setQueueLimits",
        &[
            ("rate", Whole),
            ("rate_seconds", Whole),
            ("burst", Whole),
            ("concurrency", Whole),
            ("key_concurrency", Whole),
            ("workspace_concurrency", Whole),
        ],
        "The limits hold from the next job on.",
        Back,
    ),
    act("setQueueKey", &[("concurrency", Whole)], "The limit of {key} holds from the next job on.", Back),
    act("pauseQueue", &[], "{name} is paused: running jobs go on, and no other starts.", Back),
    act("resumeQueue", &[], "{name} goes on.", Back),
    act("unblockQueue", &[], "{name} waits for no provider any longer.", Back),
    act("quietWorker", &[], "{name} finishes its jobs, and takes no more.", Back),
    act("resumeWorker", &[], "{name} takes jobs again.", Back),
    // Schedules.
    act(
        "createSchedule",
        &[
            ("name", Text),
            ("cron", Text),
            ("time_zone", Text),
            ("kind", Text),
            ("args", Json),
            ("missed", Text),
            ("overlap", Text),
            ("paused", Flag),
        ],
        "The schedule {name} is made.",
        To("/schedules/{id}"),
    ),
    act(
        "changeSchedule",
        &[
            ("name", Text),
            ("cron", Text),
            ("time_zone", Text),
            ("kind", Text),
            ("args", Json),
            ("missed", Text),
            ("overlap", Text),
        ],
        "The schedule is changed.",
        Back,
    ),
    act("runSchedule", &[], "The schedule runs now: this is its job.", To("/jobs/{last_job_id}")),
    act("pauseSchedule", &[], "{name} is paused.", Back),
    act("resumeSchedule", &[], "{name} goes on.", Back),
    act("deleteSchedule", &[], "The schedule is deleted. Its jobs stay.", To("/schedules")),
];

const fn act(operation: &'static str, fields: &'static [(&'static str, Kind)], said: &'static str, then: Then) -> Act {
    Act { operation, fields, said, then }
}

/// The act of an operation.
pub(crate) fn find(operation: &str) -> Option<&'static Act> {
    ACTS.iter().find(|act| act.operation == operation)
}
