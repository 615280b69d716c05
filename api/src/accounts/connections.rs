//! `/connections`: a workspace's accounts with Google, Mautic, buckets, mail servers and WhatsApp. Herald accepts
//! secrets and never returns them.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use herald_accounts as connections;
use herald_accounts::{Connection, ConnectionError, NewConnection, ProviderKind, Typed, consent};
use herald_app::jobs::ConnectionTest;
use herald_ledger as ledger;
use herald_ledger::{
    Payload,
    audit::{self, Entry},
    quotas::Counted,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        conditional::{self, Precondition, Tag, tagged},
        input::{self, Name},
        problem::{Kind, Problem},
    },
};

/// The path below the public address that Google redirects people to.
pub(crate) const CALLBACK: &str = "/oauth2callback";

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, save, remove))
        .routes(routes!(test))
        .routes(routes!(authorize))
}

/// A connection, with the addresses that must be entered at its provider.
#[derive(Serialize, ToSchema)]
struct ConnectionView {
    #[serde(flatten)]
    connection: Connection,
    /// The webhook address to enter at Mautic, Twilio or Meta.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_url: Option<String>,
    /// The redirect URI to enter in the Google Cloud console.
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_uri: Option<String>,
}

fn view(api: &Api, connection: Connection) -> ConnectionView {
    let base = api.settings.http.public_url.trim_end_matches('/');
    let provider = connection.settings.0.provider();
    let has_webhook = provider == ProviderKind::Mautic || provider.is_whatsapp();
    let webhook_url = has_webhook.then(|| format!("{base}/webhooks/{}/{}", provider.name(), connection.id));
    let redirect_uri = (provider == ProviderKind::Google).then(|| redirect_uri(api));
    ConnectionView { connection, webhook_url, redirect_uri }
}

pub(crate) fn redirect_uri(api: &Api) -> String {
    format!("{}{CALLBACK}", api.settings.http.public_url.trim_end_matches('/'))
}

/// The connections of a workspace.
#[derive(Serialize, ToSchema)]
#[schema(as = Connections)]
struct Items {
    items: Vec<ConnectionView>,
}

/// Lists the connections of the workspace, in the order of their names.
#[utoipa::path(get, path = "/connections", operation_id = "listConnections", tag = "connections",
    responses(
        (status = 200, description = "The connections", body = Items),
    )
)]
async fn list(State(api): State<Api>, Workspace(workspace): Workspace) -> Result<Json<Items>, Problem> {
    let found = connections::list_connections(&api.db, workspace).await?;
    Ok(Json(Items { items: found.into_iter().map(|connection| view(&api, connection)).collect() }))
}

async fn find(api: &Api, workspace: Uuid, name: &str) -> Result<Connection, Problem> {
    let found = connections::find_connection_named(&api.db, workspace, name).await?;
    found.ok_or_else(|| Problem::missing("connection", name))
}

/// Returns a connection, without its secrets.
#[utoipa::path(get, path = "/connections/{name}", operation_id = "getConnection", tag = "connections",
    responses(
        (status = 200, description = "The connection", body = ConnectionView, headers(("etag" = String,
            description = "The version of the connection, for If-Match and If-None-Match"))),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Name(name): Name,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let connection = find(&api, workspace, &name).await?;
    conditional::show(&headers, &view(&api, connection))
}

/// Creates a connection, or replaces the connection of that name.
///
/// Herald stores the secrets encrypted and never returns them.
#[utoipa::path(put, path = "/connections/{name}", operation_id = "saveConnection", tag = "connections",
    request_body = Typed,
    responses(
        (status = 200, description = "The connection replaced an earlier one", body = ConnectionView,
            headers(("location" = String, description = "The address of the new resource"), ("etag" = String,
            description = "The version of the connection, for If-Match and If-None-Match"))),
        (status = 201, description = "The connection was created", body = ConnectionView, headers(("location" = String,
            description = "The address of the new resource"), ("etag" = String,
            description = "The version of the connection, for If-Match and If-None-Match"))),
        (status = 409, description = "The connection of that name belongs to another provider"),
    )
)]
async fn save(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    Name(name): Name,
    request: Request,
) -> Result<Response, Problem> {
    let precondition = Precondition::of(request.headers());
    let typed: Typed = input::json(request).await?;
    let (settings, credentials) = typed.read().map_err(|error| Problem::field(error.field, error.detail))?;
    api.accounts.check_address(&settings).map_err(|error| Problem::field(error.field, error.detail))?;
    let mut tx = api.db.begin().await?;
    let known = connections::lock(&mut tx, workspace, &name).await?;
    let existed = known.is_some();
    let tag = known.map(|known| Tag::of_json(&view(&api, known))).transpose()?;
    precondition.check(tag.as_ref())?;
    let provider = settings.provider().name();
    let new = NewConnection { name: &name, settings, credentials };
    let id = connections::save(&mut tx, api.accounts.vault(), workspace, new).await?;
    if !existed {
        api.settings.quotas.hold(&mut tx, workspace, Counted::Connections).await?;
    }
    let entry = Entry::of("connection.save", &name).with(serde_json::json!({ "provider": provider }));
    audit::record(&mut tx, &actor, entry).await?;
    tx.commit().await?;
    let connection = connections::find_connection(&api.db, workspace, id).await?.ok_or(ConnectionError::Missing)?;
    let status = if existed { StatusCode::OK } else { StatusCode::CREATED };
    let place = format!("/api/v1/connections/{name}");
    Ok(([(header::LOCATION, place)], tagged(status, view(&api, connection))?).into_response())
}

