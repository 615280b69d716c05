//! The access token: asked for once, used by all, renewed before it expires.

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
use herald_base::clock::Clock;

/// How long before its end a token is renewed, so that none ends in the middle of a call.
const EARLY: TimeDelta = TimeDelta::minutes(5);
/// How long a failure is everybody's answer.
const FAILURE_HOLDS: Duration = Duration::from_secs(2);

/// Tokens of one account. Cheap to clone; clones share them.
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
    /// Until when the last failure is the answer.
    failed: Option<(DateTime<Utc>, ProviderError)>,
    /// The request that is under way. It ends when nobody waits for it any more.
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
    /// For an account. Nothing is asked yet.
    ///
    /// # Errors
    /// [`Class::Config`] when its key cannot be used, [`Class::Auth`] when nobody has consented yet.
    pub fn new(http: Http, endpoints: Endpoints, auth: GoogleAuth, secret: GoogleSecret, clock: Clock) -> Result<Self> {
        let grant = Grant::new(&auth, secret)?;
        Ok(Self(Arc::new(Inner { http, endpoints, auth, grant, clock, state: Mutex::default() })))
    }

    /// Whose tokens they are.
    pub fn auth(&self) -> &GoogleAuth {
        &self.0.auth
    }

    /// A token that holds for at least as long as a call takes. However many ask at once, Google is asked once, and all
    /// get its answer.
    ///
    /// # Errors
    /// Why there is none. [`Class::Auth`] and [`Class::Config`] need a person.
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

    /// Google refused this token before its time: it is not given out again. Another that has come since stays.
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
                // A day at most: a number out of range must not make a token eternal.
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
    /// What is answered while no new token can be had: the old one for as long as it holds, unless Google said that it
    /// knows us no more.
    fn instead(&self, error: &ProviderError, now: DateTime<Utc>) -> Result<SecretString> {
        let passing = matches!(error.class, Class::Rate | Class::Transient | Class::Down);
        match &self.held {
            Some(held) if passing && now < held.ends_at => Ok(held.token.clone()),
            _ => Err(error.clone()),
        }
    }
}
