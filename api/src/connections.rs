//! `/connections`: a workspace's accounts with Google, Mautic and buckets. What is secret goes in and never comes out.

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use herald_shared::{
    connections::{self, Connection, ConnectionError, NewConnection, ProviderKind, Typed, consent},
    jobs::{ConnectionTest, Payload},
    ledger::{
        self,
        audit::{self, Entry},
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Api,
    actor::By,
    auth::Workspace,
    input::{self, Name},
    problem::{Kind, Problem},
};

/// Where Google sends people back to, below the public address.
pub(crate) const CALLBACK: &str = "/oauth2callback";

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/connections", get(list))
        .route("/connections/{name}", get(show).put(save).delete(remove))
        .route("/connections/{name}/test", post(test))
        .route("/connections/{name}/authorize", post(authorize))
}

/// A connection, and what to do with it elsewhere.
#[derive(Serialize)]
struct ConnectionView {
    #[serde(flatten)]
    connection: Connection,
    /// What is entered in Mautic as the address of its webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_url: Option<String>,
    /// What is entered in the Google Cloud console as redirect URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_uri: Option<String>,
}

fn view(api: &Api, connection: Connection) -> ConnectionView {
    let base = api.settings.http.public_url.trim_end_matches('/');
    let provider = connection.settings.0.provider();
    let webhook_url = (provider == ProviderKind::Mautic).then(|| format!("{base}/webhooks/mautic/{}", connection.id));
    let redirect_uri = (provider == ProviderKind::Google).then(|| redirect_uri(api));
    ConnectionView { connection, webhook_url, redirect_uri }
}

pub(crate) fn redirect_uri(api: &Api) -> String {
    format!("{}{CALLBACK}", api.settings.http.public_url.trim_end_matches('/'))
}

#[derive(Serialize)]
struct Items {
    items: Vec<ConnectionView>,
}

async fn list(State(api): State<Api>, Workspace(workspace): Workspace) -> Result<Json<Items>, Problem> {
    let found = connections::connections(&api.db, workspace).await?;
    Ok(Json(Items { items: found.into_iter().map(|connection| view(&api, connection)).collect() }))
}

async fn find(api: &Api, workspace: Uuid, name: &str) -> Result<Connection, Problem> {
    let found = connections::connection_named(&api.db, workspace, name).await?;
    found.ok_or_else(|| Problem::missing("connection", name))
}

async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Name(name): Name,
) -> Result<Json<ConnectionView>, Problem> {
    let connection = find(&api, workspace, &name).await?;
    Ok(Json(view(&api, connection)))
}

async fn save(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    Name(name): Name,
    request: Request,
) -> Result<Response, Problem> {
    let typed: Typed = input::json(request).await?;
    let (settings, credentials) = typed.read().map_err(|error| Problem::field(error.field, error.detail))?;
    let existed = connections::connection_named(&api.db, workspace, &name).await?.is_some();
    let mut tx = api.db.begin().await?;
    let provider = settings.provider().name();
    let new = NewConnection { name: &name, settings, credentials };
    let id = connections::save(&mut tx, api.accounts.vault(), workspace, new).await?;
    let entry = Entry::of("connection.save", &name).with(serde_json::json!({ "provider": provider }));
    audit::record(&mut tx, &actor, entry).await?;
    tx.commit().await?;
    let connection = connections::connection(&api.db, workspace, id).await?.ok_or(ConnectionError::Missing)?;
    let status = if existed { StatusCode::OK } else { StatusCode::CREATED };
    let place = format!("/api/v1/connections/{name}");
    Ok((status, [(header::LOCATION, place)], Json(view(&api, connection))).into_response())
}

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

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TestOf {
    /// The Drive folder that is to be written to, or the Mautic form that is to be read.
    target: Option<String>,
}

#[derive(Serialize)]
struct Testing {
    job_id: Uuid,
    job_url: String,
}

/// A provider may take its time, so a worker asks it; the job's result says what was found.
async fn test(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Name(name): Name,
    request: Request,
) -> Result<Response, Problem> {
    let asked: TestOf = input::json_or_nothing(request).await?;
    let connection = find(&api, workspace, &name).await?;
    let mut tx = api.db.begin().await?;
    let job = ConnectionTest { connection_id: connection.id, target: asked.target }.job(workspace);
    let ids = ledger::enqueue(&mut tx, vec![job]).await?;
    tx.commit().await?;
    let job_id = ids.first().copied().unwrap_or_default();
    let job_url = format!("/api/v1/jobs/{job_id}");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, job_url.clone())], Json(Testing { job_id, job_url })).into_response())
}

#[derive(Serialize)]
struct Authorize {
    /// Where a person goes with a browser to consent.
    authorize_url: String,
    expires_at: DateTime<Utc>,
}

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
            ConnectionError::OtherProvider { .. } | ConnectionError::Sealed { .. } => {
                Self::new(Kind::WrongState, error)
            }
            ConnectionError::Db(error) => error.into(),
            ConnectionError::Enqueue(error) => error.into(),
        }
    }
}
