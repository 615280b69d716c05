//! Workspaces: everything belongs to one.

use herald_base::boxed;
use uuid::Uuid;

use herald_db::{Db, Result, Target, Tx, query};

/// The slug of the workspace that is made on first start.
pub const DEFAULT_WORKSPACE: &str = "default";

/// The slug of what belongs to the installation and to no workspace: letters about accounts, and the log of what people
/// do with their own accounts. Nobody is a member of it, and no workspace can be named so.
pub const INSTALLATION: &str = "_installation";

async fn make(tx: &mut Tx, slug: &str, name: &str) -> Result<bool> {
    let (id, now) = (tx.db().new_id(), tx.db().now());
    let made = query(
        "insert into workspaces (id, slug, name, created_at) values ($1, $2, $3, $4) on conflict (slug) do nothing",
    );
    Ok(made.bind(id).bind(slug).bind(name).bind(now).execute(tx).await? > 0)
}

/// The id of the default workspace. It is made if it is missing, and so is the installation's own.
#[boxed]
pub async fn ensure_default_workspace(db: &Db) -> Result<Uuid> {
    let mut tx = db.begin().await?;
    make(&mut tx, DEFAULT_WORKSPACE, "Default workspace").await?;
    if make(&mut tx, INSTALLATION, "The installation's own").await? {
        // Older versions kept letters among the jobs of the first workspace, whose members could cancel them.
        for sql in [
            "update job_errors set workspace_id = (select id from workspaces where slug = $1)
             where job_id in (select id from jobs where kind = 'account.mail')",
            "update jobs set workspace_id = (select id from workspaces where slug = $1) where kind = 'account.mail'",
        ] {
            query(sql).bind(INSTALLATION).execute(&mut tx).await?;
        }
    }
    let (id,): (Uuid,) =
        query("select id from workspaces where slug = $1").bind(DEFAULT_WORKSPACE).one(&mut tx).await?;
    tx.commit().await?;
    Ok(id)
}

/// The name of a workspace, as people see it.
#[boxed]
pub async fn workspace_name(db: &Db, id: Uuid) -> Result<Option<String>> {
    let found: Option<(String,)> = query("select name from workspaces where id = $1").bind(id).optional(db).await?;
    Ok(found.map(|(name,)| name))
}

/// The id of the workspace with a short name. None is the installation's own.
#[boxed]
pub async fn workspace_of(db: &Db, slug: &str) -> Result<Option<Uuid>> {
    if slug == INSTALLATION {
        return Ok(None);
    }
    let found: Option<(Uuid,)> = query("select id from workspaces where slug = $1").bind(slug).optional(db).await?;
    Ok(found.map(|(id,)| id))
}

/// The id of the installation's own workspace.
pub async fn installation(on: impl Into<Target<'_>>) -> Result<Uuid> {
    let (id,) = query("select id from workspaces where slug = $1").bind(INSTALLATION).one(on).await?;
    Ok(id)
}
