//! Sessions: a device that signed in. Its refresh token changes with every use; a used one that comes back ends the
//! session, because then two have it and one of them stole it (RFC 9700, 4.14.2).

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{People, PeopleError, Result, UserState, access_token, keyring::SigningKey, token};
use herald_db::{FromRow, Tx, query};
use herald_ledger::audit::{self, Entry};

const PREFIX: &str = "refresh_";

/// The device and the address from which a person signs in.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// As its `User-Agent` says.
    pub agent: Option<String>,
    /// Its address.
    pub address: Option<String>,
}

/// The tokens of a session.
#[derive(Clone, Serialize, ToSchema)]
pub struct Tokens {
    /// The access token, which the client sends as a bearer token.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: &'static str,
    /// For how many seconds the access token is valid.
    pub expires_in: i64,
    /// The refresh token, which gives one new pair of tokens.
    pub refresh_token: String,
    /// When the refresh token expires.
    pub refresh_expires_at: DateTime<Utc>,
    /// The id of the user.
    pub user_id: Uuid,
    /// The id of the session.
    #[serde(skip)]
    pub session_id: Uuid,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// A session of a user.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Session {
    /// The id of the session.
    pub id: Uuid,
    /// The `User-Agent` of the device.
    pub agent: Option<String>,
    /// The network address from which the user signed in.
    pub address: Option<String>,
    /// When the session began.
    pub created_at: DateTime<Utc>,
    /// When the session last got a new pair of tokens.
    pub used_at: DateTime<Utc>,
    /// When the session ends if it is not used.
    pub expires_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Presented {
    session_id: Uuid,
    user_id: Uuid,
    used_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    expires_at: DateTime<Utc>,
    #[sqlx(try_from = "String")]
    state: UserState,
}

fn cut(text: Option<&String>) -> Option<String> {
    text.map(|text| text.chars().take(200).collect())
}

impl People {
    pub(super) fn lifetime(&self) -> TimeDelta {
        TimeDelta::days(i64::from(self.settings.session_days))
    }

    /// Begins a session.
    pub(super) async fn begin_session(
        &self,
        tx: &mut Tx,
        key: &SigningKey,
        user_id: Uuid,
        device: &Device,
    ) -> Result<Tokens> {
        let (id, now) = (tx.db().new_id(), tx.db().now());
        query(
            "insert into sessions (id, user_id, agent, address, created_at, used_at, expires_at) values ($1, $2, $3, \
             $4, $5, $5, $6)",
        )
        .bind(id)
        .bind(user_id)
        .bind(cut(device.agent.as_ref()))
        .bind(cut(device.address.as_ref()))
        .bind(now)
        .bind(now + self.lifetime())
        .execute(&mut *tx)
        .await?;
        query("update users set last_sign_in_at = $2 where id = $1").bind(user_id).bind(now).execute(&mut *tx).await?;
        self.new_pair(tx, key, user_id, id).await
    }

    async fn new_pair(&self, tx: &mut Tx, key: &SigningKey, user_id: Uuid, session_id: Uuid) -> Result<Tokens> {
        let now = tx.db().now();
        let refresh_token = token::new(PREFIX, self.db.ids());
        query("insert into refresh_tokens (token_hash, session_id, created_at) values ($1, $2, $3)")
            .bind(token::hash(&refresh_token))
            .bind(session_id)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        let access_token = access_token::make(key, user_id, session_id, tx.db().new_id(), now);
        Ok(Tokens {
            access_token,
            token_type: "Bearer",
            expires_in: access_token::LIFETIME.num_seconds(),
            refresh_token,
            refresh_expires_at: now + self.lifetime(),
            user_id,
            session_id,
        })
    }

