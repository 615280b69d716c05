//! The stylesheet and the script. Their addresses name their content, so browsers keep them for good.

use std::sync::LazyLock;

use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use sha2::{Digest, Sha256};

use crate::Console;

/// The sign of Herald. It stands in the pages themselves: a visit then needs the page, the stylesheet and the script.
pub(crate) const LOGO: &str = include_str!("../static/icon.svg");

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
    address: String,
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        ("style.css", "text/css; charset=utf-8", include_str!("../static/style.css")),
        ("script.js", "text/javascript; charset=utf-8", include_str!("../static/script.js")),
        // Pages with boxes over a picture load one script, as all others do.
        (
            "picture.js",
            "text/javascript; charset=utf-8",
            concat!(include_str!("../static/script.js"), include_str!("../static/picture.js")),
        ),
    ]
    .map(|(name, kind, text)| {
        let mark = hex::encode(&Sha256::digest(text.as_bytes())[..6]);
        Asset { name, kind, text, address: format!("/assets/{mark}/{name}") }
    })
});

/// The address of a file.
pub(crate) fn address(name: &str) -> Option<String> {
    ASSETS.iter().find(|asset| asset.name == name).map(|asset| asset.address.clone())
}

/// The sign as an address that holds it.
pub(crate) fn icon() -> String {
    let text =
        LOGO.trim().replace('%', "%25").replace('#', "%23").replace('<', "%3C").replace('>', "%3E").replace(' ', "%20");
    format!("data:image/svg+xml,{}", text.replace('"', "'"))
}

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/assets/{mark}/{name}", get(file))
}

async fn file(Path((_, name)): Path<(String, String)>) -> Response {
    // An old page may ask for an older file: it gets the present one.
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, asset.text).into_response()
}
