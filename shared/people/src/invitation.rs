//! Links by which people join a workspace. The token has 256 random bits, is shown once, and only its hash is kept.

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Address, Giver, Membership, People, PeopleError, Result, Role, giver::effective, member, token};
use herald_db::{Db, FromRow, Target, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};
use herald_providers::email::AccountMail;

const PREFIX: &str = "join_";
/// The lowest role of a person who may invite. If the maker's role is lower, their links open nothing.
const INVITES: Role = Role::Agency;

/// The fields of a new invitation.
#[derive(Debug)]
pub struct NewWorkspaceInvitation {
    /// The role that the invitation gives.
    pub role: Role,
    /// The address of the invited person, to which Herald also sends the link.
    pub email: Option<String>,
    /// How many people may join with the invitation, 1 to 1,000.
    pub max_uses: i64,
    /// For how many days the invitation is valid, 1 to 90.
    pub days: i64,
}

/// An invitation, without its token.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub struct WorkspaceInvitation {
    /// The id of the invitation.
    pub id: Uuid,
    /// The role that the invitation gives.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// The role that the invitation gives now: at most the role of its maker. `null` once the invitation has ended.
    #[sqlx(skip)]
    pub effective_role: Option<Role>,
    /// The address of the invited person; nobody else can use the invitation.
    #[sqlx(rename = "email_key")]
    pub email: Option<String>,
    /// How many people joined with the invitation.
    pub uses: i64,
    /// How many people may join with the invitation.
    pub max_uses: i64,
    /// The actor who created the invitation.
    pub created_by: String,
    /// The person who is responsible; `null` if the installation itself created the invitation.
    pub maker_id: Option<Uuid>,
    /// When the invitation was created.
    pub created_at: DateTime<Utc>,
    /// When the invitation expires.
    pub expires_at: DateTime<Utc>,
    /// When the invitation was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// An invitation with what its maker is now.
#[derive(FromRow)]
struct Listed {
    #[sqlx(flatten)]
    invitation: WorkspaceInvitation,
    maker_role: Option<String>,
}

impl Listed {
    fn now(self, now: DateTime<Utc>) -> WorkspaceInvitation {
        let Self { mut invitation, maker_role } = self;
        let is_open =
            invitation.revoked_at.is_none() && invitation.expires_at > now && invitation.uses < invitation.max_uses;
        let role = gives(invitation.role, invitation.maker_id, maker_role.as_deref());
        invitation.effective_role = role.filter(|_| is_open);
        invitation
    }
}

/// The role that a link gives to the person who joins with it. `None` if its maker may not invite any more.
fn gives(role: Role, maker: Option<Uuid>, makers_role: Option<&str>) -> Option<Role> {
    effective(Role::Owner, maker, makers_role).filter(|present| *present >= INVITES).map(|present| present.min(role))
}

const LISTED: &str = "select t.id, t.role, t.email_key, t.uses, t.max_uses, t.created_by, t.created_at, t.expires_at, \
    t.revoked_at, t.maker_id,
                             m.role as maker_role
                      from workspace_invitations as t left join users as u on u.id = t.maker_id and u.state = 'active'
                      left join members as m on m.workspace_id = t.workspace_id and m.user_id = u.id";

/// The invitations into a workspace that match, newest first.
pub(super) async fn listed(
    db: &Db,
    workspace_id: Uuid,
    (condition, value): (&str, Uuid),
    limit: usize,
) -> Result<Vec<WorkspaceInvitation>> {
    let sql = format!("{LISTED} where t.workspace_id = $1 and {condition} order by t.id desc limit $3");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found: Vec<Listed> = query(&sql).bind(workspace_id).bind(value).bind(limit).all(db).await?;
    Ok(found.into_iter().map(|listed| listed.now(db.now())).collect())
}

