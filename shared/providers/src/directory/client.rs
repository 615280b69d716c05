//! Requests to the CRM's API.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use herald_base::boxed;
use reqwest::{RequestBuilder, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::{CrmUser, Login, login};
use crate::{Class, Finding, Http, Meter, ProviderError, Result, http::Reply};

/// The provider's name in metrics.
const PROVIDER: &str = "crm";
/// The provider's name in messages to people.
const WHO: &str = "the CRM";
/// The time-out of a password check, because a person waits for the answer.
const LOGIN_TIME: Duration = Duration::from_secs(8);
/// The number of people in a page.
const PAGE: usize = 200;

/// The agency's CRM. Cheap to clone.
#[derive(Clone)]
pub struct Crm(Arc<Inner>);

struct Inner {
    http: Http,
    token: SecretString,
    users: Url,
    login_url: Url,
    login: Login,
}

/// A page of the CRM's people.
#[derive(Debug, Default)]
pub struct Page {
    /// The people that could be read.
    pub users: Vec<CrmUser>,
    /// The number of people that could not be read, because they have no id or no address.
    pub unreadable: u64,
    /// The cursor of the next page; `None` if this page is the last.
    pub next: Option<String>,
}

impl fmt::Debug for Crm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crm").field("users", &self.0.users.as_str()).finish_non_exhaustive()
    }
}

impl Crm {
    /// Creates a client for a CRM that lists its people at `users` and checks passwords at `login_url`.
    pub fn new(http: Http, token: SecretString, users: Url, login_url: Url, login: Login) -> Self {
        Self(Arc::new(Inner { http, token, users, login_url, login }))
    }

    /// Whether people sign in with the CRM's password.
    pub fn checks_passwords(&self) -> bool {
        !matches!(self.0.login, Login::None)
    }

    /// Returns the person who has this address and this password; `None` if no person has both. The password is sent to
    /// the CRM only, and is not kept.
    ///
    /// # Errors
    /// When the CRM gives no clear answer.
    #[boxed]
    pub async fn verify(&self, email: &str, password: &SecretString) -> Result<Option<CrmUser>> {
        let inner = &self.0;
        let request = inner.http.client().post(inner.login_url.clone()).timeout(LOGIN_TIME);
        let request = inner.login.ask(request.header(header::ACCEPT, "application/json"), email, password);
        let answer = self.call(request, |reply| match reply.status.as_u16() {
            200..=299 => reply.json::<Value>(WHO).map(Some),
            // CRMs answer a wrong password with different statuses; RFC 6749, 5.2, uses 400.
            400 | 401 | 403 | 422 => Ok(None),
            _ => Err(refusal(reply, "its login")),
        });
        let Some(answer) = answer.await? else { return Ok(None) };
        let answer = match &inner.login {
            Login::Oauth { me, .. } => {
                let token = answer.get("access_token").and_then(Value::as_str).ok_or_else(|| {
                    ProviderError::new(
                        Class::Config,
                        "the login of the CRM returned no access_token: check crm.login_path",
                    )
                })?;
                let request = inner.http.client().get(me.clone()).timeout(LOGIN_TIME).bearer_auth(token);
                self.call(request, |reply| read(reply, "its me_path")).await?
            }
            _ => answer,
        };
        let user = CrmUser::read(login::person(&answer)).ok_or_else(|| {
            ProviderError::new(
                Class::Config,
                "the login of the CRM returned no person with an id and an email: \
                 check crm.login_path and crm.me_path",
            )
        })?;
        Ok(Some(user))
    }

    /// Returns a page of all people, or of the people who changed since a time.
    ///
    /// # Errors
    /// By its class; an answer that is not a list is [`Class::Config`].
    #[boxed]
    pub async fn users(&self, since: Option<DateTime<Utc>>, cursor: Option<&str>, meter: &Meter) -> Result<Page> {
        let mut url = self.0.users.clone();
        url.query_pairs_mut().append_pair("limit", &PAGE.to_string());
        if let Some(since) = since {
            url.query_pairs_mut().append_pair("updated_since", &since.to_rfc3339_opts(SecondsFormat::Secs, true));
        }
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        meter.pay(1).await?;
        let request = self.0.http.client().get(url).bearer_auth(self.0.token.expose_secret());
        self.call(request.header(header::ACCEPT, "application/json"), |reply| read(reply, "its list of people"))
            .await
            .and_then(|answer| page(&answer, cursor))
    }

