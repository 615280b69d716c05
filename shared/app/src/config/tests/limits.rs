//! `[limits]`

use config::Environment;

use super::super::*;

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
