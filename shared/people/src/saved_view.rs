//! Saved views: the filters of a list that a person keeps under a name. Nobody else sees them.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{People, PeopleError, Result};
use herald_db::{FromRow, query};

/// A person keeps at most this number of views of a list.
const MOST: i64 = 50;
const LONGEST_NAME: usize = 60;
const LONGEST_PLACE: usize = 40;
const LONGEST_QUERY: usize = 2_000;

/// The filters of a list under a name.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct SavedView {
    /// The id of the view.
    pub id: Uuid,
    /// The page, such as `jobs`.
    pub place: String,
    /// The name.
    pub name: String,
    /// The filters, as they stand behind the `?` of the page's address.
    pub query: String,
    /// When it was first saved.
    pub created_at: DateTime<Utc>,
}

/// A view to save.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewView {
    /// The name of the workspace.
    pub workspace: String,
    /// The page, such as `jobs`.
    #[schema(pattern = "^[a-z][a-z/-]{0,39}$")]
    pub place: String,
    /// The name, at most 60 characters.
    pub name: String,
    /// The filters, as they stand behind the `?` of the page's address; at most 2,000 characters.
    pub query: String,
}

impl NewView {
    /// The name without needless spaces, if everything is as it may be.
    fn check(&self) -> Result<String> {
        let place = self.place.as_bytes();
        let fits = |byte: &u8| byte.is_ascii_lowercase() || matches!(byte, b'/' | b'-');
        if !place.first().is_some_and(u8::is_ascii_lowercase) || place.len() > LONGEST_PLACE || !place.iter().all(fits)
        {
            return Err(PeopleError::field("place", "this is no page with a list: write it like jobs"));
        }
        let name: String = self.name.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(PeopleError::field("name", format!("give the view a name of 1 to {LONGEST_NAME} characters")));
        }
        if self.query.len() > LONGEST_QUERY || !self.query.bytes().all(|byte| byte.is_ascii_graphic()) {
            let detail = format!("write the filters as in an address, with at most {LONGEST_QUERY} characters");
            return Err(PeopleError::field("query", detail));
        }
        Ok(name)
    }
}

impl People {
    /// The views that a person keeps in a workspace, by their names; of one page, if it is given.
    ///
    /// # Errors
    /// [`PeopleError::Missing`] if the person is no member of the workspace.
    #[boxed]
    pub async fn saved_views(&self, user_id: Uuid, workspace: &str, place: Option<&str>) -> Result<Vec<SavedView>> {
        let workspace_id = self.own_workspace(user_id, workspace).await?;
        let mut views: Vec<SavedView> = query(
            "select id, place, name, query, created_at from saved_views where user_id = $1 and workspace_id = $2",
        )
        .bind(user_id)
        .bind(workspace_id)
        .all(&self.db)
        .await?;
        views.retain(|view| place.is_none_or(|place| view.place == place));
        views.sort_by_cached_key(|view| (view.place.clone(), view.name.to_lowercase()));
        Ok(views)
    }

    /// Saves a view. One of the same name gets the new filters.
    ///
    /// # Errors
    /// [`PeopleError::Field`]; [`PeopleError::Missing`] if the person is no member of the workspace.
    #[boxed]
    pub async fn save_view(&self, user_id: Uuid, new: &NewView) -> Result<SavedView> {
        let name = new.check()?;
        let workspace_id = self.own_workspace(user_id, &new.workspace).await?;
        let mut tx = self.db.begin().await?;
        let (id, now) = (self.db.new_id(), self.db.now());
        let saved: SavedView = query(
            "insert into saved_views (id, user_id, workspace_id, place, name, name_key, query, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             on conflict (user_id, workspace_id, place, name_key) do update set name = excluded.name, \
             query = excluded.query
             returning id, place, name, query, created_at",
        )
        .bind(id)
        .bind(user_id)
        .bind(workspace_id)
        .bind(new.place.as_str())
        .bind(name.as_str())
        .bind(name.to_lowercase())
        .bind(new.query.as_str())
        .bind(now)
        .one(&mut tx)
        .await?;
        let (kept,): (i64,) =
            query("select count(*) from saved_views where user_id = $1 and workspace_id = $2 and place = $3")
                .bind(user_id)
                .bind(workspace_id)
                .bind(new.place.as_str())
                .one(&mut tx)
                .await?;
        if kept > MOST {
            let detail = format!("you keep {MOST} views of this list already: delete one of them first");
            return Err(PeopleError::field("name", detail));
        }
        tx.commit().await?;
        Ok(saved)
    }

    /// Deletes a view.
    ///
    /// # Errors
    /// [`PeopleError::Missing`] if the person has no such view.
    #[boxed]
    pub async fn delete_view(&self, user_id: Uuid, id: Uuid) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let deleted = query("delete from saved_views where user_id = $1 and id = $2")
            .bind(user_id)
            .bind(id)
            .execute(&mut tx)
            .await?;
        if deleted == 0 {
            return Err(PeopleError::Missing("view"));
        }
        tx.commit().await?;
        Ok(())
    }

    /// The id of a workspace that the person is a member of.
    async fn own_workspace(&self, user_id: Uuid, name: &str) -> Result<Uuid> {
        match self.memberships(user_id, Some(name)).await?.as_slice() {
            [own] => Ok(own.workspace_id),
            _ => Err(PeopleError::Missing("workspace")),
        }
    }
}
