//! `[limits]`

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use super::{SettingsError, networks::trusted_proxies};

/// The most that any of the numbers may be: far beyond what one process can answer.
const MOST: u32 = 1_000_000;

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Limits {
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

impl Limits {
    /// Whether what a peer with this address says of who asked it is believed.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }

    /// Holds the numbers to their ranges.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
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

#[cfg(test)]
mod tests {
    use config::Environment;

    use super::*;
    use crate::config::Settings;

    fn load(environment: &[(&str, &str)]) -> Result<Limits, SettingsError> {
        let source = environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Settings::from_sources(None, Environment::with_prefix("HERALD").source(Some(source))).map(|all| all.limits)
    }

    #[test]
    fn proxies_are_addresses_and_networks_of_both_kinds() {
        let limits = load(&[("HERALD__LIMITS__TRUSTED_PROXIES", "10.0.0.0/8,192.0.2.7, 2001:db8::/32")]).unwrap();
        for (address, trusted) in [
            ("10.200.3.4", true),
            ("::ffff:10.200.3.4", true),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8:1::5", true),
            ("2001:db9::5", false),
        ] {
            assert_eq!(limits.trusts(address.parse().unwrap()), trusted, "{address}");
        }
        assert!(!load(&[]).unwrap().trusts([127, 0, 0, 1].into()), "nobody is trusted who was not named");
        let wrong = load(&[("HERALD__LIMITS__TRUSTED_PROXIES", "10.0.0.0/33")]).unwrap_err().to_string();
        assert!(wrong.contains("trusted_proxies") && wrong.contains("10.0.0.0/33"), "{wrong}");
    }

    #[test]
    fn a_limit_of_nothing_and_one_of_nearly_everything_are_refused() {
        for value in ["0", "1000001"] {
            let told = load(&[("HERALD__LIMITS__SIGN_IN_PER_MINUTE", value)]).unwrap_err().to_string();
            assert_eq!(told, format!("setting limits.sign_in_per_minute is {value}: use 1 to 1000000"));
        }
        let header = load(&[("HERALD__LIMITS__PROXY_HEADER", "forwarded")]).unwrap().proxy_header;
        assert_eq!(header, ProxyHeader::Forwarded);
    }
}
