//! `/webhooks/mail/{service}`: mail services tell what became of mails. For people, `/messages/{id}/events` shows what
//! was told of a message.

use std::sync::OnceLock;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use herald_base::settings::SettingsError;
use herald_messaging::{
    BounceSettings, MailEventSource, StoredMailEvent, find_message, list_mail_events, take_mail_events,
};
use herald_providers::mail_events::{Certificates, Confirm, MailEvent, NotTaken};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{
        auth::Workspace,
        input::{self, Id, Name},
        problem::{Kind, Problem},
    },
};

/// The largest webhook, in bytes.
const LARGEST: usize = 1 << 20;

/// The certificates of SNS that this process has fetched.
static CERTIFICATES: OnceLock<Certificates> = OnceLock::new();

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(events))
}

pub(super) fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(webhook))
}

/// What became of the events of a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = MailEventsTaken)]
struct Taken {
    /// How many are new.
    new: usize,
    /// How many were told before.
    known: usize,
    /// How many are about none of Herald's messages.
    foreign: usize,
}

/// Receives what a mail service tells of mails: that they arrived, came back, or annoyed somebody.
///
/// A repeated event changes nothing. The settings below `bounces` say which services are believed.
#[utoipa::path(post, path = "/webhooks/mail/{name}", operation_id = "receiveMailEvents", tag = "public",
    params(
        ("name" = String, Path, description = "The service: generic, mailgun, postmark, sendgrid or ses"),
        ("webhook-id" = Option<String>, Header, description = "generic: the id, as in Standard Webhooks"),
        ("webhook-timestamp" = Option<String>, Header, description = "generic: the time of sending, in seconds since \
            1970"),
        ("webhook-signature" = Option<String>, Header, description = "generic: `v1,` and the HMAC-SHA256 of id, time \
            and body in Base64"),
        ("x-twilio-email-event-webhook-signature" = Option<String>, Header, description = "sendgrid: the signature"),
        ("x-twilio-email-event-webhook-timestamp" = Option<String>, Header, description = "sendgrid: the time of \
            sending"),
    ),
    request_body(content = serde_json::Value, description = "As the service makes it; generic: an event, or a list"),
    responses(
        (status = 202, description = "Herald has written the events down", body = Taken),
        (status = 400, description = "The webhook is genuine and cannot be read"),
        (status = 401, description = "The webhook is not genuine or too old, or Herald has no secret of the service"),
        (status = 503, description = "ses: SNS could not be told that its topic may write here"),
    )
)]
async fn webhook(State(api): State<Api>, Name(name): Name, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = input::bytes(body, LARGEST).await?;
    // All these refusals are the same, so a caller does not learn which services Herald has a secret of.
    let refused = || {
        Problem::new(
            Kind::Unauthorized,
            "the webhook does not match the secret of this service, or it is too old: check the settings below \
             bounces, and the clocks",
        )
    };
    let Some(source) = name.parse::<MailEventSource>().ok().filter(|source| *source != MailEventSource::Mail) else {
        return Err(refused());
    };
    let settings = &api.settings.bounces;
    let read = read(settings, source, &parts.headers, &body, api.db.now()).await;
    let (events, confirm) = match read.map_err(|error| Problem::internal(&error))? {
        Some(Ok(read)) => read,
        Some(Err(NotTaken::Unreadable(why))) => return Err(Problem::new(Kind::InvalidRequest, why)),
        Some(Err(NotTaken::NotGenuine(why))) => {
            tracing::warn!(service = %source, why, "a webhook of a mail service is refused");
            return Err(refused());
        }
        None => return Err(refused()),
    };
    if let Some(confirm) = confirm {
        let is_told = certificates()?.confirm(confirm).await;
        tracing::info!(is_told, "the subscription of a topic of SNS is confirmed");
        if !is_told {
            return Err(Problem::new(Kind::Unavailable, "SNS could not be told now: ask again"));
        }
    }
    let taken = take_mail_events(&api.db, &api.links, source, events, settings.limit()).await?;
    let taken = Taken { new: taken.new, known: taken.known, foreign: taken.foreign };
    Ok((StatusCode::ACCEPTED, Json(taken)).into_response())
}

/// What a webhook tells, and the question of SNS within it.
type Read = Result<(Vec<MailEvent>, Option<Confirm>), NotTaken>;

/// Reads a webhook; `None` if the settings have no secret of its service.
async fn read(
    settings: &BounceSettings,
    source: MailEventSource,
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<Read>, SettingsError> {
    let alone = |events: Result<Vec<MailEvent>, NotTaken>| events.map(|events| (events, None));
    Ok(match source {
        MailEventSource::Mail => None,
        MailEventSource::Generic => settings.generic()?.map(|service| alone(service.read(headers, body, now))),
        MailEventSource::Mailgun => settings.mailgun()?.map(|service| alone(service.read(body, now))),
        MailEventSource::Postmark => settings.postmark()?.map(|service| alone(service.read(headers, body))),
        MailEventSource::SendGrid => settings.sendgrid()?.map(|service| alone(service.read(headers, body, now))),
        MailEventSource::Ses => match (settings.ses()?, certificates()) {
            (Some(service), Ok(certificates)) => Some(service.read(certificates, body).await),
            _ => None,
        },
    })
}

fn certificates() -> Result<&'static Certificates, Problem> {
    if let Some(known) = CERTIFICATES.get() {
        return Ok(known);
    }
    let new = Certificates::new().map_err(|error| Problem::internal(&*error))?;
    Ok(CERTIFICATES.get_or_init(|| new))
}

/// Lists what was told of a message, the newest first: bounces with the mail that came, complaints, deliveries.
#[utoipa::path(get, path = "/messages/{id}/events", operation_id = "listMailEvents", tag = "messages",
    responses(
        (status = 200, description = "At most the newest 100", body = Vec<StoredMailEvent>),
    )
)]
async fn events(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<Vec<StoredMailEvent>>, Problem> {
    if find_message(&api.db, workspace, id).await?.is_none() {
        return Err(Problem::missing("message", id));
    }
    Ok(Json(list_mail_events(&api.db, workspace, id).await?))
}
