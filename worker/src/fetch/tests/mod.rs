use super::*;
use server::{Script, Server, Step, ok, redirect, send};

mod answers;
mod refusals;
mod server;

const LOOPBACK: &[&str] = &["127.0.0.1"];

fn settings(server: &Server) -> FetchSettings {
    FetchSettings { ports: vec![server.port], ..FetchSettings::default() }
}

fn client(settings: FetchSettings, script: &Arc<Script>) -> GuardedClient {
    // In these tests, 127.0.0.1 stands for a public server. All other addresses are checked as in production.
    let guard = Guard::public(Ports::Only(settings.ports.clone()))
        .and_networks(&["127.0.0.1/32".parse().unwrap()])
        .and_hosts(&settings.allow)
        .unwrap();
    GuardedClient::guarded(settings, guard, script.clone()).unwrap()
}

/// Fetches `/a.png` of a server called cdn.example.com.
async fn fetch(server: &Server, settings: FetchSettings) -> Result<Bytes, FetchError> {
    let url = format!("http://cdn.example.com:{}/a.png?token=secret#part", server.port);
    client(settings, &Script::new(&[LOOPBACK])).fetch(&url).await
}

/// The message of an error that no retry can solve.
fn permanent<T: std::fmt::Debug>(result: Result<T, FetchError>) -> String {
    let error = result.unwrap_err();
    assert!(!error.is_transient(), "{error}");
    assert_eq!(error.retry_after(), None);
    error.to_string()
}

/// The message of a transient error.
fn transient<T: std::fmt::Debug>(result: Result<T, FetchError>) -> String {
    let error = result.unwrap_err();
    assert!(error.is_transient(), "{error}");
    error.to_string()
}
