//! Changes that jobs make.

use futures::{FutureExt, future::BoxFuture};
use uuid::Uuid;

use super::{NewNotification, NotifyError, notify};
use herald_db::{Bulk, Result, Tx};
use herald_ledger::{Effect, End};

/// A person is told something, in the workspace of the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify(pub NewNotification);

impl Effect for Notify {
    fn write_all<'a>(changes: Vec<(Uuid, &'a Self)>, tx: &'a mut Tx) -> BoxFuture<'a, Result<()>> {
        async move {
            let new =
                changes.into_iter().map(|(workspace_id, Self(new))| NewNotification { workspace_id, ..new.clone() });
            match notify(tx, new.collect()).await {
                Ok(_) => Ok(()),
                Err(NotifyError::Db(error)) => Err(error),
                // The arguments are an id each: the ledger takes them.
                Err(NotifyError::Mails(error)) => {
                    tracing::error!(%error, "mails of notifications could not be enqueued");
                    Ok(())
                }
            }
        }
        .boxed()
    }
}

/// The job of a notification's mail has ended without sending it, or begins again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailEnded {
    /// The notification.
    pub notification_id: Uuid,
    /// A person has the job tried again.
    pub is_retried: bool,
}

impl MailEnded {
    /// What such an end of a job changes.
    pub fn of(notification_id: Uuid, end: End<'_>) -> Self {
        Self { notification_id, is_retried: end == End::Retried }
    }
}

impl Effect for MailEnded {
    fn write_all<'a>(changes: Vec<(Uuid, &'a Self)>, tx: &'a mut Tx) -> BoxFuture<'a, Result<()>> {
        async move {
            let mut changes = changes;
            changes.sort_by_key(|(_, change)| change.notification_id);
            // What was being handed over when its process died may have arrived.
            Bulk::new(
                "update notifications set mail = case
                   when rows.is_retried then 'waiting' when mail = 'sending' then 'unknown' else 'failed' end
                 from {rows} where notifications.workspace_id = rows.workspace_id and notifications.id = rows.id
                   and ((rows.is_retried and mail = 'failed') or
                     (not rows.is_retried and mail in ('waiting', 'sending')))",
            )
            .column("id", changes.iter().map(|(_, change)| change.notification_id).collect())
            .column("workspace_id", changes.iter().map(|(workspace_id, _)| *workspace_id).collect())
            .column("is_retried", changes.iter().map(|(_, change)| change.is_retried).collect())
            .execute(tx)
            .await
        }
        .boxed()
    }
}
