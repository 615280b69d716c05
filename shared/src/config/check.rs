//! What each setting may be.

use super::{EnvironmentKind, Settings, SettingsError};

impl Settings {
    /// Holds the settings to their ranges; the first that is out of its range is named.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let rules = [
            (
                "images.jpeg_quality",
                self.images.jpeg_quality.to_string(),
                (1..=100).contains(&self.images.jpeg_quality),
                "use 1 to 100",
            ),
            (
                "images.format",
                self.images.format.clone(),
                ["jpeg", "png", "webp"].contains(&self.images.format.as_str()),
                "use jpeg, png or webp",
            ),
            (
                "pictures.scale_factor",
                self.pictures.scale_factor.to_string(),
                self.pictures.scale_factor > 1.0 && self.pictures.scale_factor <= 4.0,
                "use more than 1 and at most 4",
            ),
            (
                "pictures.margin",
                self.pictures.margin.to_string(),
                (0.0..=4.0).contains(&self.pictures.margin),
                "use 0 to 4",
            ),
            (
                "ledger.lease_seconds",
                self.ledger.lease_seconds.to_string(),
                (2..=3_600).contains(&self.ledger.lease_seconds),
                "use 2 to 3600",
            ),
            (
                "ledger.tick_seconds",
                self.ledger.tick_seconds.to_string(),
                self.ledger.tick_seconds > 0,
                "use 1 or more",
            ),
            (
                "telemetry.sample_ratio",
                self.telemetry.sample_ratio.to_string(),
                (0.0..=1.0).contains(&self.telemetry.sample_ratio),
                "use 0 to 1",
            ),
            (
                "http.public_url",
                self.http.public_url.clone(),
                self.http.public_url.starts_with("http://") || self.http.public_url.starts_with("https://"),
                "begin it with http:// or https://",
            ),
            (
                "http.cors_origins",
                self.http.cors_origins.join(","),
                self.http.cors_origins.iter().all(|origin| is_origin(origin)),
                "write each as https://host or https://host:port, without a path or a slash at the end",
            ),
            (
                "files.timeout_seconds",
                self.files.timeout_seconds.to_string(),
                (1..=600).contains(&self.files.timeout_seconds),
                "use 1 to 600",
            ),
            (
                "files.retry_seconds",
                self.files.retry_seconds.to_string(),
                (1..=240).contains(&self.files.retry_seconds),
                "use 1 to 240",
            ),
            (
                "providers.timeout_seconds",
                self.providers.timeout_seconds.to_string(),
                (1..=100).contains(&self.providers.timeout_seconds),
                "use 1 to 100",
            ),
            (
                "google.file_link",
                self.google.file_link.clone(),
                self.google.file_link.starts_with("http") && self.google.file_link.contains("{id}"),
                "use an address with {id} where the id of a file goes",
            ),
            (
                "people.session_days",
                self.people.session_days.to_string(),
                (1..=365).contains(&self.people.session_days),
                "use 1 to 365",
            ),
            (
                "people.password_memory_kib",
                self.people.password_memory_kib.to_string(),
                (8..=1_048_576).contains(&self.people.password_memory_kib)
                    && (self.environment == EnvironmentKind::Development || self.people.password_memory_kib >= 19_456),
                "use 19456 to 1048576",
            ),
            (
                "probe.url",
                "not an address".to_owned(),
                self.probe.url.is_empty()
                    || self.probe.url.starts_with("http://")
                    || self.probe.url.starts_with("https://"),
                "begin it with http:// or https://, or leave it empty",
            ),
        ];
        for (key, value, holds, rule) in rules {
            if !holds {
                return Err(SettingsError::Range { key, value, rule });
            }
        }
        self.limits.check()?;
        self.google.endpoints()?;
        self.mail.check()?;
        self.links.keys()?;
        self.secrets.keys().map(drop)
    }
}

/// Whether a browser would send it as `Origin`: it compares letter by letter.
fn is_origin(text: &str) -> bool {
    url::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_a_browser_sends_it() {
        for origin in ["https://console.example.com", "http://localhost:3000", "http://127.0.0.1"] {
            assert!(is_origin(origin), "{origin}");
        }
        for other in [
            "*",
            "",
            "null",
            "console.example.com",
            "https://console.example.com/",
            "https://x.example/a",
            "https://X.example",
            "https://x.example:443",
            "ftp://x.example",
        ] {
            assert!(!is_origin(other), "{other}");
        }
    }
}
