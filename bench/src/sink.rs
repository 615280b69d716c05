//! A mail server (SMTP, RFC 5321) that takes every mail, counts it and forgets it. One thread, so that it never takes
//! more than one core from the program that sends.
//!
//! Two commands are its own: `XSTART ANSWER_MS PIPELINING` forgets what was counted and says how it answers from now
//! on, `XCOUNT` tells what was counted, as JSON.

mod counted;
mod session;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;

use self::counted::Counted;

/// What all connections share.
#[derive(Default)]
pub(crate) struct State {
    counted: Counted,
    /// How long each answer takes.
    answer: Duration,
    /// Whether PIPELINING (RFC 2920) is offered.
    pipelining: bool,
}

/// Serves on a port of 127.0.0.1, and prints the port. It ends with the program that started it: when its standard
/// input ends.
pub(crate) fn run(port: u16) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting tokio")?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.context("listening")?;
        println!("{}", listener.local_addr()?.port());
        let state: Arc<Mutex<State>> = Arc::default();
        let parent = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));
        tokio::select! {
            served = serve(&listener, &state) => served,
            _ = parent => Ok(()),
        }
    })
}

async fn serve(listener: &TcpListener, state: &Arc<Mutex<State>>) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await.context("accepting a connection")?;
        let state = state.clone();
        tokio::spawn(async move {
            // A client that hangs up ends it, whatever was going on.
            let _ = session::run(stream, &state).await;
        });
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