    /// Checks whether the CRM's people can be listed.
    #[boxed]
    pub async fn check(&self) -> Finding {
        match self.users(None, None, &Meter::free()).await {
            Ok(page) if page.users.is_empty() => {
                Finding::wrong("the CRM lists no people: check crm.users_path and the permissions of the token")
            }
            Ok(page) if page.unreadable > 0 => Finding::wrong(format!(
                "the CRM lists {} people without an id or an email: Herald cannot import them",
                page.unreadable
            )),
            Ok(_) => Finding::ok("the CRM lists its people".to_owned()),
            Err(error) => Finding::failed(error),
        }
    }

    async fn call<T>(&self, request: RequestBuilder, read: impl FnOnce(&Reply) -> Result<T>) -> Result<T> {
        self.0.http.call_traced(PROVIDER, WHO, request, |reply| read(&reply)).await
    }
}

fn read(reply: &Reply, what: &str) -> Result<Value> {
    if reply.status.is_success() { reply.json(WHO) } else { Err(refusal(reply, what)) }
}

/// Converts the status of a failed request into an error.
fn refusal(reply: &Reply, what: &str) -> ProviderError {
    let status = reply.status;
    let error = |class, message: String| ProviderError::new(class, message).after(reply.retry_after());
    match status {
        StatusCode::TOO_MANY_REQUESTS => error(Class::Rate, "the CRM asks Herald to wait".to_owned()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => error(
            Class::Auth,
            format!("the CRM does not let Herald read {what} ({status}): check crm.token and its permissions"),
        ),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE => error(
            Class::Config,
            format!("the CRM does not know {what} ({status}): check crm.url and the paths in [crm]"),
        ),
        status if status.is_redirection() => error(
            Class::Config,
            format!("the CRM redirects Herald for {what} ({status}): set crm.url to the address of the redirect"),
        ),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            error(Class::Down, format!("the CRM is not available ({status})"))
        }
        status if status.is_server_error() => error(Class::Transient, format!("the CRM failed at {what} ({status})")),
        _ => error(Class::Config, format!("the CRM refuses {what} ({status})")),
    }
}

fn page(answer: &Value, asked: Option<&str>) -> Result<Page> {
    let config = |message: &str| ProviderError::new(Class::Config, message);
    let list = answer
        .as_array()
        .or_else(|| ["data", "users", "items", "results"].iter().find_map(|name| answer.get(name)?.as_array()));
    let list = list.ok_or_else(|| {
        config("the CRM's answer has no list of people in data, users, items or results: check crm.users_path")
    })?;
    let users: Vec<CrmUser> = list.iter().filter_map(CrmUser::read).collect();
    let next = [Some(answer), answer.get("meta"), answer.get("pagination")].into_iter().flatten();
    let next = next.filter_map(|at| at.get("next_cursor")).find_map(super::user::text);
    if next.is_some() && next.as_deref() == asked {
        return Err(config(
            "the CRM's list of people names the same page as its next page and would never end: \
             check the CRM's paging",
        ));
    }
    let more = ["has_more", "has_next"].iter().any(|name| answer.get(name).and_then(Value::as_bool) == Some(true));
    if more && next.is_none() {
        return Err(config(
            "the CRM's list of people has more pages but no next_cursor, so Herald cannot continue: \
             check the CRM's paging",
        ));
    }
    let unreadable = (list.len() - users.len()) as u64;
    Ok(Page { users, unreadable, next })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn person(id: i64) -> Value {
        json!({ "id": id, "email": format!("guest{id}@example.com") })
    }

    #[test]
    fn a_page_is_read_wherever_its_list_and_its_cursor_stand() {
        for answer in [
            json!({ "data": [person(1)], "next_cursor": "b" }),
            json!({ "users": [person(1)], "meta": { "next_cursor": "b" } }),
            json!({ "items": [person(1)], "pagination": { "next_cursor": "b" } }),
        ] {
            let page = page(&answer, Some("a")).unwrap();
            assert_eq!((page.users.len(), page.unreadable, page.next.as_deref()), (1, 0, Some("b")));
        }
        let last = page(&json!({ "data": [person(1), { "id": 2 }], "next_cursor": null }), Some("a")).unwrap();
        assert_eq!((last.users.len(), last.unreadable, last.next), (1, 1, None));
        assert_eq!(page(&json!([person(1), person(2)]), None).unwrap().users.len(), 2);
    }

    #[test]
    fn a_list_that_is_none_or_never_ends_is_an_error_and_not_an_empty_one() {
        for (answer, said) in [
            (json!({}), "no list"),
            (json!({ "data": {} }), "no list"),
            (json!({ "data": [], "next_cursor": "a" }), "never end"),
            (json!({ "data": [], "has_more": true }), "cannot continue"),
        ] {
            let told = page(&answer, Some("a")).unwrap_err();
            assert!(told.class == Class::Config && told.message.contains(said), "{answer}: {told}");
        }
    }
}
