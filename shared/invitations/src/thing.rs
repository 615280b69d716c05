//! What the ids in jobs' arguments can name of this domain.

use uuid::Uuid;

use herald_ledger::Thing;

/// A run of invitations.
pub const RUN: Thing = Thing::new("run", "invitation_runs");
/// A check of a list before its run.
pub const CHECK: Thing = Thing::new("check", "run_checks");
/// An invitation.
pub const INVITATION: Thing = Thing::new("invitation", "invitations");
/// A template.
pub const TEMPLATE: Thing = Thing::new("template", "templates");

/// The key that keeps an invitation's steps from running side by side.
pub fn invitation_key(invitation_id: Uuid) -> String {
    format!("invitation:{invitation_id}")
}
