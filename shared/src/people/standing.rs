//! What somebody may do in a workspace at this moment, by the name the audit log has for them.

use uuid::Uuid;

use super::{Role, Scope};
use crate::db::{FromRow, Json, Result, Tx, query};

/// What somebody may do in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Their role; `None`: they are nobody there, or not any more.
    pub role: Option<Role>,
    /// May do what concerns the whole installation.
    pub platform_admin: bool,
    /// What a key may touch; everything its role may, if nothing is named.
    pub scopes: Option<Vec<Scope>>,
}

#[derive(FromRow)]
struct KeyRow {
    role: String,
    platform_admin: bool,
    scopes: Option<Json<Vec<Scope>>>,
    maker_id: Option<Uuid>,
}

impl Standing {
    /// Whoever works at the machine itself: all that there is lies before them.
    pub fn operator() -> Self {
        Self { role: Some(Role::Owner), platform_admin: true, scopes: None }
    }

    const NOBODY: Self = Self { role: None, platform_admin: false, scopes: None };

    /// What `who`, as the audit log names them, may do now. Nobody in particular (`None`) counts as the workspace's staff.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn of(tx: &mut Tx, workspace_id: Uuid, who: Option<&str>) -> Result<Self> {
        let Some(who) = who else { return Ok(Self { role: Some(Role::Staff), ..Self::NOBODY }) };
        let (kind, rest) = who.split_once(':').unwrap_or((who, ""));
        // A key's name stands behind its id.
        let id = rest.split(' ').next().and_then(|id| id.parse::<Uuid>().ok());
        match (kind, id) {
            ("user", Some(id)) => person(tx, workspace_id, id).await,
            ("key", Some(id)) => key(tx, workspace_id, id).await,
            // At the command line of the machine, and what the installation does by itself.
            ("cli" | "crm", _) => Ok(Self::operator()),
            _ => Ok(Self::NOBODY),
        }
    }

    /// Whether the scopes, if there are any, let this area be changed.
    pub fn may_write(&self, area: &str) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|scope| scope.write && scope.area == area))
    }
}

async fn person(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<Standing> {
    let user: Option<(bool,)> = query("select platform_admin from users where id = $1 and state = 'active'")
        .bind(id)
        .optional(&mut *tx)
        .await?;
    let Some((platform_admin,)) = user else { return Ok(Standing::NOBODY) };
    let role: Option<(String,)> = query("select role from members where workspace_id = $1 and user_id = $2")
        .bind(workspace_id)
        .bind(id)
        .optional(tx)
        .await?;
    Ok(Standing { role: role.and_then(|(role,)| role.parse().ok()), platform_admin, scopes: None })
}

async fn key(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<Standing> {
    let now = tx.db().now();
    let found: Option<KeyRow> = query(
        "select role, platform_admin, scopes, maker_id from api_tokens
         where workspace_id = $1 and id = $2 and revoked_at is null and (expires_at is null or expires_at > $3)",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(now)
    .optional(&mut *tx)
    .await?;
    let Some(key) = found else { return Ok(Standing::NOBODY) };
    // A key is worth at most what the person behind it is worth by now.
    let maker = match key.maker_id {
        Some(maker) => person(tx, workspace_id, maker).await?,
        None => Standing::operator(),
    };
    let own: Option<Role> = key.role.parse().ok();
    Ok(Standing {
        role: own.zip(maker.role).map(|(own, makers)| own.min(makers)),
        platform_admin: key.platform_admin && maker.platform_admin,
        scopes: key.scopes.map(|scopes| scopes.0),
    })
}
