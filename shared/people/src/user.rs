//! The rows of people.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Address, People, PeopleError, Result, session};
use herald_db::{FromRow, Json, Target, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

herald_base::text_enum! {
    /// Whether a person may sign in.
    pub enum UserState, "unknown state of a user {:?}" {
        /// The person may.
        Active "active",
        /// The person may not.
        Deactivated "deactivated",
    }
}

impl UserState {
    pub(super) fn of(active: bool) -> Self {
        if active { Self::Active } else { Self::Deactivated }
    }
}

/// A user, without password or tokens.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct User {
    /// The id of the user.
    pub id: Uuid,
    /// The e-mail address of the user.
    pub email: String,
    /// The username, unique in the installation.
    pub username: Option<String>,
    /// A text by the user about themselves.
    pub bio: String,
    /// The favourite tags of the user, for recommendations.
    #[schema(value_type = Vec<String>)]
    pub favourite_tags: Json<Vec<String>>,
    /// The user's language, as a BCP 47 tag.
    pub locale: String,
    /// The user's time zone, as an IANA name.
    pub time_zone: String,
    /// Whether the user may administer the whole installation.
    pub platform_admin: bool,
    /// `active` or `deactivated`.
    #[schema(value_type = String)]
    #[sqlx(try_from = "String")]
    pub state: UserState,
    /// The version, which rises with every change.
    pub version: i64,
    /// When the user registered.
    pub created_at: DateTime<Utc>,
    /// When the account last changed.
    pub updated_at: DateTime<Utc>,
    /// When the user last signed in.
    pub last_sign_in_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "id, email, username, bio, favourite_tags, locale, time_zone, platform_admin, state, version, \
    created_at, updated_at, last_sign_in_at";

/// The first data of a person.
pub(super) struct NewUser<'a> {
    pub(super) address: &'a Address,
    pub(super) password_hash: Option<&'a str>,
    pub(super) locale: &'a str,
    pub(super) time_zone: &'a str,
    pub(super) platform_admin: bool,
}

/// What Herald needs to check a person's password.
#[derive(FromRow)]
pub(super) struct Proof {
    pub(super) id: Uuid,
    pub(super) email: String,
    pub(super) locale: String,
    pub(super) password_hash: Option<String>,
    #[sqlx(try_from = "String")]
    pub(super) state: UserState,
}

/// The person who has an address. If two people's addresses became one, each is found by their own spelling.
pub(super) async fn by_address(on: impl Into<Target<'_>>, address: &Address) -> Result<Option<Proof>> {
    let found: Vec<Proof> = query(
        "select id, email, locale, password_hash, state from users where email_key in ($1, \
            $2) order by case when email_key = $2 then 0 else 1 end",
    )
    .bind(address.key())
    .bind(address.former_key())
    .all(on)
    .await?;
    Ok(found.into_iter().next())
}

/// The proof of a known person.
pub(super) async fn proof(on: impl Into<Target<'_>>, id: Uuid) -> Result<Option<Proof>> {
    let found = query("select id, email, locale, password_hash, state from users where id = $1");
    Ok(found.bind(id).optional(on).await?)
}

/// Makes a person, unless the address has one.
pub(super) async fn insert(tx: &mut Tx, new: &NewUser<'_>) -> Result<Option<Uuid>> {
    let (id, now) = (tx.db().new_id(), tx.db().now());
    let made = query(
        "insert into users (id, email, email_key, password_hash, bio, favourite_tags, locale, time_zone, \
         platform_admin, state, version, created_at, updated_at)
         values ($1, $2, $3, $4, '', $5, $6, $7, $8, 'active', 1, $9, $9) on conflict (email_key) do nothing",
    )
    .bind(id)
    .bind(new.address.written())
    .bind(new.address.key())
    .bind(new.password_hash.map(str::to_owned))
    .bind(serde_json::json!([]))
    .bind(new.locale)
    .bind(new.time_zone)
    .bind(new.platform_admin)
    .bind(now)
    .execute(tx)
    .await?;
    Ok((made > 0).then_some(id))
}

impl People {
    /// A person.
    ///
    /// # Errors
    /// [`PeopleError::Missing`].
    #[boxed]
    pub async fn user(&self, id: Uuid) -> Result<User> {
        let found = query(&format!("select {COLUMNS} from users where id = $1")).bind(id).optional(&self.db).await?;
        found.ok_or(PeopleError::Missing("user"))
    }

    /// Everybody, oldest first, from after an id on, at most `limit`.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    #[boxed]
    pub async fn users(&self, after: Option<Uuid>, limit: usize) -> Result<Vec<User>> {
        let found = query(&format!("select {COLUMNS} from users where id > $1 order by id limit $2"));
        Ok(found
            .bind(after.unwrap_or(Uuid::nil()))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .all(&self.db)
            .await?)
    }

    /// Lets a person in or keeps them out; kept out, all their sessions end at once.
    ///
    /// # Errors
    /// [`PeopleError::Missing`].
    #[boxed]
    pub async fn set_active(&self, actor: &Actor, id: Uuid, active: bool) -> Result<User> {
        let verb = if active { "user.activate" } else { "user.deactivate" };
        let state = UserState::of(active);
        let mut tx = self.db.begin().await?;
        let changed =
            query("update users set state = $2, version = version + 1, updated_at = $3 where id = $1 and state <> $2")
                .bind(id)
                .bind(state.as_str())
                .bind(self.db.now())
                .execute(&mut tx)
                .await?;
        if changed > 0 {
            if !active {
                session::end(&mut tx, "the account was deactivated", session::Of::User(id)).await?;
            }
            audit::record(&mut tx, actor, Entry::of(verb, id)).await?;
        }
        tx.commit().await?;
        self.user(id).await
    }

    /// The person of an address.
    ///
    /// # Errors
    /// [`PeopleError::Missing`], [`PeopleError::Address`].
    #[boxed]
    pub async fn user_by_address(&self, email: &str) -> Result<User> {
        let address = Address::parse(email)?;
        let found = by_address(&self.db, &address).await?.ok_or(PeopleError::Missing("user"))?;
        self.user(found.id).await
    }
}
