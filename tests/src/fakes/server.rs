//! A server of one of the fakes: a request comes, meets its fault, and is done.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, extract::Request, response::Response};
use herald_base::clock::Clock;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    faults::{Fault, Faults},
    http::{Answered, Asked, hang_up},
};

/// The largest request.
const LARGEST: usize = 256 << 20;

/// Where and how a server runs.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its port on 127.0.0.1; 0 is any that is free.
    pub port: u16,
    /// How its requests fail.
    pub faults: Faults,
    /// Its time: tokens expire by it.
    pub clock: Clock,
}

impl Default for Place {
    fn default() -> Self {
        Self { port: 0, faults: Faults::none(), clock: Clock::system() }
    }
}

/// What a service does.
pub(super) trait Provider: Send + 'static {
    /// Whether its access tokens may expire in the middle of a run.
    const TOKENS: bool;

    /// The kind of a request by name, and `None` when it is a page for people, which never fails.
    fn call(&self, asked: &Asked) -> Option<&'static str>;

    /// Does what is asked.
    fn act(&mut self, asked: &Asked) -> Answered;

    /// Says, in the service's own words, that it was not done.
    fn refuse(&mut self, asked: &Asked, fault: Fault) -> Answered;
}

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Server<P> {
    address: SocketAddr,
    state: Arc<Mutex<P>>,
    pub(super) faults: Faults,
    task: JoinHandle<()>,
}

impl<P: Provider> Server<P> {
    /// Starts it; `state` is told its address.
    pub(super) async fn start(place: &Place, state: impl FnOnce(String) -> P) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", place.port)).await.expect("the port is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = Arc::new(Mutex::new(state(format!("http://{address}"))));
        let (answering, faults) = (state.clone(), place.faults.clone());
        let router = Router::new().fallback(move |request: Request| {
            let (state, faults) = (answering.clone(), faults.clone());
            async move { answer(&state, &faults, request).await }
        });
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { address, state, faults: place.faults.clone(), task }
    }

    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, P> {
        lock(&self.state)
    }
}

impl<P> Drop for Server<P> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer<P: Provider>(state: &Mutex<P>, faults: &Faults, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST).await else { hang_up() };
    let asked = Asked::read(&head, body);
    let call = lock(state).call(&asked);
    let Some(call) = call else { return lock(state).act(&asked).into_response(false) };
    let Some(drawn) = faults.draw(call, P::TOKENS) else { hang_up() };
    if !drawn.latency.is_zero() {
        tokio::time::sleep(drawn.latency).await;
    }
    if drawn.fault == Some(Fault::CutBefore) {
        hang_up();
    }
    let answered = {
        let mut state = lock(state);
        match drawn.fault {
            Some(fault @ (Fault::Server(_) | Fault::TooMany { .. } | Fault::Reason(_) | Fault::Expired)) => {
                state.refuse(&asked, fault)
            }
            Some(Fault::Twice) => {
                drop(state.act(&asked));
                state.act(&asked)
            }
            _ => state.act(&asked),
        }
    };
    match drawn.fault {
        Some(Fault::LostAnswer) => hang_up(),
        Some(Fault::Late(wait)) => tokio::time::sleep(wait).await,
        _ => {}
    }
    answered.into_response(drawn.fault == Some(Fault::CutBody))
}

fn lock<P>(state: &Mutex<P>) -> MutexGuard<'_, P> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
