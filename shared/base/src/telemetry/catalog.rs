//! Every metric Herald exports. `docs/metrics.md` and the dashboards are checked against this list.
//!
//! To add a metric: add a line here (the name states the unit; counters end with `_total`), the call at the event, and
//! a panel or a rule in `dashboards/make.py` (or the name in [`NOT_SHOWN`], with the reason). Then run
//! `HERALD_UPDATE_DOCS=1 cargo test -p herald-base metrics_page`.

use super::metric::{About, Counter, Gauge, Histogram, Kind};

/// From a tenth of a millisecond to an hour: an idle fleet starts a job in less than ten milliseconds.
const WAITS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0,
    3600.0,
];
/// From half a millisecond to the longest time limit of any kind of job.
const RUNS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
    600.0, 1800.0, 3600.0,
];
/// Outgoing and incoming calls, up to the longest time-out.
const CALLS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

macro_rules! catalog {
    ($(
        $kind:ident $(($buckets:ident))? $item:ident = $name:literal [$($label:literal),*] by $by:literal:
            $help:literal;
    )*) => {
        $(
            #[doc = $help]
            pub static $item: $kind<{ <[&str]>::len(&[$($label),*]) }> = $kind(About {
                name: $name,
                kind: catalog!(@kind $kind $($buckets)?),
                labels: &[$($label),*],
                by: $by,
                help: $help,
            });
        )*
        /// Every metric, in the order of the documentation.
        pub static ALL: &[&About] = &[$(&$item.0),*];
    };
    (@kind Histogram $buckets:ident) => { Kind::Histogram($buckets) };
    (@kind $kind:ident) => { Kind::$kind };
}

