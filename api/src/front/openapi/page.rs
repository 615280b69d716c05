//! `/docs`: a page for reading and trying the API in a browser. Herald serves everything that the page needs.

use std::sync::{Arc, LazyLock};

use axum::{
    extract::Path,
    extract::rejection::PathRejection,
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::Config;

use crate::{
    Api,
    front::problem::{Kind, Problem},
};

/// The policy allows scripts, styles and data only from Herald. The page draws its symbols from `data:` addresses, and
/// sets styles on elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The validator is `none`, because otherwise a server on the internet would check the document.
static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::new(["/api/v1/openapi.json"]).validator_url("none").try_it_out_enabled(true);
    Arc::new(config.doc_expansion("none").filter(true).deep_linking(true))
});

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(redirect)).routes(routes!(index)).routes(routes!(file))
}

/// Redirects to the documentation page.
#[utoipa::path(get, path = "/docs", operation_id = "getDocs", tag = "public",
    responses((status = 308, description = "A redirect to the page",
        headers(("location" = String, description = "The address of the page"))))
)]
async fn redirect() -> Redirect {
    Redirect::permanent("/docs/")
}

/// Returns the documentation page for a browser.
#[utoipa::path(get, path = "/docs/", operation_id = "getDocsPage", tag = "public",
    responses((status = 200, description = "A page", content_type = "text/html", body = String))
)]
async fn index() -> Result<Response, Problem> {
    serve("index.html")
}

/// Returns a file that the documentation page needs.
#[utoipa::path(get, path = "/docs/{name}", operation_id = "getDocsFile", tag = "public",
    responses((status = 200, description = "A script, a style sheet or an icon",
        content((String = "text/javascript"), (String = "text/css"), (String = "text/html"), (String = "image/png"))))
)]
async fn file(name: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Ok(Path(name)) = name else { return Err(nothing()) };
    serve(&name)
}

fn nothing() -> Problem {
    Problem::new(Kind::NotFound, "the documentation page has no such file: open /docs/")
}

fn serve(name: &str) -> Result<Response, Problem> {
    let found = utoipa_swagger_ui::serve(name, CONFIG.clone())
        .map_err(|error| Problem::internal(&std::io::Error::other(error.to_string())))?;
    let found = found.ok_or_else(nothing)?;
    let media_type = HeaderValue::from_str(&found.content_type).map_err(|error| Problem::internal(&error))?;
    let mut response = found.bytes.into_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    Ok(response)
}
