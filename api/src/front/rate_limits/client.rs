//! The address that a request comes from: the peer's address, or, if the peer is a trusted proxy, the address that the
//! proxy names.
//!
//! Proxies append to the right of the list that they receive. So Herald reads the list from the right, as long as the
//! proxies that added to it are trusted. A client can invent the entries further left.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap},
};
use herald_app::config::{Limits, ProxyHeader};

use super::forwarded;

/// The client's address. All clients without an address, such as the other end of a local socket, count as one.
pub(super) fn address(limits: &Limits, headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    behind(limits, peer.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), headers)
}

fn behind(limits: &Limits, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut nearest = peer.to_canonical();
    if !limits.trusts(nearest) {
        return nearest;
    }
    let said = match limits.proxy_header {
        ProxyHeader::XForwardedFor => forwarded::x_forwarded_for(headers),
        ProxyHeader::Forwarded => forwarded::forwarded(headers),
    };
    for hop in said.into_iter().rev() {
        // If a proxy does not name its client, the proxy is the last known address.
        let Some(hop) = hop else { break };
        nearest = hop.to_canonical();
        if !limits.trusts(nearest) {
            break;
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use herald_app::config::Settings;

    use super::*;

    fn limits(header: ProxyHeader) -> Limits {
        let mut limits = Settings::load(None).unwrap().limits;
        limits.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap(), "2001:db8:ffff::/48".parse().unwrap()];
        limits.proxy_header = header;
        limits
    }

    fn seen(header: ProxyHeader, peer: &str, sent: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, value.parse().unwrap());
        }
        behind(&limits(header), peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_right_most_address_that_is_no_trusted_proxy_is_the_client() {
        let x = |peer, value| seen(ProxyHeader::XForwardedFor, peer, &[("x-forwarded-for", value)]);
        assert_eq!(x("10.0.0.1", "198.51.100.7"), "198.51.100.7");
        assert_eq!(x("10.0.0.1", "203.0.113.9, 198.51.100.7"), "198.51.100.7", "the left one is made up");
        assert_eq!(x("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.9.9.9"), "198.51.100.7", "two proxies");
        assert_eq!(x("::ffff:10.0.0.1", "198.51.100.7:4711"), "198.51.100.7");
        assert_eq!(x("2001:db8:ffff::1", "2001:db8::7"), "2001:db8::7");
        assert_eq!(x("10.0.0.1", "[2001:db8::7]:4711, ::ffff:10.1.1.1"), "2001:db8::7");
        assert_eq!(x("10.0.0.1", "10.3.3.3, 10.2.2.2"), "10.3.3.3", "a client inside the network");
    }

    #[test]
    fn nothing_is_believed_of_a_peer_that_is_not_trusted() {
        for header in ["x-forwarded-for", "forwarded"] {
            for kind in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
                assert_eq!(seen(kind, "198.51.100.7", &[(header, "for=203.0.113.9")]), "198.51.100.7");
                assert_eq!(seen(kind, "198.51.100.7", &[(header, "203.0.113.9")]), "198.51.100.7");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_ends_the_way_back() {
        let x = |value| seen(ProxyHeader::XForwardedFor, "10.0.0.1", &[("x-forwarded-for", value)]);
        assert_eq!(x("198.51.100.7, unknown"), "10.0.0.1");
        assert_eq!(x("198.51.100.7, nonsense, 10.2.2.2"), "10.2.2.2");
        assert_eq!(x(""), "10.0.0.1");
        assert_eq!(seen(ProxyHeader::XForwardedFor, "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn several_headers_are_one_list_and_the_other_header_is_not_looked_at() {
        let both =
            [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.7"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(seen(ProxyHeader::XForwardedFor, "10.0.0.1", &both), "198.51.100.7");
        assert_eq!(seen(ProxyHeader::Forwarded, "10.0.0.1", &both), "192.0.2.1");
    }
}