/// An invitation that a token opens.
#[derive(FromRow)]
struct Found {
    id: Uuid,
    workspace_id: Uuid,
    #[sqlx(try_from = "String")]
    role: Role,
    created_at: DateTime<Utc>,
    maker_id: Option<Uuid>,
    maker_role: Option<String>,
}

/// The invitation of a token that could be accepted now, and the role it gives.
async fn find(on: impl Into<Target<'_>>, presented: &str, email_key: &str) -> Result<(Found, Role)> {
    let on = on.into();
    let now = match &on {
        Target::Db(db) => db.now(),
        Target::Tx(tx) => tx.db().now(),
    };
    let found: Option<Found> = query(
        "select t.id, t.workspace_id, t.role, t.created_at, t.maker_id, m.role as maker_role
         from workspace_invitations as t left join users as u on u.id = t.maker_id and u.state = 'active'
         left join members as m on m.workspace_id = t.workspace_id and m.user_id = u.id
         where t.token_hash = $1 and t.uses < t.max_uses and t.revoked_at is null and t.expires_at > $2
         and (t.email_key is null or t.email_key = $3)",
    )
    .bind(token::hash(presented))
    .bind(now)
    .bind(email_key)
    .optional(on)
    .await?;
    let found = found.ok_or(PeopleError::Invitation)?;
    let role = gives(found.role, found.maker_id, found.maker_role.as_deref()).ok_or(PeopleError::Invitation)?;
    Ok((found, role))
}

/// Checks that an invitation could be accepted now.
pub(super) async fn check(on: impl Into<Target<'_>>, presented: &str, email_key: &str) -> Result<()> {
    find(on, presented, email_key).await.map(drop)
}

/// Uses an invitation for a person. It is not used up if the person is a member already.
pub(super) async fn accept(tx: &mut Tx, presented: &str, user_id: Uuid, email_key: &str) -> Result<Uuid> {
    let (Found { id, workspace_id, created_at, .. }, role) = find(&mut *tx, presented, email_key).await?;
    if member::is_member(tx, workspace_id, user_id).await? {
        return Ok(workspace_id);
    }
    if member::was_removed_since(tx, workspace_id, user_id, created_at).await? {
        return Err(PeopleError::Invitation);
    }
    // The count is in the condition: of the many who come in the same moment, as many get in as may.
    let used = query(
        "update workspace_invitations set uses = uses + 1
         where workspace_id = $3 and id = $1 and uses < max_uses and revoked_at is null and expires_at > $2",
    )
    .bind(id)
    .bind(tx.db().now())
    .bind(workspace_id)
    .execute(&mut *tx)
    .await?;
    if used == 0 {
        return Err(PeopleError::Invitation);
    }
    member::add(tx, workspace_id, user_id, role).await?;
    let actor = Actor::user(workspace_id, user_id, None);
    audit::record(tx, &actor, Entry::of("member.join", user_id).with(serde_json::json!({ "role": role }))).await?;
    Ok(workspace_id)
}

/// Who invites, as the invited know them.
async fn inviter(tx: &mut Tx, actor: &Actor) -> Result<Option<String>> {
    let Some(id) = actor.user_id() else { return Ok(None) };
    let found: Option<(String,)> =
        query("select coalesce(username, email) from users where id = $1").bind(id).optional(tx).await?;
    Ok(found.map(|(name,)| name))
}

