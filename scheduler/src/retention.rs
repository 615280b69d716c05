//! Prunes old data: jobs that ended long ago (their counts stay), answers stored for repeated requests, received
//! webhooks, old notifications, old bounces, old reports of providers, what undoes old merges of contacts, the members
//! of old snapshots, and expired codes, sessions and e-mails.

use std::time::Duration;

use chrono::TimeDelta;
use herald_accounts as connections;
use herald_contacts as contacts;
use herald_invitations as invitations;
use herald_ledger as ledger;
use herald_ledger::{Payload as _, idempotency};
use herald_messaging as messaging;
use herald_messaging::jobs::WhatsappTemplates;
use herald_notifications as notifications;
use herald_people as people;
use tokio_util::sync::CancellationToken;

use crate::Scheduler;

const GROUP: usize = 1_000;
/// Members of a snapshot that one transaction removes.
const MEMBERS: usize = 10_000;
const PAUSE: Duration = Duration::from_secs(3_600);

pub(crate) async fn run(scheduler: &Scheduler, stop: &CancellationToken) {
    let db = &scheduler.db;
    let keep = TimeDelta::from_std(scheduler.keep).unwrap_or(TimeDelta::days(30));
    let keep_members = TimeDelta::from_std(scheduler.keep_members).unwrap_or(TimeDelta::days(90));
    loop {
        loop {
            match ledger::prune(db, db.now() - keep, GROUP).await {
                Ok(pruned) if pruned.jobs == GROUP && !stop.is_cancelled() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "pruning failed, will try again");
                    break;
                }
            }
        }
        loop {
            match idempotency::prune(db, GROUP).await {
                Ok(pruned) if pruned == GROUP && !stop.is_cancelled() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "pruning kept answers failed, will try again");
                    break;
                }
            }
        }
        match people::tidy(db).await {
            Ok(gone) => tracing::debug!(gone, "what is over is forgotten"),
            Err(error) => tracing::warn!(%error, "forgetting what is over failed, will try again"),
        }
        if let Err(error) = notifications::forget_old(db, GROUP).await {
            tracing::warn!(%error, "forgetting old notifications failed, will try again");
        }
        if let Err(error) = connections::forget_deliveries(db).await {
            tracing::warn!(%error, "forgetting old webhooks failed, will try again");
        }
        if let Err(error) = contacts::forget_merges(db).await {
            tracing::warn!(%error, "forgetting what undoes old merges failed, will try again");
        }
        loop {
            match invitations::thin_snapshots(db, db.now() - keep_members, MEMBERS).await {
                Ok(removed) if removed > 0 && !stop.is_cancelled() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "forgetting the members of old snapshots failed, will try again");
                    break;
                }
            }
        }
        loop {
            match messaging::forget_old_mail_events(db).await {
                Ok(gone) if gone > 0 && !stop.is_cancelled() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "forgetting what was told of old mails failed, will try again");
                    break;
                }
            }
        }
        loop {
            match messaging::forget_old_soft_bounces(db).await {
                Ok(gone) if gone > 0 && !stop.is_cancelled() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "forgetting old soft bounces failed, will try again");
                    break;
                }
            }
        }
        loop {
            match messaging::forget_old_reports(db).await {
                Ok(gone) if gone > 0 && !stop.is_cancelled() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "forgetting old reports of providers failed, will try again");
                    break;
                }
            }
        }
        if let Err(error) = read_templates(db).await {
            tracing::warn!(%error, "having templates of WhatsApp read failed, will try again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = db.clock().sleep(PAUSE) => {}
        }
    }
}

/// Has the templates of accounts that send over WhatsApp read anew, once a day.
async fn read_templates(db: &herald_db::Db) -> anyhow::Result<()> {
    for (workspace_id, connection_id) in messaging::stale_whatsapp_accounts(db, GROUP).await? {
        ledger::enqueue_alone(db, WhatsappTemplates { connection_id }.job(workspace_id)).await?;
    }
    Ok(())
}
