//! Calls the API in this process, in the name of the person who looks at a page.

use std::net::SocketAddr;

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::ConnectInfo,
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header},
    response::Response,
};
use serde::Deserialize;
use serde_json::Value;
use tower::ServiceExt;

/// The largest answer that is read into memory. Pages ask for one page of a list.
const LARGEST: usize = 16 << 20;
/// What the API learns of the browser's own request.
const PASSED_ON: &[&str] = &["user-agent", "forwarded", "x-forwarded-for", "x-request-id"];
const WORKSPACE: HeaderName = HeaderName::from_static("herald-workspace");
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The API as a service.
#[derive(Clone)]
pub(crate) struct ApiService(Router);

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    /// `null` when the answer has no body.
    pub(crate) body: Value,
}

/// A refusal or a failure of the API, for a person to read.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Refusal {
    #[serde(skip)]
    pub(crate) status: StatusCode,
    #[serde(default)]
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) detail: String,
    #[serde(default)]
    pub(crate) errors: Vec<Fault>,
    pub(crate) request_id: Option<String>,
    #[serde(skip)]
    pub(crate) retry_after: Option<u64>,
}

/// One faulty field of a request.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Fault {
    pub(crate) pointer: String,
    pub(crate) detail: String,
    /// The line of a template's manifest.
    #[serde(default)]
    pub(crate) line: Option<u64>,
}

/// In whose name the API is called, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The session's token, once somebody has signed in.
    pub(crate) token: Option<String>,
    /// The short name of the workspace.
    pub(crate) workspace: Option<String>,
    headers: HeaderMap,
    /// The other end of the connection.
    peer: Option<ConnectInfo<SocketAddr>>,
}

impl Caller {
    /// From the request of a browser.
    pub(crate) fn of(headers: &HeaderMap, extensions: &Extensions) -> Self {
        let mut passed_on = HeaderMap::new();
        for name in PASSED_ON {
            for value in headers.get_all(*name) {
                passed_on.append(HeaderName::from_static(name), value.clone());
            }
        }
        // The API is not reached by a name; it only wants one.
        passed_on.insert(header::HOST, HeaderValue::from_static("console"));
        Self { token: None, workspace: None, headers: passed_on, peer: extensions.get().copied() }
    }

    /// What the API reads of the connection. The rest belongs to the route of the page.
    pub(crate) fn extensions(&self) -> Extensions {
        let mut extensions = Extensions::new();
        if let Some(peer) = self.peer {
            extensions.insert(peer);
        }
        extensions
    }
}

impl ApiService {
    pub(crate) fn new(router: Router) -> Self {
        Self(router)
    }

    /// Reads from the API.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) async fn get(&self, by: &Caller, path: &str) -> Result<Value, Refusal> {
        Ok(self.call(by, Method::GET, path, &[], None).await?.body)
    }

    /// Calls the API with a JSON body, or none.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) async fn call(
        &self,
        by: &Caller,
        method: Method,
        path: &str,
        headers: &[(HeaderName, String)],
        body: Option<&Value>,
    ) -> Result<Answer, Refusal> {
        let body_of = |value: &Value| Body::from(value.to_string());
        let mut request = request(by, method, path, body.map_or_else(Body::empty, body_of));
        if body.is_some() {
            request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in headers {
            let value =
                HeaderValue::from_str(value).map_err(|_| Refusal::of(StatusCode::BAD_REQUEST, name.as_str()))?;
            request.headers_mut().insert(name.clone(), value);
        }
        read(self.pass(request).await).await
    }

    /// Calls the API with a body of any kind, and returns its answer as it comes.
    pub(crate) async fn pass(&self, request: Request<Body>) -> Response {
        match self.0.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// A request in somebody's name.
pub(crate) fn request(by: &Caller, method: Method, path: &str, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    // Paths are made of parts that were encoded, so that they are valid; what is not finds no route.
    *request.uri_mut() = path.parse().unwrap_or_default();
    *request.headers_mut() = by.headers.clone();
    *request.extensions_mut() = by.extensions();
    let bearer = by.token.as_ref().and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
    if let Some(mut bearer) = bearer {
        bearer.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
    }
    if let Some(workspace) = by.workspace.as_ref().and_then(|slug| HeaderValue::from_str(slug).ok()) {
        request.headers_mut().insert(WORKSPACE, workspace);
    }
    request
}

/// Reads an answer with a JSON body, or none.
///
/// # Errors
/// [`Refusal`], for every status from 400 up.
pub(crate) async fn read(response: Response) -> Result<Answer, Refusal> {
    let (parts, body) = response.into_parts();
    let body: Bytes =
        to_bytes(body, LARGEST).await.map_err(|_| Refusal::of(StatusCode::BAD_GATEWAY, "the answer broke off"))?;
    if parts.status.is_client_error() || parts.status.is_server_error() {
        let mut refusal: Refusal = serde_json::from_slice(&body).unwrap_or_else(|_| Refusal::of(parts.status, ""));
        refusal.status = parts.status;
        refusal.retry_after =
            parts.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        return Err(refusal);
    }
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap_or(Value::Null) };
    Ok(Answer { headers: parts.headers, body })
}

impl Refusal {
    pub(crate) fn of(status: StatusCode, detail: &str) -> Self {
        let title = status.canonical_reason().unwrap_or_default().to_owned();
        Self { status, title, detail: detail.to_owned(), errors: Vec::new(), request_id: None, retry_after: None }
    }
}
