//! Logs, metrics and traces of a process.

mod call;
pub mod catalog;
mod context;
pub mod metric;
mod otlp;
mod process;
mod settings;
mod span;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use thiserror::Error;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use self::metric::Kind;
pub use self::{
    call::{Answer, Call},
    context::{NoTraceContext, TraceContext},
    otlp::{flush, start_export},
    process::{render, this_process},
    settings::{Log, LogFormat, Telemetry},
    span::{Span, carried, traceparent},
};
/// Why logging or metrics could not be set up.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter does not parse.
    #[error("setting log.level is not a filter: {0}; use a level such as info, or herald_worker=debug,info")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The process has already set up logging or metrics.
    #[error("logging is already set up: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
    /// Traces cannot be exported under these settings.
    #[error("{0}")]
    Export(String),
}

/// Starts logging to standard error, so that standard output stays free for the output of a command.
pub fn start_logging(settings: &Log) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&settings.level)?;
    let registry = tracing_subscriber::registry().with(filter);
    match settings.format {
        LogFormat::Pretty => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            registry
                .with(fmt::layer().with_writer(std::io::stderr).with_ansi(colours).with_target(false))
                .try_init()?;
        }
        LogFormat::Json => registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init()?,
    }
    Ok(())
}

/// The values of the label `provider`.
const PROVIDERS: &[&str] = &["files", "pictures", "redis"];
/// What members are told of.
const TOLD_OF: &[&str] =
    &["campaign.failed", "campaign.paused", "campaign.sent", "lead.follow_up", "report.daily_leads"];

/// Starts collecting metrics. The handle renders them for Prometheus ([`render`]). A second call returns a handle
/// without metrics, for the sake of tests.
pub fn start_metrics() -> PrometheusHandle {
    let mut builder = PrometheusBuilder::new();
    for about in catalog::ALL {
        if let Kind::Histogram(buckets) = about.kind {
            builder = builder
                .set_buckets_for_metric(Matcher::Full(about.name.to_owned()), buckets)
                .expect("the list of buckets is not empty");
        }
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    // Only the first recorder of a process can be the global one.
    let _ = metrics::set_global_recorder(recorder);
    catalog::ALL.iter().for_each(|about| about.describe());
    begin_at_zero();
    handle
}

/// Starts counters at zero. If a counter appeared with its first event, Prometheus would see no increase from zero, and
/// the first dead job would raise no alert.
fn begin_at_zero() {
    for counter in [
        &catalog::STALE_OUTCOMES,
        &catalog::LEASES_LOST,
        &catalog::LEASES_EXPIRED,
        &catalog::WIRE_LOST,
        &catalog::WIRE_UNDECODABLE,
        &catalog::JOBS_EXPIRED,
        &catalog::DISPATCHED,
        &catalog::DISPATCH_ERRORS,
        &catalog::SCHEDULE_BROKEN,
        &catalog::SCHEDULE_ERRORS,
        &catalog::REMINDER_ERRORS,
        &catalog::CLOCK_SET_BACK,
        &catalog::REDIS_CONNECTIONS,
        &catalog::REDIS_DISCONNECTS,
        &catalog::REDIS_ERRORS,
    ] {
        counter.add([], 0);
    }
    // Held and let go: the sum stays what it is.
    ["installation", "workspace"].iter().for_each(|whose| drop(catalog::MAILS_AT_ONCE.hold([whose])));
    for provider in PROVIDERS {
        Answer::ALL.iter().for_each(|answer| catalog::PROVIDER_CALLS.add([provider, answer.name()], 0));
    }
    TOLD_OF.iter().for_each(|kind| catalog::NOTIFICATIONS.add([kind], 0));
    ["sent", "skipped", "failed", "unknown"].iter().for_each(|outcome| catalog::NOTIFICATION_MAILS.add([outcome], 0));
    ["installation", "workspace"].iter().for_each(|whose| catalog::MAIL_SLOWED.add([whose], 0));
    for channel in ["email", "whatsapp"] {
        catalog::MESSAGES.add([channel, "sent", "none"], 0);
        ["unsubscribed", "complaint", "stop", "hard_bounce", "by_hand"]
            .iter()
            .for_each(|reason| catalog::SUPPRESSIONS.add([channel, reason], 0));
    }
    ["full", "address", "accept", "head", "idle", "stalled"]
        .iter()
        .for_each(|why| catalog::HTTP_CONNECTIONS_CUT.add([why], 0));
    ["memory", "processor", "silent", "died", "cancelled"]
        .iter()
        .for_each(|reason| catalog::STUDIO_ENDED.add([reason], 0));
    ["transient", "full", "other"].iter().for_each(|class| catalog::DB_ERRORS.add([class], 0));
    ["ok", "failed"].iter().for_each(|outcome| catalog::OBSERVATIONS.add([outcome], 0));
    ["exported", "failed", "dropped"].iter().for_each(|outcome| catalog::EXPORTED_SPANS.add([outcome], 0));
}
