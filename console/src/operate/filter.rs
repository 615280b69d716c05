//! The filter for jobs or for the audit log, as it stands in an address: the list, the failures and acts on many jobs
//! share it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::form_urlencoded;

use super::typed_time;
use crate::{
    api::Refusal,
    query::Query,
    visit::{Stop, Visit},
};

/// What jobs can be found by.
const OF_JOBS: &[&str] = &[
    "ids",
    "kind",
    "state",
    "queue",
    "batch",
    "arg",
    "fingerprint",
    "created_after",
    "created_before",
    "finished_after",
    "finished_before",
];

/// What a person typed, and what it means now.
pub(super) struct Filter {
    typed: BTreeMap<&'static str, String>,
    meant: BTreeMap<&'static str, String>,
}

impl Filter {
    /// The filter for jobs in the address of a page.
    pub(super) fn of(visit: &Visit) -> Self {
        Self::by(visit, OF_JOBS)
    }

    /// The filter by these names: the same in an address, in the API's parameters and in the body of an act.
    pub(super) fn by(visit: &Visit, names: &[&'static str]) -> Self {
        let query = Query::of(&visit.address);
        let now = visit.console.clock.now();
        let mut typed: BTreeMap<_, _> =
            names.iter().filter_map(|name| Some((*name, query.get(name)?.to_owned()))).collect();
        // A list sends one id for each row that is chosen.
        let chosen = query.all("id");
        if names.contains(&"ids") && !chosen.is_empty() {
            typed.insert("ids", chosen.join(","));
        }
        let mean = |name: &str, text: &str| match is_time(name) {
            true => typed_time::meant(text, &visit.person.time_zone, now),
            false => text.to_owned(),
        };
        let meant = typed.iter().map(|(name, text)| (*name, mean(name, text))).collect();
        Self { typed, meant }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.typed.is_empty()
    }

    /// What was typed, for the fields of the page.
    pub(super) fn typed(&self) -> &BTreeMap<&'static str, String> {
        &self.typed
    }

    /// What it means now, for the fields of an act.
    pub(super) fn meant(&self) -> &BTreeMap<&'static str, String> {
        &self.meant
    }

    /// The parameters of a page with the same filter.
    pub(super) fn link(&self) -> String {
        encoded(self.typed.iter())
    }

    /// The parameters of a call.
    pub(super) fn query(&self) -> String {
        encoded(self.meant.iter())
    }

    /// A list of the API. A filter that it refuses gives an empty list, and the fault to show beside its field.
    pub(super) async fn list(&self, visit: &Visit, path: &str) -> Result<(Value, Option<Value>), Stop> {
        match visit.ask(path).await {
            Ok(list) => Ok((list, None)),
            Err(refusal) if refusal.status.as_u16() == 422 => {
                Ok((json!({ "items": [], "next_cursor": null }), Some(self.fault(&refusal))))
            }
            Err(refusal) => Err(visit.stop(&refusal)),
        }
    }

    /// The field that the API refused, and why. It tells a program how to write a time; a person may write it shorter.
    pub(super) fn fault(&self, refusal: &Refusal) -> Value {
        let field = refusal.errors.first().and_then(|fault| fault.pointer.rsplit('/').next()).unwrap_or_default();
        let detail = match self.typed.get(field) {
            Some(typed) if is_time(field) => {
                format!("{typed:?} is not a time: write 2026-03-01 or 2026-03-01 09:00, or 24h for the last day")
            }
            _ => refusal.detail.clone(),
        };
        json!({ "field": field, "detail": detail })
    }
}

fn is_time(name: &str) -> bool {
    name.ends_with("_after") || name.ends_with("_before")
}

fn encoded<'a>(pairs: impl Iterator<Item = (&'a &'static str, &'a String)>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    query.finish()
}
