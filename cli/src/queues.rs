//! `herald queues`: shows waiting jobs and limits, and pauses queues. It works beside running processes; changes take
//! effect at the next lease.

use std::process::ExitCode;

use anyhow::bail;
use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{
    QueueLimits, QueueStatus,
    audit::{self, Actor, Entry},
};

use crate::{
    args::{Common, Limit, NumberOrNone, Queues},
    audit::me,
    home,
};

pub(crate) async fn run(common: &Common, command: Queues) -> anyhow::Result<ExitCode> {
    let db = home::ledger(common).await?;
    match command {
        Queues::List { json } => {
            for queue in every(&db).await? {
                say(&if json { serde_json::to_string(&queue)? } else { line(&queue) });
            }
        }
        Queues::Limit(asked) => limit(&db, &asked).await?,
        Queues::Key { queue, key, concurrency } => {
            known(&db, &queue).await?;
            if concurrency.0.is_some_and(|jobs| jobs < 1) {
                bail!("{key} cannot run fewer than 1 job at once: give 1 or more, or pause the queue to stop it");
            }
            let actor = actor(&db).await?;
            let mut tx = db.begin().await?;
            ledger::set_key_concurrency(&mut tx, &queue, &key, concurrency.0).await?;
            let detail = serde_json::json!({ "key": key, "concurrency": concurrency.0 });
            audit::record(&mut tx, &actor, Entry::of("queue.key", &queue).with(detail)).await?;
            tx.commit().await?;
        }
        Queues::Pause { queue } => set_paused(&db, &queue, true).await?,
        Queues::Resume { queue } => set_paused(&db, &queue, false).await?,
        Queues::Unblock { queue } => {
            known(&db, &queue).await?;
            let actor = actor(&db).await?;
            let mut tx = db.begin().await?;
            ledger::unblock(&mut tx, &queue).await?;
            audit::record(&mut tx, &actor, Entry::of("queue.unblock", &queue)).await?;
            tx.commit().await?;
        }
    }
    db.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn limit(db: &Db, asked: &Limit) -> anyhow::Result<()> {
    let mut limits = known(db, &asked.queue).await?;
    if let Some(rate) = &asked.rate {
        (limits.rate, limits.rate_seconds) = parse_rate(rate)?;
    }
    for (limit, asked) in [
        (&mut limits.burst, asked.burst),
        (&mut limits.concurrency, asked.concurrency),
        (&mut limits.key_concurrency, asked.key_concurrency),
        (&mut limits.workspace_concurrency, asked.workspace_concurrency),
    ] {
        if let Some(NumberOrNone(number)) = asked {
            *limit = number;
        }
    }
    if let Some(bad) = limits.check().first() {
        bail!("--{} is out of range: {}", bad.field.replace('_', "-"), bad.rule);
    }
    let actor = actor(db).await?;
    let mut tx = db.begin().await?;
    ledger::set_limits(&mut tx, &asked.queue, &limits).await?;
    let detail = serde_json::to_value(&limits)?;
    audit::record(&mut tx, &actor, Entry::of("queue.limits", &asked.queue).with(detail)).await?;
    tx.commit().await?;
    say(&format!("{:<10} {}", asked.queue, words(&limits)));
    Ok(())
}

async fn set_paused(db: &Db, queue: &str, paused: bool) -> anyhow::Result<()> {
    known(db, queue).await?;
    let actor = actor(db).await?;
    let mut tx = db.begin().await?;
    ledger::set_paused(&mut tx, queue, paused).await?;
    let action = if paused { "queue.pause" } else { "queue.resume" };
    audit::record(&mut tx, &actor, Entry::of(action, queue)).await?;
    tx.commit().await?;
    say(if paused { "paused: running jobs continue, and no more jobs start" } else { "resumed" });
    Ok(())
}

/// The person who typed the command. Queues belong to the fleet; acts on them are in the log of the first workspace.
async fn actor(db: &Db) -> anyhow::Result<Actor> {
    Ok(me(herald_people::ensure_default_workspace(db).await?))
}

/// Lists every queue: the queues of the known kinds, and the queues with settings or jobs.
async fn every(db: &Db) -> anyhow::Result<Vec<QueueStatus>> {
    let mut queues = ledger::list_queues(db).await?;
    for policy in ledger::kinds().iter().map(|kind| &kind.policy) {
        if !queues.iter().any(|queue| queue.name == policy.queue) {
            let limits = QueueLimits { rate_seconds: 1, ..QueueLimits::default() };
            queues.push(QueueStatus { name: policy.queue.to_owned(), limits, ..QueueStatus::default() });
        }
    }
    queues.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(queues)
}

/// Returns the limits of an existing queue.
async fn known(db: &Db, name: &str) -> anyhow::Result<QueueLimits> {
    let queues = every(db).await?;
    if let Some(queue) = queues.iter().find(|queue| queue.name == name) {
        return Ok(queue.limits.clone());
    }
    let names: Vec<&str> = queues.iter().map(|queue| queue.name.as_str()).collect();
    bail!("there is no queue {name:?}: the queues are {}", names.join(", "));
}

/// Parses `500/s`, `30/m`, `1000/h`, `2000/d`, or `none`.
fn parse_rate(text: &str) -> anyhow::Result<(Option<i64>, i64)> {
    if text == "none" {
        return Ok((None, 1));
    }
    let parsed = text.split_once('/').and_then(|(units, period)| {
        let seconds = match period {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        Some((Some(units.trim().parse().ok()?), seconds))
    });
    match parsed {
        Some(rate) => Ok(rate),
        None => bail!("--rate {text:?} is not a valid rate: write for example 500/s, 30/m, 1000/h or 2000/d, or none"),
    }
}

fn line(queue: &QueueStatus) -> String {
    let mut line =
        format!("{:<10} {:>8} waiting {:>6} running  {}", queue.name, queue.ready, queue.running, words(&queue.limits));
    if queue.paused {
        line.push_str("  PAUSED");
    }
    if let Some(until) = queue.blocked_until {
        let reason = queue.blocked_reason.as_deref().unwrap_or_default();
        line.push_str(&format!("  waits until {} because {reason}", until.format("%Y-%m-%d %H:%M:%S UTC")));
    }
    line
}

fn words(limits: &QueueLimits) -> String {
    let period = |seconds| match seconds {
        1 => "s".to_owned(),
        60 => "m".to_owned(),
        3_600 => "h".to_owned(),
        86_400 => "d".to_owned(),
        other => format!("{other} s"),
    };
    let mut words = Vec::new();
    if let Some(rate) = limits.rate {
        words.push(format!("at most {rate}/{}", period(limits.rate_seconds)));
        words.extend(limits.burst.map(|burst| format!("{burst} in a burst")));
    }
    words.extend(limits.concurrency.map(|jobs| format!("{jobs} at once")));
    words.extend(limits.key_concurrency.map(|jobs| format!("{jobs} at once for each key")));
    words.extend(limits.workspace_concurrency.map(|jobs| format!("{jobs} at once for each workspace")));
    if words.is_empty() { "no limits".to_owned() } else { words.join(", ") }
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_nonsense_is_named() {
        assert_eq!(parse_rate("500/s").unwrap(), (Some(500), 1));
        assert_eq!(parse_rate("2000/d").unwrap(), (Some(2_000), 86_400));
        assert_eq!(parse_rate("none").unwrap(), (None, 1));
        for text in ["500", "x/s", "5/w", ""] {
            assert!(parse_rate(text).unwrap_err().to_string().contains("is not a valid rate"), "{text}");
        }
    }

    #[test]
    fn limits_are_told_in_words() {
        let limits = QueueLimits { rate: Some(30), rate_seconds: 60, concurrency: Some(4), ..QueueLimits::default() };
        assert_eq!(words(&limits), "at most 30/m, 4 at once");
        assert_eq!(words(&QueueLimits::default()), "no limits");
    }
}
