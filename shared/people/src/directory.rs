//! People whom the agency's CRM vouches for.
//!
//! What the CRM says comes in three ways: with the answer to a password, by webhook, and from its list. All go through
//! [`apply`]. It believes nothing older than what it believed last, and changes here only what changed there: an
//! administrator's decision here stays. A person with a password of Herald's own never belongs to the CRM. So a CRM can
//! neither take over such an account nor lock its owner out.

mod apply;
mod events;
mod list;
mod schedules;
mod settings;
mod sign_in;
mod sync;

use std::sync::Arc;

use uuid::Uuid;

pub use self::settings::{CrmLogin, CrmSettings, CrmSignature, CrmWebhook};
pub use self::{
    list::CrmUserRow,
    sync::{CrmSync, SyncEnd, SyncScope, SyncState},
};
use super::{People, PeopleError, Result};
use herald_db::{Tx, query};
use herald_ledger::audit::Actor;
use herald_providers::directory::Crm;

/// The CRM, and what its people are here.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    pub(super) client: Crm,
    pub(super) settings: Arc<CrmSettings>,
}

impl People {
    /// The CRM's client, if there is one.
    pub fn crm(&self) -> Option<&Crm> {
        self.crm.as_ref().map(|crm| &crm.client)
    }

    fn directory(&self) -> Result<&Directory> {
        self.crm.as_ref().ok_or(PeopleError::NoCrm)
    }
}

impl Directory {
    /// The workspace its people belong to.
    async fn workspace(&self, tx: &mut Tx) -> Result<Uuid> {
        let found: Option<(Uuid,)> = query("select id from workspaces where slug = $1")
            .bind(self.settings.workspace.as_str())
            .optional(tx)
            .await?;
        found.map(|(id,)| id).ok_or_else(|| {
            PeopleError::field("crm.workspace", format!("there is no workspace {}: create it", self.settings.workspace))
        })
    }
}

/// Who acts when it is the CRM: how its word came is part of the name.
fn actor(workspace_id: Uuid, way: &str) -> Actor {
    Actor { workspace_id, who: format!("crm:{way}"), request_id: None, origin: None }
}
