//! `[outside]`

use ipnet::IpNet;
use serde::Deserialize;

use super::networks::allow_private;
use crate::outside::{Guard, Ports};

/// `[outside]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Outside {
    #[serde(deserialize_with = "allow_private")]
    pub allow_private: Vec<IpNet>,
}

impl Outside {
    /// What may be called under the addresses of a workspace's connections.
    pub fn guard(&self) -> Guard {
        Guard::public(Ports::Usual).and_networks(&self.allow_private)
    }
}
