//! What an address must look like before anything is sent to it, and where a redirect may lead.

use super::error::{Failure, FetchError};
use anyhow::Context;
use reqwest::{Response, header};
use std::net::IpAddr;
use url::{Host, Url};

/// One request on the way to the body.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    pub url: Url,
    /// For messages: never the whole address, whose query may hold a secret.
    pub host: String,
    /// Whether it is an exception from the settings.
    pub allowed: bool,
}

/// What every hop is held against.
#[derive(Debug)]
pub(super) struct Rules {
    ports: Vec<u16>,
    allow: Vec<(Host, u16)>,
    public: fn(IpAddr) -> bool,
}

impl Rules {
    pub(super) fn new(ports: &[u16], allow: &[String], public: fn(IpAddr) -> bool) -> anyhow::Result<Self> {
        let allow = allow.iter().map(|entry| {
            parse_entry(entry)
                .with_context(|| format!("\"{entry}\" is not a host and a port, such as crm.example.com:8080"))
        });
        Ok(Rules { ports: ports.to_vec(), allow: allow.collect::<anyhow::Result<_>>()?, public })
    }

    /// Checks an address as it stands in the data.
    pub(super) fn first_hop(&self, url: &str) -> Result<Hop, FetchError> {
        let nowhere = |failure| FetchError::new(String::new(), failure);
        // The parser reads 0x7f.1, 2130706433 and 017700000001 as the 127.0.0.1 they are.
        let url = Url::parse(url.trim()).map_err(|_| nowhere(Failure::NotAnAddress))?;
        self.check(url).map_err(|(host, failure)| FetchError::new(host, failure))
    }

    /// Checks where a redirect leads.
    pub(super) fn next_hop(&self, from: &Hop, response: &Response) -> Result<Hop, Failure> {
        let status = response.status().as_u16();
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return Err(Failure::Status { status, retry_after: None });
        }
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let url = location.and_then(|location| from.url.join(location).ok());
        let hop = self.check(url.ok_or(Failure::BadRedirect)?).map_err(|(host, failure)| match failure {
            Failure::Private => Failure::PrivateRedirect { to: host },
            Failure::Port { .. } | Failure::NotAnAddress | Failure::Credentials => Failure::BadRedirect,
            other => other,
        })?;
        if from.url.scheme() == "https" && hop.url.scheme() == "http" {
            return Err(Failure::Downgrade);
        }
        Ok(hop)
    }

    fn check(&self, mut url: Url) -> Result<Hop, (String, Failure)> {
        url.set_fragment(None);
        let host = url.host_str().unwrap_or_default().to_owned();
        let refuse = |failure| Err((host.clone(), failure));
        if !matches!(url.scheme(), "http" | "https") {
            return refuse(Failure::NotAnAddress);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse(Failure::Credentials);
        }
        let (Some(target), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return refuse(Failure::NotAnAddress);
        };
        let target = target.to_owned();
        let allowed = self.allow.iter().any(|(host, open)| *host == target && *open == port);
        if !allowed {
            if !self.ports.contains(&port) {
                return refuse(Failure::Port { port });
            }
            // Names are checked where they are looked up; a literal address is never looked up.
            let public = match target {
                Host::Ipv4(v4) => (self.public)(v4.into()),
                Host::Ipv6(v6) => (self.public)(v6.into()),
                Host::Domain(_) => true,
            };
            if !public {
                return refuse(Failure::Private);
            }
        }
        Ok(Hop { url, host, allowed })
    }
}

fn parse_entry(entry: &str) -> Option<(Host, u16)> {
    let (host, port) = entry.trim().rsplit_once(':')?;
    Some((Host::parse(host).ok()?, port.parse().ok()?))
}
