//! The frame of the pages for recipients: plain HTML without scripts, which loads nothing.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use herald_contacts::Channel;

use super::words::Words;

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

const STYLE: &str = "body{font:1.1rem/1.6 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.5rem;\
     color:#1b2430;background:#fbfaf7}h1{font-size:1.5rem;line-height:1.3}\
     button{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:6px;background:#8a6417;color:#fff}\
     button:focus-visible,a:focus-visible,input:focus-visible{outline:3px solid #2f6fb0;outline-offset:2px}\
     a{color:inherit}ul{list-style:none;padding:0}li{margin-block:.8rem}label{display:flex;gap:.7rem}\
     input{inline-size:1.2rem;block-size:1.2rem;margin-block-start:.25rem}.soft{opacity:.75}\
     @media(prefers-color-scheme:dark){body{color:#e9e5db;background:#14181f}button{background:#d9b25f;color:#14181f}}";

/// What is put into a sentence: plain text, not HTML.
#[derive(Clone, Copy, Default)]
pub(super) struct Facts<'a> {
    pub(super) workspace: &'a str,
    pub(super) channel: Option<Channel>,
    pub(super) address: &'a str,
}

/// A sentence as HTML, with its facts in it. What may be in another script stands apart from the sentence's direction.
pub(super) fn sentence(words: &Words, text: &str, facts: Facts<'_>) -> String {
    filled(words, &escaped(text), facts, |fact| format!("<bdi>{}</bdi>", escaped(fact)))
}

/// The same as plain text.
pub(super) fn plain(words: &Words, text: &str, facts: Facts<'_>) -> String {
    filled(words, text, facts, str::to_owned)
}

/// Puts the facts in, each once and none into another: a workspace may be called `{address}`.
fn filled(words: &Words, text: &str, facts: Facts<'_>, show: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else { break };
        match name {
            "workspace" => out.push_str(&show(facts.workspace)),
            "address" => out.push_str(&show(facts.address)),
            _ => out.push_str(facts.channel.map_or("", |channel| words.what(channel))),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

pub(super) fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// Builds a page. `title` is plain text, `body` is HTML.
pub(super) fn page(status: StatusCode, words: &Words, title: &str, body: &str) -> Response {
    let Words { language, direction, .. } = words;
    let title = escaped(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"{language}\" dir=\"{direction}\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         <main>\n<h1>{title}</h1>\n{body}</main>\n"
    );
    let mut response = (status, Html(html)).into_response();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_LANGUAGE, language),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_text_and_is_not_read_again() {
        let facts = Facts { workspace: "<b>{address}", channel: Some(Channel::Email), address: "a…@example.com" };
        let words = Words::of(["en"]);
        assert_eq!(
            sentence(words, words.done, facts),
            "<bdi>&lt;b&gt;{address}</bdi> sends no more e-mails to <bdi>a…@example.com</bdi>."
        );
        assert_eq!(plain(words, words.agreed, facts), "I want to get e-mails from <b>{address}.");
    }
}
