//! Who belongs to which workspace, and as what.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Ended, Giver, People, PeopleError, Result, Role, UserState, made};
use herald_db::{FromRow, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

/// Workspaces that one person may make: nobody needs more, and a script that went wrong stops there.
const MOST_OWN: i64 = 50;

/// A workspace, with the caller's role in it.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Membership {
    /// The id of the workspace.
    pub workspace_id: Uuid,
    /// The short name of the workspace, for use in headers.
    pub slug: String,
    /// The name of the workspace.
    pub name: String,
    /// The role of the member in the workspace.
    #[sqlx(try_from = "String")]
    pub role: Role,
}

/// A member of a workspace.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Member {
    /// The id of the user.
    pub user_id: Uuid,
    /// The e-mail address of the member.
    pub email: String,
    /// The username of the member.
    pub username: Option<String>,
    /// The role of the member.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// `active` or `deactivated`.
    #[schema(value_type = String)]
    #[sqlx(try_from = "String")]
    pub state: UserState,
    /// When the membership began.
    pub created_at: DateTime<Utc>,
}

pub(super) async fn is_member(tx: &mut Tx, workspace_id: Uuid, user_id: Uuid) -> Result<bool> {
    let found = query("select role from members where workspace_id = $1 and user_id = $2");
    Ok(found.bind(workspace_id).bind(user_id).optional::<(String,)>(tx).await?.is_some())
}

/// Makes a person a member. A person who is a member already keeps their role.
pub(super) async fn add(tx: &mut Tx, workspace_id: Uuid, user_id: Uuid, role: Role) -> Result<()> {
    let now = tx.db().now();
    let added = query(
        "insert into members (workspace_id, user_id, role, created_at) values ($1, $2, $3, $4)
         on conflict (workspace_id, user_id) do nothing",
    );
    added.bind(workspace_id).bind(user_id).bind(role.name()).bind(now).execute(tx).await?;
    Ok(())
}

/// Whether the person was removed from the workspace at or after this time: earlier links do not let them in any more.
pub(super) async fn was_removed_since(
    tx: &mut Tx,
    workspace_id: Uuid,
    user_id: Uuid,
    since: DateTime<Utc>,
) -> Result<bool> {
    let found =
        query("select user_id from former_members where workspace_id = $1 and user_id = $2 and removed_at >= $3");
    Ok(found.bind(workspace_id).bind(user_id).bind(since).optional::<(Uuid,)>(tx).await?.is_some())
}

async fn note_removal(tx: &mut Tx, workspace_id: Uuid, user_id: Uuid) -> Result<()> {
    let now = tx.db().now();
    let noted = query(
        "insert into former_members (workspace_id, user_id, removed_at) values ($1, $2, $3)
         on conflict (workspace_id, user_id) do update set removed_at = excluded.removed_at",
    );
    noted.bind(workspace_id).bind(user_id).bind(now).execute(tx).await?;
    Ok(())
}

/// Only one at a time changes a workspace's members: of two owners who both take the other's role away, one stays.
async fn lock(tx: &mut Tx, workspace_id: Uuid) -> Result<()> {
    query("update workspaces set name = name where id = $1").bind(workspace_id).execute(tx).await?;
    Ok(())
}

async fn keeps_an_owner(tx: &mut Tx, workspace_id: Uuid) -> Result<()> {
    let owner: Option<(Uuid,)> = query(
        "select m.user_id from members as m join users as u on u.id = m.user_id
         where m.workspace_id = $1 and m.role = 'owner' and u.state = 'active' limit 1",
    )
    .bind(workspace_id)
    .optional(tx)
    .await?;
    owner.map(drop).ok_or(PeopleError::LastOwner)
}

fn check_workspace(slug: &str, name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !(2..=40).contains(&slug.len()) || !slug.chars().all(fits) || slug.starts_with('-') || slug.ends_with('-') {
        return Err(PeopleError::field(
            "slug",
            "the slug is not valid: use 2 to 40 lower-case letters, digits and hyphens, such as north-agency",
        ));
    }
    if name.trim().is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(PeopleError::field("name", "the name is empty or too long: use 1 to 100 characters"));
    }
    Ok(())
}

impl People {
    /// A person's roles in workspaces: in the one of that slug or id, or in all if none is named. At most a hundred.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    #[boxed]
    pub async fn memberships(&self, user_id: Uuid, named: Option<&str>) -> Result<Vec<Membership>> {
        let found = query(
            "select w.id as workspace_id, w.slug, w.name, m.role from members as m join workspaces as w \
             on w.id = m.workspace_id
             where m.user_id = $1 and ($2 = '' or w.slug = $2 or w.id = $3) order by m.created_at, w.slug limit 100",
        );
        let named = named.unwrap_or_default();
        let id: Uuid = named.parse().unwrap_or_default();
        Ok(found.bind(user_id).bind(named).bind(id).all(&self.db).await?)
    }

