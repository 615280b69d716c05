//! The meaning of Mautic's refusals.
//!
//! No text of Mautic is passed on. A validation message repeats the value that it is about, and that value belongs to a
//! guest. The person who entered the address may also have named a server that was never meant to answer them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, LOCATION},
};
use serde_json::Value;
use url::Url;

use super::{
    fields::Fields,
    lenient::{entries, number},
    site::named,
};
use crate::{Class, ProviderError, http::Reply};

/// The wait if Mautic names none. Mautic's limit counts by the hour, so the first requests after a wait may fail again.
const RATE_WAIT: Duration = Duration::from_secs(60);
/// The longest wait that Mautic may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// A reset above this number is a point in time, in seconds since 1970, and not a wait.
const POINTS_IN_TIME: i64 = 1_000_000_000;

/// The subject of a request: the missing object after a 404, and the place of the correction after a 400.
#[derive(Clone, Copy, Debug)]
pub(super) enum About<'a> {
    /// Writing to a contact.
    Write {
        /// The id of the contact.
        contact: i64,
        /// The fields that are written.
        fields: &'a Fields,
    },
    /// A form.
    Form(u64),
    /// A list, or the API itself.
    Api,
    /// A token.
    Token,
}

/// The context in which a refusal is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    /// The site that refused.
    pub site: &'a Url,
    /// Whether the request used user and password rather than a token.
    pub basic: bool,
    /// The subject of the request.
    pub about: About<'a>,
    /// The current time.
    pub now: DateTime<Utc>,
}

/// Mautic's own description of a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Problem {
    /// The type of the error, such as `api_disabled`.
    kind: String,
    /// The fields that Mautic does not accept.
    pub fields: Vec<String>,
}

impl Problem {
    /// Reads a body. Returns `None` when the answer does not come from Mautic's API.
    fn read(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let errors = body.get("errors").map(entries).unwrap_or_default();
        let error = errors.first().map(|(_, error)| *error).or_else(|| body.get("error"))?;
        Some(Self::of(error))
    }

    /// Reads one error of an answer.
    pub(super) fn of(error: &Value) -> Self {
        let kind = error.get("type").or(Some(error)).and_then(Value::as_str).unwrap_or_default();
        let details = error.get("details").map(entries).unwrap_or_default();
        let fields = details.into_iter().map(|(field, _)| field).filter(|field| is_alias(field)).collect();
        Self { kind: kind.to_owned(), fields }
    }
}

