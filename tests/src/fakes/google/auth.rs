//! Who is who: the token endpoint, and what its tokens allow.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    super::http::{Answered, Asked},
    FakeGoogle,
    errors::{self, oauth},
    jwt,
    state::State,
};

/// What a token allows.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) email: String,
    /// A service account that acts for itself.
    pub(super) is_robot: bool,
    pub(super) scopes: String,
}

impl Grant {
    fn has(&self, scope: &str) -> bool {
        self.scopes.split_whitespace().any(|one| one == scope)
    }

    /// Whether it sees more than what the app made.
    pub(super) fn sees_all(&self) -> bool {
        self.has(FakeGoogle::DRIVE)
    }
}

/// What the consent page gives, to be changed for tokens once.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) scopes: String,
    /// Whether a refresh token comes with it.
    pub(super) lasting: bool,
    pub(super) given: DateTime<Utc>,
}

/// Tokens, and who may have some.
#[derive(Debug)]
pub(super) struct Auth {
    pub(super) access: BTreeMap<String, (Grant, DateTime<Utc>)>,
    /// Scopes by refresh token.
    pub(super) refresh: BTreeMap<String, String>,
    pub(super) codes: BTreeMap<String, Code>,
    /// Whether the user consented before: a second time, Google gives no refresh token unless asked to prompt again.
    pub(super) has_consented: bool,
    pub(super) redirects: BTreeSet<String>,
    pub(super) delegation: bool,
    pub(super) denies: bool,
    pub(super) lifetime: Duration,
    made: usize,
}

impl Auth {
    pub(super) fn new() -> Self {
        Self {
            access: BTreeMap::new(),
            refresh: BTreeMap::new(),
            codes: BTreeMap::new(),
            has_consented: false,
            redirects: BTreeSet::new(),
            delegation: false,
            denies: false,
            lifetime: Duration::from_secs(3600),
            made: 0,
        }
    }

    pub(super) fn revoke_consent(&mut self) {
        self.refresh.clear();
        self.codes.clear();
        self.access.retain(|_, (grant, _)| grant.email != FakeGoogle::USER);
        self.has_consented = false;
    }

    /// A new refresh token.
    pub(super) fn consented(&mut self, scopes: &str) -> String {
        self.made += 1;
        let token = format!("1//refresh-token-{}", self.made);
        self.refresh.insert(token.clone(), scopes.to_owned());
        token
    }
}

/// `POST /token`.
pub(super) fn token(state: &mut State, asked: &Asked) -> Answered {
    if !asked.header("content-type").starts_with("application/x-www-form-urlencoded") {
        return oauth(400, "invalid_request", "The request body must be form-encoded.");
    }
    let form = asked.form().into_iter().collect::<BTreeMap<String, String>>();
    let word = |name: &str| form.get(name).map_or("", String::as_str);
    let given = match word("grant_type") {
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            jwt::grant(state, word("assertion")).map(|grant| (grant, None))
        }
        "refresh_token" => knows_client(&form).and_then(|()| match state.auth.refresh.get(word("refresh_token")) {
            Some(scopes) => Ok((consenting(scopes), None)),
            None => Err(oauth(400, "invalid_grant", "Token has been expired or revoked.")),
        }),
        "authorization_code" => knows_client(&form).and_then(|()| by_code(state, &form)),
        other => Err(oauth(400, "unsupported_grant_type", &format!("Invalid grant_type: {other}"))),
    };
    match given {
        Ok((grant, refresh)) => give(state, grant, refresh),
        Err(refused) => refused,
    }
}

/// `POST /revoke`.
pub(super) fn revoke(state: &mut State, asked: &Asked) -> Answered {
    let token = asked.form().into_iter().find(|(key, _)| key == "token").map(|(_, token)| token).unwrap_or_default();
    let was = state.auth.refresh.contains_key(&token)
        || state.auth.access.get(&token).is_some_and(|(grant, _)| grant.email == FakeGoogle::USER);
    if !was {
        return oauth(400, "invalid_token", "Token expired or revoked");
    }
    state.auth.revoke_consent();
    Answered::json(200, &json!({}))
}

impl State {
    /// What a request's token allows.
    pub(super) fn grant(&self, asked: &Asked) -> Result<Grant, Answered> {
        let known = asked.bearer().and_then(|token| self.auth.access.get(token));
        let Some((grant, _)) = known.filter(|(_, ends)| *ends > self.clock.now()) else {
            return Err(errors::bad_token());
        };
        if !grant.sees_all() && !grant.has(FakeGoogle::DRIVE_FILE) {
            return Err(errors::by_reason("insufficientPermissions"));
        }
        Ok(grant.clone())
    }
}

fn give(state: &mut State, grant: Grant, refresh: Option<String>) -> Answered {
    state.auth.made += 1;
    let token = format!("ya29.test-token-{}", state.auth.made);
    let mut body = json!({
        "access_token": token, "expires_in": state.auth.lifetime.as_secs().saturating_sub(1), "token_type": "Bearer",
    });
    if !grant.is_robot {
        body["scope"] = json!(grant.scopes);
    }
    if let Some(refresh) = refresh {
        body["refresh_token"] = Value::String(refresh);
    }
    let ends = state.clock.now() + TimeDelta::from_std(state.auth.lifetime).unwrap_or(TimeDelta::MAX / 4);
    state.auth.access.insert(token, (grant, ends));
    Answered::json(200, &body)
}

fn consenting(scopes: &str) -> Grant {
    Grant { email: FakeGoogle::USER.to_owned(), is_robot: false, scopes: scopes.to_owned() }
}

fn knows_client(form: &BTreeMap<String, String>) -> Result<(), Answered> {
    if form.get("client_id").is_none_or(|id| id != FakeGoogle::CLIENT_ID) {
        return Err(oauth(401, "invalid_client", "The OAuth client was not found."));
    }
    if form.get("client_secret").is_none_or(|secret| secret != FakeGoogle::CLIENT_SECRET) {
        return Err(oauth(401, "invalid_client", "Unauthorized"));
    }
    Ok(())
}

/// Changes a code for a grant and perhaps a refresh token.
fn by_code(state: &mut State, form: &BTreeMap<String, String>) -> Result<(Grant, Option<String>), Answered> {
    let word = |name: &str| form.get(name).map_or("", String::as_str);
    // A code works once, however its use ends.
    let Some(code) = state.auth.codes.remove(word("code")) else {
        return Err(oauth(400, "invalid_grant", "Malformed auth code."));
    };
    if state.clock.now() - code.given > TimeDelta::minutes(10) {
        return Err(oauth(400, "invalid_grant", "Bad Request"));
    }
    if word("redirect_uri") != code.redirect_uri {
        return Err(oauth(400, "redirect_uri_mismatch", "Bad Request"));
    }
    let verifier = word("code_verifier");
    if verifier.is_empty() {
        return Err(oauth(400, "invalid_grant", "Missing code verifier."));
    }
    // RFC 7636, section 4.1: 43 to 128 characters.
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    if !(43..=128).contains(&verifier.len()) || challenge != code.challenge {
        return Err(oauth(400, "invalid_grant", "Invalid code verifier."));
    }
    state.auth.has_consented = true;
    let refresh = code.lasting.then(|| state.auth.consented(&code.scopes));
    Ok((consenting(&code.scopes), refresh))
}
