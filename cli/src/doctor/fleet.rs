//! The requirements of a fleet: PostgreSQL, Redis, the bucket, the link key, and the running processes.

use chrono::TimeDelta;
use herald_app::config::Settings;
use herald_base::links::LinkSigner;
use herald_db::Db;
use herald_invitations as domain;
use herald_ledger as ledger;
use herald_ledger::{
    WORKER_BELIEVED,
    redis_wire::{RedisConfig, RedisWire},
};
use herald_providers::files::Files;

use super::Report;

/// If clocks differ by more, leases and links end at the wrong time.
const CLOCKS_MAY_DIFFER: TimeDelta = TimeDelta::seconds(1);

/// Whether the settings describe a fleet, or a part of one.
pub(super) fn is_meant(settings: &Settings) -> bool {
    !settings.redis.url.is_empty()
}

/// Checks the settings that a fleet needs.
pub(super) fn check_settings(report: &mut Report, settings: &Settings) {
    if settings.database.url.is_empty() {
        report.fail("a fleet needs a PostgreSQL database: set database.url to postgres://user:password@host/name");
    }
    if !settings.files.url.is_empty() && settings.links.key.is_empty() {
        report.fail(
            "a fleet with its files in a bucket needs links.key, the same for all processes: make one with `openssl \
             rand -hex 32`",
        );
    }
    if settings.files.url.is_empty() {
        report.warn(
            "files are in the data folder: every process of the fleet must see the same one, \
             or set files.url to a bucket",
        );
    }
}

/// Checks Redis, and the schedulers that report there that they run.
pub(super) async fn check_redis(report: &mut Report, settings: &Settings, db: Option<&Db>) {
    let config = RedisConfig { url: settings.redis.url.clone(), prefix: settings.redis.prefix.clone() };
    let redis = match RedisWire::connect(&config).await {
        Ok(redis) => redis,
        Err(error) => {
            return report.fail(&format!(
                "Redis cannot be used: {error}; check redis.url, and that the server runs and lets this machine in"
            ));
        }
    };
    match redis.about().await {
        Ok(about) => {
            report.ok(&format!("Redis answers (version {}); it needs no persistence", about.versions.join(", ")));
            if let Some(policy) = about.maxmemory_policies.iter().find(|policy| *policy != "noeviction") {
                report.warn(&format!(
                    "Redis has maxmemory-policy {policy} and may drop jobs on their way, which then \
                     start late: set noeviction"
                ));
            }
        }
        Err(error) => report.fail(&format!("Redis does not report its version: {error}; allow its user to run INFO")),
    }
    let Some(db) = db else { return };
    match redis.schedulers(db.now()).await {
        Ok(schedulers) if schedulers.is_empty() => {
            report.warn("no scheduler runs, so no job starts: start `herald scheduler`");
        }
        Ok(schedulers) => report.ok(&format!("schedulers: {}", schedulers.join(", "))),
        Err(error) => report.fail(&format!("Redis does not answer: {error}")),
    }
}

/// Checks the clock of the database, and the workers in the database.
pub(super) async fn check_database(report: &mut Report, db: &Db) {
    let before = db.now();
    match db.server_time().await {
        Ok(Some(theirs)) => {
            // The comparison uses the middle between the query and its answer.
            let ours = before + (db.now() - before) / 2;
            let ahead = ours - theirs;
            if ahead.abs() > CLOCKS_MAY_DIFFER {
                report.fail(&format!(
                    "this machine's clock is {:.1} s {} of the database's: run an NTP service on both",
                    ahead.abs().as_seconds_f64(),
                    if ahead > TimeDelta::zero() { "ahead" } else { "behind" },
                ));
            } else {
                report.ok("this machine's clock and the database's agree");
            }
        }
        Ok(None) => {}
        Err(error) => report.fail(&format!("the database does not report its time: {error}")),
    }
    match ledger::list_workers(db, db.now() - WORKER_BELIEVED).await {
        Ok(workers) if workers.is_empty() => report.warn("no worker runs, so no job is done: start `herald worker`"),
        Ok(workers) => {
            let names: Vec<&str> = workers.iter().map(|worker| worker.name.as_str()).collect();
            report.ok(&format!("workers: {}", names.join(", ")));
        }
        Err(error) => report.fail(&format!("the workers cannot be listed: {error}")),
    }
}

/// Checks that this process has the same link key as the other processes.
pub(super) async fn check_link_key(report: &mut Report, db: &Db, links: &LinkSigner) {
    match domain::known_link_key(db).await {
        Ok(None) => report.warn("no process has set the link key yet: the first process that starts sets it"),
        Ok(Some(known)) if known == links.fingerprint() => report.ok("the link key is the same as the fleet's"),
        Ok(Some(known)) => report.fail(&format!(
            "the link key here ({}) differs from the fleet's ({known}): set the same links.key everywhere, or change \
             it for all with `herald migrate --accept-link-key`",
            links.fingerprint()
        )),
        Err(error) => report.fail(&format!("the fleet's link key cannot be read: {error}")),
    }
}

/// Writes, reads, copies, lists and removes a test file.
pub(super) async fn check_bucket(report: &mut Report, files: &Files, name: &str) {
    match files.try_out(name).await {
        Ok(()) => report.ok(&format!("Herald can write, read, copy, list and delete files in {}", files.place(""))),
        Err(error) => report.fail(&error.to_string()),
    }
}
