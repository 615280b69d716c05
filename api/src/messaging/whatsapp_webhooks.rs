//! `/webhooks/twilio/{connection}` and `/webhooks/meta/{connection}`: what became of messages, and what people answer.
//!
//! The routes are open, because the providers have no token of ours. A signature over the raw body proves the sender;
//! without one nothing is read. Reports of many requests are written by one transaction ([`super::groups`]), and a
//! request is answered when its own are committed: what was not written comes again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Extension,
    extract::{RawQuery, Request, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use herald_accounts as connections;
use herald_accounts::{Credentials, ProviderKind};
use herald_ledger as ledger;
use herald_ledger::Payload as _;
use herald_messaging::{
    MessagingError, NewReport, jobs::WhatsappTemplates, take_inbound, take_preference, take_reports,
};
use herald_providers::{
    meta::webhook as meta_webhook,
    twilio::webhook::{self as twilio_webhook, Signed},
    whatsapp::{Inbound, Report, Told},
};
use secrecy::ExposeSecret;
use url::form_urlencoded;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::groups::Groups;
use crate::{
    Api,
    front::{
        input::{self, Id},
        problem::{Kind, Problem},
        rate_limits,
    },
};

/// The largest webhook, in bytes.
const LARGEST: usize = 1 << 20;
/// How long the secret of an account is remembered. So long an old one is believed after it was replaced.
const FRESH: TimeDelta = TimeDelta::seconds(10);
/// Accounts whose secrets are remembered.
const MOST: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(twilio))
        .routes(routes!(verify_meta, meta))
        .layer(Extension(Arc::new(Desk::default())))
}

/// What the routes keep between requests.
#[derive(Default)]
struct Desk {
    known: Mutex<HashMap<Uuid, (DateTime<Utc>, Account)>>,
    groups: Mutex<Option<Groups<Vec<NewReport>, MessagingError>>>,
}

/// An account, and what its webhooks are signed with.
#[derive(Clone)]
struct Account {
    id: Uuid,
    workspace: Uuid,
    credentials: Arc<Credentials>,
}

impl Desk {
    /// An account of that id. None: there is none of this provider.
    async fn account(&self, api: &Api, id: Uuid, provider: ProviderKind) -> Result<Option<Account>, Problem> {
        let now = api.db.now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some((at, account)) = known
            && now - at < FRESH
        {
            return Ok(Some(account).filter(|account| is_of(&account.credentials, provider)));
        }
        let Some((workspace, connection)) = connections::webhook_connection(&api.db, id).await? else {
            return Ok(None);
        };
        if connection.settings.0.provider() != provider {
            return Ok(None);
        }
        let opened = connections::open(&api.db, api.accounts.vault(), workspace, id).await?;
        let account = Account { id, workspace, credentials: Arc::new(opened.credentials) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(id, (now, account.clone()));
        Ok(Some(account))
    }

    fn groups(&self, api: &Api) -> Groups<Vec<NewReport>, MessagingError> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let db = api.db.clone();
        let made = groups.get_or_insert_with(|| {
            Groups::new(move |reports: Vec<Vec<NewReport>>| {
                let db = db.clone();
                async move { take_reports(&db, reports.into_iter().flatten().collect()).await.map(drop) }.boxed()
            })
        });
        made.clone()
    }

    /// Writes down what was told, and waits until that is committed.
    async fn take(&self, api: &Api, account: &Account, provider: ProviderKind, told: Vec<Told>) -> Result<(), Problem> {
        let (mut reports, mut inbound): (Vec<Report>, Vec<Inbound>) = (Vec::new(), Vec::new());
        let mut wishes = Vec::new();
        for one in told {
            match one {
                Told::Report(report) => reports.push(report),
                Told::Inbound(message) => inbound.push(message),
                Told::Preference { from, wants } => wishes.push((from, wants)),
            }
        }
        if !reports.is_empty() {
            let (workspace_id, connection_id) = (account.workspace, account.id);
            let new = reports.into_iter().map(|report| NewReport { workspace_id, connection_id, provider, report });
            self.groups(api).put(new.collect()).await.map_err(|error| not_written(error.as_deref()))?;
        }
        for message in inbound {
            let taken = take_inbound(&api.db, account.workspace, account.id, message).await;
            taken.map_err(|error| not_written(Some(&error)))?;
        }
        for (from, wants) in wishes {
            let taken = take_preference(&api.db, account.workspace, &from, wants).await;
            taken.map_err(|error| not_written(Some(&error)))?;
        }
        Ok(())
    }
}

/// The provider sends again what was not written.
fn not_written(error: Option<&MessagingError>) -> Problem {
    let why = error.map_or_else(|| "the process ends".to_owned(), ToString::to_string);
    tracing::warn!(error = %why, "a webhook could not be written down; its provider sends it again");
    Problem::new(Kind::Unavailable, "the report could not be written down: send it again")
}

fn is_of(credentials: &Credentials, provider: ProviderKind) -> bool {
    matches!(
        (credentials, provider),
        (Credentials::Twilio(_), ProviderKind::Twilio) | (Credentials::Meta(_), ProviderKind::Meta)
    )
}

/// All refusals are the same, so a caller does not learn whether the account exists.
async fn refused(api: &Api, parts: &Parts) -> Problem {
    if let Err(too_many) = rate_limits::stranger(api, &parts.headers, &parts.extensions).await {
        return too_many;
    }
    Problem::new(
        Kind::Unauthorized,
        "the signature does not match the secret of this connection: check the secret, and Herald's public address",
    )
}

