//! A person consents in a browser on this machine. The browser comes back to a port that is open until then.

use std::{future::IntoFuture, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use axum::{Router, extract::Query, response::Html, routing::get};
use herald_accounts::{Connection, consent};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

use crate::accounts::Desk;

/// How long a person may take. A later consent is not accepted.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// How long the last page may take to be sent. Connections that a browser merely keeps open are not waited for any
/// longer.
const LAST_PAGE: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    state: String,
    code: Option<SecretString>,
    error: Option<String>,
}

/// Asks for consent and stores it.
pub(super) async fn consent(desk: &Desk, connection: &Connection) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("opening a port for the answer of the browser")?;
    let redirect_uri = format!("http://{}/oauth2callback", listener.local_addr()?);
    let mut tx = desk.db.begin().await?;
    let state = consent::ask(&mut tx, &desk.clients, desk.workspace_id, connection, &redirect_uri).await?;
    tx.commit().await?;
    let url = consent::authorize_url(&desk.db, &desk.clients, &state).await?;
    say(&format!("open this address in a browser on this machine, and consent:\n\n  {url}\n"));
    let (send, mut backs) = mpsc::channel(1);
    let send = Arc::new(send);
    let router = Router::new().route(
        "/oauth2callback",
        get(async move |Query(back): Query<Back>| {
            let _ = send.try_send(back);
            Html("<!doctype html><title>Herald</title><p>Continue in the terminal. You can close this page.</p>")
        }),
    );
    let stop = CancellationToken::new();
    let server = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned()).into_future();
    let server = tokio::spawn(server);
    let back = tokio::time::timeout(PATIENCE, async {
        loop {
            match backs.recv().await {
                // Anybody on this machine can connect; only a request with our state is accepted.
                Some(back) if back.state == state => return Some(back),
                Some(_) => {}
                None => return None,
            }
        }
    })
    .await;
    // The last page is sent before its port is closed.
    stop.cancel();
    let _ = tokio::time::timeout(LAST_PAGE, server).await;
    let Ok(Some(back)) = back else {
        bail!("the browser did not return from Google within half an hour: run the command again")
    };
    let Some(code) = back.code else {
        bail!("Google did not confirm your consent ({}): run the command again", back.error.unwrap_or_default());
    };
    consent::take(&desk.db, &desk.clients, &back.state, code).await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what the person has to do")]
fn say(text: &str) {
    println!("{text}");
}
