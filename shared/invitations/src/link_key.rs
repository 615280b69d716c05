//! Which key signs the links: all processes on one database must have the same.

use thiserror::Error;
use uuid::Uuid;

use herald_base::{boxed, links::LinkSigner};
use herald_db::{Db, DbError, query};

/// Why a process may not make links.
#[derive(Debug, Error)]
pub enum LinkKeyError {
    /// The others have another key.
    #[error(
        "the link key here ({here}) differs from the one that the database's other processes use ({known}): \
         give all of \
         them the same links.key, or change it for all with `herald migrate --accept-link-key`"
    )]
    Differs {
        /// This process's key.
        here: String,
        /// The key that the database knows.
        known: String,
    },
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Whether links were made with a key: a process has noted its key, or a guest has an invitation.
#[boxed]
pub async fn has_links(db: &Db) -> Result<bool, DbError> {
    if known_link_key(db).await?.is_some() {
        return Ok(true);
    }
    let found: Option<(Uuid,)> = query("select workspace_id from invitations limit 1").optional(db).await?;
    Ok(found.is_some())
}

/// Whether nothing was ever made with this database: no process has noted its key, and there is neither a template nor
/// an invitation.
#[boxed]
pub async fn is_new(db: &Db) -> Result<bool, DbError> {
    let template: Option<(Uuid,)> = query("select workspace_id from templates limit 1").optional(db).await?;
    Ok(template.is_none() && !has_links(db).await?)
}

/// Holds this process's key to the one the database knows; the first to come settles it.
#[boxed]
pub async fn check_link_key(db: &Db, links: &LinkSigner) -> Result<(), LinkKeyError> {
    let here = links.fingerprint();
    let mut tx = db.begin().await?;
    query("insert into link_key (one, fingerprint, set_at) values ($1, $2, $3) on conflict (one) do nothing")
        .bind(true)
        .bind(here.as_str())
        .bind(db.now())
        .execute(&mut tx)
        .await?;
    tx.commit().await?;
    match known_link_key(db).await? {
        Some(known) if known != here => Err(LinkKeyError::Differs { here, known }),
        _ => Ok(()),
    }
}

/// The fingerprint of the key that the database's processes use, once there was one.
#[boxed]
pub async fn known_link_key(db: &Db) -> Result<Option<String>, DbError> {
    let found: Option<(String,)> =
        query("select fingerprint from link_key where one = $1").bind(true).optional(db).await?;
    Ok(found.map(|(fingerprint,)| fingerprint))
}

/// Makes this process's key the one of the database: from now on, a process that starts with another is refused.
#[boxed]
pub async fn accept_link_key(db: &Db, links: &LinkSigner) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    query(
        "insert into link_key (one, fingerprint, set_at) values ($1, $2, $3)
         on conflict (one) do update set fingerprint = excluded.fingerprint, set_at = excluded.set_at",
    )
    .bind(true)
    .bind(links.fingerprint())
    .bind(db.now())
    .execute(&mut tx)
    .await?;
    tx.commit().await
}