impl People {
    /// Makes an invitation into the actor's workspace, and returns it with its link, which cannot be read again. `link`
    /// makes the link of a token.
    ///
    /// # Errors
    /// [`PeopleError::AboveOwn`], [`PeopleError::Narrow`], what is wrong with the fields.
    pub async fn invite(
        &self,
        actor: &Actor,
        giver: &Giver,
        new: NewWorkspaceInvitation,
        link: impl Fn(&str) -> String,
    ) -> Result<(WorkspaceInvitation, String)> {
        giver.may_give(new.role)?;
        if !(1..=1_000).contains(&new.max_uses) {
            return Err(PeopleError::field("max_uses", "max_uses is out of range: use 1 to 1000"));
        }
        if !(1..=90).contains(&new.days) {
            return Err(PeopleError::field("days", "days is out of range: use 1 to 90"));
        }
        let address = match &new.email {
            Some(email) => Some(Address::parse(email).map_err(|error| PeopleError::field("email", error.to_string()))?),
            None => None,
        };
        let token = token::new(PREFIX, self.db.ids());
        let (id, now, link) = (self.db.new_id(), self.db.now(), link(&token));
        let mut tx = self.db.begin().await?;
        query(
            "insert into workspace_invitations (id, workspace_id, token_hash, role, email_key, created_by, uses, \
             max_uses, expires_at, created_at,
                                                maker_id, maker_key_id)
             values ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11)",
        )
        .bind(id)
        .bind(actor.workspace_id)
        .bind(token::hash(&token))
        .bind(new.role.name())
        .bind(address.as_ref().map(|address| address.key().to_owned()))
        .bind(actor.who.as_str())
        .bind(new.max_uses)
        .bind(now + TimeDelta::days(new.days))
        .bind(now)
        .bind(giver.maker.user_id)
        .bind(giver.maker.key_id)
        .execute(&mut tx)
        .await?;
        if let Some(address) = &address {
            let (workspace,): (String,) =
                query("select name from workspaces where id = $1").bind(actor.workspace_id).one(&mut tx).await?;
            let inviter = inviter(&mut tx, actor).await?.unwrap_or_else(|| workspace.clone());
            let days = u32::try_from(new.days).unwrap_or(1);
            let letter = AccountMail::WorkspaceInvitation { workspace, inviter, link: link.clone(), days };
            self.post(&mut tx, address, "en", Some(letter)).await?;
        }
        let detail = serde_json::json!({ "role": new.role, "max_uses": new.max_uses, "days": new.days });
        audit::record(&mut tx, actor, Entry::of("invitation.make", id).with(detail)).await?;
        tx.commit().await?;
        let made = listed(&self.db, actor.workspace_id, ("t.id = $2", id), 1).await?.pop();
        Ok((made.ok_or(PeopleError::Missing("invitation"))?, link))
    }

    /// The invitations of a workspace, newest first, before an id.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    #[boxed]
    pub async fn invitations(
        &self,
        workspace_id: Uuid,
        before: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<WorkspaceInvitation>> {
        listed(&self.db, workspace_id, ("t.id < $2", before.unwrap_or(Uuid::max())), limit).await
    }

    /// Takes an invitation back; who joined with it stays.
    ///
    /// # Errors
    /// [`PeopleError::Missing`].
    #[boxed]
    pub async fn revoke_invitation(&self, actor: &Actor, id: Uuid) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let revoked = query(
            "update workspace_invitations set revoked_at = coalesce(revoked_at, $3) where workspace_id = $1 \
             and id = $2",
        );
        let found = revoked.bind(actor.workspace_id).bind(id).bind(self.db.now()).execute(&mut tx).await?;
        if found == 0 {
            return Err(PeopleError::Missing("invitation"));
        }
        audit::record(&mut tx, actor, Entry::of("invitation.revoke", id)).await?;
        Ok(tx.commit().await?)
    }

    /// Joins a workspace with a token.
    ///
    /// # Errors
    /// [`PeopleError::Invitation`].
    #[boxed]
    pub async fn join(&self, user_id: Uuid, token: &str) -> Result<Membership> {
        let user = self.user(user_id).await?;
        let address = Address::parse(&user.email)?;
        let mut tx = self.db.begin().await?;
        let workspace_id = accept(&mut tx, token, user_id, address.key()).await?;
        tx.commit().await?;
        let found = self.memberships(user_id, Some(&workspace_id.to_string())).await?;
        found.into_iter().next().ok_or(PeopleError::Missing("workspace"))
    }
}
