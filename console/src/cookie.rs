//! The console's cookies: the session, and a notice for the next page.

use axum::http::{HeaderMap, HeaderValue, header};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The longest notice that is kept: browsers take four kilobytes with everything.
const LONGEST: usize = 600;

/// A cookie of the console.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cookie {
    /// The token of the browser's session.
    Session,
    /// What was done, said on the next page.
    Notice,
}

impl Cookie {
    /// Over TLS no other host and no other path can set it (RFC 6265bis, `__Host-`).
    fn name(self, is_secure: bool) -> &'static str {
        match (self, is_secure) {
            (Self::Session, true) => "__Host-herald",
            (Self::Session, false) => "herald",
            (Self::Notice, true) => "__Host-herald-notice",
            (Self::Notice, false) => "herald-notice",
        }
    }

    /// The value that a browser sent. Of two cookies with this name none counts.
    pub(crate) fn read(self, headers: &HeaderMap, is_secure: bool) -> Option<String> {
        let name = self.name(is_secure);
        let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut found = texts
            .flat_map(|text| text.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(own, _)| *own == name)
            .map(|(_, value)| value);
        let (first, second) = (found.next()?, found.next());
        let value = percent_decode_str(first).decode_utf8().ok()?;
        (second.is_none() && !value.is_empty()).then(|| value.into_owned())
    }

    /// The header that sets it for so many seconds.
    pub(crate) fn set(self, value: &str, seconds: u64, is_secure: bool) -> HeaderValue {
        let mut end = value.len().min(LONGEST);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        let encoded = utf8_percent_encode(&value[..end], NON_ALPHANUMERIC);
        let secure = if is_secure { "; Secure" } else { "" };
        let name = self.name(is_secure);
        let text = format!("{name}={encoded}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        // It holds nothing but ASCII.
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The header that removes it.
    pub(crate) fn remove(self, is_secure: bool) -> HeaderValue {
        self.set("", 0, is_secure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, text.parse().unwrap())])
    }

    #[test]
    fn a_cookie_comes_back_as_it_was_set() {
        let set = Cookie::Notice.set("12 guests; \"é\"", 60, false);
        let text = set.to_str().unwrap();
        assert!(text.contains("HttpOnly; SameSite=Lax") && !text.contains("Secure"));
        let pair = text.split(';').next().unwrap();
        let read = Cookie::Notice.read(&sent(&format!("other=1; {pair}")), false);
        assert_eq!(read.as_deref(), Some("12 guests; \"é\""));
    }

    #[test]
    fn over_tls_it_is_bound_to_the_host_and_of_two_none_counts() {
        assert!(Cookie::Session.set("x", 60, true).to_str().unwrap().starts_with("__Host-herald=x; Path=/;"));
        assert_eq!(Cookie::Session.read(&sent("herald=a; herald=b"), false), None);
        assert_eq!(Cookie::Session.read(&sent("herald=a"), true), None);
    }
}
