//! Clients of a workspace's accounts, made once and kept as long as the account stays as it is.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::pki_types::CertificateDer;
use url::Url;
use uuid::Uuid;

use super::{
    kinds::{BucketSettings, Credentials, S3Secret, Settings},
    store::{Connection, ConnectionError, Opened, find_connection, open},
    typed::TypedError,
};
use herald_base::{boxed, vault::Vault};
use herald_db::Db;
use herald_providers::{
    Http, ProvidersSettings,
    email::{MailServer, MailTls, Mailer, SmtpServer},
    files::{Account, Bucket, FilesError, FilesSettings},
    google::{Drive, Endpoints, GoogleSettings, Tokens},
    mautic::Mautic,
    meta::Meta,
    outside::{Guard, OutsideSettings, Refused, is_public},
    twilio::Twilio,
    whatsapp::{Whatsapp, WhatsappPlaces, WhatsappSettings},
};

/// The connections to a mail server that one process opens at once: at first, and at most while the server takes them.
const MAIL_CONNECTIONS: (usize, usize) = (4, 16);

/// Makes and keeps the clients of accounts. Cheap to clone.
#[derive(Clone)]
pub struct Clients(Arc<Inner>);

struct Inner {
    db: Db,
    vault: Vault,
    /// For Google, whose addresses stand in the settings.
    http: Http,
    /// For addresses that a workspace's people enter.
    outside: Http,
    guard: Guard,
    guard_of_mail: Guard,
    timeout: Duration,
    google: Endpoints,
    whatsapp: WhatsappPlaces,
    drive_link: String,
    files: FilesSettings,
    roots: Vec<CertificateDer<'static>>,
    /// By connection: of which version, and the client.
    kept: Mutex<HashMap<Uuid, (i64, Client)>>,
}

