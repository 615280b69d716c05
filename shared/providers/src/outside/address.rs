//! Decides which addresses belong to the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Blocks of the IANA special-purpose registry, and multicast and reserved space.
const NOT_PUBLIC_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),       // "this network"
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // carrier-grade NAT, and some clouds' metadata
    ([127, 0, 0, 0], 8),     // this machine
    ([169, 254, 0, 0], 16),  // link-local, and most clouds' metadata
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // protocol assignments
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 88, 99, 0], 24),  // 6to4 relays
    ([192, 168, 0, 0], 16),  // private
    ([198, 18, 0, 0], 15),   // benchmarks
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
    ([224, 0, 0, 0], 4),     // multicast
    ([240, 0, 0, 0], 4),     // reserved, broadcast
];

/// Blocks that are not public although they lie in 2000::/3, the only block of the public internet.
const NOT_PUBLIC_V6: &[([u16; 8], u32)] = &[
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // protocol assignments: Teredo, ORCHID, benchmarks
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// Whether Herald may connect to an address. An IPv6 address that embeds an IPv4 address is as public as that one.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let inside = |(block, length): &([u8; 4], u32)| {
        (address.to_bits() ^ Ipv4Addr::from(*block).to_bits()).leading_zeros() >= *length
    };
    !NOT_PUBLIC_V4.iter().any(inside)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = embedded_v4(address) {
        return is_public_v4(v4);
    }
    let global = address.segments()[0] & 0xe000 == 0x2000;
    let inside = |(block, length): &([u16; 8], u32)| {
        (address.to_bits() ^ Ipv6Addr::from(*block).to_bits()).leading_zeros() >= *length
    };
    global && !NOT_PUBLIC_V6.iter().any(inside)
}

/// The IPv4 address to which a translator or tunnel would send the packet.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some(v4(high, low)), // IPv4-mapped
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)), // NAT64
        [0x2002, high, low, ..] => Some(v4(high, low)),            // 6to4
        [.., 0x0000 | 0x0200, 0x5efe, high, low] => Some(v4(high, low)), // ISATAP
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn the_first_and_last_address_of_every_denied_block_is_denied_and_their_neighbours_are_not() {
        for (first, last) in [
            ("0.0.0.0", "0.255.255.255"),
            ("10.0.0.0", "10.255.255.255"),
            ("100.64.0.0", "100.127.255.255"),
            ("127.0.0.0", "127.255.255.255"),
            ("169.254.0.0", "169.254.255.255"),
            ("172.16.0.0", "172.31.255.255"),
            ("192.0.0.0", "192.0.0.255"),
            ("192.0.2.0", "192.0.2.255"),
            ("192.88.99.0", "192.88.99.255"),
            ("192.168.0.0", "192.168.255.255"),
            ("198.18.0.0", "198.19.255.255"),
            ("198.51.100.0", "198.51.100.255"),
            ("203.0.113.0", "203.0.113.255"),
            ("224.0.0.0", "255.255.255.255"),
        ] {
            let (first, last): (Ipv4Addr, Ipv4Addr) = (first.parse().unwrap(), last.parse().unwrap());
            assert!(!is_public_v4(first) && !is_public_v4(last), "{first} to {last}");
            let before = first.to_bits().checked_sub(1).map(Ipv4Addr::from_bits);
            let after = last.to_bits().checked_add(1).map(Ipv4Addr::from_bits);
            for neighbour in before.into_iter().chain(after) {
                assert!(is_public_v4(neighbour), "{neighbour} is outside {first} to {last}");
            }
        }
    }

    #[test]
    fn only_global_unicast_ipv6_is_public() {
        for denied in [
            "::",
            "::1",
            "::7f00:1",
            "::8.8.8.8",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "3fff:fff::1",
            "5f00::1",
            "4000::1",
            "64:ff9b:1::1",
            "::ffff:0:7f00:1",
        ] {
            assert!(!public(denied), "{denied}");
        }
        for allowed in ["2606:2800:220:1::1", "2a00:1450:4001::1", "2001:200::1", "2001:4860:4860::8888"] {
            assert!(public(allowed), "{allowed}");
        }
    }

    #[test]
    fn ipv6_that_carries_ipv4_is_as_public_as_the_ipv4() {
        for (v4, expected) in [("127.0.0.1", false), ("10.1.2.3", false), ("169.254.169.254", false), ("8.8.8.8", true)]
        {
            let bits = v4.parse::<Ipv4Addr>().unwrap().to_bits();
            let (high, low) = (bits >> 16, bits & 0xffff);
            for text in [
                format!("::ffff:{v4}"),
                format!("64:ff9b::{v4}"),
                format!("2002:{high:x}:{low:x}::1"),
                format!("2606:2800::5efe:{v4}"),
                format!("2606:2800::200:5efe:{v4}"),
            ] {
                assert_eq!(public(&text), expected, "{text}");
            }
        }
    }
}
