//! Where invitations lie outside: ids that were reserved beforehand, the folder of an event, and the file of an
//! invitation.
//!
//! An id is written down before anything is sent under it. A later attempt sends under the same id. So there is one
//! folder for an event and one file for an invitation, whatever was killed or lost in between.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use uuid::Uuid;

use super::effect::Outside;
use herald_db::{Bulk, Db, EngineKind, FromRow, Result, Tx, query};

/// How many ids are left in a connection's pool.
#[boxed]
pub async fn reserved_left(db: &Db, connection_id: Uuid) -> Result<usize> {
    let (left,): (i64,) =
        query("select count(*) from reserved_ids where connection_id = $1").bind(connection_id).one(db).await?;
    Ok(usize::try_from(left).unwrap_or(0))
}

/// Puts ids that a provider gave into the pool.
#[boxed]
pub async fn add_reserved(tx: &mut Tx, connection_id: Uuid, ids: &[String]) -> Result<()> {
    Bulk::new(
        "insert into reserved_ids (connection_id, remote_id) select connection_id, remote_id from {rows} where true
         on conflict (connection_id, remote_id) do nothing",
    )
    .column("connection_id", ids.iter().map(|_| connection_id).collect())
    .column("remote_id", ids.iter().cloned().collect())
    .execute(tx)
    .await
}

/// Takes up to `count` ids out of the pool. They are nobody else's when the transaction commits.
#[boxed]
pub async fn take_reserved(tx: &mut Tx, connection_id: Uuid, count: usize) -> Result<Vec<String>> {
    let lock = match tx.engine() {
        EngineKind::Postgres => "for update skip locked",
        EngineKind::Sqlite => "",
    };
    let taken: Vec<(String,)> = query(&format!(
        "delete from reserved_ids where connection_id = $1 and remote_id in
           (select remote_id from reserved_ids where connection_id = $1 limit $2 {lock}) returning remote_id"
    ))
    .bind(connection_id)
    .bind(i64::try_from(count).unwrap_or(i64::MAX))
    .all(tx)
    .await?;
    Ok(taken.into_iter().map(|(id,)| id).collect())
}

/// The folder of an event in an account.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct EventFolder {
    /// Its id there.
    pub remote_id: String,
    /// It is there.
    pub ready: bool,
    /// Files in it do not inherit the folder's readers: each file needs a permission of its own.
    pub share_each: bool,
}

/// The folder of an event under `parent` in an account, once it was named.
#[boxed]
pub async fn event_folder(
    db: &Db,
    workspace_id: Uuid,
    (event_id, connection_id, parent): (Uuid, Uuid, &str),
) -> Result<Option<EventFolder>> {
    query(
        "select remote_id, ready, share_each from event_folders
         where workspace_id = $4 and event_id = $1 and connection_id = $2 and parent = $3",
    )
    .bind(event_id)
    .bind(connection_id)
    .bind(parent)
    .bind(workspace_id)
    .optional(db)
    .await
}

