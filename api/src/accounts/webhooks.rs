//! `/webhooks/mautic/{connection}`: Mautic reports that somebody filled in a form. The runs that are planned for the
//! form begin soon.
//!
//! The route is open, because Mautic has no token. Its signature over the raw body proves the sender. A webhook only
//! says that there are new submissions. The run itself reads them, from the place where the last run stopped. So a late
//! or missing webhook does no harm, and a repeated one changes nothing.

use std::time::Duration;

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use herald_accounts as connections;
use herald_accounts::{Credentials, ProviderKind};
use herald_app::jobs::InvitationStart;
use herald_db::Tx;
use herald_invitations::PlannedSource;
use herald_ledger as ledger;
use herald_ledger::{
    NewJob, Payload, StartError, Unique, Way,
    schedules::{self, Schedule},
};
use herald_providers::mautic::webhook;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        input::{self, Id},
        problem::{Kind, Problem},
    },
};

const SIGNATURE: &str = "webhook-signature";
/// The largest webhook, in bytes.
const LARGEST: usize = 1 << 20;
/// The quiet time before a run begins, because people often fill in forms at the same time.
const QUIET: Duration = Duration::from_secs(5);
/// The longest time for which further webhooks put a run off.
const LONGEST: Duration = Duration::from_secs(60);
/// The most planned runs that a webhook looks through.
const PLANS: usize = 1_000;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(mautic))
}

/// The result of a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookTaken)]
struct Begun {
    /// The number of runs that begin soon.
    runs: usize,
}

/// Receives a webhook of Mautic about a form submission.
///
/// The runs that are planned for the form begin soon.
#[utoipa::path(post, path = "/webhooks/mautic/{id}", operation_id = "receiveMautic", tag = "public",
    params(("webhook-signature" = Option<String>, Header, description = "HMAC-SHA256 of the body with the webhook's \
        secret, in Base64")),
    request_body(content = Object),
    responses(
        (status = 202, description = "The number of runs that begin soon; 0 for a repeated delivery", body = Begun),
        (status = 401, description = "The signature is wrong, or the connection does not exist"),
    )
)]
async fn mautic(State(api): State<Api>, Id(id): Id, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = input::bytes(body, LARGEST).await?;
    // All these refusals are the same, so a caller does not learn whether the connection exists or has a secret.
    let refused = || {
        Problem::new(
            Kind::Unauthorized,
            "the signature does not match the webhook secret of this connection: check the secret in Mautic",
        )
    };
    let Some((workspace, connection)) = connections::webhook_connection(&api.db, id).await? else {
        return Err(refused());
    };
    if connection.settings.0.provider() != ProviderKind::Mautic {
        return Err(refused());
    }
    let opened = connections::open(&api.db, api.accounts.vault(), workspace, id).await?;
    let Credentials::Mautic(secret) = opened.credentials else { return Err(refused()) };
    let signature = parts.headers.get(SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let genuine = secret.webhook_secret.as_ref().is_some_and(|secret| webhook::verify(secret, &body, signature));
    if !genuine {
        return Err(refused());
    }
    let planned = plans(&api, workspace).await?;
    let mut tx = api.db.begin().await?;
    let mut forms = Vec::new();
    for event in webhook::events(&body) {
        let Some(form) = event.form_id else { continue };
        // A repeated delivery comes from a Mautic that got no answer. The first delivery has already begun its runs.
        if connections::first_delivery(&mut tx, workspace, connection.id, &event.name(&body)).await? {
            forms.push(form);
        }
    }
    let mut begin = Vec::new();
    for (schedule, plan) in planned {
        if reads(&plan.run.source, &connection, &forms) {
            let args = (schedule.kind.as_str(), &schedule.args.0);
            let made_by = schedule.made_by.as_deref();
            let Some(mut job) = in_the_name_of(&mut tx, workspace, made_by, args).await? else { continue };
            job.unique_key = Some(format!("webhook:{}", schedule.id));
            job.unique = Unique::Debounce { delay: QUIET, longest: LONGEST };
            begin.push(job);
        }
    }
    let begun = begin.len();
    ledger::enqueue(&mut tx, begin).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(Begun { runs: begun })).into_response())
}

/// The job of a planned run, if its maker may still start it. If not, its schedule reports that at its next tick.
async fn in_the_name_of(
    tx: &mut Tx,
    workspace: Uuid,
    made_by: Option<&str>,
    (kind, args): (&str, &serde_json::Value),
) -> Result<Option<NewJob>, Problem> {
    match ledger::admit(tx, workspace, made_by, Way::Schedule, kind, args).await {
        Ok(job) => Ok(Some(job)),
        Err(StartError::Db(error)) => Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, kind, "a webhook starts nothing in the name of who planned it");
            Ok(None)
        }
    }
}

/// The planned runs that are not paused.
async fn plans(api: &Api, workspace: Uuid) -> Result<Vec<(Schedule, InvitationStart)>, Problem> {
    let start = InvitationStart::POLICY.name;
    let found = schedules::list_schedules(&api.db, workspace, None, PLANS).await?;
    let planned = found.into_iter().filter(|schedule| schedule.kind == start && !schedule.paused);
    Ok(planned
        .filter_map(|schedule| {
            let plan = serde_json::from_value(schedule.args.0.clone()).ok()?;
            Some((schedule, plan))
        })
        .collect())
}

/// Whether a planned run reads one of these forms of this connection.
fn reads(source: &PlannedSource, of: &connections::Connection, forms: &[u64]) -> bool {
    let PlannedSource::Mautic { connection, form, .. } = source else { return false };
    let same = connection.as_ref().is_none_or(|name| *name == of.name || *name == of.id.to_string());
    same && form.is_some_and(|form| forms.contains(&form))
}
