//! Completes the description of an endpoint with the parts that all endpoints of its kind share. These are the token,
//! the parameters of its path, and the problems of the layers and the input readers.

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::front::{
    access, idempotency,
    problem::{Kind, OldForm},
};

/// Whether an endpoint needs a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// The endpoint needs a token.
    Closed,
    /// The endpoint needs no token.
    Open,
}

/// The beginnings of open paths whose requests are not counted.
const UNCOUNTED: &[&str] = &["/healthz", "/readyz", "/docs", "/problems", "/api/v1/openapi.json"];

/// The endpoints that create resources of which a workspace may have only a limited number.
const ADDING: &[(&str, &str)] = &[
    ("post", "/api/v1/face-crops"),
    ("post", "/api/v1/invitation-runs"),
    ("post", "/api/v1/keys"),
    ("post", "/api/v1/schedules"),
    ("post", "/api/v1/templates"),
    ("put", "/api/v1/connections/{name}"),
];

impl Access {
    /// The permission that an endpoint behind a token needs.
    fn needed(self, method: &str, path: &str) -> Option<access::Access> {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).ok()?;
        (self == Self::Closed).then(|| access::needed(&method, path)).flatten()
    }
}

/// Completes the operations of a path.
pub(super) fn complete(path: &str, operations: &mut Value, access: Access) {
    let Some(operations) = operations.as_object_mut() else { return };
    for (method, operation) in operations {
        let Some(operation) = operation.as_object_mut() else { continue };
        operation.insert(
            "security".to_owned(),
            match access {
                Access::Closed => json!([{ "bearer": [] }]),
                Access::Open => json!([]),
            },
        );
        describe_path(path, operation);
        name_workspace(path, method, operation, access);
        take_keys(path, method, operation);
        take_conditions(method, operation);
        let kinds = refusals(path, method, operation, access);
        let body = operation.get_mut("requestBody").and_then(|body| body.get_mut("content"));
        body.into_iter().for_each(raw_is_raw);
        let responses = operation.entry("responses").or_insert_with(|| json!({}));
        refuse(responses, &kinds);
        if let Some(refusal) = OldForm::schema_of(path) {
            in_old_form(responses, refusal);
        }
        for response in responses.as_object_mut().into_iter().flat_map(Map::values_mut) {
            response.get_mut("content").into_iter().for_each(raw_is_raw);
        }
    }
}

/// Declares the parameters of the path that the endpoint did not declare itself.
fn describe_path(path: &str, operation: &mut Map<String, Value>) {
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    let Some(parameters) = parameters.as_array_mut() else { return };
    for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        if parameters.iter().any(|known| known["in"] == "path" && known["name"] == name) {
            continue;
        }
        let (schema, description) = match name {
            "id" => (json!({ "type": "string", "format": "uuid" }), "The id in the path"),
            "key" => (json!({ "type": "string" }), "The key in the path"),
            _ => (json!({ "type": "string" }), "The name in the path"),
        };
        parameters.insert(
            0,
            json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema }),
        );
    }
    if parameters.is_empty() {
        operation.remove("parameters");
    }
}

/// Adds the role that the caller needs, and declares the header that names the workspace.
fn name_workspace(path: &str, method: &str, operation: &mut Map<String, Value>, access: Access) {
    let Some(needed) = access.needed(method, path) else { return };
    let (who, is_member) = match needed {
        access::Access::Person => ("person", false),
        access::Access::Platform => ("platform-admin", false),
        access::Access::Member(role) => (role.name(), true),
    };
    operation.insert("x-needs".to_owned(), who.into());
    if is_member {
        let description = "The workspace of the request, by slug or id. A person with several workspaces must name one";
        declare(operation, "Herald-Workspace", description, json!({ "type": "string" }));
    }
}

/// Declares `Idempotency-Key` for the endpoints that accept it.
fn take_keys(path: &str, method: &str, operation: &mut Map<String, Value>) {
    if method != "post" || !idempotency::ROUTES.contains(&path) {
        return;
    }
    let description = "A unique key that the client creates for each request. If the client repeats the request with \
                       the same key within 24 hours, Herald does nothing and repeats its first answer, with \
                       `Idempotency-Replayed: true`";
    declare(operation, "Idempotency-Key", description, json!({ "type": "string", "minLength": 1, "maxLength": 255 }));
    let replayed = json!({
        "description": "`true` if the answer repeats an earlier one",
        "schema": { "type": "string", "enum": ["true"] },
    });
    for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
        if status.starts_with('2') {
            response["headers"]["idempotency-replayed"] = replayed.clone();
        }
    }
}

/// Declares the conditions of an endpoint whose answers have an `ETag`.
fn take_conditions(method: &str, operation: &mut Map<String, Value>) {
    let is_tagged =
        |(status, response): (&String, &Value)| status == "200" && response["headers"].get("etag").is_some();
    if !operation.get("responses").and_then(Value::as_object).is_some_and(|all| all.iter().any(is_tagged)) {
        return;
    }
    let text = json!({ "type": "string" });
    if method == "get" {
        declare(operation, "If-None-Match", "The `ETag` of the version that the client has", text);
        let headers =
            json!({ "etag": { "description": "The version of the resource", "schema": { "type": "string" } } });
        let same = json!({ "description": "The resource has not changed", "headers": headers });
        operation["responses"].as_object_mut().map(|all| all.entry("304").or_insert(same));
    } else {
        declare(
            operation,
            "If-Match",
            "The `ETag` of the version that the client has read. Herald changes no other version",
            text,
        );
    }
}

