//! Addresses that do not exist: mails about accounts and notifications go to none of them either, and tell of new ones.
//! Who goes on writing to such addresses loses the standing that all mails of the sender share.

use herald_contacts::Channel;
use herald_messaging::{MessagingError, NewSuppression, SuppressionReason, add_suppressions, suppression_of};
use herald_providers::ProviderError;
use uuid::Uuid;

use crate::jobs::Context;
use crate::runner::Failure;

/// Whether mail to an address came back, because there is no such address. Other reasons do not count here: who wants
/// no news wants to come in all the same.
pub(crate) async fn is_gone(context: &Context, workspace_id: Uuid, address: &str) -> Result<bool, Failure> {
    let mut tx = context.db.begin().await?;
    match suppression_of(&mut tx, workspace_id, Channel::Email, address).await {
        Ok(found) => Ok(found.is_some_and(|row| row.reason == SuppressionReason::HardBounce)),
        // Without the key nothing is known of any address, and nobody is locked out by that.
        Err(MessagingError::NoKey) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Writes down that there is no such address, if the mail server's answer says so.
pub(crate) async fn note_gone(
    context: &Context,
    workspace_id: Uuid,
    (address, source): (&str, String),
    error: &ProviderError,
) -> Result<(), Failure> {
    if !error.refusal.as_ref().is_some_and(herald_providers::Refusal::is_no_such_address) {
        return Ok(());
    }
    let new = NewSuppression {
        channel: Channel::Email,
        address: address.to_owned(),
        reason: SuppressionReason::HardBounce,
        source,
        note: None,
        contact_id: None,
        consent_id: None,
    };
    let mut tx = context.db.begin().await?;
    match add_suppressions(&mut tx, workspace_id, vec![new]).await {
        Ok(_) => Ok(tx.commit().await?),
        Err(MessagingError::NoKey) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