/// Settles which folder is the event's. The first to say so wins; everybody goes on with the answer.
#[boxed]
pub async fn name_folder(
    db: &Db,
    workspace_id: Uuid,
    (event_id, connection_id, parent): (Uuid, Uuid, &str),
    remote_id: &str,
) -> Result<EventFolder> {
    let mut tx = db.begin().await?;
    query(
        "insert into event_folders (event_id, connection_id, parent, workspace_id, remote_id, ready, share_each, \
         updated_at)
         values ($1, $2, $3, $4, $5, $6, $6, $7) on conflict (event_id, connection_id, parent) do nothing",
    )
    .bind(event_id)
    .bind(connection_id)
    .bind(parent)
    .bind(workspace_id)
    .bind(remote_id)
    .bind(false)
    .bind(db.now())
    .execute(&mut tx)
    .await?;
    let folder = query(
        "select remote_id, ready, share_each from event_folders
         where workspace_id = $4 and event_id = $1 and connection_id = $2 and parent = $3",
    )
    .bind(event_id)
    .bind(connection_id)
    .bind(parent)
    .bind(workspace_id)
    .one(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(folder)
}

/// Notes that a folder is there, and whether files in it inherit its readers.
#[boxed]
pub async fn folder_is_ready(
    db: &Db,
    workspace_id: Uuid,
    (connection_id, remote_id): (Uuid, &str),
    share_each: bool,
) -> Result<()> {
    let mut tx = db.begin().await?;
    query(
        "update event_folders set ready = $3, share_each = $4, updated_at = $5
         where workspace_id = $6 and connection_id = $1 and remote_id = $2",
    )
    .bind(connection_id)
    .bind(remote_id)
    .bind(true)
    .bind(share_each)
    .bind(db.now())
    .bind(workspace_id)
    .execute(&mut tx)
    .await?;
    tx.commit().await
}

/// Forgets a folder that is gone for good, so that a new one is made.
#[boxed]
pub async fn forget_folder(db: &Db, workspace_id: Uuid, connection_id: Uuid, remote_id: &str) -> Result<()> {
    let mut tx = db.begin().await?;
    query("delete from event_folders where workspace_id = $3 and connection_id = $1 and remote_id = $2")
        .bind(connection_id)
        .bind(remote_id)
        .bind(workspace_id)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// Where an invitation lies outside, or is going to.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Upload {
    /// The account.
    pub connection_id: Uuid,
    /// Its id there.
    pub remote_id: String,
    /// SHA-256, in hex, of the bytes that the provider proved to have.
    pub sha256: Option<String>,
    /// Where it can be seen.
    pub link: Option<String>,
    /// Sealed: where an upload in pieces goes on.
    pub session: Option<Vec<u8>>,
}

/// Where an invitation lies outside.
#[boxed]
pub async fn find_upload(db: &Db, workspace_id: Uuid, invitation_id: Uuid) -> Result<Option<Upload>> {
    query(
        "select connection_id, remote_id, sha256, link, session from uploads where workspace_id = $2 \
        and invitation_id = $1",
    )
    .bind(invitation_id)
    .bind(workspace_id)
    .optional(db)
    .await
}

/// Forgets the place of a file that is gone for good, so that it gets a new one.
#[boxed]
pub async fn forget_upload(db: &Db, workspace_id: Uuid, invitation_id: Uuid, remote_id: &str) -> Result<()> {
    let mut tx = db.begin().await?;
    query("delete from uploads where workspace_id = $3 and invitation_id = $1 and remote_id = $2")
        .bind(invitation_id)
        .bind(remote_id)
        .bind(workspace_id)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// Keeps where an upload in pieces goes on, or forgets it.
#[boxed]
pub async fn keep_session(db: &Db, workspace_id: Uuid, invitation_id: Uuid, session: Option<Vec<u8>>) -> Result<()> {
    let mut tx = db.begin().await?;
    query("update uploads set session = $2, updated_at = $3 where workspace_id = $4 and invitation_id = $1")
        .bind(invitation_id)
        .bind(session)
        .bind(db.now())
        .bind(workspace_id)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// Settles where an invitation's file goes that was given no place before. The first to say so wins.
#[boxed]
pub async fn name_upload(
    db: &Db,
    workspace_id: Uuid,
    invitation_id: Uuid,
    connection_id: Uuid,
    remote_id: &str,
) -> Result<Upload> {
    let mut tx = db.begin().await?;
    query(
        "insert into uploads (invitation_id, workspace_id, connection_id, remote_id, updated_at)
         select id, workspace_id, $2, $3, $4 from invitations where workspace_id = $5 and id = $1
         on conflict (invitation_id) do update set connection_id = excluded.connection_id, \
         remote_id = excluded.remote_id,
           sha256 = null, link = null, session = null, updated_at = excluded.updated_at
         where uploads.workspace_id = excluded.workspace_id and uploads.connection_id <> excluded.connection_id",
    )
    .bind(invitation_id)
    .bind(connection_id)
    .bind(remote_id)
    .bind(db.now())
    .bind(workspace_id)
    .execute(&mut tx)
    .await?;
    let place = query(
        "select connection_id, remote_id, sha256, link, session from uploads where workspace_id = $2 \
         and invitation_id = $1",
    )
    .bind(invitation_id)
    .bind(workspace_id)
    .one(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(place)
}

/// Notes that an invitation lies outside. Only while it is being made: a stale attempt changes nothing.
pub(super) async fn arrived(tx: &mut Tx, workspace_id: Uuid, invitation_id: Uuid, outside: &Outside) -> Result<()> {
    query(
        "insert into uploads (invitation_id, workspace_id, connection_id, remote_id, sha256, link, session, updated_at)
         select id, workspace_id, $2, $3, $4, $5, null, $6 from invitations
         where workspace_id = $7 and id = $1 and state = 'pending'
         on conflict (invitation_id) do update set connection_id = excluded.connection_id, \
         remote_id = excluded.remote_id,
           sha256 = excluded.sha256, link = excluded.link, session = null, updated_at = excluded.updated_at
         where uploads.workspace_id = excluded.workspace_id",
    )
    .bind(invitation_id)
    .bind(outside.connection_id)
    .bind(outside.remote_id.as_str())
    .bind(outside.sha256.as_str())
    .bind(outside.link.clone())
    .bind(tx.db().now())
    .bind(workspace_id)
    .execute(tx)
    .await?;
    Ok(())
}

/// Gives each of these invitations a place in an account, under these ids. One that has a place in another account, or
/// had its file lost there, gets the new one.
pub(super) async fn assign(
    tx: &mut Tx,
    workspace_id: Uuid,
    connection_id: Uuid,
    places: &[(Uuid, String)],
) -> Result<()> {
    let now: DateTime<Utc> = tx.db().now();
    Bulk::new(
        "insert into uploads (invitation_id, workspace_id, connection_id, remote_id, updated_at)
         select invitation_id, workspace_id, connection_id, remote_id, at from {rows} where true
         on conflict (invitation_id) do update set connection_id = excluded.connection_id, \
         remote_id = excluded.remote_id,
           sha256 = null, link = null, session = null, updated_at = excluded.updated_at
         where uploads.workspace_id = excluded.workspace_id",
    )
    .column("invitation_id", places.iter().map(|(id, _)| *id).collect())
    .column("workspace_id", places.iter().map(|_| workspace_id).collect())
    .column("connection_id", places.iter().map(|_| connection_id).collect())
    .column("remote_id", places.iter().map(|(_, remote_id)| remote_id.clone()).collect())
    .column("at", places.iter().map(|_| now).collect())
    .execute(tx)
    .await
}

/// Which of these invitations have a place in this account.
pub(super) async fn placed(
    tx: &mut Tx,
    workspace_id: Uuid,
    connection_id: Uuid,
    invitations: &[Uuid],
) -> Result<Vec<Uuid>> {
    let found: Vec<(Uuid,)> = Bulk::new(
        "select u.invitation_id from uploads as u join {rows} on u.invitation_id = rows.id
         where u.workspace_id = rows.workspace_id and u.connection_id = rows.connection_id",
    )
    .column("workspace_id", invitations.iter().map(|_| workspace_id).collect())
    .column("id", invitations.iter().copied().collect())
    .column("connection_id", invitations.iter().map(|_| connection_id).collect())
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}
