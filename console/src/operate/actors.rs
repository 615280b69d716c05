//! The names of actors: the API names them by ids, and people know each other by their addresses.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::visit::Visit;

/// The members of the workspace by the name of their account in the log.
pub(crate) async fn people(visit: &Visit) -> BTreeMap<String, String> {
    of(&members(visit).await)
}

/// The members as the API lists them; none without the right to list them.
pub(crate) async fn members(visit: &Visit) -> Vec<Value> {
    let mut members = visit.ask("/api/v1/members?limit=500").await.unwrap_or_default();
    members["items"].as_array_mut().map(std::mem::take).unwrap_or_default()
}

/// The same members by the name of their account in the log.
pub(crate) fn of(members: &[Value]) -> BTreeMap<String, String> {
    let pair =
        |member: &Value| Some((format!("user:{}", member["user_id"].as_str()?), member["email"].as_str()?.to_owned()));
    members.iter().filter_map(pair).collect()
}

/// An actor as a person reads it: `key:0199… (nightly)` is the key `nightly`.
pub(crate) fn name(who: &str, people: &BTreeMap<String, String>) -> String {
    if let Some(email) = people.get(who) {
        return email.clone();
    }
    let named = who.split_once('(').map(|(_, name)| name.trim_end_matches(')'));
    match (who.split_once(':'), named) {
        (Some(("key", _)), Some(name)) => format!("key {name}"),
        // Without the right to list members, nobody is known.
        (Some(("user", _)), None) if people.is_empty() => "a member".to_owned(),
        (Some(("user", _)), None) => "a former member".to_owned(),
        (Some(("cli", name)), None) => format!("{name} at the command line"),
        _ => who.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_has_a_name_that_a_person_knows() {
        let people = BTreeMap::from([("user:1".to_owned(), "ann@example.com".to_owned())]);
        assert_eq!(name("user:1", &people), "ann@example.com");
        assert_eq!(name("user:2", &people), "a former member");
        assert_eq!(name("user:2", &BTreeMap::new()), "a member");
        assert_eq!(name("key:0199 (nightly)", &people), "key nightly");
        assert_eq!(name("cli:root", &people), "root at the command line");
        assert_eq!(name("schedule", &people), "schedule");
    }
}
