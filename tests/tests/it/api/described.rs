//! What the API says of itself: it is whole, it is well-formed, and it is what is served.

use std::collections::{BTreeMap, BTreeSet};

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::{Answer, Service, conforms};

on_both_engines! {
    what_is_routed_is_described_and_what_is_described_is_routed,
    the_document_keeps_the_rules_of_openapi,
    an_endpoint_wants_a_token_if_it_says_so,
    the_document_is_sent_once,
    the_page_needs_nothing_from_elsewhere,
}

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// Every operation: its path, its method, itself.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// The paths of a router with their methods, as it shows them to who debugs it: it tells them nowhere else.
fn routes(router: &str) -> BTreeMap<String, BTreeSet<String>> {
    let (routes, paths) = router.split_once("node: Node { paths: {").expect("a router shows its paths");
    let methods: BTreeMap<usize, BTreeSet<String>> = routes
        .split("RouteId(")
        .skip(1)
        .map(|shown| {
            let (id, endpoint) = shown.split_once(')').unwrap();
            let (_, allowed) = endpoint.split_once("allow_header: Bytes(b\"").expect("a route has methods");
            let methods = allowed.split('"').next().unwrap().split(',');
            (id.parse().unwrap(), methods.map(str::to_lowercase).collect())
        })
        .collect();
    let paths = paths.split("RouteId(").skip(1).map_while(|shown| {
        let (id, rest) = shown.split_once("): \"")?;
        let (path, rest) = rest.split_once('"')?;
        Some((id.parse::<usize>().ok()?, path.to_owned(), rest.starts_with('}')))
    });
    let mut found = BTreeMap::new();
    for (id, path, is_last) in paths {
        found.insert(path, methods[&id].clone());
        if is_last {
            break;
        }
    }
    assert_eq!(found.len(), methods.len(), "each path was read with its methods");
    found
}

async fn what_is_routed_is_described_and_what_is_described_is_routed(database: &TestDatabase) {
    let service = Service::start(database).await;
    let routed = routes(&format!("{:?}", herald_api::router(service.api.clone())));
    assert!(routed.len() > 40, "{routed:?}");
    let mut described: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, method, _) in operations(service.described) {
        described.entry(path.to_owned()).or_default().insert(method.to_owned());
    }
    let routed: BTreeMap<_, _> = routed
        .into_iter()
        .map(|(path, mut methods)| {
            // Whatever answers to GET answers to HEAD.
            methods.remove("head");
            (path, methods)
        })
        .collect();
    assert_eq!(routed, described);
}

async fn the_document_keeps_the_rules_of_openapi(database: &TestDatabase) {
    let service = Service::start(database).await;
    let document = service.described;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(document) {
        let at = format!("{method} {path}");
        assert!(METHODS.contains(&method), "{at}");
        assert!(ids.insert(operation["operationId"].as_str().expect(&at)), "{at}: its operationId is taken");
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{at} has no summary");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{at}");
        parameters_are_declared(&at, path, operation);
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2') || status.starts_with('3')), "{at}");
        for (status, response) in responses {
            assert!(StatusCode::from_bytes(status.as_bytes()).is_ok(), "{at}: {status}");
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{at}: {status}");
            let is_refusal = status.as_str() >= "400";
            assert!(!is_refusal || response["content"].is_object(), "{at}: {status} has no body");
        }
        for wanted in operation["security"].as_array().expect(&at) {
            assert!(wanted.as_object().unwrap().keys().all(|scheme| schemes.contains_key(scheme)), "{at}");
        }
    }
    references_resolve(document, document);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        required_is_named(name, schema);
        let whole = serde_json::json!({ "allOf": [schema], "components": document["components"] });
        let built = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).build(&whole);
        assert!(built.is_ok(), "{name}: {:?}", built.err());
    }
    let types = document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"].as_array().unwrap();
    let page = service.get("/problems").await.text();
    for kind in types {
        let name = kind.as_str().unwrap().trim_start_matches("/problems#");
        assert!(page.contains(&format!("\n## {name}\n")), "{name}");
    }
}

