//! `compose.yaml` and the `Dockerfile`: what they ask of Herald is there.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Map, Value};

use crate::stage::{Stage, end};

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)).unwrap()
}

fn services() -> Map<String, Value> {
    let compose: Value = serde_saphyr::from_str(&read("compose.yaml")).unwrap();
    compose["services"].as_object().unwrap().clone()
}

/// `${NAME:-default}` and `${NAME:?why}` as compose fills them in.
fn filled(text: &str, with: &BTreeMap<&str, &str>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (inside, after) = after.split_once('}').unwrap();
        let name = inside.split(':').next().unwrap();
        let default = inside.split_once(":-").map(|(_, default)| default);
        let value = with.get(name).copied().or(default).unwrap_or_else(|| panic!("nothing is set for {inside}"));
        out += before;
        out += value;
        rest = after;
    }
    out + rest
}

#[test]
fn every_herald_of_the_fleet_is_started_with_words_and_settings_that_herald_knows() {
    let set = BTreeMap::from([
        ("POSTGRES_PASSWORD", "p"),
        ("REDIS_PASSWORD", "r"),
        ("S3_SECRET_KEY", "s"),
        ("LINKS_KEY", "2719742002b776a9ef93ee10ba94fb912fbc7a2f9104c9b7cab102841f708a26"),
        ("SECRETS_KEY", "8d4c1f6a0b7e2953c1d8f4a6e0927b35d6c8e1f03a5b7c924e6d8f0a1b3c5d7e"),
        ("PUBLIC_URL", "https://invites.example.com"),
    ]);
    let mut roles = Vec::new();
    for (name, service) in services() {
        let Some(environment) = service["environment"].as_object() else { continue };
        if !environment.keys().any(|key| key.starts_with("HERALD__")) {
            continue;
        }
        let command: Vec<&str> =
            service["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        let stage = Stage::new();
        let mut herald = stage.herald(&command);
        for (key, value) in environment {
            assert!(key.starts_with("HERALD__"), "{name}: {key}");
            let value = filled(value.as_str().unwrap(), &set);
            // Nobody is there. Who gets as far as the database knows the command and every setting, and lacks none.
            herald.env(key, value.replace("@postgres/", "@127.0.0.1:1/"));
        }
        let ended = end(herald).with(2);
        assert!(ended.err.lines().last().unwrap().starts_with("error: opening the database"), "{name}: {}", ended.err);
        roles.push((name, command[0].to_owned(), service["deploy"]["replicas"].as_u64().unwrap_or(1)));
    }
    roles.sort();
    let of = |role: &str, count| (role.to_owned(), role.to_owned(), count);
    assert_eq!(roles, [of("api", 1), of("migrate", 1), of("scheduler", 2), of("worker", 2)]);
}

#[test]
fn what_the_fleet_depends_on_is_in_the_file() {
    let services = services();
    for (name, service) in &services {
        let needed: Vec<String> = match &service["depends_on"] {
            Value::Object(needed) => needed.keys().cloned().collect(),
            Value::Array(needed) => needed.iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
            _ => Vec::new(),
        };
        for other in needed {
            assert!(services.contains_key(&other), "{name} waits for {other}");
        }
    }
    for name in ["postgres", "redis", "bucket", "prometheus", "grafana"] {
        assert!(services.contains_key(name), "{name}");
    }
    let redis = services["redis"]["command"].to_string();
    assert!(redis.contains("noeviction"), "{redis}");
}

#[test]
fn the_image_is_built_with_the_compiler_of_the_workspace_and_runs_as_nobody_special() {
    let dockerfile = read("Dockerfile");
    let manifest = read("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(dockerfile.contains(&format!("FROM rust:{version}-slim")), "the image is not built with Rust {version}");
    let last = dockerfile.rsplit("\nFROM ").next().unwrap();
    assert!(last.contains("\nUSER herald\n") && last.contains("HEALTHCHECK"));
    assert!(last.contains("ca-certificates"), "a bucket is reached over TLS");
}
