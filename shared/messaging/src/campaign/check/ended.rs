//! What it means for a campaign that the job that looks through its audience ended early.

use futures::{FutureExt, future::BoxFuture};
use uuid::Uuid;

use super::fail;
use crate::MessagingError;
use herald_db::{Result, Tx};
use herald_ledger::Effect;

/// A check's job was given up, or a person cancelled it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CheckEnded {
    /// The campaign.
    pub(crate) campaign_id: Uuid,
    /// The hash of what was looked through.
    pub(crate) hash: String,
    /// Why it ended.
    pub(crate) reason: String,
}

impl Effect for CheckEnded {
    fn write_all<'a>(changes: Vec<(Uuid, &'a Self)>, tx: &'a mut Tx) -> BoxFuture<'a, Result<()>> {
        async move {
            for (workspace_id, change) in changes {
                let why = (change.hash.as_str(), change.reason.as_str());
                match fail(&mut *tx, workspace_id, change.campaign_id, why).await {
                    Ok(()) => {}
                    Err(MessagingError::Db(error)) => return Err(error),
                    Err(error) => tracing::error!(%error, "the end of a check could not be written"),
                }
            }
            Ok(())
        }
        .boxed()
    }
}
