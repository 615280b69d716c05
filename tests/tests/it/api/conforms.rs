//! Holds every answer, and every request that was taken, to what the API says of itself. The tests' client does so for
//! each request it makes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::{Draft, Validator};
use reqwest::{Method, Request, header::HeaderMap};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use super::Answer;

/// Learnt from the first service of this program: they all say the same.
static DESCRIBED: OnceCell<Value> = OnceCell::const_new();

/// Reads what the service at `address` says of itself.
pub(super) async fn learn(client: &reqwest::Client, address: std::net::SocketAddr) -> &'static Value {
    let read = async || {
        let address = format!("http://{address}/api/v1/openapi.json");
        client.get(address).send().await.unwrap().json().await.unwrap()
    };
    DESCRIBED.get_or_init(read).await
}

/// What was asked.
pub(super) struct Asked {
    method: Method,
    path: String,
    json: Option<Value>,
}

impl Asked {
    pub(super) fn of(request: &Request) -> Self {
        let is_json = request.headers().get("content-type").is_some_and(|it| it == "application/json");
        let body = request.body().and_then(reqwest::Body::as_bytes).filter(|_| is_json);
        Self {
            method: request.method().clone(),
            path: request.url().path().to_owned(),
            json: body.and_then(|body| serde_json::from_slice(body).ok()),
        }
    }
}

/// Panics unless the answer is one that the document describes for what was asked.
#[track_caller]
pub(super) fn hold(asked: &Asked, answer: &Answer) {
    // Before the first service said what it is.
    let Some(document) = DESCRIBED.get() else { return };
    let what = format!("{} {}", asked.method, asked.path);
    let status = answer.status.as_str();
    let Some(operation) = operation(document, &asked.method, &asked.path) else {
        assert!(
            matches!(status, "404" | "405") || asked.method == Method::OPTIONS || asked.method == Method::HEAD,
            "{what} is not described, and was answered with {status}"
        );
        return;
    };
    let described = &operation["responses"][status];
    assert!(described.is_object(), "{what}: {status} is not described: {}", answer.text());
    held_to_headers(&what, described, &answer.headers);
    let Some(content) = described.get("content").and_then(Value::as_object) else {
        assert!(answer.body.is_empty(), "{what}: {status} is described without a body: {}", answer.text());
        return;
    };
    let media_type = answer.header("content-type").split(';').next().unwrap_or_default().to_owned();
    let Some(described) = content.get(&media_type) else {
        panic!("{what}: {status} is described as {:?}, not as {media_type:?}", content.keys().collect::<Vec<_>>());
    };
    if media_type.ends_with("json") {
        fits(&what, document, &described["schema"], &answer.json());
    }
    let sent = operation["requestBody"]["content"]["application/json"].get("schema");
    if let (true, Some(schema), Some(sent)) = (answer.status.is_success(), sent, &asked.json) {
        fits(&format!("{what}: what was sent"), document, schema, sent);
    }
}

/// The operation at a path. A path written out goes before one with parameters, as in the router.
fn operation<'d>(document: &'d Value, method: &Method, path: &str) -> Option<&'d Value> {
    let matches = |template: &str| {
        let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        template.len() == path.len()
            && template
                .iter()
                .zip(&path)
                .all(|(said, asked)| said == asked || said.starts_with('{') && !asked.is_empty())
    };
    let paths = document["paths"].as_object().unwrap();
    let found = paths.iter().filter(|(template, _)| matches(template));
    let (_, item) = found.min_by_key(|(template, _)| template.matches('{').count())?;
    item.get(method.as_str().to_lowercase())
}

#[track_caller]
fn held_to_headers(what: &str, described: &Value, headers: &HeaderMap) {
    for name in ["location", "etag"] {
        let (said, sent) = (described["headers"].get(name).is_some(), headers.contains_key(name));
        assert_eq!(said, sent, "{what}: the header {name} is described ({said}) but was sent ({sent})");
    }
}