fn parameters_are_declared(at: &str, path: &str, operation: &Value) {
    let none = Vec::new();
    let parameters = operation["parameters"].as_array().unwrap_or(&none);
    let mut seen = BTreeSet::new();
    for parameter in parameters {
        let (name, place) = (parameter["name"].as_str().expect(at), parameter["in"].as_str().expect(at));
        assert!(["path", "query", "header"].contains(&place), "{at}: {name} is in {place}");
        assert!(seen.insert((place, name)), "{at}: {name} is declared twice");
        assert!(parameter["schema"].is_object(), "{at}: {name} has no schema");
        assert!(parameter["description"].as_str().is_some_and(|text| !text.is_empty()), "{at}: {name}");
        assert!(place != "path" || parameter["required"] == true, "{at}: {name}");
    }
    let in_path: BTreeSet<&str> = seen.iter().filter(|(place, _)| *place == "path").map(|(_, name)| *name).collect();
    let wanted = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    assert_eq!(in_path, wanted.collect(), "{at}");
}

fn references_resolve(document: &Value, value: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                let pointer = target.strip_prefix('#').unwrap_or_else(|| panic!("{target} leads out of the document"));
                assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
            }
            fields.values().for_each(|value| references_resolve(document, value));
        }
        Value::Array(items) => items.iter().for_each(|item| references_resolve(document, item)),
        _ => {}
    }
}

fn required_is_named(name: &str, schema: &Value) {
    let Some(required) = schema["required"].as_array() else { return };
    for field in required {
        assert!(schema["properties"].get(field.as_str().unwrap()).is_some(), "{name}: {field} is required but unknown");
    }
}

async fn an_endpoint_wants_a_token_if_it_says_so(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = service.db.new_id().to_string();
    for (path, method, operation) in operations(service.described) {
        let at = path.replace("{id}", &id).replace("{name}", "x").replace("{key}", "x").replace("{act}", "retry");
        let answer = Answer::to(service.open(method.to_uppercase().parse().unwrap(), &at)).await;
        if operation["security"].as_array().unwrap().is_empty() {
            let by_signature = path.starts_with("/webhooks/");
            assert!(answer.status != StatusCode::UNAUTHORIZED || by_signature, "{method} {path}");
        } else if path.starts_with("/compat/") {
            // The paths of older systems have refusals of their own form.
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        } else {
            answer.problem(401, "unauthorized");
        }
    }
}

async fn the_document_is_sent_once(database: &TestDatabase) {
    let service = Service::start(database).await;
    let document =
        |known: &str| Answer::to(service.open(Method::GET, "/api/v1/openapi.json").header("if-none-match", known));
    let first = document("\"other\"").await;
    assert_eq!((first.status, &first.json()), (StatusCode::OK, service.described));
    let again = document(first.header("etag")).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(again.header("etag"), first.header("etag"));
}

async fn the_page_needs_nothing_from_elsewhere(database: &TestDatabase) {
    let service = Service::start(database).await;
    let open = |path: &str| Answer::to(service.open(Method::GET, path));
    let page = open("/docs/").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("http") && !policy.contains('*') && !policy.contains("unsafe-eval"), "{policy}");
    let html = page.text();
    assert!(!html.contains("<script>") && !html.contains("onload="), "the policy would not let it run");
    let needed: Vec<&str> = ["src=\"", "href=\""]
        .iter()
        .flat_map(|attribute| html.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap()))
        .collect();
    assert!(needed.len() >= 4, "{needed:?}");
    for file in needed {
        assert!(!file.contains("//"), "{file} is elsewhere");
        let name = file.trim_start_matches("./");
        assert_eq!(open(&format!("/docs/{name}")).await.status, StatusCode::OK, "{file}");
    }
    let script = open("/docs/swagger-initializer.js").await.text();
    assert!(script.contains("/api/v1/openapi.json"), "{script}");
    assert!(script.contains("\"validatorUrl\": \"none\""), "{script}");
    open("/docs/nothing.js").await.problem(404, "not-found");
    assert!(conforms::learn(&service.client, service.address).await.is_object());
}
