//! Settings: the compiled-in defaults, then a file, then the environment.

mod check;
mod secrets;
mod sections;

use std::path::Path;

use config::{Config, Environment, File, FileFormat};
use herald_base::image_format::ImageFormat;
use serde::Deserialize;

pub use herald_base::{
    links::LinksSettings as Links,
    settings::{EnvironmentKind, SettingsError},
    telemetry::{Log, LogFormat, Telemetry},
    vault::SecretsSettings as Secrets,
};
pub use herald_ledger::{
    quotas::Quotas,
    rate_limits::{LimitsSettings as Limits, ProxyHeader},
};
pub use herald_messaging::BounceSettings as Bounces;
pub use herald_people::{CrmLogin, CrmSettings as Crm, CrmSignature, CrmWebhook, PeopleSettings as People};
pub use herald_providers::{
    ProvidersSettings as Providers,
    email::{MailSettings as Mail, MailTls},
    files::FilesSettings as Files,
    google::GoogleSettings as Google,
    outside::OutsideSettings as Outside,
    whatsapp::WhatsappSettings as Whatsapp,
};

/// The defaults, with a sentence for each key.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// Herald's settings. `config.default.toml` describes every key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Settings {
    pub environment: EnvironmentKind,
    pub database: Database,
    pub redis: Redis,
    pub files: Files,
    pub http: Http,
    pub limits: Limits,
    pub worker: Worker,
    pub ledger: Ledger,
    pub retention: Retention,
    pub links: Links,
    pub people: People,
    pub quotas: Quotas,
    pub secrets: Secrets,
    pub providers: Providers,
    pub outside: Outside,
    pub google: Google,
    pub whatsapp: Whatsapp,
    pub mail: Mail,
    pub bounces: Bounces,
    pub crm: Crm,
    pub probe: Probe,
    pub import: Import,
    pub pictures: Pictures,
    pub images: Images,
    pub log: Log,
    pub telemetry: Telemetry,
}

/// `[database]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Database {
    pub url: String,
    pub url_file: String,
    pub max_connections: u32,
}

/// `[redis]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Redis {
    pub url: String,
    pub url_file: String,
    pub prefix: String,
}

/// `[http]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Http {
    pub listen: String,
    pub public_url: String,
    pub tracking_url: String,
    pub max_upload_mb: u64,
    pub cors_origins: Vec<String>,
    pub max_connections: usize,
    pub max_connections_per_address: usize,
    pub header_seconds: u64,
    pub idle_seconds: u64,
    pub stall_seconds: u64,
}

/// `[worker]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Worker {
    pub cpu: usize,
    pub fetch: usize,
    pub sync: usize,
    pub control: usize,
    pub drive: usize,
    pub mautic: usize,
    pub email: usize,
    pub bulk: usize,
    pub stop_seconds: u64,
}

/// `[ledger]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Ledger {
    pub lease_seconds: u64,
    pub keep_days: u64,
    pub tick_seconds: u64,
}

/// `[retention]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Retention {
    pub snapshot_members_days: u64,
}

/// `[probe]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Probe {
    pub url: String,
}

/// `[import]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Import {
    pub max_mb: u64,
    pub max_rows: u64,
}

/// `[pictures]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Pictures {
    pub scale_factor: f32,
    pub min_neighbors: u32,
    pub margin: f32,
    pub max_mb: u64,
    pub timeout_seconds: u64,
    pub allow_hosts: Vec<String>,
}

/// `[images]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Images {
    format: String,
    pub jpeg_quality: u8,
    pub font_folders: Vec<std::path::PathBuf>,
}

impl Images {
    /// The format of invitations whose run does not name one.
    pub fn format(&self) -> ImageFormat {
        self.format.parse().expect("the settings were checked when they were read")
    }
}

impl Settings {
    /// Reads the defaults, then `file` if given, then the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        Self::from_sources(file, Environment::with_prefix("HERALD"))
    }

    fn from_sources(file: Option<&Path>, environment: Environment) -> Result<Self, SettingsError> {
        let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(file) = file {
            builder = builder.add_source(File::from(file).format(FileFormat::Toml).required(true));
        }
        let environment = environment
            .prefix_separator("__")
            .separator("__")
            .list_separator(",")
            .with_list_parse_key("http.cors_origins")
            .with_list_parse_key("pictures.allow_hosts")
            .with_list_parse_key("images.font_folders")
            .with_list_parse_key("limits.trusted_proxies")
            .with_list_parse_key("outside.allow_private")
            .try_parsing(true);
        let mut settings: Self = builder
            .add_source(environment)
            .build()
            .and_then(Config::try_deserialize)
            .map_err(SettingsError::invalid)?;
        secrets::read(&mut settings)?;
        settings.check()?;
        Ok(settings)
    }
}

impl std::fmt::Debug for Database {
    /// Omits the URL, which can hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let engine = if self.url.is_empty() { "sqlite" } else { "postgres" };
        f.debug_struct("Database")
            .field("engine", &engine)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Probe {
    /// Omits the address: the address of a dead man's switch is its password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("calls", &!self.url.is_empty()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Redis {
    /// Omits the URL, which can hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