/// Deletes a connection and its secrets.
#[utoipa::path(delete, path = "/connections/{name}", operation_id = "deleteConnection", tag = "connections",
    responses(
        (status = 204, description = "The connection was deleted"),
        (status = 409, description = "A sender uses the connection"),
    )
)]
async fn remove(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    Name(name): Name,
) -> Result<StatusCode, Problem> {
    let connection = find(&api, workspace, &name).await?;
    let mut tx = api.db.begin().await?;
    connections::remove(&mut tx, workspace, connection.id).await?;
    audit::record(&mut tx, &actor, Entry::of("connection.remove", &connection.name)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The target of a connection test.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = ConnectionTestRequest)]
#[serde(deny_unknown_fields, default)]
struct TestOf {
    /// The Drive folder to write to, or the Mautic form to read.
    target: Option<String>,
}

/// A connection test, which a worker carries out.
#[derive(Serialize, ToSchema)]
#[schema(as = ConnectionTest)]
struct Testing {
    /// The id of the job.
    job_id: Uuid,
    /// The address of the job.
    job_url: String,
}

/// Starts a test of a connection. The result of the job says what the worker found.
#[utoipa::path(post, path = "/connections/{name}/test", operation_id = "testConnection", tag = "connections",
    request_body(content = Option<TestOf>),
    responses(
        (status = 202, description = "The job that tests the connection", body = Testing, headers(("location" = String,
            description = "The address of the new resource"))),
    )
)]
async fn test(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Name(name): Name,
    request: Request,
) -> Result<Response, Problem> {
    let asked: TestOf = input::json_or_nothing(request).await?;
    let connection = find(&api, workspace, &name).await?;
    let job = ConnectionTest { connection_id: connection.id, target: asked.target }.job(workspace);
    let job_id = ledger::enqueue_alone(&api.db, job).await?;
    let job_url = format!("/api/v1/jobs/{job_id}");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, job_url.clone())], Json(Testing { job_id, job_url })).into_response())
}

/// A request for a person's consent.
#[derive(Serialize, ToSchema)]
#[schema(as = Consent)]
struct Authorize {
    /// The address that a person opens in a browser to give consent.
    authorize_url: String,
    /// When the address expires.
    expires_at: DateTime<Utc>,
}

/// Begins a person's consent. The answer has the address that the person opens in a browser.
#[utoipa::path(post, path = "/connections/{name}/authorize", operation_id = "authorizeConnection", tag = "connections",
    responses(
        (status = 200, description = "The address for the person's browser", body = Authorize),
        (status = 409, description = "The connection does not use a person's consent"),
    )
)]
async fn authorize(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    Name(name): Name,
) -> Result<Json<Authorize>, Problem> {
    let connection = find(&api, workspace, &name).await?;
    let mut tx = api.db.begin().await?;
    let state =
        consent::ask(&mut tx, &api.accounts, workspace, &connection, &redirect_uri(&api)).await.map_err(|error| {
            match error {
                consent::ConsentError::NoPerson(_) => Problem::new(Kind::WrongState, error),
                error => Problem::internal(&error),
            }
        })?;
    audit::record(&mut tx, &actor, Entry::of("connection.authorize", &connection.name)).await?;
    tx.commit().await?;
    let base = api.settings.http.public_url.trim_end_matches('/');
    let authorize_url = format!("{base}/authorize?state={state}");
    Ok(Json(Authorize { authorize_url, expires_at: api.db.now() + consent::PATIENCE }))
}

impl From<ConnectionError> for Problem {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Missing => Self::new(Kind::NotFound, error),
            ConnectionError::Name { .. } => Self::field("name", error),
            ConnectionError::OtherProvider { .. } | ConnectionError::Sealed { .. } | ConnectionError::InUse => {
                Self::new(Kind::WrongState, error)
            }
            ConnectionError::Db(error) => error.into(),
            ConnectionError::Enqueue(error) => error.into(),
        }
    }
}
