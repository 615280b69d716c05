//! What a member or a key made that still opens something: listed, and ended with its maker.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Invitation, People, Result, SeenKey, invitation, key};
use crate::db::{Tx, query};

/// Of each kind, listed at most.
const MOST: usize = 500;

/// The keys and invitation links of a member that still work.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Made {
    /// API keys, the last first.
    pub keys: Vec<SeenKey>,
    /// Invitation links, the last first.
    pub invitations: Vec<Invitation>,
}

/// How many things ended with their maker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Ended {
    /// API keys.
    pub keys: u64,
    /// Invitation links.
    pub invitations: u64,
}

/// The maker whose things end.
#[derive(Clone, Copy)]
pub(super) enum By {
    /// A person, with everything that their keys made.
    Person(Uuid),
    /// A key, with everything that was made with it, and with that.
    Key(Uuid),
}

const OF_PERSON: &str = "maker_id = $2";
const OF_KEY: &str = "(maker_key_id = $2 or maker_key_id in (select id from descent))";
const DESCENT: &str = "with recursive descent (id) as (
    select k.id from api_tokens as k where k.workspace_id = $1 and k.maker_key_id = $2
    union select k.id from api_tokens as k join descent on k.maker_key_id = descent.id where k.workspace_id = $1)";

/// Ends what still opens something, for good: whoever becomes a member again makes new keys and links.
pub(super) async fn end(tx: &mut Tx, workspace_id: Uuid, by: By) -> Result<Ended> {
    let (with, of, maker) = match by {
        By::Person(id) => ("", OF_PERSON, id),
        By::Key(id) => (DESCENT, OF_KEY, id),
    };
    let now = tx.db().now();
    let mut ended = [0; 2];
    let tables = [
        ("api_tokens", "(expires_at is null or expires_at > $3)"),
        ("workspace_invitations", "expires_at > $3 and uses < max_uses"),
    ];
    for (count, (table, open)) in ended.iter_mut().zip(tables) {
        let sql = format!(
            "{with} update {table} set revoked_at = $3 where workspace_id = $1 and revoked_at is null and {open} and {of}"
        );
        *count = query(&sql).bind(workspace_id).bind(maker).bind(now).execute(&mut *tx).await?;
    }
    let [keys, invitations] = ended;
    Ok(Ended { keys, invitations })
}

impl People {
    /// What a member made that still opens something.
    ///
    /// # Errors
    /// [`super::PeopleError::Db`].
    pub async fn made_by(&self, workspace_id: Uuid, user_id: Uuid) -> Result<Made> {
        let of = ("t.maker_id = $2 and t.revoked_at is null", user_id);
        let mut keys = key::listed(&self.db, workspace_id, of, MOST).await?;
        keys.retain(|key| key.effective_role.is_some());
        let mut invitations = invitation::listed(&self.db, workspace_id, of, MOST).await?;
        invitations.retain(|invitation| invitation.effective_role.is_some());
        Ok(Made { keys, invitations })
    }
}
