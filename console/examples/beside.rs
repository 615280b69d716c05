//! Serves the console alone, in front of a Herald that runs elsewhere: for work on pages, without building the rest.
//!
//! ```text
//! cargo run -p herald-console --example beside -- http://127.0.0.1:8080 127.0.0.1:8090
//! ```

use std::error::Error;

use axum::{Router, body::Body, extract::Request, http::StatusCode, response::Response};
use herald_base::{clock::Clock, ids::Ids};
use herald_console::Setup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let herald = arguments.next().unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:8090".to_owned());
    // Only a client that calls by TLS would need it, but reqwest wants one.
    _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "it calls one address, which the developer names")]
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
    let api = Router::new().fallback(move |request: Request| pass(client.clone(), herald.clone(), request));
    let (clock, ids) = (Clock::system(), Ids::random());
    tracing_subscriber::fmt().init();
    let setup = Setup { api: api.clone(), secret: ids.bytes(), is_secure: false, session_days: 30, clock, ids };
    // As in Herald, the API answers every path that is not a page, such as the pictures of invitations.
    let pages = herald_console::pages(setup).await?.fallback_service(api);
    let listener = tokio::net::TcpListener::bind(&listen).await?;
    #[expect(clippy::print_stdout, reason = "the developer opens the address")]
    {
        println!("the console is at http://{listen}");
    }
    axum::serve(listener, pages).await?;
    Ok(())
}

/// Sends a request on, and its answer back.
async fn pass(client: reqwest::Client, herald: String, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let sent = client
        .request(parts.method, format!("{herald}{path}"))
        .headers(parts.headers)
        .body(reqwest::Body::wrap_stream(body.into_data_stream()))
        .send()
        .await;
    match sent {
        Ok(answer) => {
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut response = Response::new(Body::from_stream(answer.bytes_stream()));
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            response
        }
        Err(error) => {
            let mut response =
                Response::new(Body::from(format!("{{\"detail\": \"Herald does not answer: {error}\"}}")));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    }
}
