//! Rate limits: the subjects whose requests are counted together, and the answer to a client that sends too many. The
//! limits themselves are in [`herald_ledger::rate_limits`].
//!
//! Herald counts a token against its address *before* it looks the token up, so nobody can try more tokens than the
//! limit. When the token is valid, Herald takes the count back. The limit of its address does not stop a token that was
//! valid a short while ago. So an office behind one address keeps working while somebody in it tries tokens.

mod client;
mod forwarded;
mod headers;
mod known;
#[cfg(test)]
mod tests;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::{Request, State},
    http::{Extensions, HeaderMap, StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use herald_app::config::Settings;
use herald_db::Db;
use herald_ledger::rate_limits::{Class, Decision, RateLimits, Subject};
use uuid::Uuid;

use self::known::{Fingerprint, Known};
use crate::{
    Api,
    front::{
        actor::ClientAddress,
        auth::bearer,
        problem::{Kind, Problem},
    },
};

/// Limits the requests of one class to a group of routes.
#[derive(Clone)]
pub(crate) struct Limited {
    class: Class,
    rate_limits: RateLimits,
    settings: Arc<Settings>,
}

impl Limited {
    pub(crate) fn new(api: &Api, class: Class) -> Self {
        Self { class, rate_limits: api.rate_limits.clone(), settings: api.settings.clone() }
    }

    /// The subject that a request counts against. A stream counts once, when it is opened.
    fn subject(&self, request: &Request) -> Subject {
        let caller = match self.class {
            Class::General | Class::Chat => caller(request),
            Class::SignIn | Class::Letter | Class::Address | Class::Public | Class::Workspace => None,
        };
        caller.unwrap_or_else(|| address(&self.settings, request.headers(), request.extensions()))
    }
}

/// Lets a request through if its class has room for it:
/// `.layer(middleware::from_fn_with_state(Limited::new(&api, Class::SignIn), rate_limits::limited))`.
///
/// Some classes also limit accounts. Their handlers do so after they have read the account from the body, with
/// [`guess`] and [`letter`].
pub(crate) async fn limited(State(limited): State<Limited>, request: Request, next: Next) -> Response {
    let subject = limited.subject(&request);
    let decision = limited.rate_limits.decide(&[subject], limited.class, 1).await;
    if !decision.allowed {
        return refusal(&decision).into_response();
    }
    let mut response = next.run(request).await;
    headers::add(response.headers_mut(), &decision);
    response
}

/// Counts an attempt at a secret, or an e-mail that a signed-in person causes, against the subjects.
pub(crate) async fn not_too_often(api: &Api, subjects: &[Subject]) -> Result<(), Problem> {
    let decision = api.rate_limits.decide(subjects, Class::SignIn, 1).await;
    if decision.allowed { Ok(()) } else { Err(refusal(&decision)) }
}

/// Counts a webhook that was not genuine against its address. Genuine ones are not counted: a provider reports of all
/// messages from a few addresses.
///
/// # Errors
/// If too many came from the address.
pub(crate) async fn stranger(api: &Api, headers: &HeaderMap, extensions: &Extensions) -> Result<(), Problem> {
    let subject = address(&api.settings, headers, extensions);
    let decision = api.rate_limits.decide(&[subject], Class::Public, 1).await;
    if decision.allowed { Ok(()) } else { Err(refusal(&decision)) }
}

/// Counts a request against its workspace. The requests of all people and keys of a workspace count together.
///
/// # Errors
/// If too many requests came from the workspace.
pub(crate) async fn workspace_has_room(api: &Api, workspace: Uuid) -> Result<(), Problem> {
    let decision = api.rate_limits.decide(&[Subject::Workspace(workspace)], Class::Workspace, 1).await;
    if decision.allowed { Ok(()) } else { Err(refusal(&decision)) }
}

/// Counts a guess at the password of the account that the caller names.
pub(crate) async fn guess(api: &Api, email: &str, from: ClientAddress) -> Result<(), Problem> {
    about_account(api, email, from, Class::SignIn).await
}

/// Counts an e-mail to the address that the caller names.
pub(crate) async fn letter(api: &Api, email: &str, from: ClientAddress) -> Result<(), Problem> {
    about_account(api, email, from, Class::Letter).await
}

/// Strangers must not lock a person out. So the account's limit does not apply to an address from which the person has
/// signed in before. The limit of the address itself still applies.
async fn about_account(
    api: &Api,
    email: &str,
    ClientAddress(from): ClientAddress,
    class: Class,
) -> Result<(), Problem> {
    let decision = api.rate_limits.decide(&[api.rate_limits.account(email, from)], class, 1).await;
    if decision.allowed || api.people.is_familiar(email, from).await? { Ok(()) } else { Err(refusal(&decision)) }
}

/// The answer to a request over a limit.
fn refusal(decision: &Decision) -> Problem {
    let seconds = headers::whole_seconds(decision.retry_after);
    let window = decision.windows.iter().max_by_key(|state| state.retry_after).map(|state| state.window);
    let limit = window.map_or(String::new(), |window| {
        format!("the limit of {} requests in {} seconds is reached: ", window.limit, window.period.as_secs())
    });
    Problem::new(Kind::TooManyRequests, format!("{limit}try again in {seconds} seconds"))
        .headers(headers::fields(decision))
        .headers([headers::retry_after(decision)])
}

/// The holder of the key, or the person who has signed in. The check of the token has added it to the request.
fn caller(request: &Request) -> Option<Subject> {
    request.extensions().get().copied()
}

fn address(settings: &Settings, headers: &HeaderMap, extensions: &Extensions) -> Subject {
    Subject::address(client_address(settings, headers, extensions))
}

/// The client's address, seen through trusted proxies.
pub(crate) fn client_address(settings: &Settings, headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
    client::address(&settings.limits, headers, extensions)
}

/// Prevents the guessing of tokens.
#[derive(Clone)]
pub(crate) struct Guard {
    db: Db,
    rate_limits: RateLimits,
    settings: Arc<Settings>,
    known: Arc<Mutex<Known>>,
}

/// A request whose token is about to be checked.
pub(crate) struct Arrival {
    fingerprint: Option<Fingerprint>,
    /// Whether its token was valid a short while ago.
    is_known: bool,
    /// The decision that counted the request against its address.
    charged: Option<Decision>,
}

impl Guard {
    pub(crate) fn new(api: &Api) -> Self {
        Self {
            db: api.db.clone(),
            rate_limits: api.rate_limits.clone(),
            settings: api.settings.clone(),
            known: Arc::default(),
        }
    }

    fn known<T>(&self, does: impl FnOnce(&mut Known) -> T) -> T {
        does(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a request against its address, unless its token was valid a short while ago.
    ///
    /// # Errors
    /// If too many requests came from the address.
    pub(crate) async fn arrives(&self, parts: &Parts) -> Result<Arrival, Problem> {
        let fingerprint = bearer(&parts.headers).map(Fingerprint::of);
        let is_known = fingerprint.is_some_and(|it| self.known(|known| known.has(&it, self.db.now())));
        let mut charged = None;
        if !is_known {
            let subject = address(&self.settings, &parts.headers, &parts.extensions);
            let decision = self.rate_limits.decide(&[subject], Class::Address, 1).await;
            if !decision.allowed {
                return Err(refusal(&decision));
            }
            charged = Some(decision);
        }
        Ok(Arrival { fingerprint, is_known, charged })
    }

    /// Takes the count of a request back, because its token was valid.
    pub(crate) async fn passes(&self, arrival: Arrival) {
        if let Some(fingerprint) = arrival.fingerprint {
            self.known(|known| known.add(fingerprint, self.db.now()));
        }
        if let Some(taken) = arrival.charged.and_then(|decision| decision.taken) {
            self.rate_limits.give_back(taken).await;
        }
    }

    /// Keeps the count of a request, because its token was not valid.
    pub(crate) fn turned_away(&self, arrival: Arrival, mut response: Response) -> Response {
        if let Some(fingerprint) = arrival.fingerprint
            && arrival.is_known
            && response.status() == StatusCode::UNAUTHORIZED
        {
            // The token was revoked meanwhile. From now on it counts as a guess.
            self.known(|known| known.forget(&fingerprint));
        }
        if let Some(decision) = arrival.charged {
            headers::add(response.headers_mut(), &decision);
        }
        response
    }
}
