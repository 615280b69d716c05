//! The session of a browser: one token in a cookie that no script can read, for as long as the session goes on.
//!
//! A refresh token changes with every use, and a used one ends the session. Browsers open pages side by side, and would
//! end their own sessions that way. A browser's token does not change; it ends with the session, or when the session
//! was not used for `people.session_days`.

use chrono::TimeDelta;
use herald_base::boxed;
use secrecy::SecretString;
use uuid::Uuid;

use super::{People, Result, SignedIn, token};
use herald_db::{FromRow, lookup, query};

/// The beginning of a browser's token.
pub(super) const PREFIX: &str = "browser_";
/// How old the note of a session's last use may be. So a page does not cost a write.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(10);

#[derive(Clone, FromRow)]
struct Found {
    user_id: Uuid,
    session_id: Uuid,
    platform_admin: bool,
    used_at: chrono::DateTime<chrono::Utc>,
    expires_at: chrono::DateTime<chrono::Utc>,
}

impl People {
    /// Makes the token of a browser for a session, and ends the session's refresh tokens. An earlier token of the same
    /// session opens nothing any more.
    ///
    /// It takes a refresh token, as an access token must not become one that lasts longer than itself.
    ///
    /// # Errors
    /// As those of [`People::refresh`].
    #[boxed]
    pub async fn browser_token(&self, refresh_token: &SecretString) -> Result<String> {
        let session_id = self.refresh(refresh_token).await?.session_id;
        let token = token::new(PREFIX, self.db.ids());
        let mut tx = self.db.begin().await?;
        query("update sessions set browser_hash = $2 where id = $1 and ended_at is null")
            .bind(session_id)
            .bind(token::hash(&token))
            .execute(&mut tx)
            .await?;
        // The used ones stay known: one that comes again was stolen, and ends the session.
        query("delete from refresh_tokens where session_id = $1 and used_at is null")
            .bind(session_id)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(token)
    }

    /// The person whose browser has this token, if the session goes on. Every ten minutes of use move its end.
    pub(super) async fn signed_in_browser(&self, token: &str) -> Result<Option<SignedIn>> {
        let now = self.db.now();
        let found: Option<Found> = lookup(
            "select rows.nth, u.id as user_id, s.id as session_id, u.platform_admin, s.used_at, s.expires_at
             from {rows} join sessions as s on s.browser_hash = rows.hash join users as u on u.id = s.user_id
             where s.ended_at is null and u.state = 'active'",
        )
        .by("hash", token::hash(token))
        .optional(&self.db)
        .await?;
        let Some(found) = found.filter(|found| now < found.expires_at) else { return Ok(None) };
        if now - found.used_at >= NOTED_EVERY {
            let mut tx = self.db.begin().await?;
            query("update sessions set used_at = $2, expires_at = $3 where id = $1 and used_at < $2")
                .bind(found.session_id)
                .bind(now)
                .bind(now + self.lifetime())
                .execute(&mut tx)
                .await?;
            tx.commit().await?;
        }
        let Found { user_id, session_id, platform_admin, .. } = found;
        Ok(Some(SignedIn { user_id, session_id, platform_admin }))
    }
}
