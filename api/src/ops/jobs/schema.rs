//! The description of a new job: one schema for each kind that a request can start, with the arguments of that kind.

use herald_app::jobs::KINDS;
use herald_ledger::Starter;
use serde_json::{Map, Value, json};

/// The name of the schema of a new job of any kind, which is derived from its type.
const ANY: &str = "NewJob";

/// Replaces the schema of a new job of any kind by one schema for each kind.
pub(crate) fn describe(schemas: &mut Map<String, Value>) {
    let Some(any) = schemas.get(ANY).cloned() else { return };
    let (mut kinds, mut mapping) = (Vec::new(), Map::new());
    for kind in KINDS.iter().filter(|kind| kind.policy.starts.api != Starter::Nobody) {
        let Some(described) = (kind.described)() else { continue };
        for (name, schema) in described.others {
            schemas.entry(name).or_insert(schema);
        }
        let name = kind.policy.name;
        let mut order = any.clone();
        order["description"] = format!("A new job of the kind `{name}`.").into();
        order["properties"]["kind"] = json!({ "type": "string", "enum": [name] });
        order["properties"]["args"] = described.schema;
        // The ledger refuses an argument that the kind does not know.
        order["properties"]["args"]["additionalProperties"] = false.into();
        let place = format!("#/components/schemas/{ANY}.{name}");
        kinds.push(json!({ "$ref": place }));
        mapping.insert(name.to_owned(), place.into());
        schemas.insert(format!("{ANY}.{name}"), order);
    }
    let description = any["description"].clone();
    let discriminator = json!({ "propertyName": "kind", "mapping": mapping });
    let all = json!({ "description": description, "oneOf": kinds, "discriminator": discriminator });
    schemas.insert(ANY.to_owned(), all);
}