    /// A new pair of tokens for a refresh token, which is used up by it.
    ///
    /// # Errors
    /// [`PeopleError::SessionOver`]; also for every other token of a session whose used token came again.
    #[boxed]
    pub async fn refresh(&self, refresh_token: &SecretString) -> Result<Tokens> {
        let key = self.keyring.current().await?;
        let (token_hash, now) = (token::hash(refresh_token.expose_secret()), self.db.now());
        let mut tx = self.db.begin().await?;
        let was_unused = query("update refresh_tokens set used_at = $2 where token_hash = $1 and used_at is null")
            .bind(token_hash.as_str())
            .bind(now)
            .execute(&mut tx)
            .await?
            > 0;
        let found: Option<Presented> = query(
            "select t.session_id, s.user_id, t.used_at, s.ended_at, s.expires_at, u.state from refresh_tokens as t
             join sessions as s on s.id = t.session_id join users as u on u.id = s.user_id where t.token_hash = $1",
        )
        .bind(token_hash.as_str())
        .optional(&mut tx)
        .await?;
        let found = found.ok_or(PeopleError::SessionOver)?;
        if !was_unused {
            end(&mut tx, "its refresh token came a second time", Of::Session(found.session_id)).await?;
            tx.commit().await?;
            tracing::warn!(session = %found.session_id, user = %found.user_id, used_at = ?found.used_at,
                "a used refresh token came again: the session is ended");
            return Err(PeopleError::SessionOver);
        }
        if found.ended_at.is_some() || found.expires_at <= now || found.state != UserState::Active {
            return Err(PeopleError::SessionOver);
        }
        query("update sessions set used_at = $2, expires_at = $3 where id = $1")
            .bind(found.session_id)
            .bind(now)
            .bind(now + self.lifetime())
            .execute(&mut tx)
            .await?;
        let tokens = self.new_pair(&mut tx, &key, found.user_id, found.session_id).await?;
        tx.commit().await?;
        Ok(tokens)
    }

    /// The sessions of a person that go on, the last used first.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    #[boxed]
    pub async fn sessions(&self, user_id: Uuid) -> Result<Vec<Session>> {
        let found = query(
            "select id, agent, address, created_at, used_at, expires_at from sessions
             where user_id = $1 and ended_at is null and expires_at > $2 order by used_at desc, id desc limit 200",
        );
        Ok(found.bind(user_id).bind(self.db.now()).all(&self.db).await?)
    }

    /// Ends a session of a person: signs that device out.
    ///
    /// # Errors
    /// [`PeopleError::Missing`].
    #[boxed]
    pub async fn sign_out(&self, user_id: Uuid, session_id: Uuid, device: &Device) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let known: Option<(Uuid,)> = query("select id from sessions where id = $1 and user_id = $2")
            .bind(session_id)
            .bind(user_id)
            .optional(&mut tx)
            .await?;
        known.ok_or(PeopleError::Missing("session"))?;
        end(&mut tx, "signed out", Of::Session(session_id)).await?;
        let actor = self.actor(&mut tx, user_id, device).await?;
        audit::record(&mut tx, &actor, Entry::of("user.sign_out", session_id)).await?;
        Ok(tx.commit().await?)
    }

    /// Ends every session of a person, and returns how many there were.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    #[boxed]
    pub async fn sign_out_everywhere(&self, user_id: Uuid, device: &Device) -> Result<u64> {
        let mut tx = self.db.begin().await?;
        let ended = end(&mut tx, "signed out everywhere", Of::User(user_id)).await?;
        let actor = self.actor(&mut tx, user_id, device).await?;
        audit::record(&mut tx, &actor, Entry::of("user.sign_out_everywhere", user_id).affecting(ended)).await?;
        tx.commit().await?;
        Ok(ended)
    }
}

/// Which sessions end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    /// One session.
    Session(Uuid),
    /// Every session of a user.
    User(Uuid),
}

/// Ends sessions, and returns how many had not ended before.
pub(super) async fn end(tx: &mut Tx, why: &str, of: Of) -> Result<u64> {
    let now = tx.db().now();
    let (text, id) = match of {
        Of::Session(id) => ("update sessions set ended_at = $1, ended_why = $2 where ended_at is null and id = $3", id),
        Of::User(id) => {
            ("update sessions set ended_at = $1, ended_why = $2 where ended_at is null and user_id = $3", id)
        }
    };
    Ok(query(text).bind(now).bind(why).bind(id).execute(tx).await?)
}
