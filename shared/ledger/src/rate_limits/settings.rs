//! `[limits]`

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use herald_base::settings::{SettingsError, networks::networks};

/// The most that any of the numbers may be: far beyond what one process can answer.
const MOST: u32 = 1_000_000;

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct LimitsSettings {
    pub general: bool,
    pub general_per_minute: u32,
    pub public_per_minute: u32,
    pub address_per_minute: u32,
    pub sign_in_per_minute: u32,
    pub workspace_per_minute: u32,
    pub chat_per_hour: u32,
    pub chat_per_day: u32,
    #[serde(deserialize_with = "trusted_proxies")]
    pub trusted_proxies: Vec<IpNet>,
    pub proxy_header: ProxyHeader,
}

/// Where a trusted proxy writes the address it was asked from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// What nearly every proxy writes.
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

impl LimitsSettings {
    /// Whether Herald believes a peer with this address when it names the address of the client.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }

    /// Holds the numbers to their ranges.
    ///
    /// # Errors
    /// [`SettingsError::Range`].
    pub fn check(&self) -> Result<(), SettingsError> {
        for (key, value) in [
            ("limits.general_per_minute", self.general_per_minute),
            ("limits.public_per_minute", self.public_per_minute),
            ("limits.address_per_minute", self.address_per_minute),
            ("limits.sign_in_per_minute", self.sign_in_per_minute),
            ("limits.workspace_per_minute", self.workspace_per_minute),
            ("limits.chat_per_hour", self.chat_per_hour),
            ("limits.chat_per_day", self.chat_per_day),
        ] {
            if !(1..=MOST).contains(&value) {
                return Err(SettingsError::Range { key, value: value.to_string(), rule: "use 1 to 1000000" });
            }
        }
        Ok(())
    }
}

fn trusted_proxies<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    networks("limits.trusted_proxies", deserializer)
}
