//! Links by which people join a workspace. The token has 256 random bits, is shown once, and only its hash is kept.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Address, Membership, People, PeopleError, Result, Role, member, token};
use crate::{
    db::{FromRow, Target, Tx, query},
    ledger::audit::{self, Actor, Entry},
    providers::email::AccountMail,
};

const PREFIX: &str = "join_";

/// An invitation to be made.
#[derive(Debug)]
pub struct NewInvitation {
    /// What who joins will be.
    pub role: Role,
    /// Only who has this address; it is also sent there.
    pub email: Option<String>,
    /// How many may join with it, 1 to 1,000.
    pub max_uses: i64,
    /// For how many days it is good, 1 to 90.
    pub days: i64,
}

/// An invitation, without what makes it work.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Invitation {
    /// Its id.
    pub id: Uuid,
    /// What who joins will be.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// Only who has this address.
    #[sqlx(rename = "email_key")]
    pub email: Option<String>,
    /// How many joined.
    pub uses: i64,
    /// How many may.
    pub max_uses: i64,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "id, role, email_key, uses, max_uses, created_by, created_at, expires_at, revoked_at";

/// Whether an invitation could be accepted now.
pub(super) async fn check(on: impl Into<Target<'_>>, presented: &str, email_key: &str) -> Result<()> {
    let on = on.into();
    let now = match &on {
        Target::Db(db) => db.now(),
        Target::Tx(tx) => tx.db().now(),
    };
    let found: Option<(Uuid,)> = query(
        "select id from workspace_invitations where token_hash = $1 and uses < max_uses and revoked_at is null and expires_at > $2
         and (email_key is null or email_key = $3)",
    )
    .bind(token::hash(presented))
    .bind(now)
    .bind(email_key)
    .optional(on)
    .await?;
    found.map(drop).ok_or(PeopleError::Invitation)
}

/// Uses an invitation for somebody. Who is a member already uses nothing up.
pub(super) async fn accept(tx: &mut Tx, presented: &str, user_id: Uuid, email_key: &str) -> Result<Uuid> {
    check(&mut *tx, presented, email_key).await?;
    let (id, workspace_id, role): (Uuid, Uuid, String) =
        query("select id, workspace_id, role from workspace_invitations where token_hash = $1")
            .bind(token::hash(presented))
            .one(&mut *tx)
            .await?;
    let role: Role = role.parse().map_err(|_| PeopleError::Invitation)?;
    if member::is_member(tx, workspace_id, user_id).await? {
        return Ok(workspace_id);
    }
    // The count is in the condition: of the many who come in the same moment, as many get in as may.
    let used = query(
        "update workspace_invitations set uses = uses + 1 where id = $1 and uses < max_uses and revoked_at is null and expires_at > $2",
    )
    .bind(id)
    .bind(tx.db().now())
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
    let Some(id) = actor.who.strip_prefix("user:").and_then(|id| id.parse::<Uuid>().ok()) else { return Ok(None) };
    let found: Option<(String,)> =
        query("select coalesce(username, email) from users where id = $1").bind(id).optional(tx).await?;
    Ok(found.map(|(name,)| name))
}

impl People {
    /// Makes an invitation into the actor's workspace, and returns it with its link, which cannot be read again. `link` makes the link of a token.
    ///
    /// # Errors
    /// [`PeopleError::AboveOwn`], what is wrong with the fields.
    pub async fn invite(
        &self,
        actor: &Actor,
        own: Role,
        new: NewInvitation,
        link: impl Fn(&str) -> String,
    ) -> Result<(Invitation, String)> {
        if new.role > own {
            return Err(PeopleError::AboveOwn { own, wanted: new.role });
        }
        if !(1..=1_000).contains(&new.max_uses) {
            return Err(PeopleError::field("max_uses", "use 1 to 1000"));
        }
        if !(1..=90).contains(&new.days) {
            return Err(PeopleError::field("days", "use 1 to 90"));
        }
        let address = match &new.email {
            Some(email) => Some(Address::parse(email).map_err(|error| PeopleError::field("email", error.to_string()))?),
            None => None,
        };
        let made = token::new(PREFIX, self.db.ids());
        let (id, now, link) = (self.db.new_id(), self.db.now(), link(&made));
        let mut tx = self.db.begin().await?;
        query(
            "insert into workspace_invitations (id, workspace_id, token_hash, role, email_key, created_by, uses, max_uses, expires_at, created_at)
             values ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9)",
        )
        .bind(id)
        .bind(actor.workspace_id)
        .bind(token::hash(&made))
        .bind(new.role.name())
        .bind(address.as_ref().map(|address| address.key().to_owned()))
        .bind(actor.who.as_str())
        .bind(new.max_uses)
        .bind(now + TimeDelta::days(new.days))
        .bind(now)
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
        let invitation =
            query(&format!("select {COLUMNS} from workspace_invitations where id = $1")).bind(id).one(&self.db).await?;
        Ok((invitation, link))
    }

    /// The invitations of a workspace, newest first, before an id.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    pub async fn invitations(&self, workspace_id: Uuid, before: Option<Uuid>, limit: usize) -> Result<Vec<Invitation>> {
        let found = query(&format!(
            "select {COLUMNS} from workspace_invitations where workspace_id = $1 and id < $2 order by id desc limit $3"
        ));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(found.bind(workspace_id).bind(before.unwrap_or(Uuid::max())).bind(limit).all(&self.db).await?)
    }

    /// Takes an invitation back; who joined with it stays.
    ///
    /// # Errors
    /// [`PeopleError::Missing`].
    pub async fn revoke_invitation(&self, actor: &Actor, id: Uuid) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let revoked = query(
            "update workspace_invitations set revoked_at = coalesce(revoked_at, $3) where workspace_id = $1 and id = $2",
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
