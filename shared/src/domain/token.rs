//! Bearer tokens. The token is shown once; the database keeps its SHA-256.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::db::{Db, FromRow, Result, query};

/// Makes a token of 256 random bits for a workspace and returns it; it cannot be read again.
pub async fn make_token(db: &Db, workspace_id: Uuid, name: &str) -> Result<String> {
    let token = format!("herald_{}", BASE64_URL_SAFE_NO_PAD.encode(db.ids().bytes::<32>()));
    let mut tx = db.begin().await?;
    query("insert into api_tokens (id, workspace_id, name, token_hash, created_at) values ($1, $2, $3, $4, $5)")
        .bind(db.new_id())
        .bind(workspace_id)
        .bind(name)
        .bind(hash(&token))
        .bind(db.now())
        .execute(&mut tx)
        .await?;
    tx.commit().await?;
    Ok(token)
}

/// A token that was recognised.
#[derive(Clone, Debug, FromRow)]
pub struct Token {
    /// Its id: what the audit log says instead of the token.
    pub id: Uuid,
    /// The workspace it opens.
    pub workspace_id: Uuid,
    /// What it is for.
    pub name: String,
}

/// The token of these letters, if there is one.
pub async fn check_token(db: &Db, token: &str) -> Result<Option<Token>> {
    // Looked up by hash: what the comparison's time could tell is about the hash, not the token.
    query("select id, workspace_id, name from api_tokens where token_hash = $1").bind(hash(token)).optional(db).await
}

/// Whether any token was made yet.
pub async fn has_tokens(db: &Db) -> Result<bool> {
    Ok(query("select id from api_tokens limit 1").optional::<(Uuid,)>(db).await?.is_some())
}

fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}
