//! Tests that the schema of a kind's arguments describes the arguments that the kind accepts.

use std::collections::BTreeMap;

use herald_ledger::Starter;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{KINDS, install};

/// The schemas that a kind's schema refers to.
type Others = BTreeMap<String, Value>;

/// Builds a value with everything that a schema names.
fn sample(schema: &Value, others: &Others) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        return sample(&others[name.trim_start_matches("#/components/schemas/")], others);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts {
            match sample(part, others) {
                Value::Object(fields) => whole.extend(fields),
                other => return other,
            }
        }
        return whole.into();
    }
    for one_of in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[one_of].as_array() {
            let choice = choices.iter().find(|choice| choice["type"] != "null").unwrap();
            return sample(choice, others);
        }
    }
    let is = |name: &str| {
        let of = &schema["type"];
        of == name || of.as_array().is_some_and(|of| of.iter().any(|of| of == name))
    };
    if is("object") {
        let none = Map::new();
        let named = schema["properties"].as_object().unwrap_or(&none);
        let fields: Map<String, Value> = named.iter().map(|(name, of)| (name.clone(), sample(of, others))).collect();
        let is_open = named.is_empty() && schema["additionalProperties"].is_object();
        return if is_open {
            json!({ "name": sample(&schema["additionalProperties"], others) })
        } else {
            fields.into()
        };
    }
    if is("string") {
        let choices = schema["pattern"].as_str().and_then(|pattern| pattern.strip_prefix("^(")?.split('|').next());
        let is_id = schema["format"] == "uuid";
        return if is_id { json!(Uuid::nil()) } else { json!(choices.unwrap_or("text")) };
    }
    if is("boolean") {
        return json!(true);
    }
    assert!(is("integer"), "{schema}");
    schema.get("minimum").cloned().unwrap_or_else(|| json!(1))
}

#[test]
fn the_described_arguments_of_a_kind_are_those_it_accepts() {
    install();
    let mut looked_at = 0;
    for kind in KINDS {
        let name = kind.policy.name;
        let Some(described) = (kind.described)() else {
            assert_eq!(kind.policy.starts.api, Starter::Nobody, "{name} can be ordered and is not described");
            continue;
        };
        let others: Others = described.others.into_iter().collect();
        let of = |args: &Value| kind.job(Uuid::nil(), args);
        let whole = sample(&described.schema, &others);
        let job = of(&whole).unwrap_or_else(|error| panic!("{name}: {error}: {whole}"));
        let said: Vec<&String> = described.schema["properties"].as_object().unwrap().keys().collect();
        let mut kept: Vec<&String> = job.args.as_object().unwrap().keys().collect();
        kept.sort();
        let mut sorted = said.clone();
        sorted.sort();
        assert_eq!(sorted, kept, "{name}");
        let required = described.schema["required"].as_array().cloned().unwrap_or_default();
        for field in said {
            let mut without = whole.clone();
            without.as_object_mut().unwrap().remove(field);
            let is_required = required.iter().any(|required| required == field);
            assert_eq!(of(&without).is_err(), is_required, "{name} without {field}");
            let mut wrong = whole.clone();
            wrong[field] = json!([[]]);
            assert!(of(&wrong).is_err(), "{name} with a list of lists as {field}");
        }
        let mut more = whole.clone();
        more["nothing_such"] = json!(1);
        assert!(of(&more).is_err(), "{name} with an argument it does not have");
        looked_at += 1;
    }
    assert!(looked_at >= 5, "{looked_at}");
}
