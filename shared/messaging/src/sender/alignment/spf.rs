//! Which servers may send for a domain (RFC 7208), as far as TXT records tell it. What would need other records (`a`,
//! `mx`, `ptr`, `exists`, macros) is not known.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Records, Standing};

/// The most records that are read for one domain (RFC 7208, 4.6.4).
const MOST_LOOKUPS: usize = 10;

/// What a record says of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Pass,
    /// The address may not send, or nothing is said of it.
    NotPass,
    /// A part that was not given, and could say yes.
    Unknown(String),
    /// The record is wrong.
    Wrong(String),
}

/// What receivers would find for mails of a domain that come from these addresses.
pub(super) fn judged(domain: &str, records: &Records, addresses: &[IpAddr]) -> (Standing, String) {
    use Standing::{Fails, Holds, Unknown};
    if records.of(domain, "v=spf1").is_empty() {
        let text = format!("no SPF record of {domain} was given: give the TXT record that begins with v=spf1");
        return (Unknown, text);
    }
    if addresses.is_empty() {
        // Without an address the record can only be found to be wrong.
        let mut lookups = 0;
        let nobody = IpAddr::from([192, 0, 2, 1]);
        return match evaluated(domain, nobody, records, &mut lookups) {
            Said::Wrong(why) => (Fails, why),
            _ => (Unknown, format!("give the IP addresses from which your mail server sends for {domain}")),
        };
    }
    for address in addresses {
        let mut lookups = 0;
        match evaluated(domain, *address, records, &mut lookups) {
            Said::Pass => {}
            Said::NotPass => {
                let text = format!(
                    "the SPF record of {domain} does not let {address} send: add the include of your mail server"
                );
                return (Fails, text);
            }
            Said::Wrong(why) => return (Fails, why),
            Said::Unknown(part) => {
                return (Unknown, format!("the SPF record of {domain} names {part}: give that record, too"));
            }
        }
    }
    (Holds, format!("the SPF record of {domain} lets your mail server send"))
}

fn evaluated(domain: &str, address: IpAddr, records: &Records, lookups: &mut usize) -> Said {
    let found = records.of(domain, "v=spf1");
    let record = match found.as_slice() {
        [] => return Said::Unknown(format!("the record of {domain}")),
        [one] => one,
        _ => return Said::Wrong(format!("{domain} has several SPF records: join them into one")),
    };
    let mut unknown = None;
    let mut redirect = None;
    for term in record.split_whitespace().skip(1) {
        if let Some(target) = term.strip_prefix("redirect=") {
            redirect = Some(target);
            continue;
        }
        let (passes, mechanism) = match term.split_at_checked(1) {
            Some(("+", rest)) => (true, rest),
            Some(("-" | "~" | "?", rest)) => (false, rest),
            _ => (true, term),
        };
        let said = match matched(mechanism, domain, address, records, lookups) {
            Ok(matched) => matched,
            Err(wrong) => return Said::Wrong(wrong),
        };
        match said {
            Matched::Yes if passes => return Said::Pass,
            // What is not known stood before it, and may have said yes.
            Matched::Yes => return unknown.map_or(Said::NotPass, Said::Unknown),
            Matched::No => {}
            Matched::Unknown(part) if passes => {
                unknown.get_or_insert(part);
            }
            Matched::Unknown(_) => {}
        }
    }
    match (unknown, redirect) {
        (Some(part), _) => Said::Unknown(part),
        (None, Some(target)) => match counted(lookups, domain) {
            Ok(()) => evaluated(target, address, records, lookups),
            Err(wrong) => Said::Wrong(wrong),
        },
        (None, None) => Said::NotPass,
    }
}

enum Matched {
    Yes,
    No,
    Unknown(String),
}

fn matched(
    mechanism: &str,
    domain: &str,
    address: IpAddr,
    records: &Records,
    lookups: &mut usize,
) -> Result<Matched, String> {
    let lower = mechanism.to_ascii_lowercase();
    let of = |is: bool| if is { Matched::Yes } else { Matched::No };
    if lower == "all" {
        return Ok(Matched::Yes);
    }
    if let Some(network) = lower.strip_prefix("ip4:").or(lower.strip_prefix("ip6:")) {
        let network = network.parse::<IpNet>().or_else(|_| network.parse::<IpAddr>().map(IpNet::from));
        let network = network.map_err(|_| format!("the SPF record of {domain} has the wrong part {mechanism:?}"))?;
        return Ok(of(network.contains(&address)));
    }
    if let Some(target) = lower.strip_prefix("include:") {
        counted(lookups, domain)?;
        if target.contains('%') {
            return Ok(Matched::Unknown(mechanism.to_owned()));
        }
        return match evaluated(target, address, records, lookups) {
            Said::Pass => Ok(Matched::Yes),
            Said::NotPass => Ok(Matched::No),
            Said::Unknown(part) => Ok(Matched::Unknown(part)),
            Said::Wrong(why) => Err(why),
        };
    }
    let name = lower.split([':', '/']).next().unwrap_or_default();
    match name {
        "a" | "mx" | "ptr" | "exists" => {
            counted(lookups, domain)?;
            Ok(Matched::Unknown(format!("{mechanism}, which TXT records do not tell")))
        }
        // Modifiers of later versions are passed over.
        _ if lower.contains('=') => Ok(Matched::No),
        _ => Err(format!("the SPF record of {domain} has the unknown part {mechanism:?}")),
    }
}

fn counted(lookups: &mut usize, domain: &str) -> Result<(), String> {
    *lookups += 1;
    match *lookups > MOST_LOOKUPS {
        true => Err(format!("the SPF record of {domain} needs more than {MOST_LOOKUPS} lookups: take includes out")),
        false => Ok(()),
    }
}
