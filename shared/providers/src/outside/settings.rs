//! `[outside]`

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use super::{Guard, Ports};
use herald_base::settings::networks::networks;

/// `[outside]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct OutsideSettings {
    #[serde(deserialize_with = "allow_private")]
    pub allow_private: Vec<IpNet>,
}

impl OutsideSettings {
    /// The guard for the addresses of a workspace's connections.
    pub fn guard(&self) -> Guard {
        Guard::public(Ports::Usual).and_networks(&self.allow_private)
    }

    /// The guard for the mail servers of a workspace's connections.
    pub fn guard_of_mail(&self) -> Guard {
        Guard::public(Ports::Mail).and_networks(&self.allow_private)
    }
}

fn allow_private<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    networks("outside.allow_private", deserializer)
}