/// Whether a key looks like a field's alias. Other keys could hold anything, so they are not named.
fn is_alias(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Converts an answer other than success into an error.
pub(super) fn refusal(reply: &Reply, context: &Context<'_>) -> ProviderError {
    let status = reply.status;
    if status.is_redirection() {
        return redirect(&reply.headers, context);
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        let message = "Mautic's limit of requests is reached: Herald continues by itself. A lower rate here, or a \
                       higher limit in Mautic (Settings → Configuration → API Settings), avoids the wait";
        return ProviderError::new(Class::Rate, message).after(Some(wait(reply, context.now)));
    }
    let body = &reply.body[..reply.body.len().min(64 << 10)];
    if status.is_server_error() && body.windows(11).any(|word| word.eq_ignore_ascii_case(b"maintenance")) {
        return ProviderError::new(Class::Down, "Mautic is in maintenance").after(reply.retry_after());
    }
    let problem = Problem::read(&reply.body);
    classified(status.as_u16(), problem.as_ref(), context).after(reply.retry_after())
}

/// Converts a status, of a whole answer or of one contact in it. `problem` is `None` when the answer does not come from
/// the API.
pub(super) fn classified(status: u16, problem: Option<&Problem>, context: &Context<'_>) -> ProviderError {
    let site = named(context.site);
    let kind = problem.map_or("", |problem| problem.kind.as_str());
    let (class, message) = match (status, problem) {
        (401, _) if context.basic => (
            Class::Auth,
            "Mautic reports that the user or password is wrong: enter them again (if they are right, its web server \
             may not pass the Authorization header on)"
                .to_owned(),
        ),
        (400 | 401, Some(_)) if matches!(context.about, About::Token) => (
            Class::Auth,
            "Mautic does not accept the client's public and secret key: enter them again; they are in Mautic under \
             Settings → API Credentials, and must be of OAuth 2"
                .to_owned(),
        ),
        (401, _) => (
            Class::Auth,
            "Mautic does not accept a token that it has just issued: check that the client still exists under \
             Settings → API Credentials, and that the web server passes the Authorization header on"
                .to_owned(),
        ),
        (403, Some(_)) if kind == "api_disabled" => (
            Class::Config,
            "turn on the API in Mautic: Settings → Configuration → API Settings, then clear the cache".to_owned(),
        ),
        (403, Some(_)) if context.basic => (
            Class::Config,
            "Mautic refuses access: turn on HTTP basic auth (Settings → Configuration → API Settings, \
             then clear the cache), and give the \
             user's role API access and permission for contacts, custom fields and forms"
                .to_owned(),
        ),
        (403, Some(_)) => (
            Class::Config,
            "Mautic refuses access: give the role of the client's user API access and permission for contacts, \
             custom fields and forms"
                .to_owned(),
        ),
        (403, None) => (
            Class::Config,
            format!("a firewall or proxy in front of Mautic at {site} refuses Herald: let it pass requests to /api"),
        ),
        (404, Some(_)) => match context.about {
            About::Write { contact: id, .. } => (Class::Recipient, format!("contact {id} no longer exists in Mautic")),
            About::Form(id) => (Class::Config, format!("there is no form {id} in Mautic: choose another form")),
            About::Api | About::Token => no_api(site),
        },
        (404 | 405, _) => no_api(site),
        (400 | 422, Some(problem)) => invalid(&problem.fields, context.about),
        (429, _) => (Class::Rate, "Mautic's limit of requests is reached".to_owned()),
        (408 | 409 | 423 | 425 | 500, _) => (
            Class::Transient,
            format!("Mautic failed (status {status}): Herald retries, and Mautic's own log has the reason"),
        ),
        (502.., _) => (Class::Down, format!("Mautic is not available (status {status})")),
        _ => (Class::Config, format!("{site} answered with status {status}, as Mautic never does: check the address")),
    };
    ProviderError::new(class, message)
}

/// Converts a validation error. If the field is written for every guest, the problem is the field, not the guest.
fn invalid(fields: &[String], about: About<'_>) -> (Class, String) {
    match about {
        About::Write { fields: ours, .. } if fields.iter().any(|field| ours.has(field)) => {
            (Class::Config, ours.refused(fields))
        }
        About::Write { contact: id, .. } => {
            (Class::Recipient, format!("Mautic does not accept the change of contact {id}"))
        }
        About::Form(_) | About::Api | About::Token => {
            (Class::Config, "Mautic does not understand the request: it must be version 4 or later".to_owned())
        }
    }
}

fn no_api(site: &str) -> (Class, String) {
    (Class::Config, format!("there is no Mautic API at {site}: enter the address of Mautic's start page, without /s/…"))
}

/// Describes a redirect. The message does not name the target, because the server chooses it. It only says if the
/// target is the same site under https, as with most redirects.
fn redirect(headers: &HeaderMap, context: &Context<'_>) -> ProviderError {
    let site = named(context.site);
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let to = location.and_then(|location| context.site.join(location).ok());
    let message = match to {
        Some(to) if to.origin() == context.site.origin() => no_api(site).1,
        Some(to) if to.scheme() == "https" && to.host() == context.site.host() && context.site.scheme() == "http" => {
            format!("{site} redirects Herald to its https address: enter the address with https://")
        }
        Some(_) => format!(
            "{site} sends Herald on to another address: open it in a browser, and enter the address where you arrive"
        ),
        None => no_api(site).1,
    };
    ProviderError::new(Class::Config, message)
}

/// The wait of a rate limit: `Retry-After`, else `X-RateLimit-Reset` in seconds or as a point in time by the server's
/// clock.
fn wait(reply: &Reply, now: DateTime<Utc>) -> Duration {
    reply.retry_after().or_else(|| reset(&reply.headers, now)).unwrap_or(RATE_WAIT)
}

fn reset(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let reset = headers.get("x-ratelimit-reset")?.to_str().ok()?;
    let reset = number(&Value::from(reset))?;
    let seconds = if reset > POINTS_IN_TIME {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let theirs = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map_or(now, |date| date.to_utc());
        reset - theirs.timestamp()
    } else {
        reset
    };
    Some(Duration::from_secs(u64::try_from(seconds.max(1)).ok()?).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests;
