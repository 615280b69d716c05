//! Lists of addresses and networks.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error};

/// Reads the list of a setting.
///
/// # Errors
/// Names the setting and the text that is neither an address nor a network.
pub fn networks<'de, D: Deserializer<'de>>(key: &str, deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    // An empty environment variable arrives as one empty text.
    let texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    texts
        .map(|text| {
            let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| {
                D::Error::custom(format!(
                    "{key} has {text:?}: use addresses and networks such as 10.0.0.7 and 10.0.0.0/8"
                ))
            })
        })
        .collect()
}
