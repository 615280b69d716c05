//! `herald worker`: runs jobs.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use herald_ledger::wire::Wire;
use herald_worker::{
    fleet::{presence::Presence, puller::Puller},
    jobs,
    runner::{InFlight, QueueShare, Runner},
};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Role, hear_cancels, monitor, process_name, tell_work};
use crate::{
    args::{self, Common},
    engine,
};

pub(crate) async fn run(common: &Common, options: args::Worker) -> anyhow::Result<ExitCode> {
    if let Some(queues) = &options.queues {
        // Invalid arguments are reported before anything is opened.
        parse_queues(queues, |_| Some(1))?;
    }
    let role = Role::open(common, "worker").await?;
    monitor(&role, options.monitor.as_deref()).await?;
    let settings = role.home.settings.clone();
    let by_settings = engine::queues(&settings);
    let unnumbered = |queue: &str| {
        let set = || by_settings.iter().find(|share| share.queue == queue).map(|share| share.concurrency);
        options.concurrency.map(usize::from).or_else(set)
    };
    let asked = options.queues.as_deref().map(|queues| parse_queues(queues, unnumbered)).transpose()?;
    let queues = asked.unwrap_or(by_settings);
    let (db, redis, stop) = (role.home.db.clone(), role.redis.clone(), role.stop.clone());
    let lease = Duration::from_secs(settings.ledger.lease_seconds);
    let stop_after = Duration::from_secs(settings.worker.stop_seconds);
    let worker_id = db.new_id();
    let wire = Wire::in_process();
    let in_flight = InFlight::default();
    let (quiet, quiet_now) = watch::channel(options.quiet);
    let quiet_here = quiet_on_signal(options.quiet);
    tokio::spawn(tell_work(db.clone(), redis.clone()));
    tokio::spawn(hear_cancels(redis.clone(), wire.clone()));

    let drawing = queues.iter().find(|share| share.queue == "cpu").map(|share| share.concurrency);
    let context = Arc::new(engine::context(&role.home, drawing.unwrap_or(settings.worker.cpu))?);
    if drawing.is_some() {
        context.studio.warm_up();
    }
    let handler = jobs::handler(context);
    let runner = Runner {
        db: db.clone(),
        wire: wire.clone(),
        // Prefetched jobs belong to this process alone, and a kill costs each of them an attempt. So it prefetches no
        // more jobs than it is about to run.
        queues: queues.iter().map(|share| QueueShare { prefetch: share.concurrency, ..share.clone() }).collect(),
        lease,
        stop_after,
        holder: Some(process_name()),
        in_flight: in_flight.clone(),
        handler,
    };
    let gone = CancellationToken::new();
    let presence = Presence {
        db: db.clone(),
        redis: redis.clone(),
        worker_id,
        name: process_name(),
        queues: queues.clone(),
        in_flight,
        quiet,
        quiet_here,
    };
    let presence = tokio::spawn(presence.run(stop.clone(), gone.clone()));
    let mut parts = JoinSet::new();
    parts.spawn(runner.run(stop.clone()));
    for share in &queues {
        let puller = Puller {
            db: db.clone(),
            redis: redis.clone(),
            wire: wire.clone(),
            queue: share.queue.clone(),
            worker_id,
            lease,
            quiet: quiet_now.clone(),
        };
        parts.spawn(puller.run(stop.clone()));
    }
    tracing::info!(name = process_name(), "the worker runs");
    let in_order = run_together(parts, &stop).await;
    gone.cancel();
    presence.await.context("leaving")?;
    role.close().await;
    Ok(if in_order { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Waits until every part has ended. The parts end together: a worker that had lost one part would look alive but leave
/// its queue undone. So the other parts finish their work and the process ends, and its supervisor starts it again.
/// Returns false if that happened.
async fn run_together(mut parts: JoinSet<()>, stop: &CancellationToken) -> bool {
    let mut in_order = true;
    while let Some(ended) = parts.join_next().await {
        let panicked = ended.err();
        if panicked.is_some() || !stop.is_cancelled() {
            let error = panicked.map_or_else(|| "it ended by itself".to_owned(), |panic| panic.to_string());
            tracing::error!(%error, "a part of the worker ended: stopping");
            in_order = false;
            stop.cancel();
        }
    }
    in_order
}

/// Parses `cpu=2,sync=16`. A queue without a number gets the number from `unnumbered`.
fn parse_queues(text: &str, unnumbered: impl Fn(&str) -> Option<usize>) -> anyhow::Result<Vec<QueueShare>> {
    let mut queues: Vec<QueueShare> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let share = match part.split_once('=') {
            Some((queue, jobs)) => jobs.trim().parse().ok().map(|jobs| (queue.trim(), jobs)),
            None => match unnumbered(part) {
                Some(jobs) => Some((part, jobs)),
                None => bail!(
                    "--queues: no setting gives the number of jobs at once for {part}: write {part}=JOBS, or give \
                     --concurrency"
                ),
            },
        };
        let Some((queue, jobs)) = share.filter(|(queue, jobs)| !queue.is_empty() && (1..=10_000).contains(jobs)) else {
            bail!("--queues: {part:?} is not QUEUE=JOBS, such as cpu=2 (1 to 10000 jobs at once)");
        };
        if queues.iter().any(|share| share.queue == queue) {
            bail!("--queues names {queue} twice: name each queue once");
        }
        queues.push(QueueShare::new(queue, jobs));
    }
    if queues.is_empty() {
        bail!("--queues does not name a queue: write for example cpu=2,sync=16");
    }
    Ok(queues)
}

/// SIGUSR1 makes the worker quiet; a second signal lets it continue.
fn quiet_on_signal(at_first: bool) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(at_first);
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut asked) = signal(SignalKind::user_defined1()) else {
            tracing::warn!("SIGUSR1 cannot be heard: use `herald workers --quiet`");
            return std::future::pending().await;
        };
        while asked.recv().await.is_some() {
            sender.send_modify(|quiet| *quiet = !*quiet);
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_panics_stops_the_others_and_is_told() {
        let stop = CancellationToken::new();
        let mut parts = JoinSet::new();
        parts.spawn(stop.clone().cancelled_owned());
        parts.spawn(async { panic!("no such queue") });
        assert!(!run_together(parts, &stop).await);
        assert!(stop.is_cancelled());

        let stop = CancellationToken::new();
        let mut parts = JoinSet::new();
        parts.spawn(stop.clone().cancelled_owned());
        stop.cancel();
        assert!(run_together(parts, &stop).await);
    }

    #[test]
    fn queues_are_read_and_nonsense_is_named() {
        let known = |queue: &str| (queue == "sync").then_some(8);
        let queues = parse_queues("cpu=2, sync", known).unwrap();
        assert_eq!(
            queues.iter().map(|q| (q.queue.as_str(), q.concurrency)).collect::<Vec<_>>(),
            [("cpu", 2), ("sync", 8)]
        );
        for (text, says) in [
            ("mail", "write mail=JOBS, or give --concurrency"),
            ("cpu=0", "cpu=0"),
            ("=3", "=3"),
            ("cpu=1,cpu=2", "twice"),
            (" , ", "does not name a queue"),
        ] {
            let error = parse_queues(text, known).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
