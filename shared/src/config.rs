//! Settings: the compiled-in defaults, then a file, then the environment.

mod check;
mod crm;
mod files;
mod limits;
mod links;
mod mail;
mod networks;
mod outside;
mod people;
mod providers;
mod quotas;
mod secrets;

use std::path::Path;

use config::{Config, Environment, File, FileFormat};
use serde::Deserialize;
use thiserror::Error;

pub(crate) use self::providers::roots;
pub use self::{
    crm::{Crm, CrmLogin, CrmSignature, CrmWebhook},
    files::Files,
    limits::{Limits, ProxyHeader},
    links::Links,
    mail::{Mail, MailTls},
    outside::Outside,
    people::People,
    providers::{Google, Providers, Secrets},
    quotas::Quotas,
};

/// The defaults, with a sentence for each key.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// Herald's settings. Every key and its meaning stands in `config.default.toml`.
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
    pub links: Links,
    pub people: People,
    pub quotas: Quotas,
    pub secrets: Secrets,
    pub providers: Providers,
    pub outside: Outside,
    pub google: Google,
    pub mail: Mail,
    pub crm: Crm,
    pub probe: Probe,
    pub import: Import,
    pub pictures: Pictures,
    pub images: Images,
    pub log: Log,
    pub telemetry: Telemetry,
}

/// How careful Herald is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentKind {
    /// Whatever helps to try things out.
    Development,
    /// Nothing that is only fit for trying out.
    Production,
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
    pub format: String,
    pub jpeg_quality: u8,
    pub font_folders: Vec<std::path::PathBuf>,
}

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
}

/// `[telemetry]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Telemetry {
    pub otlp_endpoint: String,
    pub sample_ratio: f64,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// A setting that cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file, the environment or a value is wrong.
    #[error("settings: {0}")]
    Invalid(#[from] config::ConfigError),
    /// A value is outside its range.
    #[error("setting {key} is {value}: {rule}")]
    Range {
        /// The key, as in the environment's dotted form.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        rule: &'static str,
    },
    /// A secret's file cannot be used.
    #[error("setting {key}_file is {file}: {why}")]
    SecretFile {
        /// The secret's key.
        key: &'static str,
        /// The file that should hold it.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// A key is none. It is not shown.
    #[error("setting {0} (or {0}_file) is no key of 64 hexadecimal digits: make one with `openssl rand -hex 32`")]
    Key(&'static str),
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
        let mut settings: Self = builder.add_source(environment).build()?.try_deserialize()?;
        secrets::read(&mut settings)?;
        settings.check()?;
        Ok(settings)
    }
}

/// The keys in a setting: one or several, with spaces or commas between.
fn keys(setting: &'static str, text: &str) -> Result<Vec<[u8; 32]>, SettingsError> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    words
        .map(|word| {
            let mut key = [0; 32];
            hex::decode_to_slice(word, &mut key).map(|()| key).map_err(|_| SettingsError::Key(setting))
        })
        .collect()
}

impl std::fmt::Debug for Database {
    /// The URL can hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let engine = if self.url.is_empty() { "sqlite" } else { "postgres" };
        f.debug_struct("Database")
            .field("engine", &engine)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Probe {
    /// The address of a dead man's switch is its password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("calls", &!self.url.is_empty()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Redis {
    /// The URL can hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Telemetry {
    /// The address can hold a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").field("sample_ratio", &self.sample_ratio).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn load(file: &str, environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("herald.toml");
        std::fs::write(&path, file).unwrap();
        let source: HashMap<String, String> =
            environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Settings::from_sources(Some(&path), Environment::with_prefix("HERALD").source(Some(source)))
    }

    #[test]
    fn the_file_overrides_the_defaults_and_the_environment_the_file() {
        let settings =
            load("[http]\nlisten = \"0.0.0.0:80\"\n[worker]\nsync = 3\n", &[("HERALD__WORKER__SYNC", "5")]).unwrap();
        assert_eq!(settings.http.listen, "0.0.0.0:80");
        assert_eq!(settings.worker.sync, 5);
        assert_eq!(settings.worker.control, 4);
    }

    #[test]
    fn lists_and_numbers_come_from_the_environment() {
        let settings = load(
            "",
            &[("HERALD__PICTURES__ALLOW_HOSTS", "a.example:80,b.example:443"), ("HERALD__PICTURES__MARGIN", "0.25")],
        )
        .unwrap();
        assert_eq!(settings.pictures.allow_hosts, ["a.example:80", "b.example:443"]);
        assert!((settings.pictures.margin - 0.25).abs() < f32::EPSILON);
    }

    #[test]
    fn a_key_nobody_knows_and_a_value_out_of_range_are_named() {
        let unknown = load("[http]\nlissten = \"x\"\n", &[]).unwrap_err().to_string();
        assert!(unknown.contains("lissten"), "{unknown}");
        let range = load("[images]\njpeg_quality = 0\n", &[]).unwrap_err().to_string();
        assert_eq!(range, "setting images.jpeg_quality is 0: use 1 to 100");
    }

    #[test]
    fn the_database_password_is_not_shown() {
        let settings = load("[database]\nurl = \"postgres://herald:hunter2@db/herald\"\n", &[]).unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
