//! Who may approve a campaign, and what exactly was approved.

use herald_base::role::Role;
use herald_contacts::whole_rule;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Campaign;
use crate::{MessagingError, Result, find_sender};
use herald_db::{Db, Tx, query};

/// Who approves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approver {
    /// A person of the workspace, or one of its keys.
    Member,
    /// Whoever runs the installation: they could approve in anybody's name.
    Operator,
}

/// A hash of content, audience and time. A campaign that has another one than when it was approved is not approved. The
/// audience stands in it with the rules of its segments: who changes one would change whom the campaign writes to.
pub(super) async fn hash_of(db: &Db, workspace_id: Uuid, campaign: &Campaign) -> Result<String> {
    let rule = whole_rule(db, workspace_id, &campaign.audience.0.rule()).await?;
    let mut what = json!({
        "channel": campaign.channel,
        "sender": campaign.sender_id,
        "template": campaign.template_id,
        "version": campaign.template_version,
        "content": campaign.content.as_ref().map(|content| &content.0),
        "whatsapp": campaign.whatsapp.as_ref().map(|message| &message.0),
        "audience": rule,
        "settings": campaign.settings.0,
        "send_at": campaign.send_at,
    });
    // What stands below each mail is a part of what it says.
    let sender = match campaign.sender_id {
        Some(id) => find_sender(db, workspace_id, id).await?,
        None => None,
    };
    if let Some(sender) = sender.filter(|sender| !sender.footer.is_empty()) {
        what["footer"] = sender.footer.into();
    }
    Ok(hex::encode(Sha256::digest(what.to_string())))
}

/// Whether somebody may approve a campaign that was submitted: nobody approves their own. If nobody else may approve
/// anything in the workspace, its only person may; the log then says so. Returns whether that is so.
///
/// # Errors
/// [`MessagingError::WrongState`].
pub(super) async fn may_approve(tx: &mut Tx, campaign: &Campaign, workspace_id: Uuid, who: &str) -> Result<bool> {
    // A person could make a key, and approve with it what they wrote themselves.
    if who.starts_with("key:") {
        let detail = "a key approves nothing: a person with the role agency or owner does, signed in";
        return Err(MessagingError::WrongState(detail.to_owned()));
    }
    let own = [campaign.submitted_by.as_deref(), Some(campaign.created_by.as_str())];
    if !own.contains(&Some(who)) {
        return Ok(false);
    }
    let me = who.strip_prefix("user:").and_then(|id| id.parse::<Uuid>().ok());
    let roles = [Role::Agency, Role::Owner].map(|role| role.name().to_owned());
    let [agency, owner] = roles;
    let (others,): (i64,) = query(
        "select count(*) from members as m join users as u on u.id = m.user_id
         where m.workspace_id = $1 and m.role in ($2, $3) and u.state = 'active' and u.id <> $4",
    )
    .bind(workspace_id)
    .bind(agency)
    .bind(owner)
    .bind(me.unwrap_or_else(Uuid::nil))
    .one(tx)
    .await?;
    if others == 0 && me.is_some() {
        return Ok(true);
    }
    let detail = "nobody approves a campaign of their own: ask somebody else with the role agency or owner";
    Err(MessagingError::WrongState(detail.to_owned()))
}
