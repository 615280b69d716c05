//! Access tokens: JSON Web Tokens (RFC 7519, RFC 8725) signed with HS256 and nothing else.
//!
//! The few lines stand here and not in a crate. The crates bring every algorithm and RSA with them, and tokens become
//! unsafe when there is a choice of algorithms. Here a token with any other header than ours is not valid.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    People, Result, browser,
    keyring::{Keyring, SigningKey},
};
use herald_db::{FromRow, lookup};

/// How long an access token opens anything.
pub(super) const LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// What the clocks of a fleet may be apart.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);
const ISSUER: &str = "herald";
const AUDIENCE: &str = "herald-api";
const LABEL: &str = "access token";
/// Far above what we make: longer ones are not even decoded.
const LONGEST: usize = 2_048;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct AccessClaims {
    iss: String,
    aud: String,
    /// The user.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    /// The token's own id.
    pub jti: Uuid,
    iat: i64,
    exp: i64,
}

/// Who an access token belongs to.
#[derive(Clone, Debug, FromRow)]
pub struct SignedIn {
    /// The user.
    pub user_id: Uuid,
    /// The session.
    pub session_id: Uuid,
    /// May do what concerns the whole installation.
    pub platform_admin: bool,
}

fn encode(part: &impl Serialize) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).expect("plain data"))
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// A token for a session.
pub(super) fn make(key: &SigningKey, user_id: Uuid, session_id: Uuid, jti: Uuid, now: DateTime<Utc>) -> String {
    let header = Header { alg: "HS256".to_owned(), typ: "JWT".to_owned(), kid: key.kid.clone() };
    let claims = AccessClaims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: user_id,
        sid: session_id,
        jti,
        iat: now.timestamp(),
        exp: (now + LIFETIME).timestamp(),
    };
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(LABEL, signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// The claims of a token, if Herald signed it and its time is not over.
async fn read(keyring: &Keyring, token: &str, now: DateTime<Utc>) -> Result<Option<AccessClaims>> {
    if token.len() > LONGEST {
        return Ok(None);
    }
    let Some((signed, signature)) = token.rsplit_once('.') else { return Ok(None) };
    let Some((header, claims)) = signed.split_once('.') else { return Ok(None) };
    let Some(header) = decode::<Header>(header).filter(|header| header.alg == "HS256" && header.typ == "JWT") else {
        return Ok(None);
    };
    let Some(key) = keyring.named(&header.kid).await? else { return Ok(None) };
    let Ok(signature) = BASE64_URL_SAFE_NO_PAD.decode(signature) else { return Ok(None) };
    if !key.signed(LABEL, signed.as_bytes(), &signature) {
        return Ok(None);
    }
    let now = now.timestamp();
    let holds = |claims: &AccessClaims| {
        claims.iss == ISSUER && claims.aud == AUDIENCE && now < claims.exp && claims.iat <= now + LEEWAY.num_seconds()
    };
    Ok(decode(claims).filter(holds))
}

impl People {
    /// Who an access token belongs to, if it opens anything: it is ours, its time is not over, its session goes on, and
    /// its user is active.
    ///
    /// # Errors
    /// [`super::PeopleError::Db`].
    #[boxed]
    pub async fn signed_in(&self, token: &str) -> Result<Option<SignedIn>> {
        if token.starts_with(browser::PREFIX) {
            return self.signed_in_browser(token).await;
        }
        let Some(claims) = read(&self.keyring, token, self.db.now()).await? else { return Ok(None) };
        let found = lookup(
            "select rows.nth, u.id as user_id, s.id as session_id, u.platform_admin
             from {rows} join sessions as s on s.id = rows.session and s.user_id = rows.person join users as u \
             on u.id = s.user_id
             where s.ended_at is null and u.state = 'active'",
        )
        .by("session", claims.sid)
        .by("person", claims.sub)
        .optional(&self.db)
        .await?;
        Ok(found)
    }
}
