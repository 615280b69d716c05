//! A target as the header `Location` has it.

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use url::Url;

/// Of ASCII nothing is encoded that a target can have: it stays what it is.
const NOTHING: &AsciiSet = CONTROLS;

/// A target for the header `Location`: its own bytes, with those outside of ASCII as a browser sends them: the host in
/// Punycode, the rest percent-encoded. None: its host is no name.
#[must_use]
pub fn location(target: &str) -> Option<String> {
    if target.is_ascii() {
        return Some(target.to_owned());
    }
    let (scheme, behind) = target.split_once("://")?;
    let end = behind.find(['/', '?', '#']).unwrap_or(behind.len());
    let (authority, rest) = behind.split_at(end);
    let rest = percent_encode(rest.as_bytes(), NOTHING);
    if authority.is_ascii() {
        return Some(format!("{scheme}://{authority}{rest}"));
    }
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    let at = if user.is_empty() { "" } else { "@" };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, format!(":{port}")),
        _ => (host, String::new()),
    };
    let parsed = Url::parse(&format!("http://{name}/")).ok()?;
    let name = parsed.host_str()?;
    let user = percent_encode(user.as_bytes(), NOTHING);
    Some(format!("{scheme}://{user}{at}{name}{port}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_keeps_its_bytes() {
        for ascii in ["https://X.test:443/../a?b=%zz&c=|#d", "http://x.test"] {
            assert_eq!(location(ascii).as_deref(), Some(ascii));
        }
        for (target, wanted) in [
            ("https://x.test/\u{e4}?q=\u{df}%20|#\u{2603}", "https://x.test/%C3%A4?q=%C3%9F%20|#%E2%98%83"),
            ("https://b\u{fc}cher.example:8443/../a", "https://xn--bcher-kva.example:8443/../a"),
            ("https://u@b\u{fc}cher.example?x=1", "https://u@xn--bcher-kva.example?x=1"),
        ] {
            assert_eq!(location(target).as_deref(), Some(wanted), "{target}");
        }
        assert_eq!(location("https://\u{fc} x/"), None);
    }
}
