//! Forgets what has ended: codes, sessions, letters that were sent.

use chrono::TimeDelta;
use herald_base::boxed;

use super::Result;
use herald_db::{Db, query};

/// How long Herald remembers an ended session and a used token, so that it recognises a stolen token that comes late.
const REMEMBERED: TimeDelta = TimeDelta::days(30);
/// How long it is known that a letter was sent.
const LETTERS: TimeDelta = TimeDelta::days(7);

/// How long there is for looking into what went wrong with the CRM.
const LOOKED_INTO: TimeDelta = TimeDelta::days(90);

/// Deletes rows whose time is over, and returns their number. Safe to run again and beside others.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn tidy(db: &Db) -> Result<u64> {
    let now = db.now();
    let mut gone = 0;
    for (sql, before) in [
        ("delete from codes where expires_at < $1", now),
        ("delete from tickets where expires_at < $1", now),
        ("delete from sessions where expires_at < $1", now - REMEMBERED),
        ("delete from refresh_tokens where used_at < $1", now - REMEMBERED),
        ("delete from letters where created_at < $1", now - LETTERS),
        ("delete from workspace_invitations where expires_at < $1", now - REMEMBERED),
        ("delete from signing_keys where retired_at < $1", now - REMEMBERED),
        ("delete from crm_events where received_at < $1 and done_at is not null", now - REMEMBERED),
        ("delete from crm_events where received_at < $1", now - LOOKED_INTO),
        ("delete from crm_syncs where started_at < $1", now - LOOKED_INTO),
    ] {
        let mut tx = db.begin().await?;
        gone += query(sql).bind(before).execute(&mut tx).await?;
        tx.commit().await?;
    }
    Ok(gone)
}
