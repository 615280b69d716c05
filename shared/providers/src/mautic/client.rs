//! Requests to Mautic's API: their identity, their cost, and the meaning of their answers.

use std::{fmt, sync::Arc, time::Duration};

use reqwest::{Method, RequestBuilder, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::{
    errors::{About, Context, refusal},
    site,
    token::{Given, Token},
};
use crate::{
    Class, Http, Meter, ProviderError, Result,
    http::Reply,
    mautic::{MauticAuth, MauticSecret, MauticSettings},
};
use herald_base::clock::Clock;

/// The provider's name in metrics.
pub(super) const PROVIDER: &str = "mautic";
/// The provider's name in messages to people.
pub(super) const WHO: &str = "Mautic";

/// A client for a Mautic site, as one of its users or OAuth clients. Cheap to clone; clones share connections and the
/// token.
#[derive(Clone)]
pub struct Mautic(Arc<Inner>);

struct Inner {
    http: Http,
    site: Url,
    clock: Clock,
    identity: Identity,
}

enum Identity {
    Basic { user: String, password: SecretString },
    Client { id: String, secret: SecretString, token: Token },
}

/// One request.
pub(super) struct Ask<'a> {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// The JSON body.
    pub body: Option<Value>,
    /// The subject of the request.
    pub about: About<'a>,
    /// The time-out, if it differs from the usual one.
    pub time: Option<Duration>,
}

impl fmt::Debug for Mautic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mautic").field("site", &site::named(&self.0.site)).finish_non_exhaustive()
    }
}

impl Mautic {
    /// Creates a client for a connection.
    ///
    /// # Errors
    /// [`Class::Config`] when its address is not valid.
    pub fn new(http: Http, settings: &MauticSettings, secret: &MauticSecret, clock: Clock) -> Result<Self> {
        let site = MauticSettings::site(&settings.url)
            .map_err(|problem| ProviderError::new(Class::Config, format!("the address of Mautic: {problem}")))?;
        let secret = secret.secret.clone();
        let identity = match &settings.auth {
            MauticAuth::Basic { user } => Identity::Basic { user: user.clone(), password: secret },
            MauticAuth::Client { client_id } => {
                Identity::Client { id: client_id.clone(), secret, token: Token::default() }
            }
        };
        Ok(Self(Arc::new(Inner { http, site, clock, identity })))
    }

    /// The address of the site.
    pub fn site(&self) -> &Url {
        &self.0.site
    }

    pub(super) fn http(&self) -> &Http {
        &self.0.http
    }

    /// Builds an address of the API, with a query.
    pub(super) fn api<I: AsRef<str>>(&self, path: impl IntoIterator<Item = I>, query: &[(&str, &str)]) -> Url {
        let mut url = site::below(&site::below(&self.0.site, ["api"]), path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Reads an object of the API.
    pub(super) async fn get(&self, url: Url, about: About<'_>, meter: &Meter) -> Result<Value> {
        self.call(Ask { method: Method::GET, url, body: None, about, time: None }, meter, |reply| reply.json(WHO)).await
    }

    /// Pays for a request, sends it, and converts the answer with `read`. A token that has become invalid is replaced
    /// once.
    pub(super) async fn call<T>(&self, ask: Ask<'_>, meter: &Meter, read: impl Fn(&Reply) -> Result<T>) -> Result<T> {
        let (id, secret, token) = match &self.0.identity {
            Identity::Basic { user, password } => {
                let request = self.request(&ask).basic_auth(user, Some(password.expose_secret()));
                return self.send(request, ask.about, meter, &read).await;
            }
            Identity::Client { id, secret, token } => (id, secret, token),
        };
        let fresh = async |refused: Option<&SecretString>| {
            token.get(&self.0.clock, refused, || self.ask_for_token(id, secret, meter)).await
        };
        let bearer = fresh(None).await?;
        let request = self.request(&ask).bearer_auth(bearer.expose_secret());
        match self.send(request, ask.about, meter, &read).await {
            Err(error) if error.class == Class::Auth => {
                let bearer = fresh(Some(&bearer)).await?;
                let request = self.request(&ask).bearer_auth(bearer.expose_secret());
                self.send(request, ask.about, meter, &read).await
            }
            other => other,
        }
    }

    fn request(&self, ask: &Ask<'_>) -> RequestBuilder {
        let request = self.0.http.client().request(ask.method.clone(), ask.url.clone());
        // Without this header Mautic may answer with a page.
        let mut request = request.header(header::ACCEPT, "application/json");
        if let Some(time) = ask.time {
            request = request.timeout(time);
        }
        match &ask.body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    async fn ask_for_token(&self, id: &str, secret: &SecretString, meter: &Meter) -> Result<Given> {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", id)
            .append_pair("client_secret", secret.expose_secret())
            .finish();
        let url = site::below(&self.0.site, ["oauth", "v2", "token"]);
        let request = self.0.http.client().post(url).header(header::ACCEPT, "application/json");
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        self.send(request, About::Token, meter, &Given::read).await
    }

    async fn send<T>(
        &self,
        request: RequestBuilder,
        about: About<'_>,
        meter: &Meter,
        read: &impl Fn(&Reply) -> Result<T>,
    ) -> Result<T> {
        meter.pay(1).await?;
        let read = |reply: Reply| match reply.status.is_success() {
            true => read(&reply),
            false => Err(refusal(&reply, &self.context(about))),
        };
        self.0.http.call_traced(PROVIDER, WHO, request, read).await
    }

    /// The context in which a refusal is read.
    pub(super) fn context<'a>(&'a self, about: About<'a>) -> Context<'a> {
        let basic = matches!(self.0.identity, Identity::Basic { .. });
        Context { site: &self.0.site, basic, about, now: self.0.clock.now() }
    }
}