fn header_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Receives a webhook of Twilio: what became of a message, or what somebody wrote.
#[utoipa::path(post, path = "/webhooks/twilio/{id}", operation_id = "receiveTwilio", tag = "public",
    params(
        ("m" = Option<Uuid>, Query, description = "The message that a report is about"),
        ("x-twilio-signature" = Option<String>, Header, description = "HMAC-SHA1 of the address and the parameters \
            with the auth token, in Base64"),
    ),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 204, description = "It was written down, or it had come before"),
        (status = 401, description = "The signature is wrong, or the connection does not exist"),
        (status = 413, description = "The body is larger than 1 MB"),
        (status = 429, description = "Too many webhooks that were not genuine came from the address"),
        (status = 503, description = "It could not be written down: send it again"),
    )
)]
async fn twilio(
    State(api): State<Api>,
    Extension(desk): Extension<Arc<Desk>>,
    Id(id): Id,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<StatusCode, Problem> {
    let (parts, body) = request.into_parts();
    let body = input::bytes(body, LARGEST).await?;
    let query = query.unwrap_or_default();
    let account = desk.account(&api, id, ProviderKind::Twilio).await?;
    // The address as Twilio knows it: what a proxy in front made of it does not count.
    let mark = if query.is_empty() { "" } else { "?" };
    let url = format!("{}{mark}{query}", api.links.page(&format!("/webhooks/twilio/{id}")));
    let signed = Signed {
        url: &url,
        body: &body,
        signature: header_of(&parts.headers, twilio_webhook::SIGNATURE).unwrap_or_default(),
        settings: header_of(&parts.headers, twilio_webhook::SETTINGS),
    };
    let genuine = |account: &Account| match &*account.credentials {
        Credentials::Twilio(secret) => twilio_webhook::verify(&secret.auth_token, &signed),
        _ => false,
    };
    let Some(account) = account.filter(genuine) else { return Err(refused(&api, &parts).await) };
    // What Herald does not know is taken and left: it would only come again.
    let told = twilio_webhook::read(&query, &body).into_iter().collect();
    desk.take(&api, &account, ProviderKind::Twilio, told).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answers Meta when it asks whether the address of the webhook is ours.
#[utoipa::path(get, path = "/webhooks/meta/{id}", operation_id = "verifyMeta", tag = "public",
    params(
        ("hub.mode" = Option<String>, Query, description = "`subscribe`"),
        ("hub.verify_token" = Option<String>, Query, description = "The word of the connection"),
        ("hub.challenge" = Option<String>, Query, description = "What is answered"),
    ),
    responses(
        (status = 200, description = "The challenge", body = String, content_type = "text/plain"),
        (status = 403, description = "The word is wrong, or the connection does not exist"),
        (status = 429, description = "Too many wrong words came from the address"),
    )
)]
async fn verify_meta(
    State(api): State<Api>,
    Extension(desk): Extension<Arc<Desk>>,
    Id(id): Id,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let asked: HashMap<String, String> =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let word = |name: &str| asked.get(name).map_or("", String::as_str);
    let is_word = |account: &Account| match &*account.credentials {
        Credentials::Meta(secret) => {
            let ours = secret.verify_token.expose_secret();
            !ours.is_empty() && same(ours.as_bytes(), word("hub.verify_token").as_bytes())
        }
        _ => false,
    };
    let account = desk.account(&api, id, ProviderKind::Meta).await?;
    if word("hub.mode") != "subscribe" || !account.as_ref().is_some_and(is_word) {
        rate_limits::stranger(&api, &parts.headers, &parts.extensions).await?;
        let detail = "the word does not match that of this connection: enter it again";
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    let challenge: String = word("hub.challenge").chars().filter(char::is_ascii_alphanumeric).take(200).collect();
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], challenge).into_response())
}

/// Whether two words are the same, in a time that does not tell where they differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

/// Receives a webhook of Meta: what became of messages, what people wrote, which templates changed.
#[utoipa::path(post, path = "/webhooks/meta/{id}", operation_id = "receiveMeta", tag = "public",
    params(("x-hub-signature-256" = Option<String>, Header, description = "`sha256=` and HMAC-SHA256 of the body with \
        the secret of the app, in base 16")),
    request_body(content = Object),
    responses(
        (status = 200, description = "It was written down, or it had come before"),
        (status = 401, description = "The signature is wrong, or the connection does not exist"),
        (status = 413, description = "The body is larger than 1 MB"),
        (status = 429, description = "Too many webhooks that were not genuine came from the address"),
        (status = 503, description = "It could not be written down: send it again"),
    )
)]
async fn meta(
    State(api): State<Api>,
    Extension(desk): Extension<Arc<Desk>>,
    Id(id): Id,
    request: Request,
) -> Result<StatusCode, Problem> {
    let (parts, body) = request.into_parts();
    let body = input::bytes(body, LARGEST).await?;
    let account = desk.account(&api, id, ProviderKind::Meta).await?;
    let signature = header_of(&parts.headers, meta_webhook::SIGNATURE).unwrap_or_default();
    let genuine = |account: &Account| match &*account.credentials {
        Credentials::Meta(secret) => meta_webhook::verify(&secret.app_secret, &body, signature),
        _ => false,
    };
    let Some(account) = account.filter(genuine) else { return Err(refused(&api, &parts).await) };
    let Some(notice) = meta_webhook::read(&body) else { return Ok(StatusCode::OK) };
    // One app may have several numbers, each with a connection of its own: they share the ids of messages.
    let told = notice.told.into_iter().map(|(_, told)| told).collect();
    desk.take(&api, &account, ProviderKind::Meta, told).await?;
    if notice.templates_changed {
        ledger::enqueue_alone(&api.db, WhatsappTemplates { connection_id: id }.job(account.workspace)).await?;
    }
    Ok(StatusCode::OK)
}