    /// Makes a workspace with `user_id` as its owner.
    ///
    /// # Errors
    /// [`PeopleError::WorkspacesClosed`], [`PeopleError::Taken`], what is wrong with the names.
    #[boxed]
    pub async fn make_workspace(
        &self,
        user_id: Uuid,
        is_admin: bool,
        slug: &str,
        name: &str,
        actor: Actor,
    ) -> Result<Membership> {
        if !self.settings.open_workspaces && !is_admin {
            return Err(PeopleError::WorkspacesClosed);
        }
        check_workspace(slug, name)?;
        let mut tx = self.db.begin().await?;
        // Their own row is the lock that keeps the count true.
        query("update users set email = email where id = $1").bind(user_id).execute(&mut tx).await?;
        let (own,): (i64,) = query("select count(*) from members where user_id = $1 and role = 'owner'")
            .bind(user_id)
            .one(&mut tx)
            .await?;
        if own >= MOST_OWN && !is_admin {
            return Err(PeopleError::Taken(format!(
                "you own {MOST_OWN} workspaces already, which is the limit: give one of them to another owner first"
            )));
        }
        let id = tx.db().new_id();
        let made = query(
            "insert into workspaces (id, slug, name, created_at) values ($1, $2, $3, $4) on conflict (slug) do nothing",
        )
        .bind(id)
        .bind(slug)
        .bind(name.trim())
        .bind(self.db.now())
        .execute(&mut tx)
        .await?;
        if made == 0 {
            return Err(PeopleError::Taken(format!(
                "a workspace with the slug {slug} already exists: choose another slug"
            )));
        }
        add(&mut tx, id, user_id, Role::Owner).await?;
        let actor = Actor { workspace_id: id, ..actor };
        audit::record(&mut tx, &actor, Entry::of("workspace.make", slug)).await?;
        tx.commit().await?;
        Ok(Membership { workspace_id: id, slug: slug.to_owned(), name: name.trim().to_owned(), role: Role::Owner })
    }

    /// The members of a workspace, oldest first, from after a user's id on.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    #[boxed]
    pub async fn members(&self, workspace_id: Uuid, after: Option<Uuid>, limit: usize) -> Result<Vec<Member>> {
        let found = query(
            "select m.user_id, u.email, u.username, m.role, u.state, m.created_at from members as m join users as u \
             on u.id = m.user_id
             where m.workspace_id = $1 and m.user_id > $2 order by m.user_id limit $3",
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(found.bind(workspace_id).bind(after.unwrap_or(Uuid::nil())).bind(limit).all(&self.db).await?)
    }

    /// One member.
    ///
    /// # Errors
    /// [`PeopleError::Missing`].
    #[boxed]
    pub async fn member(&self, workspace_id: Uuid, user_id: Uuid) -> Result<Member> {
        let found = query(
            "select m.user_id, u.email, u.username, m.role, u.state, m.created_at from members as m join users as u \
             on u.id = m.user_id
             where m.workspace_id = $1 and m.user_id = $2",
        );
        found.bind(workspace_id).bind(user_id).optional(&self.db).await?.ok_or(PeopleError::Missing("member"))
    }

    /// Gives a member another role: at most the giver's own, and to nobody whose role is above that. What the member
    /// made is worth that much from now on.
    ///
    /// # Errors
    /// [`PeopleError::Missing`], [`PeopleError::AboveOwn`], [`PeopleError::Narrow`], [`PeopleError::LastOwner`].
    #[boxed]
    pub async fn set_role(&self, actor: &Actor, giver: &Giver, user_id: Uuid, role: Role) -> Result<Member> {
        giver.may_give(role)?;
        let workspace_id = actor.workspace_id;
        let mut tx = self.db.begin().await?;
        lock(&mut tx, workspace_id).await?;
        let before = self.below(&mut tx, workspace_id, user_id, giver.role, role).await?;
        query("update members set role = $3 where workspace_id = $1 and user_id = $2")
            .bind(workspace_id)
            .bind(user_id)
            .bind(role.name())
            .execute(&mut tx)
            .await?;
        if before == Role::Owner {
            keeps_an_owner(&mut tx, workspace_id).await?;
        }
        let detail = serde_json::json!({ "before": before, "after": role });
        audit::record(&mut tx, actor, Entry::of("member.set_role", user_id).with(detail)).await?;
        tx.commit().await?;
        self.member(workspace_id, user_id).await
    }

    /// Removes a member, with their keys and invitation links. Every member may leave. A member who was removed by
    /// another person cannot come back by an earlier link.
    ///
    /// # Errors
    /// [`PeopleError::Missing`], [`PeopleError::AboveOwn`], [`PeopleError::LastOwner`].
    #[boxed]
    pub async fn remove_member(&self, actor: &Actor, own: Role, user_id: Uuid) -> Result<Ended> {
        let workspace_id = actor.workspace_id;
        let mut tx = self.db.begin().await?;
        lock(&mut tx, workspace_id).await?;
        let before = self.below(&mut tx, workspace_id, user_id, own, Role::Viewer).await?;
        query("delete from members where workspace_id = $1 and user_id = $2")
            .bind(workspace_id)
            .bind(user_id)
            .execute(&mut tx)
            .await?;
        if before == Role::Owner {
            keeps_an_owner(&mut tx, workspace_id).await?;
        }
        if actor.user_id() != Some(user_id) {
            note_removal(&mut tx, workspace_id, user_id).await?;
        }
        let ended = made::end(&mut tx, workspace_id, made::By::Person(user_id)).await?;
        let detail = serde_json::json!({ "before": before, "ended": ended });
        audit::record(&mut tx, actor, Entry::of("member.remove", user_id).with(detail)).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// The role that a member has now. An error if it, or the wanted role, is above the giver's own (`own`).
    async fn below(&self, tx: &mut Tx, workspace_id: Uuid, user_id: Uuid, own: Role, wanted: Role) -> Result<Role> {
        let found: Option<(String,)> = query("select role from members where workspace_id = $1 and user_id = $2")
            .bind(workspace_id)
            .bind(user_id)
            .optional(tx)
            .await?;
        let (role,) = found.ok_or(PeopleError::Missing("member"))?;
        let role: Role = role.parse().map_err(|_| PeopleError::Missing("member"))?;
        match wanted.max(role) {
            above if above > own => Err(PeopleError::AboveOwn { own, wanted: above }),
            _ => Ok(role),
        }
    }
}
