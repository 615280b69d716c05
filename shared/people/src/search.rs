//! Finding users, and the members and keys of a workspace, by a part of their name.

use herald_base::boxed;
use uuid::Uuid;

use super::{People, Result, Role};
use herald_db::{FromRow, contains, query};

/// A member.
#[derive(Clone, Debug, FromRow)]
pub struct FoundMember {
    /// The user.
    pub user_id: Uuid,
    /// The address of the member.
    pub email: String,
    /// The username of the member.
    pub username: Option<String>,
    /// The role of the member.
    #[sqlx(try_from = "String")]
    pub role: Role,
}

/// A key.
#[derive(Clone, Debug, FromRow)]
pub struct FoundKey {
    /// The key.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its role.
    #[sqlx(try_from = "String")]
    pub role: Role,
}

/// A user of the installation.
#[derive(Clone, Debug, FromRow)]
pub struct FoundUser {
    /// The user.
    pub id: Uuid,
    /// The address of the user.
    pub email: String,
    /// The username of the user.
    pub username: Option<String>,
    /// `active`, or `deactivated`: whether the user may sign in.
    pub state: String,
}

impl People {
    /// The users of the installation with `words` in their address or username.
    ///
    /// # Errors
    /// [`super::PeopleError::Db`].
    #[boxed]
    pub async fn search_users(&self, words: &str, limit: usize) -> Result<Vec<FoundUser>> {
        let found = query(
            "select id, email, username, state from users
             where lower(email) like $1 escape '\\' or lower(coalesce(username, '')) like $1 escape '\\'
             order by email limit $2",
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(found.bind(contains(&words.to_lowercase())).bind(limit).all(&self.db).await?)
    }

    /// The members with `words` in their address or username.
    ///
    /// # Errors
    /// [`super::PeopleError::Db`].
    #[boxed]
    pub async fn search_members(&self, workspace_id: Uuid, words: &str, limit: usize) -> Result<Vec<FoundMember>> {
        let found = query(
            "select m.user_id, u.email, u.username, m.role from members as m join users as u on u.id = m.user_id
             where m.workspace_id = $1 and (lower(u.email) like $2 escape '\\'
                                            or lower(coalesce(u.username, '')) like $2 escape '\\')
             order by u.email limit $3",
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(found.bind(workspace_id).bind(contains(&words.to_lowercase())).bind(limit).all(&self.db).await?)
    }

    /// The keys with `words` in their name that were not revoked, the newest first.
    ///
    /// # Errors
    /// [`super::PeopleError::Db`].
    #[boxed]
    pub async fn search_keys(&self, workspace_id: Uuid, words: &str, limit: usize) -> Result<Vec<FoundKey>> {
        let found = query(
            "select id, name, role from api_tokens
             where workspace_id = $1 and revoked_at is null and lower(name) like $2 escape '\\'
             order by id desc limit $3",
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(found.bind(workspace_id).bind(contains(&words.to_lowercase())).bind(limit).all(&self.db).await?)
    }
}
