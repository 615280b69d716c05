//! `/api/v1/openapi.json`: the description of the API (OpenAPI 3.1). `/docs`: the same description for people with a
//! browser.
//!
//! Each endpoint describes itself in its own file. The same description defines its route, so the two cannot differ.
//! [`complete()`] adds the parts that all endpoints share: problems, the token, and path parameters.

mod complete;
mod page;

use std::sync::{Arc, OnceLock};

use axum::{
    Extension, Router,
    body::Bytes,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::complete::{Access, complete};
use crate::{
    Api,
    front::{
        conditional::{Tag, not_modified},
        problem::{AssistantRefusal, Body, Fault, Kind, MarketingRefusal},
    },
    ops::jobs,
};

const ABOUT: &str = "The endpoints under `/api/v1` use JSON and need a token, except those for signing in. Errors \
                     are problems (RFC 9457); `/problems` describes their types. Every answer has an `x-request-id`. \
                     Lists come in pages.";

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(document)).merge(page::routes())
}

/// The document in the form in which it is served.
#[derive(Clone)]
pub(crate) struct Document(Arc<(Bytes, Tag)>);

/// Takes the descriptions off the routers: the one behind a token, and the one that is open to all callers.
pub(crate) fn describe(closed: OpenApiRouter<Api>, open: OpenApiRouter<Api>) -> (Router<Api>, Router<Api>, Document) {
    let (closed, closed_said) = closed.split_for_parts();
    let (open, open_said) = open.split_for_parts();
    // No setting changes it, and a test program has a thousand routers.
    static DOCUMENT: OnceLock<Document> = OnceLock::new();
    let written = || {
        let bytes = Bytes::from(whole([(closed_said, Access::Closed), (open_said, Access::Open)]).to_string());
        let tag = Tag::of(&bytes);
        Document(Arc::new((bytes, tag)))
    };
    (closed, open, DOCUMENT.get_or_init(written).clone())
}

/// Merges the descriptions of several routers into one document.
fn whole(parts: [(OpenApi, Access); 2]) -> Value {
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for (said, access) in parts {
        // The description is plain data, so this cannot fail.
        let mut said = serde_json::to_value(said).unwrap_or_default();
        if let Some(described) = said["paths"].as_object_mut() {
            for (path, mut operations) in std::mem::take(described) {
                complete(&path, &mut operations, access);
                merge(paths.entry(path).or_insert_with(|| json!({})), operations);
            }
        }
        if let Some(named) = said["components"]["schemas"].as_object_mut() {
            schemas.append(named);
        }
    }
    let own = [
        ("Problem", Body::schema()),
        ("Fault", Fault::schema()),
        ("AssistantRefusal", AssistantRefusal::schema()),
        ("MarketingRefusal", MarketingRefusal::schema()),
    ];
    for (name, schema) in own {
        schemas.insert(name.to_owned(), serde_json::to_value(schema).unwrap_or_default());
    }
    jobs::describe(&mut schemas);
    let types: Vec<String> = Kind::ALL.iter().map(|kind| format!("/problems#{}", kind.facts().0)).collect();
    schemas["Problem"]["properties"]["type"]["enum"] = types.into();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Herald",
            "description": ABOUT,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "An access token of a person, \
                 or an API key" },
            },
        },
    })
}

/// Adds operations to a path that may already have some.
fn merge(into: &mut Value, operations: Value) {
    if let (Some(into), Value::Object(operations)) = (into.as_object_mut(), operations) {
        into.extend(operations);
    }
}

/// Returns this description of the API.
#[utoipa::path(get, path = "/api/v1/openapi.json", operation_id = "getOpenApi", tag = "public",
    responses(
        (status = 200, description = "An OpenAPI 3.1 document", content_type = "application/json", body = Object,
            headers(("etag" = String, description = "The version of the document, for If-None-Match"))),
    )
)]
async fn document(Extension(Document(document)): Extension<Document>, headers: HeaderMap) -> Response {
    let (bytes, tag) = &*document;
    let mut response = if not_modified(&headers, tag) {
        axum::http::StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, "application/json")], bytes.clone()).into_response()
    };
    tag.put(response.headers_mut());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
