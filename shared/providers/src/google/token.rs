//! The access token: requested once, used by all, renewed before it expires.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{
    FutureExt,
    future::{BoxFuture, WeakShared},
};
use secrecy::{ExposeSecret, SecretString};

use super::{endpoints::Endpoints, grant::Grant};
use crate::{
    Class, Http, ProviderError, Result,
    google::{GoogleAuth, GoogleSecret},
};
use herald_base::{boxed, clock::Clock};

/// A token is renewed this long before it expires, so that none expires in the middle of a call.
const EARLY: TimeDelta = TimeDelta::minutes(5);
/// How long all callers get the last failure as their answer.
const FAILURE_HOLDS: Duration = Duration::from_secs(2);

/// The tokens of one account. Cheap to clone; clones share the tokens.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    http: Http,
    endpoints: Endpoints,
    auth: GoogleAuth,
    grant: Grant,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// The last failure, and the time until which it is the answer.
    failed: Option<(DateTime<Utc>, ProviderError)>,
    /// The request in progress. It ends when no caller waits for it any more.
    flight: Option<WeakShared<BoxFuture<'static, Result<SecretString>>>>,
}

struct Held {
    token: SecretString,
    renew_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("auth", &self.0.auth).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Creates the tokens of an account. This makes no request yet.
    ///
    /// # Errors
    /// [`Class::Config`] when the key cannot be used, [`Class::Auth`] when no person has consented yet.
    pub fn new(http: Http, endpoints: Endpoints, auth: GoogleAuth, secret: GoogleSecret, clock: Clock) -> Result<Self> {
        let grant = Grant::new(&auth, secret)?;
        Ok(Self(Arc::new(Inner { http, endpoints, auth, grant, clock, state: Mutex::default() })))
    }

    /// The account that the tokens belong to.
    pub fn auth(&self) -> &GoogleAuth {
        &self.0.auth
    }

    /// Returns a token that is valid for at least the duration of a call. If many callers ask at once, Google is asked
    /// once, and all callers get its answer.
    ///
    /// # Errors
    /// Why no token is available. [`Class::Auth`] and [`Class::Config`] need a person.
    #[boxed]
    pub async fn get(&self) -> Result<SecretString> {
        let flight = {
            let mut state = self.0.lock();
            let now = self.0.clock.now();
            if let Some(held) = state.held.as_ref().filter(|held| now < held.renew_at) {
                return Ok(held.token.clone());
            }
            if let Some((_, error)) = state.failed.as_ref().filter(|(until, _)| now < *until) {
                return state.instead(error, now);
            }
            match state.flight.as_ref().and_then(WeakShared::upgrade) {
                Some(flight) => flight,
                None => {
                    let flight = self.0.clone().renew().boxed().shared();
                    state.flight = flight.downgrade();
                    flight
                }
            }
        };
        flight.await
    }

    /// Reports that Google refused this token early, so that it is not used again. A newer token stays.
    pub fn refused(&self, token: &SecretString) {
        let mut state = self.0.lock();
        if state.held.as_ref().is_some_and(|held| held.token.expose_secret() == token.expose_secret()) {
            state.held = None;
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn renew(self: Arc<Self>) -> Result<SecretString> {
        let asked_at = self.clock.now();
        let answer = self.grant.ask(&self.http, &self.endpoints, asked_at).await;
        let now = self.clock.now();
        let mut state = self.lock();
        state.flight = None;
        match answer {
            Ok(granted) => {
                // The limit is a day: a number out of range must not make a token eternal.
                let holds = TimeDelta::seconds(granted.expires_in.clamp(1, 24 * 60 * 60));
                let renew_at = asked_at + (holds - EARLY).max(holds / 2);
                let token = granted.access_token;
                state.held = Some(Held { token: token.clone(), renew_at, ends_at: asked_at + holds });
                state.failed = None;
                Ok(token)
            }
            Err(error) => {
                let holds = error.retry_after.unwrap_or_default().max(FAILURE_HOLDS);
                state.failed = Some((now + holds, error.clone()));
                state.instead(&error, now)
            }
        }
    }
}

impl State {
    /// Returns the answer while no new token is available: the old token as long as it is valid, unless Google said
    /// that it no longer knows us.
    fn instead(&self, error: &ProviderError, now: DateTime<Utc>) -> Result<SecretString> {
        let passing = matches!(error.class, Class::Rate | Class::Transient | Class::Down);
        match &self.held {
            Some(held) if passing && now < held.ends_at => Ok(held.token.clone()),
            _ => Err(error.clone()),
        }
    }
}
