//! What the API says of itself: the path of each operation, and what a caller has to be for it.

use std::collections::{BTreeMap, HashMap};

use axum::http::{HeaderMap, Method};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Broken,
    api::{ApiService, Caller},
};

/// What an operation needs, as the API's `x-needs` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Anybody may call it.
    Nothing,
    /// A person who has signed in.
    Person,
    /// At least this role in the workspace.
    Member(Role),
    /// An administrator of the installation.
    Platform,
}

/// Roles in a workspace: each holds the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Viewer,
    Staff,
    Agency,
    Owner,
}

/// A call of the API.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// With parameters in braces.
    pub(crate) path: String,
    pub(crate) needs: Needs,
    /// Whether a repeat with the same `Idempotency-Key` does nothing.
    pub(crate) takes_key: bool,
    /// Whether it changes only the version that `If-Match` names.
    pub(crate) takes_version: bool,
}

/// A kind of job that people may start.
#[derive(Clone, Debug)]
pub(crate) struct JobKind {
    pub(crate) name: String,
    pub(crate) args: Vec<Argument>,
}

/// An argument of a job.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Argument {
    name: String,
    about: String,
    required: bool,
}

/// What the API says of itself: every operation by its id, and the kinds of job.
#[derive(Debug)]
pub(crate) struct Description {
    operations: HashMap<String, Operation>,
    kinds: Vec<JobKind>,
}

impl Description {
    /// Asks the API for its description.
    pub(crate) async fn read(api: &ApiService) -> Result<Self, Broken> {
        let nobody = Caller::of(&HeaderMap::new(), &axum::http::Extensions::new());
        let document = api
            .get(&nobody, "/api/v1/openapi.json")
            .await
            .map_err(|refusal| Broken(format!("the API does not describe itself: {}", refusal.detail)))?;
        let paths = document["paths"].as_object().ok_or_else(|| Broken("the description has no paths".to_owned()))?;
        let mut operations = HashMap::new();
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                let Some(id) = operation["operationId"].as_str() else { continue };
                let Ok(method) = method.to_uppercase().parse() else { continue };
                operations.insert(id.to_owned(), Operation::of(method, path, operation));
            }
        }
        Ok(Self { operations, kinds: JobKind::all(&document) })
    }

    /// The ids of all operations.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.operations.keys().map(String::as_str)
    }

    /// The kinds of job that people may start, by name.
    pub(crate) fn kinds(&self) -> &[JobKind] {
        &self.kinds
    }

    /// The areas that the scope of a key can name, with what each can be opened for. Those of the installation only for
    /// somebody who administers it.
    pub(crate) fn areas(&self, platform: bool) -> impl Iterator<Item = Value> + use<> {
        let mut areas: BTreeMap<String, (bool, bool)> = BTreeMap::new();
        for operation in self.operations.values() {
            let shown = matches!(operation.needs, Needs::Member(_)) || (platform && operation.needs == Needs::Platform);
            if shown {
                let (reads, writes) = areas.entry(operation.area().to_owned()).or_default();
                let looks = operation.method == Method::GET;
                (*reads, *writes) = (*reads || looks, *writes || !looks);
            }
        }
        areas.into_iter().map(|(name, (reads, writes))| json!({ "name": name, "reads": reads, "writes": writes }))
    }

    /// The operation with this id.
    pub(crate) fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.get(id)
    }
}

impl JobKind {
    /// Of each kind that can be ordered, the API describes the order: `NewJob.template.preview`.
    fn all(document: &Value) -> Vec<Self> {
        let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
        let mut kinds: Vec<Self> = schemas
            .filter_map(|(name, schema)| {
                let args = &schema["properties"]["args"];
                Some(Self { name: name.strip_prefix("NewJob.")?.to_owned(), args: Argument::all(args) })
            })
            .collect();
        kinds.sort_by(|one, other| one.name.cmp(&other.name));
        kinds
    }
}

impl Argument {
    /// The required ones first.
    fn all(schema: &Value) -> Vec<Self> {
        let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
        // A description that belongs to a type of its own stands beside its place.
        let about = |one: &Value| {
            let text = one["description"].as_str().or_else(|| one["oneOf"][0]["description"].as_str());
            text.unwrap_or_default().replace('`', "")
        };
        let properties = schema["properties"].as_object().into_iter().flatten();
        let mut all: Vec<Self> = properties
            .map(|(name, one)| Self { name: name.clone(), about: about(one), required: required(name) })
            .collect();
        all.sort_by_key(|one| !one.required);
        all
    }
}

impl Operation {
    fn of(method: Method, path: &str, described: &Value) -> Self {
        let needs = match described["x-needs"].as_str() {
            Some("person") => Needs::Person,
            Some("platform-admin") => Needs::Platform,
            Some(role) => Role::of(role).map_or(Needs::Platform, Needs::Member),
            None => Needs::Nothing,
        };
        let takes = |name: &str| {
            let mut parameters = described["parameters"].as_array().into_iter().flatten();
            parameters.any(|one| one["name"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(name)))
        };
        let (takes_key, takes_version) = (takes("idempotency-key"), takes("if-match"));
        Self { method, path: path.to_owned(), needs, takes_key, takes_version }
    }

    /// The first part of its path, which the scope of a key names.
    fn area(&self) -> &str {
        let below = self.path.strip_prefix("/api/v1/").unwrap_or_else(|| self.path.trim_start_matches('/'));
        below.split('/').next().unwrap_or_default()
    }
}

impl Role {
    /// The role with this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "viewer" => Self::Viewer,
            "staff" => Self::Staff,
            "agency" => Self::Agency,
            "owner" => Self::Owner,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(operations: &[(&str, &str, &str)]) -> Description {
        let operation = |(method, path, needs): &(&str, &str, &str)| {
            let described = json!({ "x-needs": needs });
            ((*path).to_owned() + method, Operation::of(method.parse().unwrap(), path, &described))
        };
        Description { operations: operations.iter().map(operation).collect(), kinds: Vec::new() }
    }

    #[test]
    fn a_scope_names_what_a_key_can_be_used_for() {
        let description = description(&[
            ("GET", "/api/v1/jobs/{id}", "viewer"),
            ("POST", "/api/v1/jobs", "staff"),
            ("GET", "/api/v1/audit", "owner"),
            ("GET", "/api/v1/me", "person"),
            ("GET", "/metrics", "platform-admin"),
        ]);
        let audit = json!({ "name": "audit", "reads": true, "writes": false });
        let jobs = json!({ "name": "jobs", "reads": true, "writes": true });
        let metrics = json!({ "name": "metrics", "reads": true, "writes": false });
        assert_eq!(description.areas(false).collect::<Vec<_>>(), [audit.clone(), jobs.clone()]);
        assert_eq!(description.areas(true).collect::<Vec<_>>(), [audit, jobs, metrics]);
    }
}
