//! What the CRM told by webhook: kept in the transaction that answers it, done by a job.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde_json::{Value, json};

use super::{
    actor,
    apply::{self, Way, Word, apply},
};
use crate::{People, PeopleError, Result, jobs::CrmEvent};
use herald_db::{FromRow, Json, Tx, query};
use herald_ledger as ledger;
use herald_ledger::{
    Payload,
    audit::{self, Entry},
};
use herald_providers::directory::{Change, Checked, Event};

#[derive(FromRow)]
struct Row {
    body: Json<Value>,
    sent_at: DateTime<Utc>,
}

impl People {
    /// Keeps a genuine webhook, and enqueues the job that does it; `false` when it came before.
    ///
    /// # Errors
    /// [`PeopleError::NoCrm`], [`PeopleError::Db`].
    #[boxed]
    pub async fn take_crm_event(&self, checked: &Checked, body: &Value) -> Result<bool> {
        let crm = self.directory()?;
        let now = self.db.now();
        let mut tx = self.db.begin().await?;
        let is_new = query(
            "insert into crm_events (id, body, sent_at, received_at) values ($1, $2, $3, \
             $4) on conflict (id) do nothing",
        )
        .bind(checked.id.as_str())
        .bind(body.clone())
        .bind(checked.sent_at.unwrap_or(now))
        .bind(now)
        .execute(&mut tx)
        .await?
            > 0;
        if is_new {
            let workspace = crm.workspace(&mut tx).await?;
            let job = CrmEvent { event_id: checked.id.clone() }.job(workspace);
            ledger::enqueue(&mut tx, vec![job]).await?;
        }
        tx.commit().await?;
        Ok(is_new)
    }

    /// Does what a webhook tells, once, and describes it in words. A second call finds that it is done.
    ///
    /// # Errors
    /// [`PeopleError::CrmEvent`] when it cannot be read; trying again changes nothing.
    #[boxed]
    pub async fn do_crm_event(&self, id: &str) -> Result<String> {
        let crm = self.directory()?;
        let mut tx = self.db.begin().await?;
        let row: Option<Row> = query("select body, sent_at from crm_events where id = $1 and done_at is null")
            .bind(id)
            .optional(&mut tx)
            .await?;
        let Some(Row { body: Json(body), sent_at }) = row else { return Ok("done before".to_owned()) };
        let event = Event::read(&body).map_err(PeopleError::CrmEvent)?;
        let at = event.at.or(Some(sent_at));
        let outcome = match &event.change {
            None => format!("{}: nothing that Herald follows", event.kind),
            Some(Change::Saved(user)) => {
                let applied = apply(&mut tx, crm, &Word { user, way: Way::Webhook, at }).await?;
                told(&event.kind, applied.stale, applied.changed, applied.reason)
            }
            Some(Change::Deleted { external_id, version }) => {
                let workspace = crm.workspace(&mut tx).await?;
                match delete(&mut tx, external_id, *version, at).await? {
                    Deleted::Stale => told(&event.kind, true, false, None),
                    Deleted::Unknown => format!("{}: nobody here", event.kind),
                    Deleted::Done(user_id) => {
                        if let Some(id) = user_id {
                            let entry = Entry::of("user.deactivate", id).with(json!({ "external_id": external_id }));
                            audit::record(&mut tx, &actor(workspace, "webhook"), entry).await?;
                        }
                        told(&event.kind, false, user_id.is_some(), None)
                    }
                }
            }
        };
        // The news about the person is not needed any more. The event's id stays, in case it comes again.
        query("update crm_events set done_at = $2, outcome = $3, body = $4 where id = $1")
            .bind(id)
            .bind(self.db.now())
            .bind(outcome.as_str())
            .bind(json!({}))
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(outcome)
    }
}

fn told(kind: &str, stale: bool, changed: bool, reason: Option<String>) -> String {
    match (stale, changed, reason) {
        (true, ..) => format!("{kind}: older than what is known"),
        (_, _, Some(reason)) => format!("{kind}: {reason}"),
        (_, true, _) => format!("{kind}: done"),
        (_, false, _) => format!("{kind}: nothing new"),
    }
}

enum Deleted {
    Unknown,
    Stale,
    /// Done. The person who may not come in any more, if they could before.
    Done(Option<uuid::Uuid>),
}

/// Keeps a person out whom the CRM deleted. Nothing is removed here: their work stays theirs.
async fn delete(tx: &mut Tx, external_id: &str, version: Option<i64>, at: Option<DateTime<Utc>>) -> Result<Deleted> {
    let now = tx.db().now();
    // Kept even for a person who never came here: older news that arrives later must not bring them in.
    let was_unknown = query(
        "insert into crm_users (external_id, email, role, state, version, changed_at, touched_at)
         values ($1, '', 'viewer', 'deactivated', $2, $3, $4) on conflict (external_id) do nothing",
    )
    .bind(external_id)
    .bind(version)
    .bind(at)
    .bind(now)
    .execute(&mut *tx)
    .await?
        > 0;
    let Some(kept) = apply::lock(tx, external_id).await? else { return Ok(Deleted::Unknown) };
    if was_unknown {
        return Ok(Deleted::Unknown);
    }
    if !apply::is_newer(kept.order(), (version, at)) {
        return Ok(Deleted::Stale);
    }
    query(
        "update crm_users set state = 'deactivated', version = coalesce($2, version), changed_at = coalesce($3, \
         changed_at), touched_at = $4
         where external_id = $1",
    )
    .bind(external_id)
    .bind(version)
    .bind(at)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    match kept.user_id {
        Some(id) if apply::set_state(tx, id, false).await? => Ok(Deleted::Done(Some(id))),
        _ => Ok(Deleted::Done(None)),
    }
}
