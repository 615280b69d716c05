//! What a person or a key may do in a workspace at this moment, by the name that the audit log has for them.

use futures::{FutureExt, future::BoxFuture};
use uuid::Uuid;

use super::{Role, Scope};
use herald_db::{FromRow, Json, Result, Tx, query};
use herald_ledger::Standing;

#[derive(FromRow)]
struct KeyRow {
    role: String,
    platform_admin: bool,
    scopes: Option<Json<Vec<Scope>>>,
    maker_id: Option<Uuid>,
}

/// What `who`, as the audit log names them, may do now. A job without a person (`None`) counts as the work of the
/// workspace's staff.
///
/// # Errors
/// When the database refuses.
pub fn standing_of<'a>(tx: &'a mut Tx, workspace_id: Uuid, who: Option<&'a str>) -> BoxFuture<'a, Result<Standing>> {
    async move {
        let Some(who) = who else { return Ok(Standing { role: Some(Role::Staff), ..Standing::NOBODY }) };
        let (kind, rest) = who.split_once(':').unwrap_or((who, ""));
        // A key's name stands behind its id.
        let id = rest.split(' ').next().and_then(|id| id.parse::<Uuid>().ok());
        match (kind, id) {
            ("user", Some(id)) => person(tx, workspace_id, id).await,
            ("key", Some(id)) => key(tx, workspace_id, id).await,
            // At the command line of the machine, and what the installation does by itself.
            ("cli" | "crm", _) => Ok(Standing::operator()),
            _ => Ok(Standing::NOBODY),
        }
    }
    .boxed()
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
