//! Tokens for a service account: it signs a JWT (RFC 7523), and what is wrong with one is said in Google's words.
//!
//! See <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{super::http::Answered, FakeGoogle, auth::Grant, errors::oauth, key, state::State};

/// Seconds by which a clock may be ahead.
const SKEW: i64 = 300;

/// What the JWT's signer is granted.
pub(super) fn grant(state: &State, assertion: &str) -> Result<Grant, Answered> {
    let invalid = |description: &str| oauth(400, "invalid_grant", description);
    let malformed = || oauth(400, "invalid_grant", "Invalid JWT: Failed to parse assertion.");
    let Some((signed, signature)) = assertion.rsplit_once('.') else { return Err(malformed()) };
    let Some((header, claims)) = signed.split_once('.') else { return Err(malformed()) };
    let (Some(header), Some(claims)) = (part(header), part(claims)) else { return Err(malformed()) };
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return Err(malformed()) };
    let word = |name: &str| claims[name].as_str().unwrap_or("");

    if word("iss") != FakeGoogle::SERVICE_ACCOUNT {
        return Err(invalid("Invalid grant: account not found"));
    }
    let is_right_key = header["kid"].as_str().is_none_or(|kid| kid == key::ID);
    if header["alg"] != "RS256" || !is_right_key || !key::signed(signed, &signature) {
        return Err(invalid("Invalid JWT Signature."));
    }
    let token_uri = format!("{}/token", state.origin);
    if ![token_uri.as_str(), "https://oauth2.googleapis.com/token"].contains(&word("aud")) {
        return Err(invalid("Invalid JWT: Failed audience check."));
    }
    let now = state.clock.now().timestamp();
    let (Some(iat), Some(exp)) = (claims["iat"].as_i64(), claims["exp"].as_i64()) else { return Err(malformed()) };
    if exp - iat > 3600 || exp <= now || iat > now + SKEW {
        return Err(invalid(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. \
             Check your iat and exp values in the JWT claim.",
        ));
    }
    if word("scope").is_empty() {
        return Err(oauth(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided."));
    }
    let scopes = word("scope").to_owned();
    match claims["sub"].as_str() {
        None => Ok(Grant { email: FakeGoogle::SERVICE_ACCOUNT.to_owned(), is_robot: true, scopes }),
        Some(FakeGoogle::SERVICE_ACCOUNT) => {
            Ok(Grant { email: FakeGoogle::SERVICE_ACCOUNT.to_owned(), is_robot: true, scopes })
        }
        Some(_) if !state.auth.delegation => Err(oauth(
            401,
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of \
             the scopes requested.",
        )),
        Some(FakeGoogle::USER) => Ok(Grant { email: FakeGoogle::USER.to_owned(), is_robot: false, scopes }),
        Some(_) => Err(invalid("Invalid email or User ID")),
    }
}

fn part(text: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}