catalog! {
    Counter JOBS = "herald_jobs_total" ["kind", "outcome"] by "worker, scheduler":
        "Attempts of jobs that ended, by what was written in the ledger: done, retry, snooze, limited, dead, \
         cancelled or expired.";
    Histogram(WAITS) JOB_WAIT = "herald_job_wait_seconds" ["queue"] by "worker":
        "From the time a job was due to the start of its attempt.";
    Histogram(RUNS) JOB_RUN = "herald_job_run_seconds" ["kind"] by "worker":
        "How long attempts ran.";
    Gauge JOBS_RUNNING = "herald_jobs_running" ["queue"] by "worker":
        "Attempts that run in this process now.";
    Gauge JOBS_AT_ONCE = "herald_jobs_at_once" ["queue"] by "worker":
        "Attempts this process runs at once at most.";
    Counter STALE_OUTCOMES = "herald_stale_outcomes_total" [] by "worker, scheduler":
        "Outcomes that came after their leases had run out and changed nothing.";
    Counter LEASES_LOST = "herald_leases_lost_total" [] by "worker":
        "Attempts this process held whose leases ran out before they ended.";
    Counter LEASES_EXPIRED = "herald_leases_expired_total" [] by "scheduler":
        "Jobs brought back because their leases had run out.";
    Counter WIRE_LOST = "herald_wire_lost_total" [] by "scheduler":
        "Jobs brought back that no worker had taken: lost on the wire. They are among the expired leases.";

    Counter STUDIO_ENDED = "herald_studio_ended_total" ["reason"] by "api, worker":
        "Drawing processes that ended before their time: memory or processor (the limits of a request), silent, died, \
         or cancelled with its job.";

    Gauge QUEUE_JOBS = "herald_queue_jobs" ["queue", "state"] by "scheduler":
        "Jobs in a queue that are ready or running, counted to 100000 and no further.";
    Gauge QUEUE_OLDEST_DUE = "herald_queue_oldest_due_age_seconds" ["queue"] by "scheduler":
        "How long the job that has been due longest has waited; 0 when nothing is due.";
    Gauge QUEUE_PAUSED = "herald_queue_paused" ["queue"] by "scheduler":
        "1 while a person has paused the queue.";
    Gauge QUEUE_BLOCKED = "herald_queue_blocked" ["queue"] by "scheduler":
        "1 while the queue waits because a provider asked for patience.";
    Counter QUEUE_BLOCKS = "herald_queue_blocked_total" ["queue"] by "worker":
        "Times a provider asked for patience and its queue, or one key of it, was held up.";
    Counter JOBS_EXPIRED = "herald_jobs_expired_total" [] by "scheduler":
        "Jobs dropped because their time was over before they could run.";
    Gauge BATCHES = "herald_batches_running" [] by "scheduler":
        "Batches that are not complete yet.";
    Gauge WORKERS = "herald_workers" ["state"] by "scheduler":
        "Live worker processes of a fleet: running, quiet or stopping.";
    Counter OBSERVATIONS = "herald_ledger_observations_total" ["outcome"] by "scheduler":
        "Times the ledger was read for the gauges of queues, batches and workers: ok, or failed, \
         when they keep their last values.";

    Counter DISPATCHED = "herald_dispatched_total" [] by "scheduler":
        "Jobs leased and put on the wire.";
    Histogram(CALLS) DISPATCH = "herald_dispatch_seconds" [] by "scheduler":
        "How long it took to lease what was due.";
    Counter DISPATCH_ERRORS = "herald_dispatch_errors_total" [] by "scheduler":
        "Rounds of dispatch that failed because the database or the wire did not answer.";
    Gauge WIRE_DEPTH = "herald_wire_depth" ["queue"] by "scheduler":
        "Jobs that wait on the fleet's wire.";
    Counter WIRE_UNDECODABLE = "herald_wire_undecodable_total" [] by "worker, scheduler":
        "Entries on the wire that were no job of this version.";
    Counter REDIS_CONNECTIONS = "herald_redis_connections_total" [] by "api, worker, scheduler":
        "Connections to Redis made.";
    Counter REDIS_DISCONNECTS = "herald_redis_disconnects_total" [] by "api, worker, scheduler":
        "Times Redis closed the connection that listens for events.";
    Counter REDIS_ERRORS = "herald_redis_errors_total" [] by "api, worker, scheduler":
        "Commands that Redis did not answer, or refused.";

    Counter SCHEDULE_FIRED = "herald_schedule_fired_total" ["kind"] by "scheduler":
        "Jobs made by schedules.";
    Counter SCHEDULE_MISSED = "herald_schedule_missed_total" ["kind"] by "scheduler":
        "Ticks of schedules that got no job of their own, because nobody fired them in time.";
    Counter SCHEDULE_OVERLAPPED = "herald_schedule_overlapped_total" ["kind"] by "scheduler":
        "Ticks of schedules left out because the job before was not finished.";
    Histogram(WAITS) SCHEDULE_LATENESS = "herald_schedule_lateness_seconds" [] by "scheduler":
        "From the time a tick was due to its job being in the ledger.";
    Counter SCHEDULE_BROKEN = "herald_schedule_broken_total" [] by "scheduler":
        "Times a schedule could not make its job; the log and the schedule say why.";
    Counter SCHEDULE_ERRORS = "herald_schedule_errors_total" [] by "scheduler":
        "Rounds of firing schedules that failed because the database did not answer.";
    Counter REMINDER_ERRORS = "herald_reminder_errors_total" [] by "scheduler":
        "Rounds of reminding people of follow-ups that failed because the database did not answer.";
    Counter NOTIFICATIONS = "herald_notifications_total" ["kind"] by "worker, scheduler":
        "Things that members of workspaces were told, each once.";
    Counter NOTIFICATION_MAILS = "herald_notification_mails_total" ["outcome"] by "worker":
        "Mails of notifications that ended: sent, skipped, failed or unknown.";
    Gauge MAILS_AT_ONCE = "herald_mails_at_once" ["whose"] by "api, worker":
        "Mails this process hands over at once at most, as their servers take them: to the mail server of the \
         installation, and to all those of workspaces together (workspace).";
    Counter MAIL_SLOWED = "herald_mail_slowed_total" ["whose"] by "api, worker":
        "Times a mail server asked for less (421, 4.7), after which it gets half as many mails at once.";
    Counter MESSAGES = "herald_messages_total" ["channel", "outcome", "cause"] by "worker":
        "Messages of campaigns that got an end: sent, failed, suppressed or unknown, with the cause (none: there is no \
         cause). A message that is tried again counts again.";
    Counter SUPPRESSIONS = "herald_suppressions_total" ["channel", "reason"] by "api, worker":
        "Addresses that are not written to any more, by reason.";
    Gauge CAMPAIGNS = "herald_campaigns" ["state"] by "scheduler":
        "Campaigns that are in review, approved, scheduled, sending or paused.";
    Gauge CAMPAIGN_MESSAGES = "herald_campaign_messages" ["channel", "state"] by "scheduler":
        "Messages of campaigns that are sending or paused, by state; unknown ones of all campaigns.";
    Gauge MESSAGES_OLDEST_PENDING = "herald_messages_oldest_pending_age_seconds" [] by "scheduler":
        "How long ago the first message was planned that waits in a campaign that is sending; 0 when none waits.";
    Counter CLOCK_SET_BACK = "herald_clock_set_back_total" [] by "scheduler":
        "Times the machine's clock was set back by more than two seconds.";

    Counter PROVIDER_CALLS = "herald_provider_calls_total" ["provider", "outcome"] by "api, worker, scheduler":
        "Calls to what Herald depends on (files, pictures, redis), by outcome: ok, rate, transient, auth, refused, \
         config, full, unknown or cancelled.";
    Histogram(CALLS) PROVIDER_CALL = "herald_provider_call_seconds" ["provider"] by "api, worker, scheduler":
        "How long calls to what Herald depends on took; for redis without those that wait for jobs.";

    Counter HTTP_REQUESTS = "herald_http_requests_total" ["method", "route", "status"] by "api":
        "Requests answered.";
    Histogram(CALLS) HTTP_REQUEST = "herald_http_request_duration_seconds" ["method", "route"] by "api":
        "How long requests took to answer.";
    Gauge HTTP_IN_PROGRESS = "herald_http_requests_in_progress" [] by "api":
        "Requests being answered now.";

    Gauge HTTP_CONNECTIONS = "herald_http_connections" [] by "api, worker, scheduler":
        "Connections of clients that are open now.";
    Counter HTTP_CONNECTIONS_CUT = "herald_http_connections_cut_total" ["why"] by "api, worker, scheduler":
        "Connections not taken (full, address: over a cap; accept: the system refused) or ended by Herald (head, idle, \
         stalled: the client took too long).";

    Counter RATE_LIMITED = "herald_rate_limited_total" ["class"] by "api":
        "Requests refused because too many came: of the class sign_in, letter, chat, general, address, \
         public or workspace.";
    Counter RATE_LIMITS_UNCHECKED = "herald_rate_limits_unchecked_total" ["class"] by "api":
        "Requests that Redis did not count: let through, or of sign_in, letter, chat and address counted in the \
         process's own memory.";

    Gauge DB_CONNECTIONS = "herald_db_connections" ["state"] by "api, worker, scheduler":
        "Connections to the database: used, open, and the limit of this process.";
    Histogram(CALLS) DB_BEGIN = "herald_db_begin_seconds" [] by "api, worker, scheduler":
        "How long it took to begin a transaction: waiting for a connection, and for the database.";
    Counter DB_ERRORS = "herald_db_errors_total" ["class"] by "api, worker, scheduler":
        "Errors of the database: transient, full (its disk) or other.";

    Counter EXPORTED_SPANS = "herald_trace_spans_total" ["outcome"] by "api, worker, scheduler":
        "Spans for the OTLP receiver: exported, failed (the receiver did not take them) or dropped (too many waited).";

    Gauge BUILD = "herald_build_info" ["version", "role"] by "api, worker, scheduler":
        "Always 1; says which version runs in which role.";
    Gauge DISK = "herald_disk_bytes" ["what"] by "api, worker, scheduler":
        "The file system that holds the data folder: free for Herald, and total.";
    Gauge START = "process_start_time_seconds" [] by "api, worker, scheduler":
        "When the process started, in seconds since 1970.";
    Gauge MEMORY = "process_resident_memory_bytes" [] by "api, worker, scheduler":
        "Memory of the process that is in RAM.";
    Gauge FILES = "process_open_fds" [] by "api, worker, scheduler":
        "Open files and sockets of the process.";
    Gauge FILES_LIMIT = "process_max_fds" [] by "api, worker, scheduler":
        "Files and sockets the process may open.";
}

