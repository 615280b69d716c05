//! A person's consent for a Google account: asked for, waited for, and taken, once.
//!
//! ```text
//! ask()  ──▶ the person's browser goes to Google ──▶ comes back with `state` and `code` ──▶ take()
//! ```
//!
//! Who brings a `state` that nobody asked for, that was used or is too old, gets nothing.

use chrono::TimeDelta;
use herald_base::boxed;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;

use super::{Clients, Connection, ConnectionError, Credentials, NewConnection, Settings, open, save};
use herald_db::{Db, DbError, FromRow, Tx, query};
use herald_providers::google::{GoogleAuth, GoogleSecret};
use herald_providers::{
    ProviderError,
    google::{Consent, DRIVE_SCOPE},
};

/// How long a person may take.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(30);

/// Why a consent cannot be asked for or taken.
#[derive(Debug, Error)]
pub enum ConsentError {
    /// The connection does not use a person's account.
    #[error(
        "the connection {0:?} does not use a person's Google account: enter it again with the file of an OAuth client"
    )]
    NoPerson(String),
    /// Nobody asked for it, or too long ago.
    #[error("the consent request is unknown, was already used, or took longer than half an hour: begin again")]
    Unknown,
    /// Google or the person said no.
    #[error(transparent)]
    Refused(#[from] ProviderError),
    /// The connection cannot be read or written.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

type Result<T> = std::result::Result<T, ConsentError>;

/// What is kept, sealed, until the person comes back.
#[derive(Serialize, Deserialize)]
struct Asked {
    consent: Consent,
    redirect_uri: String,
}

#[derive(FromRow)]
struct Row {
    workspace_id: Uuid,
    connection_id: Uuid,
    secret: Vec<u8>,
}

fn hash(state: &str) -> String {
    hex::encode(Sha256::digest(state))
}

fn place(state_hash: &str) -> String {
    format!("consent:{state_hash}")
}

/// Begins to ask for consent, and returns the `state` to begin with. `redirect_uri` is where Google sends the person
/// back to.
///
/// # Errors
/// [`ConsentError::NoPerson`].
#[boxed]
pub async fn ask(
    tx: &mut Tx,
    clients: &Clients,
    workspace_id: Uuid,
    connection: &Connection,
    redirect_uri: &str,
) -> Result<String> {
    if !matches!(connection.settings.0, Settings::Google(GoogleAuth::User { .. })) {
        return Err(ConsentError::NoPerson(connection.name.clone()));
    }
    let consent = Consent::begin(tx.db().ids());
    let (state, state_hash) = (consent.state.clone(), hash(&consent.state));
    let asked = Asked { consent, redirect_uri: redirect_uri.to_owned() };
    let now = tx.db().now();
    query("delete from consents where expires_at < $1").bind(now).execute(&mut *tx).await?;
    query(
        "insert into consents (state_hash, workspace_id, connection_id, secret, expires_at) values ($1, $2, $3, $4, \
        $5)",
    )
    .bind(state_hash.as_str())
    .bind(workspace_id)
    .bind(connection.id)
    .bind(clients.vault().seal(&place(&state_hash), &asked))
    .bind(now + PATIENCE)
    .execute(tx)
    .await?;
    Ok(state)
}

/// Where the browser of a person goes who begins with this `state`.
///
/// # Errors
/// [`ConsentError::Unknown`].
#[boxed]
pub async fn authorize_url(db: &Db, clients: &Clients, state: &str) -> Result<String> {
    let state_hash = hash(state);
    let row: Option<Row> =
        query("select workspace_id, connection_id, secret from consents where state_hash = $1 and expires_at > $2")
            .bind(state_hash.as_str())
            .bind(db.now())
            .optional(db)
            .await?;
    let row = row.ok_or(ConsentError::Unknown)?;
    let asked: Asked = clients.vault().open(&place(&state_hash), &row.secret).map_err(|_| ConsentError::Unknown)?;
    let connection =
        super::find_connection(db, row.workspace_id, row.connection_id).await?.ok_or(ConsentError::Unknown)?;
    let Settings::Google(GoogleAuth::User { client_id }) = &connection.settings.0 else {
        return Err(ConsentError::Unknown);
    };
    Ok(asked.consent.authorize_url(clients.google(), client_id, &asked.redirect_uri, DRIVE_SCOPE).to_string())
}

/// Takes the consent that a person brought back, and keeps it: what waited for the connection goes on. A `state` is
/// taken once.
///
/// # Errors
/// [`ConsentError`].
#[boxed]
pub async fn take(db: &Db, clients: &Clients, state: &str, code: SecretString) -> Result<Connection> {
    let state_hash = hash(state);
    let mut tx = db.begin().await?;
    let row: Option<Row> = query(
        "delete from consents where state_hash = $1 and expires_at > $2 returning workspace_id, connection_id, secret",
    )
    .bind(state_hash.as_str())
    .bind(db.now())
    .optional(&mut tx)
    .await?;
    // Used up before it is tried: of two who bring it, one may.
    tx.commit().await?;
    let Row { workspace_id, connection_id, secret } = row.ok_or(ConsentError::Unknown)?;
    let asked: Asked = clients.vault().open(&place(&state_hash), &secret).map_err(|_| ConsentError::Unknown)?;
    let opened = open(db, clients.vault(), workspace_id, connection_id).await?;
    let (
        Settings::Google(GoogleAuth::User { client_id }),
        Credentials::Google(GoogleSecret::User { client_secret, .. }),
    ) = (opened.connection.settings.0.clone(), opened.credentials)
    else {
        return Err(ConsentError::NoPerson(opened.connection.name));
    };
    let exchanged = asked.consent.exchange(
        clients.http(),
        clients.google(),
        &client_id,
        &client_secret,
        &asked.redirect_uri,
        &code,
    );
    let refresh_token = Some(exchanged.await?);
    let mut tx = db.begin().await?;
    let new = NewConnection {
        name: &opened.connection.name,
        settings: Settings::Google(GoogleAuth::User { client_id }),
        credentials: Credentials::Google(GoogleSecret::User { client_secret, refresh_token }),
    };
    save(&mut tx, clients.vault(), workspace_id, new).await?;
    tx.commit().await?;
    super::find_connection(db, workspace_id, connection_id).await?.ok_or(ConsentError::Unknown)
}
