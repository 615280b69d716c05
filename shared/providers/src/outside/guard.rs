//! Decides which addresses from strangers may be called.

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

use super::address::is_public;

/// The rules for an address.
#[derive(Clone, Debug)]
pub struct Guard {
    ports: Ports,
    hosts: Vec<(Host, u16)>,
    networks: Vec<IpNet>,
}

/// The ports that may be called.
#[derive(Clone, Debug)]
pub enum Ports {
    /// These ports.
    Only(Vec<u16>),
    /// The ports of the web, and ports from 1024 on, which belong to no old service such as mail or remote access.
    Usual,
    /// The ports at which mail servers take mails.
    Mail,
}

/// Why an address is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The text is not a web address.
    #[error("is not a web address: it must begin with https:// or http://")]
    NotAnAddress,
    /// The text is not the name or the address of a host.
    #[error("is not the name of a server: write one like smtp.example.com")]
    NotAHost,
    /// The address contains a user or a password.
    #[error("contains a user name or password: leave them out")]
    Credentials,
    /// The port does not belong to the web.
    #[error("has port {port}, which is not allowed: use 80, 443, or one from 1024 on")]
    Port {
        /// The refused port.
        port: u16,
    },
    /// The port does not belong to mail servers.
    #[error("has port {port}, which is not allowed: use 587, 465, 25, 2525, 2587 or 2465")]
    MailPort {
        /// The refused port.
        port: u16,
    },
    /// The address leads to this machine, or into the network around it.
    #[error(
        "leads into a private network: use a public address, or ask the administrator to add the network to the \
         setting outside.allow_private"
    )]
    Private,
}

impl Ports {
    fn contain(&self, port: u16) -> bool {
        match self {
            Self::Only(ports) => ports.contains(&port),
            Self::Usual => matches!(port, 80 | 443 | 1024..),
            Self::Mail => matches!(port, 25 | 465 | 587 | 2465 | 2525 | 2587),
        }
    }

    fn refusal(&self, port: u16) -> Refused {
        match self {
            Self::Only(_) | Self::Usual => Refused::Port { port },
            Self::Mail => Refused::MailPort { port },
        }
    }
}

impl Guard {
    /// Creates a guard that allows only the public internet, on these ports.
    pub fn public(ports: Ports) -> Self {
        Self { ports, hosts: Vec::new(), networks: Vec::new() }
    }

    /// Also allows these private networks, on any port.
    #[must_use]
    pub fn and_networks(mut self, networks: &[IpNet]) -> Self {
        self.networks.extend_from_slice(networks);
        self
    }

    /// Also allows exactly these hosts on these ports, of the form `host:port`, wherever they lead.
    ///
    /// # Errors
    /// The entry that is not valid.
    pub fn and_hosts(mut self, entries: &[String]) -> anyhow::Result<Self> {
        for entry in entries {
            let read = || {
                let (host, port) = entry.trim().rsplit_once(':')?;
                Some((Host::parse(host).ok()?, port.parse().ok()?))
            };
            let host = read()
                .ok_or_else(|| anyhow::anyhow!("\"{entry}\" is not a host and a port, such as crm.example.com:8080"))?;
            self.hosts.push(host);
        }
        Ok(self)
    }

    /// Whether a connection may go to an address.
    pub fn lets_through(&self, address: IpAddr) -> bool {
        is_public(address) || self.has_network(address)
    }

