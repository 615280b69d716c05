use super::*;

fn records(given: &[(&str, &str)]) -> Records {
    let of = |(name, text): &(&str, &str)| TxtRecord { name: (*name).to_owned(), text: (*text).to_owned() };
    Records::read(given.iter().map(of).collect()).unwrap()
}

fn key() -> String {
    format!("v=DKIM1; k=rsa; p={}", "A".repeat(392))
}

fn ip(text: &str) -> Vec<IpAddr> {
    vec![text.parse().unwrap()]
}

fn standings(alignment: &Alignment) -> (Standing, Standing, Standing) {
    (alignment.spf.standing, alignment.dkim.standing, alignment.dmarc.standing)
}

use Standing::{Fails, Holds, Unknown};

#[test]
fn a_domain_with_all_three_records_is_believed() {
    let key = key();
    let all = records(&[
        ("example.com", "v=spf1 include:relay.example -all"),
        ("relay.example", "\"v=spf1 ip4:198.51.100.0/24 \" \"~all\""),
        ("S1._domainkey.Example.com.", &key),
        ("_dmarc.example.com", "v=DMARC1; p=reject"),
    ]);
    let found = alignment("example.com", "example.com", &all, &ip("198.51.100.7"));
    assert_eq!(standings(&found), (Holds, Holds, Holds), "{found:?}");
    // A bounce domain below it is aligned unless the record is strict.
    let all = records(&[
        ("bounces.example.com", "v=spf1 ip6:2001:db8::/32 -all"),
        ("_dmarc.example.com", "v=DMARC1; p=none; aspf=s"),
    ]);
    let found = alignment("example.com", "bounces.example.com", &all, &ip("2001:db8::1"));
    assert_eq!(standings(&found), (Fails, Unknown, Unknown), "{found:?}");
    assert!(found.spf.text.contains("not the same as"), "{found:?}");
}

#[test]
fn what_was_not_given_is_not_known_and_says_what_to_give() {
    let found = alignment("example.com", "example.com", &Records::default(), &[]);
    assert_eq!(standings(&found), (Unknown, Unknown, Unknown));
    assert!(found.dkim.text.contains("selector._domainkey.example.com"), "{found:?}");
    assert!(found.dmarc.text.contains("_dmarc.example.com"), "{found:?}");
    let spf = |record: &str, addresses: &[IpAddr]| {
        alignment("example.com", "example.com", &records(&[("example.com", record)]), addresses).spf
    };
    assert!(spf("v=spf1 -all", &[]).text.contains("IP addresses"));
    let there = ip("203.0.113.9");
    for (record, standing, part) in [
        ("v=spf1 mx -all", Unknown, "mx"),
        ("v=spf1 include:relay.example -all", Unknown, "relay.example"),
        ("v=spf1 mx ip4:203.0.113.9 -all", Holds, "lets"),
        ("v=spf1 -all", Fails, "does not let 203.0.113.9"),
        ("v=spf1 ip4:203.0.113.0/33", Fails, "wrong part"),
        ("v=spf1 ipv4:203.0.113.9", Fails, "unknown part"),
        ("v=spf1 redirect=relay.example", Unknown, "relay.example"),
        ("v=spf1 include:example.com", Fails, "more than 10 lookups"),
        ("v=spf10 -all", Unknown, "no SPF record"),
    ] {
        let found = spf(record, &there);
        assert!(found.standing == standing && found.text.contains(part), "{record}: {found:?}");
    }
}

#[test]
fn two_records_of_one_kind_count_for_nothing() {
    let all = records(&[
        ("example.com", "v=spf1 -all"),
        ("example.com", "v=spf1 +all"),
        ("_dmarc.example.com", "v=DMARC1; p=none"),
        ("_dmarc.example.com", "v=DMARC1; p=reject"),
    ]);
    let found = alignment("example.com", "example.com", &all, &ip("203.0.113.9"));
    assert_eq!(standings(&found), (Fails, Unknown, Fails));
    assert!(found.spf.text.contains("several SPF records") && found.dmarc.text.contains("several"), "{found:?}");
}

#[test]
fn a_key_of_another_organisation_does_not_count() {
    let key = key();
    let all = records(&[("s1._domainkey.relay.example", &key), ("_dmarc.example.com", "v=DMARC1; p=quarantine")]);
    let found = alignment("news.example.com", "relay.example", &all, &[]);
    assert_eq!((found.spf.standing, found.dkim.standing, found.dmarc.standing), (Fails, Fails, Fails), "{found:?}");
    assert!(found.dmarc.text.contains("quarantine"), "{found:?}");
    // The record of the organisation above holds for a domain below it, and joins its other domains.
    let all = records(&[("s1._domainkey.mail.example.com", &key), ("_dmarc.example.com", "v=DMARC1; p=none")]);
    let found = alignment("news.example.com", "news.example.com", &all, &[]);
    assert_eq!(standings(&found), (Unknown, Holds, Holds), "{found:?}");
}

#[test]
fn a_key_that_does_not_work_is_named_with_its_flaw() {
    let key = key();
    let short = format!("p={}", "A".repeat(100));
    for (record, standing, part) in [
        (key.as_str(), Holds, "works"),
        ("v=DKIM1; p=", Fails, "withdrawn"),
        (&short, Fails, "too short"),
        ("k=dsa; p=AAAA", Fails, "unknown kind"),
        ("v=DKIM2; p=AAAA", Fails, "another version"),
        ("p=not base64!", Fails, "not base64"),
    ] {
        let all = records(&[("s1._domainkey.example.com", record)]);
        let found = alignment("example.com", "example.com", &all, &[]).dkim;
        assert!(found.standing == standing && found.text.contains(part), "{record}: {found:?}");
    }
}
