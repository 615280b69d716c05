//! Too many requests: whose are counted together, and what is said to who sends more than may come. The limits
//! themselves are [`herald_ledger::rate_limits`].
//!
//! A token is counted against its address *before* it is looked up, so that nobody can try more of them than the limit,
//! and what was counted is given back when it is valid. One that was valid a short while ago is not held up by its
//! address at all: an office behind one address goes on working while somebody in it tries tokens.

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

/// How many requests of a class may come to a group of routes.
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

    /// Who is counted. A stream counts once, when it is opened.
    fn subject(&self, request: &Request) -> Subject {
        let caller = match self.class {
            Class::General | Class::Chat => caller(request),
            Class::SignIn | Class::Letter | Class::Address | Class::Public | Class::Workspace => None,
        };
        caller.unwrap_or_else(|| address(&self.settings, request.headers(), request.extensions()))
    }
}

/// Lets through what the class has room for:
/// `.layer(middleware::from_fn_with_state(Limited::new(&api, Class::SignIn), rate_limits::limited))`.
///
/// A class that also limits accounts does so where the account is read from the body, with [`guess`] and [`letter`].
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

/// Counts a try at a secret, or a letter to somebody, against who is signed in.
pub(crate) async fn not_too_often(api: &Api, subjects: &[Subject]) -> Result<(), Problem> {
    let decision = api.rate_limits.decide(subjects, Class::SignIn, 1).await;
    if decision.allowed { Ok(()) } else { Err(refusal(&decision)) }
}

/// Counts a request against the workspace it works in: what its people and keys ask for together.
///
/// # Errors
/// When too many came from there.
pub(crate) async fn workspace_has_room(api: &Api, workspace: Uuid) -> Result<(), Problem> {
    let decision = api.rate_limits.decide(&[Subject::Workspace(workspace)], Class::Workspace, 1).await;
    if decision.allowed { Ok(()) } else { Err(refusal(&decision)) }
}

/// Counts a guess at the password of an account that somebody names.
pub(crate) async fn guess(api: &Api, email: &str, from: ClientAddress) -> Result<(), Problem> {
    about_account(api, email, from, Class::SignIn).await
}

/// Counts a letter to an address that somebody names.
pub(crate) async fn letter(api: &Api, email: &str, from: ClientAddress) -> Result<(), Problem> {
    about_account(api, email, from, Class::Letter).await
}

/// Strangers do not keep a person out: the account's limit does not hold for an address from which its person has
/// signed in before. The limit of the address itself does.
async fn about_account(
    api: &Api,
    email: &str,
    ClientAddress(from): ClientAddress,
    class: Class,
) -> Result<(), Problem> {
    let decision = api.rate_limits.decide(&[api.rate_limits.account(email, from)], class, 1).await;
    if decision.allowed || api.people.is_familiar(email, from).await? { Ok(()) } else { Err(refusal(&decision)) }
}

/// The answer to a request that was not taken.
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

/// Who holds the key, or who has signed in: what checked the token has said so.
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

/// Keeps tokens from being guessed.
#[derive(Clone)]
pub(crate) struct Guard {
    db: Db,
    rate_limits: RateLimits,
    settings: Arc<Settings>,
    known: Arc<Mutex<Known>>,
}

/// A request on its way to the check of its token.
pub(crate) struct Arrival {
    fingerprint: Option<Fingerprint>,
    /// Its token was valid lately.
    is_known: bool,
    /// What its address was charged.
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

    /// Counts a request against its address, unless its token was valid lately.
    ///
    /// # Errors
    /// When too many came from there.
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

    /// The token was valid: its request does not count against its address.
    pub(crate) async fn passes(&self, arrival: Arrival) {
        if let Some(fingerprint) = arrival.fingerprint {
            self.known(|known| known.add(fingerprint, self.db.now()));
        }
        if let Some(taken) = arrival.charged.and_then(|decision| decision.taken) {
            self.rate_limits.give_back(taken).await;
        }
    }

    /// The token was not: that counts.
    pub(crate) fn turned_away(&self, arrival: Arrival, mut response: Response) -> Response {
        if let Some(fingerprint) = arrival.fingerprint
            && arrival.is_known
            && response.status() == StatusCode::UNAUTHORIZED
        {
            // It was taken back meanwhile: from now on it is a guess like any other.
            self.known(|known| known.forget(&fingerprint));
        }
        if let Some(decision) = arrival.charged {
            headers::add(response.headers_mut(), &decision);
        }
        response
    }
}