/// [`super::render`] itself writes this metric, because the recorder's counters are whole numbers.
pub static CPU: About = About {
    name: "process_cpu_seconds_total",
    kind: Kind::Counter,
    labels: &[],
    by: "api, worker, scheduler",
    help: "Processor time the process has used, in its own code and in the kernel.",
};

/// Metrics that no dashboard and no rule shows, and the reasons.
pub const NOT_SHOWN: &[(&str, &str)] = &[
    ("herald_wire_undecodable_total", "for the days of a mixed upgrade; the log says more"),
    ("herald_redis_connections_total", "the disconnects and errors that cause them are shown"),
];

/// Every metric: the ones of the recorder, and [`CPU`].
pub fn every() -> impl Iterator<Item = &'static About> {
    ALL.iter().copied().chain([&CPU])
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, fmt::Write, path::Path};

    use super::*;

    const BEGIN: &str = "<!-- from the catalog: begin -->\n";
    const END: &str = "<!-- from the catalog: end -->";

    #[test]
    fn names_say_kind_and_unit_and_labels_stay_few() {
        let mut seen = HashSet::new();
        for about in every() {
            let name = about.name;
            assert!(seen.insert(name), "{name} is there twice");
            assert!(name.starts_with("herald_") || name.starts_with("process_"), "{name}");
            assert_eq!(
                about.kind == Kind::Counter,
                name.ends_with("_total"),
                "{name}: a counter, and only one, ends with _total"
            );
            if let Kind::Histogram(buckets) = about.kind {
                assert!(name.ends_with("_seconds") && buckets.is_sorted(), "{name}");
            }
            for label in about.labels {
                assert!(
                    !["id", "job", "workspace", "worker", "batch", "email", "name"].contains(label),
                    "{name} has {label}"
                );
            }
            assert!(about.help.ends_with('.'), "{name}: its help is a sentence");
        }
        for (name, reason) in NOT_SHOWN {
            assert!(
                seen.contains(name) && !reason.is_empty(),
                "{name} is no metric of the catalog: take it off NOT_SHOWN"
            );
        }
    }

    /// `docs/metrics.md` contains the catalog's table. `HERALD_UPDATE_DOCS=1` writes it there.
    #[test]
    fn the_metrics_page_is_current() {
        let mut table = "| Metric | Kind | Labels | Exported by | What it tells |\n|---|---|---|---|---|\n".to_owned();
        for about in every() {
            let labels = about.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
            writeln!(table, "| `{}` | {} | {labels} | {} | {} |", about.name, about.kind.name(), about.by, about.help)
                .unwrap();
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
        let page = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = page.split_once(BEGIN).expect("the page has the mark where the table begins");
        let (now, after) = rest.split_once(END).expect("the page has the mark where the table ends");
        if std::env::var_os("HERALD_UPDATE_DOCS").is_some() {
            std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        } else {
            assert_eq!(now, table, "run HERALD_UPDATE_DOCS=1 cargo test -p herald-base metrics_page");
        }
    }
}
