//! Checks that each setting has an allowed value.

use super::{EnvironmentKind, Settings, SettingsError};
use herald_base::image_format::ImageFormat;

impl Settings {
    /// Checks the ranges of the settings. The error names the first setting that is out of its range.
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
                self.images.format.parse::<ImageFormat>().is_ok(),
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
                "retention.snapshot_members_days",
                self.retention.snapshot_members_days.to_string(),
                (1..=36_500).contains(&self.retention.snapshot_members_days),
                "use 1 to 36500",
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
                "http.tracking_url",
                self.http.tracking_url.clone(),
                self.http.tracking_url.is_empty()
                    || self.http.tracking_url.starts_with("http://")
                    || self.http.tracking_url.starts_with("https://"),
                "begin it with http:// or https://, or leave it empty",
            ),
            (
                "http.cors_origins",
                self.http.cors_origins.join(","),
                self.http.cors_origins.iter().all(|origin| is_origin(origin)),
                "write each as https://host or https://host:port, without a path or a slash at the end",
            ),
            (
                "http.max_connections",
                self.http.max_connections.to_string(),
                (16..=1_000_000).contains(&self.http.max_connections),
                "use 16 to 1000000",
            ),
            (
                "http.max_connections_per_address",
                self.http.max_connections_per_address.to_string(),
                (1..=1_000_000).contains(&self.http.max_connections_per_address),
                "use 1 to 1000000",
            ),
            (
                "http.header_seconds",
                self.http.header_seconds.to_string(),
                (1..=300).contains(&self.http.header_seconds),
                "use 1 to 300",
            ),
            (
                "http.idle_seconds",
                self.http.idle_seconds.to_string(),
                (1..=3_600).contains(&self.http.idle_seconds),
                "use 1 to 3600",
            ),
            (
                "http.stall_seconds",
                self.http.stall_seconds.to_string(),
                (1..=600).contains(&self.http.stall_seconds),
                "use 1 to 600",
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
                "not a valid address".to_owned(),
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
        self.whatsapp.places()?;
        self.mail.check()?;
        self.bounces.check()?;
        self.crm.check()?;
        let (links, secrets) = (self.links.keys()?, self.secrets.keys()?);
        if self.environment == EnvironmentKind::Production {
            let secrets = secrets.iter().map(|key| ("secrets.key", key));
            for (key, bytes) in links.iter().map(|key| ("links.key", key)).chain(secrets) {
                if is_made_up(bytes) {
                    let rule = "make one with `openssl rand -hex 32`";
                    return Err(SettingsError::Range { key, value: "a key that is easy to guess".to_owned(), rule });
                }
            }
            for (key, url) in [("database.url", &self.database.url), ("redis.url", &self.redis.url)] {
                if has_usual_password(url) {
                    let value = "an address with a common password".to_owned();
                    return Err(SettingsError::Range { key, value, rule: "give the server another password" });
                }
            }
        }
        Ok(())
    }
}

/// Whether a key was typed rather than drawn at random. A random key of 32 bytes has some thirty different bytes, and
/// no constant step from byte to byte.
fn is_made_up(key: &[u8; 32]) -> bool {
    let different: std::collections::HashSet<u8> = key.iter().copied().collect();
    let steps: std::collections::HashSet<u8> = key.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    different.len() < 12 || steps.len() < 4 || key[..16] == key[16..]
}

/// Whether an address contains a well-known password from examples and images.
fn has_usual_password(url: &str) -> bool {
    let password = url::Url::parse(url).ok().and_then(|url| url.password().map(str::to_lowercase));
    password.is_some_and(|password| {
        ["herald", "postgres", "redis", "password", "secret", "changeme", "change-me", "admin"]
            .contains(&password.as_str())
    })
}

/// Whether a browser would send the text as `Origin`: it compares letter by letter.
fn is_origin(text: &str) -> bool {
    url::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text)
}

#[cfg(test)]
mod tests {
    use config::Environment;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::*;

    fn load(environment: &str, lines: &str) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("herald.toml");
        std::fs::write(&path, format!("environment = \"{environment}\"\n{lines}")).unwrap();
        Settings::from_sources(Some(&path), Environment::with_prefix("HERALD").source(Some(Default::default())))
    }

    #[test]
    fn a_drawn_key_is_one_and_a_typed_one_is_not() {
        let mut lots = StdRng::seed_from_u64(1);
        for _ in 0..10_000 {
            assert!(!is_made_up(&lots.random()));
        }
        let counting = std::array::from_fn(|at| u8::try_from(at * 7).unwrap());
        let twice =
            std::array::from_fn(|at| [9, 230, 17, 88, 3, 201, 54, 77, 120, 6, 250, 33, 41, 99, 160, 12][at % 16]);
        for typed in [[0; 32], [0xab; 32], counting, twice] {
            assert!(is_made_up(&typed), "{typed:?}");
        }
    }

    #[test]
    fn production_takes_no_key_or_password_that_anybody_knows() {
        let zeros = "0".repeat(64);
        for (lines, key) in [
            (format!("[links]\nkey = \"{zeros}\"\n"), "links.key"),
            (format!("[secrets]\nkey = \"{zeros}\"\n"), "secrets.key"),
            ("[database]\nurl = \"postgres://herald:herald@db/herald\"\n".to_owned(), "database.url"),
            ("[redis]\nurl = \"redis://:changeme@redis\"\n".to_owned(), "redis.url"),
        ] {
            assert!(load("development", &lines).is_ok(), "{lines}");
            let told = load("production", &lines).unwrap_err().to_string();
            assert!(told.contains(key) && !told.contains(&zeros) && !told.contains("changeme"), "{told}");
        }
    }

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
