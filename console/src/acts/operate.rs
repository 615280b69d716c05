//! Acts on jobs, queues, workers and schedules.

use super::{
    Act,
    Kind::{self, Json, Text, Whole},
    Then::{Back, To},
    act,
};

pub(super) const ACTS: &[Act] = &[
    // Jobs.
    act("retryJob", &[], "The job is ready again.", Back),
    act("cancelJob", &[], "The job is asked to stop.", Back),
    act("deleteJob", &[], "The job is deleted.", To("/jobs")),
    act(
        "actOnJobs",
        &[
            ("filter.ids", Text),
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
    act("createSchedule", SCHEDULE, "The schedule {name} is made.", To("/schedules/{id}")),
    act("changeSchedule", SCHEDULE, "The schedule is changed.", Back),
    act("runSchedule", &[], "The schedule runs now: this is its job.", To("/jobs/{last_job_id}")),
    act("pauseSchedule", &[], "{name} is paused.", Back),
    act("resumeSchedule", &[], "{name} goes on.", Back),
    act("deleteSchedule", &[], "The schedule is deleted. Its jobs stay.", To("/schedules")),
];

/// The form of a schedule, new or not. Only a new one can be `paused` in it: ticked, the box sends `true`.
const SCHEDULE: &[(&str, Kind)] = &[
    ("name", Text),
    ("cron", Text),
    ("time_zone", Text),
    ("kind", Text),
    ("args", Json),
    ("missed", Text),
    ("overlap", Text),
    ("paused", Json),
];
