//! Every place in Herald that opens a connection, and why it may. What a workspace's people or a guest list can name is
//! called through `herald_providers::outside`; a new client anywhere else fails here until its reason is written down.

use std::collections::BTreeMap;

use crate::sources;

/// What makes a client or opens a connection, as it is written in the sources.
const OPENERS: &[&str] = &[
    "Client::builder(",
    "reqwest::Client::new",
    "reqwest::ClientBuilder",
    "reqwest::get(",
    "reqwest::blocking",
    "http::builder(",
    "Http::new(",
    "GuardedHttp::",
    ".send().await",
    ".execute(request)",
    "hyper_util::client",
    "hyper::client",
    "TcpStream::connect",
    "UdpSocket",
    "lookup_host",
    "AmazonS3Builder::",
    "ReqwestConnector",
];

/// Where they may stand, how often, and why. One more needs another look.
const KNOWN: &[(&str, &str, usize, &str)] = &[
    ("cli/src/doctor/crm.rs", "Http::new(", 1, "the operator's CRM: crm.url"),
    ("shared/accounts/src/clients.rs", "Http::new(", 1, "Google and the CRM: addresses of the settings"),
    (
        "shared/providers/src/files/account.rs",
        ".execute(request)",
        1,
        "a connection's bucket, after the guard has looked",
    ),
    ("shared/providers/src/files/account.rs", "AmazonS3Builder::", 1, "a connection's bucket, without the environment"),
    ("shared/providers/src/files/account.rs", "GuardedHttp::", 1, "a connection's bucket, guarded"),
    ("shared/providers/src/files/account.rs", "Http::new(", 1, "a connection's bucket, guarded"),
    ("shared/providers/src/files/account.rs", "http::builder(", 1, "a connection's bucket, guarded"),
    ("shared/providers/src/files/s3.rs", "AmazonS3Builder::", 1, "the operator's file store: files.url"),
    ("shared/providers/src/outside/client.rs", ".execute(request)", 1, "the guarded client itself"),
    ("shared/providers/src/outside/dns.rs", "lookup_host", 2, "what the guarded client and mailers look up"),
    ("shared/providers/src/mail_events/sns.rs", ".execute(request)", 1, "Amazon's SNS, after its host was looked at"),
    ("shared/providers/src/mail_events/sns.rs", "GuardedHttp::", 1, "Amazon's SNS, guarded"),
    ("shared/providers/src/mail_events/sns.rs", "Http::new(", 1, "Amazon's SNS, guarded"),
    ("shared/providers/src/mail_events/sns.rs", "http::builder(", 1, "Amazon's SNS, guarded"),
    (
        "shared/providers/src/email/smtp/open.rs",
        "TcpStream::connect",
        1,
        "the operator's mail server, or a connection's, to the addresses that the guard has checked",
    ),
    ("shared/providers/src/http.rs", ".execute(request)", 2, "guarded, or for addresses of the settings"),
    ("shared/providers/src/http.rs", "Client::builder(", 1, "where every client begins"),
    ("shared/providers/src/http.rs", "GuardedHttp::", 1, "the guarded client of Mautic"),
    ("shared/providers/src/http.rs", "Http::new(", 1, "the guarded client of Mautic"),
    ("shared/providers/src/http.rs", "reqwest::ClientBuilder", 2, "where every client begins"),
    ("shared/base/src/telemetry/otlp.rs", ".send().await", 1, "the operator's collector: telemetry.otlp_endpoint"),
    ("shared/base/src/telemetry/otlp.rs", "Client::builder(", 1, "the operator's collector: telemetry.otlp_endpoint"),
    ("worker/src/fetch/mod.rs", ".execute(request)", 1, "pictures, guarded"),
    ("worker/src/fetch/mod.rs", "GuardedHttp::", 1, "pictures, guarded"),
    ("worker/src/fetch/mod.rs", "http::builder(", 1, "pictures, guarded"),
    ("worker/src/fetch/probe.rs", "http::builder(", 1, "the operator's watch: probe.url"),
    ("worker/src/fetch/probe.rs", ".send().await", 1, "the operator's watch: probe.url"),
];

/// The code of a file without its tests and comments.
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn nothing_opens_a_connection_that_is_not_known_to() {
    let mut seen: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let mut files = 0;
    let is_a_test = |name: &str| name.contains("/tests/") || name.ends_with("/tests.rs");
    for (name, path) in sources::of_the_program().into_iter().filter(|(name, _)| !is_a_test(name)) {
        files += 1;
        let code = code(&std::fs::read_to_string(path).unwrap());
        for opener in OPENERS {
            let times = code.matches(opener).count();
            if times > 0 {
                seen.insert((name.clone(), opener), times);
            }
        }
    }
    assert!(files > 300, "the sources were walked: {files}");
    let known: BTreeMap<(String, &str), usize> =
        KNOWN.iter().map(|(file, opener, times, _)| (((*file).to_owned(), *opener), *times)).collect();
    assert_eq!(
        seen, known,
        "an address that a workspace's people or a guest list can name is called through herald_providers::outside; \
         a client for an address of the \
         settings is written down in this file with its reason"
    );
}

#[test]
fn the_walk_would_find_a_client() {
    let text = "//! reqwest::Client::builder\nfn call() {\n    let client = reqwest::Client::new();\n}\n\n\
        #[cfg(test)]\nmod tests {\n    reqwest::get(x)\n}\n";
    let code = code(text);
    let found: Vec<&str> = OPENERS.iter().copied().filter(|opener| code.contains(opener)).collect();
    assert_eq!(found, ["reqwest::Client::new"]);
}
