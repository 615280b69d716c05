//! `invitation.publish`: the contact gets the link and the number. With that, the guest has an invitation.
//!
//! Safe to run twice: the same value again is no change, and an invitation is counted as made once.

use std::sync::Arc;

use herald_shared::{domain::Fact, jobs::InvitationPublish};

use super::{Context, Task, pending_invitation};
use crate::runner::{Done, Failure};

pub(super) async fn run(context: Arc<Context>, task: Task<InvitationPublish>) -> Result<Done, Failure> {
    let Some(invitation) = pending_invitation(&context, task.workspace_id, task.args.invitation_id).await? else {
        return Ok(Done::default());
    };
    // The CRM is our own contacts: the fact writes the link to the contact with the outcome.
    Ok(Done { facts: vec![Fact::Published { invitation_id: invitation.id }], ..Done::default() })
}
