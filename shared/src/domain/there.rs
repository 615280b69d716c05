//! Whether a workspace has what somebody names.

use uuid::Uuid;

use crate::db::{Result, Target, query};

/// What an id can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the things")]
pub enum Thing {
    Run,
    Invitation,
    Contact,
    Template,
    Connection,
}

impl Thing {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Invitation => "invitation",
            Self::Contact => "contact",
            Self::Template => "template",
            Self::Connection => "connection",
        }
    }

    fn table(self) -> &'static str {
        match self {
            Self::Run => "invitation_runs",
            Self::Invitation => "invitations",
            Self::Contact => "contacts",
            Self::Template => "templates",
            Self::Connection => "connections",
        }
    }
}

/// Whether the workspace has a thing of this id.
pub async fn is_there(on: impl Into<Target<'_>>, workspace_id: Uuid, thing: Thing, id: Uuid) -> Result<bool> {
    let found: Option<(Uuid,)> =
        query(&format!("select id from {} where workspace_id = $1 and id = $2", thing.table()))
            .bind(workspace_id)
            .bind(id)
            .optional(on)
            .await?;
    Ok(found.is_some())
}
