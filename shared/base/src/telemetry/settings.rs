//! `[log]` and `[telemetry]`

use serde::Deserialize;

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

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A format for people.
    Pretty,
    /// One JSON object per line.
    Json,
}

impl std::fmt::Debug for Telemetry {
    /// The address can hold a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").field("sample_ratio", &self.sample_ratio).finish_non_exhaustive()
    }
}
