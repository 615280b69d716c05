//! The headers in which proxies name the addresses of their clients, nearest last. An entry that is not an address is
//! `None`.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header::FORWARDED};

/// Reads `X-Forwarded-For: client, proxy, proxy`; some proxies add ports.
pub(super) fn x_forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = headers.get_all("x-forwarded-for").iter();
    values.flat_map(|value| value.to_str().unwrap_or("unreadable").split(',').map(node)).collect()
}

/// Reads `Forwarded: for=192.0.2.60;proto=http, for="[2001:db8::7]:4711"` (RFC 7239).
pub(super) fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = headers.get_all(FORWARDED).iter();
    values.flat_map(|value| elements(value.to_str().unwrap_or("unreadable"))).collect()
}

fn elements(value: &str) -> Vec<Option<IpAddr>> {
    let of = |element: &str| {
        split(element, ';').into_iter().find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.trim().eq_ignore_ascii_case("for").then(|| node(value.trim().trim_matches('"')))
        })
    };
    split(value, ',').into_iter().map(|element| of(element).flatten()).collect()
}

/// Splits a text at the separators outside of quotes. Inside quotes, a backslash escapes the next character.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if c == separator && !quoted => {
                parts.push(&text[from..at]);
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

/// Reads an address that may have a port, and may be in brackets.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Vec<String> {
        let texts = elements(value).into_iter();
        texts.map(|address| address.map_or("none".to_owned(), |address| address.to_string())).collect()
    }

    #[test]
    fn the_forms_of_rfc_7239_are_read() {
        assert_eq!(read("for=192.0.2.60;proto=http;by=203.0.113.43"), ["192.0.2.60"]);
        assert_eq!(read("For=\"[2001:db8:cafe::17]:4711\""), ["2001:db8:cafe::17"]);
        assert_eq!(read("proto=https; FOR=192.0.2.43:80, for=\"[2001:db8::1]\""), ["192.0.2.43", "2001:db8::1"]);
        assert_eq!(read("for=unknown, for=_hidden, proto=http"), ["none", "none", "none"]);
    }

    #[test]
    fn a_comma_or_semicolon_in_quotes_separates_nothing() {
        assert_eq!(read("by=\"a,for=203.0.113.9;for=203.0.113.8\";for=192.0.2.1"), ["192.0.2.1"]);
        assert_eq!(read(r#"by="a\",for=203.0.113.9,";for=192.0.2.1, for=192.0.2.2"#), ["192.0.2.1", "192.0.2.2"]);
        assert_eq!(read("by=\"never closed, for=203.0.113.9"), ["none"]);
    }
}