/// What the settings say of accounts.
#[derive(Clone, Copy, Debug)]
pub struct ClientSettings<'s> {
    /// `[providers]`
    pub providers: &'s ProvidersSettings,
    /// `[outside]`
    pub outside: &'s OutsideSettings,
    /// `[google]`
    pub google: &'s GoogleSettings,
    /// `[whatsapp]`
    pub whatsapp: &'s WhatsappSettings,
    /// `[files]`
    pub files: &'s FilesSettings,
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
    /// A mail server.
    Mail(Mailer),
    /// An account that sends over WhatsApp.
    Whatsapp(Whatsapp),
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
    pub fn new<'s>(db: &Db, vault: Vault, settings: impl Into<ClientSettings<'s>>) -> anyhow::Result<Self> {
        let settings = settings.into();
        db.seal_with(vault.sealer());
        let (http, guard) = (settings.providers.http()?, settings.outside.guard());
        Ok(Self(Arc::new(Inner {
            db: db.clone(),
            vault,
            outside: Http::guarded(&http, guard.clone())?,
            http: Http::new(&http)?,
            roots: http.extra_roots,
            guard,
            guard_of_mail: settings.outside.guard_of_mail(),
            timeout: Duration::from_secs(settings.providers.timeout_seconds),
            google: settings.google.endpoints()?,
            whatsapp: settings.whatsapp.places()?,
            drive_link: settings.google.file_link.clone(),
            files: settings.files.clone(),
            kept: Mutex::default(),
        })))
    }

    /// What opens and seals the accounts' secrets.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// The client for addresses that stand in the settings.
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

    /// An account and its client. The account's row is read each time: a change of it is in effect at once, in every
    /// process.
    ///
    /// # Errors
    /// [`ClientError`].
    #[boxed]
    pub async fn client(&self, workspace_id: Uuid, id: Uuid) -> Result<(Connection, Client), ClientError> {
        let found = find_connection(&self.0.db, workspace_id, id).await?.ok_or(ConnectionError::Missing)?;
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

    /// A bucket of an account, with the patience that the settings give the file store. Nothing else of the operator's
    /// file store is used.
    fn bucket(&self, settings: BucketSettings, secret: &S3Secret) -> Result<Bucket, FilesError> {
        Bucket::open(&Account {
            bucket: settings.bucket,
            prefix: settings.prefix,
            endpoint: settings.endpoint,
            region: settings.region,
            access_key_id: settings.access_key_id,
            secret_key: secret.secret_key.clone(),
            path_style: settings.path_style,
            allow_http: settings.allow_http,
            timeout_seconds: self.0.files.timeout_seconds,
            retry_seconds: self.0.files.retry_seconds,
            guard: self.0.guard.clone(),
            roots: self.0.roots.clone(),
        })
    }

    /// The wrong field and why, if an account's address leads to a place that Herald must not call. A name is looked up
    /// only when it is called.
    ///
    /// # Errors
    /// The field, what is wrong with it, and what to do.
    pub fn check_address(&self, settings: &Settings) -> Result<(), TypedError> {
        let (field, address) = match settings {
            // Where these are stands in the settings of the installation.
            Settings::Google(_) | Settings::Twilio(_) | Settings::Meta(_) => return Ok(()),
            Settings::Mautic(settings) => ("url", &settings.url),
            Settings::S3(settings) if settings.endpoint.is_empty() => return Ok(()),
            Settings::S3(settings) => ("endpoint", &settings.endpoint),
            Settings::Smtp(server) => return self.check_mail_server(server),
        };
        let checked = Url::parse(address).map_err(|_| Refused::NotAnAddress).and_then(|url| self.0.guard.check(&url));
        checked.map_err(|refused| TypedError { field, detail: format!("the address {refused}") })
    }

    fn check_mail_server(&self, server: &SmtpServer) -> Result<(), TypedError> {
        let checked = self.0.guard_of_mail.check_host(&server.host, server.port());
        checked.map_err(|refused| {
            let field = if matches!(refused, Refused::MailPort { .. }) { "port" } else { "host" };
            TypedError { field, detail: format!("the mail server {refused}") }
        })?;
        let is_allowed_inside = server.host.parse().is_ok_and(|address| !is_public(address));
        if server.tls == MailTls::None && !is_allowed_inside {
            let detail = "e-mails would cross the internet unencrypted: use starttls or tls";
            return Err(TypedError { field: "tls", detail: detail.to_owned() });
        }
        Ok(())
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
            (Settings::Mautic(settings), Credentials::Mautic(secret)) => {
                let mautic = Mautic::new(self.0.outside.clone(), &settings, &secret, clock);
                mautic.map(Client::Mautic).map_err(|error| wrong(error.to_string()))
            }
            (Settings::S3(settings), Credentials::S3(secret)) => {
                let bucket = self.bucket(settings, &secret);
                bucket.map(Client::Bucket).map_err(|error| wrong(error.of_provider().message))
            }
            (Settings::Smtp(server), Credentials::Smtp(secret)) => {
                let of = MailServer {
                    server,
                    secret,
                    limit: self.0.timeout,
                    connections: MAIL_CONNECTIONS,
                    guard: self.0.guard_of_mail.clone(),
                    roots: self.0.roots.clone(),
                };
                Mailer::of_connection(of, clock).map(Client::Mail).map_err(|error| wrong(error.to_string()))
            }
            (Settings::Twilio(settings), Credentials::Twilio(secret)) => {
                let places = self.0.whatsapp.twilio.clone();
                Ok(Client::Whatsapp(Whatsapp::Twilio(Twilio::new(http, settings, secret, places))))
            }
            (Settings::Meta(settings), Credentials::Meta(secret)) => {
                let graph = self.0.whatsapp.meta.clone();
                Ok(Client::Whatsapp(Whatsapp::Meta(Meta::new(http, settings, secret, graph))))
            }
            _ => Err(wrong(
                "its settings and its credentials belong to different providers: enter the connection again".to_owned(),
            )),
        }
    }
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}
