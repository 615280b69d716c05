//! The first person of an installation: whoever starts Herald gets a link, and its page makes them the owner.

use chrono::TimeDelta;
use herald_base::boxed;
use secrecy::SecretString;
use uuid::Uuid;

use super::{Address, Device, People, PeopleError, Result, Role, Tokens, member, password, register, token, user};
use herald_db::{Target, query};
use herald_ledger::audit::{self, Entry};

const PREFIX: &str = "setup_";
/// How long the link opens its page. A restart makes another one.
const LIFETIME: TimeDelta = TimeDelta::days(7);

/// The first person, as the page of the link asks for them.
#[derive(Debug)]
pub struct FirstOwner {
    /// The token of the link.
    pub token: String,
    /// Their e-mail address. Nobody proves it: the link came from the machine itself.
    pub email: String,
    /// Their password.
    pub password: SecretString,
    /// Their language, as a BCP 47 tag.
    pub locale: String,
    /// Their time zone, as an IANA name.
    pub time_zone: String,
}

impl People {
    /// Makes the token of a link for the first person, unless there is a person. Earlier links are void.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    #[boxed]
    pub async fn setup_token(&self) -> Result<Option<String>> {
        let mut tx = self.db.begin().await?;
        if !is_empty(&mut tx).await? {
            return Ok(None);
        }
        let (token, now) = (token::new(PREFIX, self.db.ids()), self.db.now());
        query("delete from setup_links").execute(&mut tx).await?;
        query("insert into setup_links (token_hash, created_at, expires_at) values ($1, $2, $3)")
            .bind(token::hash(&token))
            .bind(now)
            .bind(now + LIFETIME)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(Some(token))
    }

    /// Whether a link still makes the first person.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    #[boxed]
    pub async fn is_setup_open(&self, token: &str) -> Result<bool> {
        let found: Option<(String,)> =
            query("select token_hash from setup_links where token_hash = $1 and expires_at > $2")
                .bind(token::hash(token))
                .bind(self.db.now())
                .optional(&self.db)
                .await?;
        Ok(found.is_some() && is_empty(&self.db).await?)
    }

    /// Makes the first person: an administrator of the installation and the owner of its first workspace. The link is
    /// used up.
    ///
    /// # Errors
    /// What is wrong with the fields; [`PeopleError::SetupOver`] when the link is void, or somebody was sooner.
    #[boxed]
    pub async fn set_up(&self, first: FirstOwner, workspace_id: Uuid, device: &Device) -> Result<Tokens> {
        let address = Address::parse(&first.email)?;
        register::check_place(&first.locale, &first.time_zone)?;
        password::fit(&first.password, &[address.written()])?;
        if !self.is_setup_open(&first.token).await? {
            return Err(PeopleError::SetupOver);
        }
        let key = self.keyring.current().await?;
        let hash = self.passwords.hash(&first.password).await;
        let mut tx = self.db.begin().await?;
        // Of two who come at the same time, one finds the link gone.
        let used = query("delete from setup_links where token_hash = $1 and expires_at > $2")
            .bind(token::hash(&first.token))
            .bind(tx.db().now())
            .execute(&mut tx)
            .await?;
        if used == 0 || !is_empty(&mut tx).await? {
            return Err(PeopleError::SetupOver);
        }
        let new = user::NewUser {
            address: &address,
            password_hash: Some(&hash),
            locale: &first.locale,
            time_zone: &first.time_zone,
            platform_admin: true,
        };
        let id = user::insert(&mut tx, &new).await?.ok_or(PeopleError::SetupOver)?;
        member::add(&mut tx, workspace_id, id, Role::Owner).await?;
        let tokens = self.begin_session(&mut tx, &key, id, device).await?;
        let actor = self.actor(&mut tx, id, device).await?;
        let detail = serde_json::json!({ "platform_admin": true, "role": Role::Owner });
        audit::record(&mut tx, &actor, Entry::of("user.set_up", id).with(detail)).await?;
        tx.commit().await?;
        Ok(tokens)
    }
}

async fn is_empty(on: impl Into<Target<'_>>) -> Result<bool> {
    let found: Option<(Uuid,)> = query("select id from users limit 1").optional(on).await?;
    Ok(found.is_none())
}
