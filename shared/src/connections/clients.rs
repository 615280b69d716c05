//! Clients of a workspace's accounts, made once and kept as long as the account stays as it is.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use uuid::Uuid;

use super::{
    kinds::{BucketSettings, Credentials, S3Secret, Settings},
    store::{Connection, ConnectionError, Opened, connection, open},
};
use crate::{
    config,
    db::Db,
    files::{Bucket, FilesError},
    providers::{
        Http,
        google::{Drive, Endpoints, Tokens},
        mautic::Mautic,
    },
    vault::Vault,
};
use secrecy::ExposeSecret;

/// Makes and keeps the clients of accounts. Cheap to clone.
#[derive(Clone)]
pub struct Clients(Arc<Inner>);

struct Inner {
    db: Db,
    vault: Vault,
    http: Http,
    google: Endpoints,
    drive_link: String,
    files: config::Files,
    /// By connection: of which version, and the client.
    kept: Mutex<HashMap<Uuid, (i64, Client)>>,
}

/// A client of an account.
#[derive(Clone)]
pub enum Client {
    /// Google Drive.
    Drive(Drive),
    /// Mautic.
    Mautic(Mautic),
    /// A bucket.
    Bucket(Bucket),
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The account cannot be read.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// Its settings make no client.
    #[error("the connection {name:?} cannot be used: {why}")]
    Settings {
        /// The connection.
        connection: Box<Connection>,
        /// Its name.
        name: String,
        /// What is wrong and what to do.
        why: String,
    },
}

impl Clients {
    /// Clients under these settings.
    ///
    /// # Errors
    /// When a certificate that the settings name cannot be read.
    pub fn new(db: &Db, vault: Vault, settings: &config::Settings) -> anyhow::Result<Self> {
        db.seal_with(vault.sealer());
        Ok(Self(Arc::new(Inner {
            db: db.clone(),
            vault,
            http: Http::new(&settings.providers.http()?)?,
            google: settings.google.endpoints()?,
            drive_link: settings.google.file_link.clone(),
            files: settings.files.clone(),
            kept: Mutex::default(),
        })))
    }

    /// What opens and seals the accounts' secrets.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// The client that all calls to providers go through.
    pub fn http(&self) -> &Http {
        &self.0.http
    }

    /// Where Google is.
    pub fn google(&self) -> &Endpoints {
        &self.0.google
    }

    /// Where a file of Drive is seen, with `{id}` for its id.
    pub fn drive_link(&self) -> &str {
        &self.0.drive_link
    }

    /// An account and its client. The account's row is read each time: a change of it is in effect at once, in every process.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn client(&self, workspace_id: Uuid, id: Uuid) -> Result<(Connection, Client), ClientError> {
        let found = connection(&self.0.db, workspace_id, id).await?.ok_or(ConnectionError::Missing)?;
        let kept =
            self.kept().get(&id).filter(|(version, _)| *version == found.version).map(|(_, client)| client.clone());
        if let Some(client) = kept {
            return Ok((found, client));
        }
        let Opened { connection, credentials } = open(&self.0.db, &self.0.vault, workspace_id, id).await?;
        let version = connection.version;
        let client = self.make(&connection, credentials)?;
        // Of two that made one at once, one is kept: its token serves both.
        let mut kept = self.kept();
        let entry = kept.entry(id).or_insert_with(|| (version, client.clone()));
        if entry.0 != version {
            *entry = (version, client);
        }
        let client = entry.1.clone();
        drop(kept);
        Ok((connection, client))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, (i64, Client)>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self, connection: &Connection, credentials: Credentials) -> Result<Client, ClientError> {
        let (http, clock) = (self.0.http.clone(), self.0.db.clock().clone());
        let wrong = |why: String| ClientError::Settings {
            connection: Box::new(connection.clone()),
            name: connection.name.clone(),
            why,
        };
        match (connection.settings.0.clone(), credentials) {
            (Settings::Google(auth), Credentials::Google(secret)) => {
                let tokens = Tokens::new(http.clone(), self.0.google.clone(), auth, secret, clock);
                let tokens = tokens.map_err(|error| wrong(error.to_string()))?;
                Ok(Client::Drive(Drive::new(http, tokens, self.0.google.clone())))
            }
            (Settings::Mautic(settings), Credentials::Mautic(secret)) => Mautic::new(http, &settings, &secret, clock)
                .map(Client::Mautic)
                .map_err(|error| wrong(error.to_string())),
            (Settings::S3(settings), Credentials::S3(secret)) => {
                bucket(&self.0.files, settings, &secret).map(Client::Bucket).map_err(|error| wrong(error.to_string()))
            }
            _ => Err(wrong("its settings and its credentials are of different providers: enter it again".to_owned())),
        }
    }
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}

/// A bucket of an account, with the patience that the settings give the file store.
fn bucket(usual: &config::Files, settings: BucketSettings, secret: &S3Secret) -> Result<Bucket, FilesError> {
    let prefix = settings.prefix.trim_matches('/');
    Bucket::open(&config::Files {
        url: format!("s3://{}/{prefix}", settings.bucket),
        endpoint: settings.endpoint,
        region: settings.region,
        access_key_id: settings.access_key_id,
        secret_key: secret.secret_key.expose_secret().to_owned(),
        path_style: settings.path_style,
        allow_http: settings.allow_http,
        ..usual.clone()
    })
}