    fn has_network(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether an address names a host that may be called wherever it leads.
    pub fn names_host(&self, url: &Url) -> bool {
        let (Some(target), Some(port)) = (url.host(), url.port_or_known_default()) else { return false };
        let target = target.to_owned();
        self.hosts.iter().any(|(host, open)| *host == target && *open == port)
    }

    /// Checks an address as it is written. A name is checked later, where it is looked up; a literal address is never
    /// looked up.
    ///
    /// # Errors
    /// Why the address is not called.
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::NotAnAddress);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(Refused::NotAnAddress);
        };
        if self.names_host(url) {
            return Ok(());
        }
        self.check_place(&host, port)
    }

    /// Checks a host and a port as they are written, of a service that is not the web. A name is checked later, where
    /// it is looked up.
    ///
    /// # Errors
    /// Why the host is not called.
    pub fn check_host(&self, host: &str, port: u16) -> Result<(), Refused> {
        let host = match host.parse() {
            Ok(IpAddr::V4(v4)) => Host::Ipv4(v4),
            Ok(IpAddr::V6(v6)) => Host::Ipv6(v6),
            Err(_) => Host::parse(host).map_err(|_| Refused::NotAHost)?,
        };
        if self.hosts.iter().any(|(open, at)| *open == host && *at == port) {
            return Ok(());
        }
        self.check_place(&host, port)
    }

    fn check_place<S>(&self, host: &Host<S>, port: u16) -> Result<(), Refused> {
        // The parser has recognised 0x7f.1, 2130706433 and 017700000001 as 127.0.0.1.
        let literal: Option<IpAddr> = match host {
            Host::Ipv4(v4) => Some((*v4).into()),
            Host::Ipv6(v6) => Some((*v6).into()),
            Host::Domain(_) => None,
        };
        if literal.is_some_and(|address| self.has_network(address)) {
            return Ok(());
        }
        if !self.ports.contain(port) {
            return Err(self.ports.refusal(port));
        }
        if literal.is_some_and(|address| !is_public(address)) {
            return Err(Refused::Private);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(guard: &Guard, address: &str) -> Result<(), Refused> {
        guard.check(&Url::parse(address).unwrap())
    }

    #[test]
    fn private_addresses_are_refused_in_every_spelling() {
        let guard = Guard::public(Ports::Usual);
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "①②⑦.0.0.1",
            "%31%32%37.0.0.1",
            "0",
            "10.0.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0xa9fea9fe",
            "100.100.100.200",
            "[::1]",
            "[::]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::a00:1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
        ] {
            assert_eq!(check(&guard, &format!("http://{host}/api")), Err(Refused::Private), "{host}");
            assert_eq!(check(&guard, &format!("https://{host}:8443/api")), Err(Refused::Private), "{host}");
        }
        for address in ["https://crm.example.com/", "http://93.184.215.14:8080/mautic", "https://[2606:2800::1]/"] {
            assert_eq!(check(&guard, address), Ok(()), "{address}");
        }
    }

    #[test]
    fn ports_of_other_services_and_credentials_are_refused() {
        let guard = Guard::public(Ports::Usual);
        for port in [22, 25, 110, 465, 1023] {
            assert_eq!(check(&guard, &format!("http://crm.example.com:{port}/")), Err(Refused::Port { port }));
        }
        assert_eq!(check(&guard, "http://crm.example.com:9000/"), Ok(()));
        assert_eq!(check(&guard, "http://ann:hunter2@crm.example.com/"), Err(Refused::Credentials));
        assert_eq!(check(&guard, "ftp://crm.example.com/"), Err(Refused::NotAnAddress));
    }

    #[test]
    fn a_mail_server_is_public_and_at_a_port_of_mail() {
        let guard = Guard::public(Ports::Mail).and_networks(&["10.1.0.0/16".parse().unwrap()]);
        for (host, port, told) in [
            ("smtp.example.com", 587, Ok(())),
            ("93.184.215.14", 25, Ok(())),
            ("10.1.2.3", 1025, Ok(())),
            ("smtp.example.com", 22, Err(Refused::MailPort { port: 22 })),
            ("127.0.0.1", 25, Err(Refused::Private)),
            ("0x7f.1", 25, Err(Refused::Private)),
            ("::1", 25, Err(Refused::Private)),
            ("[::1]", 25, Err(Refused::Private)),
            ("169.254.169.254", 587, Err(Refused::Private)),
            ("smtp example com", 587, Err(Refused::NotAHost)),
        ] {
            assert_eq!(guard.check_host(host, port), told, "{host}:{port}");
        }
    }

    #[test]
    fn a_network_of_the_settings_is_let_through_and_its_neighbour_is_not() {
        let guard = Guard::public(Ports::Usual).and_networks(&["10.1.0.0/16".parse().unwrap()]);
        for (address, let_through) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("10.2.0.1", false),
            ("127.0.0.1", false),
            ("8.8.8.8", true),
        ] {
            assert_eq!(guard.lets_through(address.parse().unwrap()), let_through, "{address}");
        }
        assert_eq!(check(&guard, "http://10.1.2.3:25/"), Ok(()));
        assert_eq!(check(&guard, "http://[::ffff:10.1.2.3]/"), Ok(()));
        assert_eq!(check(&guard, "http://10.2.0.1/"), Err(Refused::Private));
        assert_eq!(check(&guard, "http://8.8.8.8:25/"), Err(Refused::Port { port: 25 }));
    }
}