fn declare(operation: &mut Map<String, Value>, name: &str, description: &str, schema: Value) {
    let parameter =
        json!({ "name": name, "in": "header", "required": false, "description": description, "schema": schema });
    if let Some(parameters) = operation.entry("parameters").or_insert_with(|| json!([])).as_array_mut() {
        parameters.push(parameter);
    }
}

/// The problems that an endpoint may answer with, whatever it does.
fn refusals(path: &str, method: &str, operation: &Map<String, Value>, access: Access) -> Vec<Kind> {
    let mut kinds = vec![Kind::Internal, Kind::Unavailable, Kind::TimedOut];
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let has = |place: &str| parameters.is_some_and(|all| all.iter().any(|parameter| parameter["in"] == place));
    if access == Access::Closed {
        kinds.extend([Kind::Unauthorized, Kind::Forbidden]);
    }
    if matches!(access.needed(method, path), Some(access::Access::Member(_))) {
        kinds.extend([Kind::WorkspaceNeeded, Kind::NotFound]);
    }
    if access == Access::Closed || !UNCOUNTED.iter().any(|start| path.starts_with(start)) {
        kinds.push(Kind::TooManyRequests);
    }
    if path.contains('{') {
        kinds.push(Kind::NotFound);
    }
    let named = |name: &str| parameters.is_some_and(|all| all.iter().any(|parameter| parameter["name"] == name));
    if named("Idempotency-Key") {
        kinds.extend([Kind::InvalidRequest, Kind::InProgress, Kind::KeyReused, Kind::TooLarge]);
    }
    if named("If-Match") {
        kinds.push(Kind::PreconditionFailed);
    }
    if has("query") {
        kinds.extend([Kind::InvalidRequest, Kind::InvalidField]);
    }
    if operation.contains_key("requestBody") {
        kinds.extend([Kind::InvalidRequest, Kind::InvalidField, Kind::UnsupportedMediaType, Kind::TooLarge]);
    }
    if ADDING.contains(&(method, path)) {
        kinds.push(Kind::QuotaExceeded);
    }
    if method != "get" {
        kinds.push(Kind::StorageFull);
    }
    kinds
}

/// Adds the problems to the answers, and declares the body of each refusal as a problem.
fn refuse(responses: &mut Value, kinds: &[Kind]) {
    let Some(responses) = responses.as_object_mut() else { return };
    let problem = || json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    for kind in kinds {
        let (name, status, title) = kind.facts();
        let said = format!("{title} (`{name}`)");
        match responses.get_mut(status.as_str()) {
            None => {
                let answer = json!({ "description": said, "content": { "application/problem+json": problem() } });
                responses.insert(status.as_str().to_owned(), answer);
            }
            Some(known) => {
                known["content"]["application/problem+json"] = problem();
                let before = known["description"].as_str().unwrap_or_default();
                if !before.contains(&said) {
                    known["description"] = format!("{before}; or: {said}").into();
                }
            }
        }
    }
    for (status, response) in responses {
        let refused = status.parse::<StatusCode>().is_ok_and(|status| status.as_u16() >= 400);
        if refused && response.get("content").is_none() {
            response["content"] = json!({ "application/problem+json": problem() });
        }
    }
}

/// Gives the refusals the form and the statuses of an older system.
fn in_old_form(responses: &mut Value, refusal: &str) {
    let Some(responses) = responses.as_object_mut() else { return };
    for (status, response) in std::mem::take(responses) {
        let known = status.parse::<StatusCode>().unwrap_or_default();
        let old = OldForm::status(known).as_str().to_owned();
        let is_refusal = known.as_u16() >= 400;
        let response = match is_refusal {
            true => json!({
                "description": response["description"],
                "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{refusal}") } } },
            }),
            false => response,
        };
        responses.entry(old).or_insert(response);
    }
}

/// Removes the schema of a body that is not text: OpenAPI 3.1 describes such a body by its media type alone.
fn raw_is_raw(content: &mut Value) {
    for (media_type, described) in content.as_object_mut().into_iter().flatten() {
        if media_type.starts_with("image/") || media_type == "application/zip" {
            *described = json!({});
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(operation: Value, access: Access) -> Value {
        let mut operations = json!({ "post": operation });
        complete("/things/{id}/parts/{name}", &mut operations, access);
        operations["post"].take()
    }

    #[test]
    fn parameters_of_the_path_are_declared_once() {
        let own = json!({ "name": "name", "in": "path", "required": true, "description": "mine" });
        let operation = completed(json!({ "parameters": [own] }), Access::Open);
        let parameters = operation["parameters"].as_array().unwrap();
        assert_eq!(parameters.len(), 2);
        assert_eq!(parameters[0]["schema"]["format"], "uuid");
        assert_eq!(parameters[1]["description"], "mine");
    }

    #[test]
    fn a_refusal_is_a_problem_and_keeps_what_the_endpoint_says_of_it() {
        let responses = json!({ "404": { "description": "gone" }, "409": { "description": "busy" } });
        let operation = completed(json!({ "responses": responses }), Access::Closed);
        for status in ["401", "404", "409", "500", "503", "507"] {
            let content = &operation["responses"][status]["content"]["application/problem+json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{status}");
        }
        assert_eq!(operation["responses"]["409"]["description"], "busy");
        assert!(operation["responses"]["404"]["description"].as_str().unwrap().starts_with("gone; or: "));
        assert_eq!(operation["security"], json!([{ "bearer": [] }]));
        assert!(completed(json!({}), Access::Open)["responses"].get("401").is_none());
    }
}