/// Panics unless the value has the schema's shape, and nothing that the schema does not name.
#[track_caller]
fn fits(what: &str, document: &Value, schema: &Value, value: &Value) {
    let validator =
        validator(document, schema).unwrap_or_else(|error| panic!("{what}: {schema} is no schema: {error}"));
    let wrong: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{what} is not as described: {wrong:#?}\n{value:#}");
    let mut unnamed = Vec::new();
    find_unnamed(document, &[schema], value, "", &mut unnamed);
    assert!(unnamed.is_empty(), "{what} has what is not described: {unnamed:?}");
}

/// Made once for each schema: it takes a good part of a second.
fn validator(document: &Value, schema: &Value) -> Result<Arc<Validator>, String> {
    static MADE: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let key = schema.to_string();
    if let Some(made) = MADE.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(made.clone());
    }
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    let made = Arc::new(options.build(&whole).map_err(|error| error.to_string())?);
    MADE.lock().unwrap_or_else(PoisonError::into_inner).insert(key, made.clone());
    Ok(made)
}

/// Finds properties that no schema of a value names.
fn find_unnamed(document: &Value, schemas: &[&Value], value: &Value, place: &str, found: &mut Vec<String>) {
    let mut shape = Shape::default();
    for schema in schemas {
        shape.add(document, schema);
    }
    match value {
        Value::Object(fields) if !shape.open => {
            for (name, value) in fields {
                let place = format!("{place}/{name}");
                match shape.fields.get(name.as_str()) {
                    None => found.push(place),
                    Some(schemas) => find_unnamed(document, schemas, value, &place, found),
                }
            }
        }
        Value::Array(items) if !shape.items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                find_unnamed(document, &shape.items, item, &format!("{place}/{at}"), found);
            }
        }
        _ => {}
    }
}

/// What the schemas of a value name, all of them together.
#[derive(Default)]
struct Shape<'d> {
    fields: BTreeMap<&'d str, Vec<&'d Value>>,
    items: Vec<&'d Value>,
    /// Any property will do.
    open: bool,
}

impl<'d> Shape<'d> {
    fn add(&mut self, document: &'d Value, schema: &'d Value) {
        let none = Map::new();
        let parts = schema.as_object().unwrap_or(&none);
        if let Some(target) = parts.get("$ref").and_then(Value::as_str) {
            return self.add(document, document.pointer(target.trim_start_matches('#')).unwrap());
        }
        let all = ["allOf", "oneOf", "anyOf"].iter().filter_map(|of| schema.get(of)?.as_array());
        let mut composed = false;
        for part in all.flatten() {
            composed = true;
            self.add(document, part);
        }
        self.items.extend(schema.get("items"));
        match schema.get("properties").and_then(Value::as_object) {
            Some(properties) => {
                for (name, schema) in properties {
                    self.fields.entry(name).or_default().push(schema);
                }
            }
            None => {
                let may_be_object = schema.get("type").is_none_or(|it| it.to_string().contains("object"));
                self.open |= !composed && may_be_object;
            }
        }
        self.open |= schema.get("additionalProperties").is_some_and(|it| *it != Value::Bool(false));
    }
}

#[test]
fn what_is_not_described_is_found() {
    let document = json!({ "components": { "schemas": {
        "Thing": { "type": "object", "properties": { "id": { "type": "string" }, "free": {} } },
    } } });
    let schema = json!({ "allOf": [
        { "$ref": "#/components/schemas/Thing" },
        { "type": "object", "properties": { "parts": { "type": "array", "items": {
            "$ref": "#/components/schemas/Thing" } } } },
    ] });
    let unnamed = |value: Value| {
        let mut found = Vec::new();
        find_unnamed(&document, &[&schema], &value, "", &mut found);
        found
    };
    assert!(unnamed(json!({ "id": "1", "free": { "x": 1 }, "parts": [{ "id": "2" }] })).is_empty());
    assert_eq!(unnamed(json!({ "id": "1", "odd": 1, "parts": [{ "id": "2", "new": 0 }] })), ["/odd", "/parts/0/new"]);
}
